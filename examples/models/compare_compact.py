#!/usr/bin/env python3
"""Load models in Hugging Face transformers, in float32, and compare their logits with those of the library.

Usage: python3 compare_compact.py --tokens T.json FOLDER=LOGITS.safetensors...

FOLDER is what `headcount compact` wrote, or any other model folder; LOGITS.safetensors is what `headcount logits
--tokens T.json` wrote of the model that FOLDER should equal, e.g. of the whole model under the policy that it was cut by.
Prints, a JSON object each, the largest difference of any logit: of the folder as transformers loads it, and as `load`
below does. Exits with 1 if one of the latter is above --tolerance.

transformers' RecurrentGemma takes for granted that its heads are as wide together as the residual stream: it computes
head_dim from hidden_size, and gives what the heads put out that shape. `load` says otherwise in both places.
"""
import argparse
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM


def load_as_is(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def load(folder):
    """The model of a folder whose heads may be fewer or narrower than its residual stream is wide."""
    config = AutoConfig.from_pretrained(folder)
    config.head_dim = json.loads((folder / "config.json").read_text()).get(
        "head_dim", config.hidden_size // config.num_attention_heads)
    model = AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32)
    for module in model.modules():
        if type(module).__name__.startswith("RecurrentGemma") and hasattr(module, "o_proj"):
            module.hidden_size = module.o_proj.in_features
    return model


@torch.no_grad()
def largest_difference(model, tokens, expected):
    return (model.eval()(tokens, use_cache=False).logits - expected).abs().max().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pairs", nargs="+", metavar="FOLDER=LOGITS.safetensors")
    parser.add_argument("--tokens", type=pathlib.Path, required=True, help="input_ids, rows of equal length")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    tokens = torch.tensor(json.loads(options.tokens.read_text())["input_ids"])
    worst = 0.0
    for pair in options.pairs:
        folder, logits = map(pathlib.Path, pair.split("=", 1))
        expected = load_file(logits)["logits"]
        row = {"model": folder.name, "logits": logits.name}
        try:
            row["as_is"] = largest_difference(load_as_is(folder), tokens, expected)
        except (RuntimeError, ValueError) as problem:
            row["as_is"] = str(problem).strip().split("\n")[0]
        row["loaded"] = largest_difference(load(folder), tokens, expected)
        worst = max(worst, row["loaded"])
        print(json.dumps(row), flush=True)
    sys.exit(worst > options.tolerance)


if __name__ == "__main__":
    main()
