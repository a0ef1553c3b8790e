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


def matches(rows, policy):
    return [row["exact_match"].get(policy) for row in rows]


def summary(variants):
    lines = ["| variant | seeds | heads x layers | dense | no head | facts | facts, no head | entropy | l2 | random |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for variant, rows in variants.items():
        smallest = [over_seeds([row.get("smallest_k_with_0.9_of_dense", {}).get(scorer) for row in rows], 1)
                    for scorer in ("entropy", "l2", "random")]
        lines.append(" | ".join([
            f"| {variant}", str(len(rows)), f"{rows[0]['heads']} x {len(rows[0]['attention_layers'])}",
            over_seeds(matches(rows, "dense"), 2), over_seeds(matches(rows, "none @ generation"), 2),
            over_seeds([row["facts"]["dense"] for row in rows], 2), over_seeds([row["facts"]["none"] for row in rows], 2),
            *smallest]) + " |")
    return lines


def layer_effects(row):
    """What is left without each attention layer: "2: 0.00, 5: 0.83"."""
    return ", ".join(f"{layer}: {row['exact_match'][f'none @ generation, layers={layer}']:.2f}"
                     for layer in row["attention_layers"])


def heads_of_retrieval(variants):
    lines = ["| model | dense | without a layer | without one head, lowest | few heads | with these alone |",
             "| --- | --- | --- | --- | --- | --- |"]
    for rows in variants.values():
        for row in rows:
            if not row["attention_layers"]:
                continue
            one_less = [value for policy, value in row["exact_match"].items() if policy.startswith("without head")]
            few = row.get("few_heads")
            chosen = "; ".join(f"{layer}: {', '.join(map(str, heads))}" for layer, heads in few.items()) if few else "-"
            alone = f"{row['exact_match']['few_heads']:.2f}" if few else "-"
            lines.append(f"| {row['model']} | {row['exact_match']['dense']:.2f} | {layer_effects(row)} | "
                         f"{min(one_less):.2f} | {chosen} | {alone} |")
    return lines


def trainings(folder):
    lines = ["| model | steps | seconds | loss at the end | answer tokens right |", "| --- | --- | --- | --- | --- |"]
    for path in sorted(pathlib.Path(folder).glob("*.jsonl")):
        entries = [json.loads(line) for line in path.read_text().splitlines()]
        last = entries[-1]
        lines.append(f"| {path.stem} | {last['step']} of {entries[0]['steps']} | {last['seconds']:.0f} | "
                     f"{last['loss']:.3f} | {last['answers']:.4f} |")
    return lines


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    with open(arguments[0], encoding="utf-8") as file:
        variants = by_variant(json.loads(line) for line in file)
    print("\n".join([*summary(variants), "", *heads_of_retrieval(variants), "", *trainings(arguments[1])]))


if __name__ == "__main__":
    main(sys.argv[1:])
