"""How often groups of heads are foretold right, counted on the shipped models by the CPU.

    python3 bench/cuda/guesses.py build/examples/headcount [--prompts 24] [--tokens 16] [--k 2]

Each model answers needle questions of the small language under `entropy | top_k(k) @ generation`, and what it keeps is
recorded. The same run is replayed beside each guess, so that both are asked at the same states: under
`sum(replay(T), GUESS, weights=1000, 1) | threshold(500)` the heads of T are kept and what GUESS says is recorded.
A guess foretells the key/value groups of its k best heads; "last token" those of the token before, at first those that
a run keeps most often. Predictors are trained on other needles (train-predictor's own).
"""

import argparse
import json
import math
import random
import struct
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

MODELS = Path(__file__).resolve().parents[2] / "examples/models"
# Shares of the dense kernel's speed a byte that were measured on an H200 from 0.5 GB on (docs/gpu.md).
GUESS_REACHES, TWO_PASSES_REACH = 0.96, 0.89
SHIPPED = ("tiny-jamba", "tiny-qwen3-next", "tiny-granite-hybrid", "tiny-lfm2", "tiny-recurrent-gemma")


def prompts(count):
    """A needle among 4 to 10 sentences of filler, then its question."""
    needles = json.loads((MODELS / "haystack/needles.json").read_text())
    filler = [line for name in ("1.txt", "2.txt") for line in (MODELS / "haystack" / name).read_text().splitlines() if line]
    draw, made = random.Random(7), []
    for _ in range(count):
        words = {name: draw.choice(choices) for name, choices in needles["words"].items()}
        text = draw.sample(filler, draw.randint(4, 10))
        text.insert(draw.randint(0, len(text)), needles["sentence"].format(**words))
        asks = needles["prompt"]["before_question"] + needles["question"].format(**words) + needles["prompt"]["after_question"]
        made.append("<bos> " + " ".join(text) + asks)
    return made


def read_trace(path):
    """{(sequence, position, layer): (kept heads, scores)}"""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])

    def numbers(name, kind):
        begin, end = header[name]["data_offsets"]
        flat = struct.unpack(f"<{(end - begin) // struct.calcsize(kind)}{kind}", data[8 + size + begin:8 + size + end])
        across = header[name]["shape"][1]
        return [flat[i:i + across] for i in range(0, len(flat), across)]

    sites = {}
    for (sequence, layer, position, _, heads), kept, scores in zip(numbers("sites", "q"), numbers("kept", "B"),
                                                                  numbers("scores", "f")):
        sites[sequence, position, layer] = ({h for h in range(heads) if kept[h]}, scores[:heads])
    return sites


def groups_of(heads, size):
    return {head // size for head in heads}


def best(scores, k):
    return sorted(range(len(scores)), key=lambda h: (-scores[h], h))[:k]


def last_token(truth, size):
    usual = {}
    for (_, _, layer), (kept, _) in truth.items():
        usual.setdefault(layer, Counter())[frozenset(groups_of(kept, size))] += 1
    return {(s, p, l): groups_of(truth[s, p - 1, l][0], size) if (s, p - 1, l) in truth else set(usual[l].most_common(1)[0][0])
            for s, p, l in truth}


def count(truth, guesses, size, kv_heads):
    """Shares of (token, layer): the guess covers all that is kept; and mean groups kept, guessed and missed."""
    rows = [(groups_of(kept, size), guesses[at]) for at, (kept, _) in truth.items()]
    mean = lambda f: sum(f(*row) for row in rows) / len(rows)
    kept, guessed = mean(lambda a, g: len(a)) / kv_heads, mean(lambda a, g: len(g)) / kv_heads
    missed, hit = mean(lambda a, g: len(a - g)) / kv_heads, mean(lambda a, g: a <= g)
    # What is read, as a share of all keys and values: all keys, guessed values, and keys and values of what was missed,
    # as a pass with a guess stores no weights; two passes read all keys and the values of what is kept.
    return {"tokens": len(rows), "hit": hit, "kept": kept, "guessed": guessed, "missed": missed,
            "time": (0.5 + guessed / 2 + missed) / GUESS_REACHES, "two passes": (0.5 + kept / 2) / TWO_PASSES_REACH}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("headcount")
    parser.add_argument("--prompts", type=int, default=24)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--k", type=int, nargs="*", default=[2])
    options = parser.parse_args()
    print("| model, k | guess | right | groups kept | guessed | missed | time over dense, guessing | two passes |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "prompts.json").write_text(json.dumps({"prompts": prompts(options.prompts)}))

        def tool(command, name, *arguments):
            subprocess.run([options.headcount, command, "--model", MODELS / name, *arguments], check=True,
                           capture_output=True)

        def record(name, policy, to):
            tool("record", name, "--prompts", folder / "prompts.json", "--max-new-tokens", str(options.tokens), "--where",
                 "generation", "--policy", policy, "--output", folder / to)
            return read_trace(folder / to)

        for name in SHIPPED:
            config = json.loads((MODELS / name / "config.json").read_text())
            heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
            if kv_heads == 1:
                print(f"| {name} | - | one key/value head: every group is needed | | | | | |")
                continue
            for k in options.k:
                policy = f"entropy | top_k({k}) @ generation"
                truth = record(name, policy, "T.safetensors")
                tool("train-predictor", name, "--policy", policy, "--prompts", "64", "--output", folder / "P.json")
                asked = {"predictor": f"predictor({folder / 'P.json'})"}
                if config["model_type"].startswith("qwen3"):
                    asked["gate"] = "gate"
                guesses = {"last token": last_token(truth, heads // kv_heads)}
                for guess, scorer in asked.items():
                    beside = record(name, f"sum(replay({folder / 'T.safetensors'}), {scorer}, weights=1000, 1) | "
                                          "threshold(500) @ generation", "G.safetensors")
                    assert all(beside[at][0] == kept for at, (kept, _) in truth.items()), "the run was not replayed"
                    guesses[guess] = {
                        at: groups_of(best([s - 1000 * (h in truth[at][0]) for h, s in enumerate(scores)], k),
                                      heads // kv_heads) for at, (_, scores) in beside.items()}
                for guess, said in guesses.items():
                    c = count(truth, said, heads // kv_heads, kv_heads)
                    print(f"| {name}, {k} of {heads} | {guess} | {c['hit']:.2f} of {c['tokens']} | {c['kept']:.2f} | "
                          f"{c['guessed']:.2f} | {c['missed']:.2f} | {c['time']:.2f} | {c['two passes']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
