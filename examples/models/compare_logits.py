#!/usr/bin/env python3
"""Compare what `headcount logits` wrote with Hugging Face transformers, in float32.

Usage: python3 compare_logits.py --tokens T.json [--device cuda] FOLDER=LOGITS.safetensors...

FOLDER is a model as transformers loads it; LOGITS.safetensors is what `headcount logits --tokens T.json` wrote of it, or
of the model that it should equal: of a whole one under the policy that `headcount compact` cut FOLDER by. Prints, a JSON
object each, the largest difference of any logit, the size of the logits, and how often the greedy choice is the same.
Exits with 1 if a difference is above --tolerance.
"""
import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


@torch.no_grad()
def logits_of(folder, tokens, device):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device).eval()
    return model(tokens.to(device), use_cache=False).logits.float().cpu()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pairs", nargs="+", metavar="FOLDER=LOGITS.safetensors")
    parser.add_argument("--tokens", type=pathlib.Path, required=True, help="input_ids, rows of equal length")
    parser.add_argument("--device", default="cpu", help="where transformers computes")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    tokens = torch.tensor(json.loads(options.tokens.read_text())["input_ids"])
    worst = 0.0
    for pair in options.pairs:
        folder, file = map(pathlib.Path, pair.split("=", 1))
        ours, theirs = load_file(file)["logits"], logits_of(folder, tokens, options.device)
        difference = (ours - theirs).abs().max().item()
        worst = max(worst, difference)
        print(json.dumps({"model": folder.name, "logits": file.name, "largest_difference": difference,
                          "root_mean_square": theirs.square().mean().sqrt().item(),
                          "same_choice": (ours.argmax(-1) == theirs.argmax(-1)).float().mean().item()}), flush=True)
    sys.exit(worst > options.tolerance)


if __name__ == "__main__":
    main()
