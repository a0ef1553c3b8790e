#!/usr/bin/env python3
"""Tables over seeds, in Markdown, from what headcount_retrieval_heads printed and the logs of the trainings.

Usage: python3 table.py measured.jsonl logs

A number over seeds is the mean with the lowest and the highest seed. Needs the standard library only.
"""
import json
import pathlib
import sys


def over_seeds(values, digits):
    """"0.97 [0.93, 0.99]", or one number when all are equal; a dash for none."""
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    mean, low, high = (f"{x:.{digits}f}" for x in (sum(values) / len(values), min(values), max(values)))
    if low == high:
        return low
    return f"{mean} [{low}, {high}]"


def by_variant(rows):
    """{variant: [its rows, by seed]} of rows whose model is VARIANT-SEED."""
    variants = {}
    for row in rows:
        variant, _, seed = row["model"].rpartition("-")
        variants.setdefault(variant, []).append({**row, "trained_seed": int(seed)})
    return {variant: sorted(seeds, key=lambda row: row["trained_seed"]) for variant, seeds in variants.items()}


def line(cells):
    return "| " + " | ".join(cells) + " |"


def head(*names):
    return [line(names), line(["---"] * len(names))]


def spread(rows, *keys, digits=2):
    """A number of every row, found by following the keys, over seeds."""
    values = []
    for row in rows:
        for key in keys:
            row = row.get(key) if row else None
        values.append(row)
    return over_seeds(values, digits)


NO_HEAD = "none @ generation"


def summary(variants):
    lines = head("variant", "seeds", "heads x layers", "needles", "the longest", "multi-key", "facts",
                 "no head: needles", "multi-key", "facts", "facts, prefill too")
    for variant, rows in variants.items():
        longest = str(max(rows[0]["lengths"]))
        lines.append(line([variant, str(len(rows)), f"{rows[0]['heads']} x {len(rows[0]['attention_layers'])}",
                           spread(rows, "exact_match", "dense"), spread(rows, "dense_by_length", longest),
                           spread(rows, "multi_key", "dense"), spread(rows, "facts", "dense"),
                           spread(rows, "exact_match", NO_HEAD), spread(rows, "multi_key", NO_HEAD),
                           spread(rows, "facts", NO_HEAD), spread(rows, "facts_prefill_included", "none")]))
    return lines


ENOUGH_TO_RECOVER = 0.5  # a model that finds less than this with all heads has nothing to recover


def recovers(row, kind):
    return row[kind]["dense"] >= ENOUGH_TO_RECOVER


def few_heads(row):
    """{layer: heads}, or nothing where none were chosen."""
    return row.get("few_heads", {}) if recovers(row, "exact_match") else {}


def scorers_of(rows):
    """Gates choose where heads have them."""
    return ("entropy", "l2", "random") + (("gate",) if "gate | top_k(1) @ generation" in rows[0]["exact_match"] else ())


def by_k(variants, some=(1, 2, 4)):
    """What so many heads of each layer find, chosen at each token."""
    kinds = {"exact_match": "needles", "multi_key": "multi-key"}
    lines = head("variant", "scorer", *(f"{kind}, k = {k}" for kind in kinds.values() for k in some))
    for variant, rows in variants.items():
        if not rows[0]["attention_layers"]:
            continue
        for scorer in scorers_of(rows):
            lines.append(line([variant, scorer, *(spread(rows, kind, f"{scorer} | top_k({k}) @ generation")
                                                  for kind in kinds for k in some)]))
    return lines


SMALLEST_K = {"exact_match": "smallest_k_with_0.9_of_dense", "multi_key": "multi_key_smallest_k_with_0.9_of_dense"}


def fewest_heads(variants):
    scorers = max(map(scorers_of, variants.values()), key=len)
    lines = head("variant", "heads a layer", *(f"needles, {scorer}" for scorer in scorers),
                 *(f"multi-key, {scorer}" for scorer in scorers), "few heads, of all")
    for variant, rows in variants.items():
        if not rows[0]["attention_layers"]:
            continue
        few = over_seeds([sum(map(len, few_heads(row).values())) or None for row in rows], 1)
        lines.append(line([variant, str(rows[0]["heads"]),
                           *(spread([row for row in rows if recovers(row, kind)], key, scorer, digits=1)
                             for kind, key in SMALLEST_K.items() for scorer in scorers),
                           few + f" of {rows[0]['heads'] * len(rows[0]['attention_layers'])}"]))
    return lines


def what_is_left(row, policy):
    """Needles, multi-key recall and facts under a policy: "0.02, 0.10, 1.00"."""
    return ", ".join(f"{row[kind][policy]:.2f}" for kind in ("exact_match", "multi_key", "facts"))


def heads_of_retrieval(variants):
    lines = head("model", "all heads", "without a layer", "one head off, lowest", "few heads", "with these alone",
                 "without these")
    for rows in variants.values():
        for row in rows:
            if not row["attention_layers"]:
                continue
            without_layer = "; ".join(f"{layer}: " + what_is_left(row, f"{NO_HEAD}, layers={layer}")
                                      for layer in row["attention_layers"])
            one_less = [value for policy, value in row["exact_match"].items() if policy.startswith("without head")]
            few = few_heads(row)
            chosen = "; ".join(f"{layer}: {', '.join(map(str, heads))}" for layer, heads in few.items()) or "-"
            lines.append(line([row["model"], what_is_left(row, "dense"), without_layer, f"{min(one_less):.2f}", chosen,
                               what_is_left(row, "few_heads") if few else "-",
                               what_is_left(row, "without few_heads") if few else "-"]))
    return lines


def trainings(folder):
    lines = head("model", "steps", "seconds", "loss at the end", "answer tokens right")
    for path in sorted(pathlib.Path(folder).glob("*.jsonl")):
        entries = [json.loads(line) for line in path.read_text().splitlines()]
        last = entries[-1]
        planned = f" of {entries[0]['steps']}" if "steps" in entries[0] else ""
        lines.append(line([path.stem, f"{last['step']}{planned}", f"{last['seconds']:.0f}",
                           f"{last['loss']:.3f}", f"{last['answers']:.4f}"]))
    return lines


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    with open(arguments[0], encoding="utf-8") as file:
        variants = by_variant(json.loads(line) for line in file)
    for rows in (summary(variants), by_k(variants), fewest_heads(variants), heads_of_retrieval(variants),
                 trainings(arguments[1])):
        print("\n".join(rows), end="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
