#!/usr/bin/env python3
"""Compare a trained model with Hugging Face transformers, in float32.

Usage: python3 compare_with_transformers.py FOLDER... --output compared

Loads each folder with transformers' own classes and with hybrids.py, reads the same texts, and prints the largest
difference of any logit. Writes the texts and transformers' logits, for a comparison with the library:

    compared/NAME.tokens.json        for headcount logits --tokens
    compared/NAME.safetensors        `input_ids` [text, token] and `logits` [text, last tokens, vocabulary]
"""
import argparse
import json
import pathlib

import numpy
import torch
from transformers import AutoModelForCausalLM

import checkpoint
import language
import variants

TEXTS, LAST = 2, 16


@torch.no_grad()
def compare(folder, tokens):
    """transformers' logits, and the largest difference from those of hybrids.py."""
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()(tokens, use_cache=False).logits
    _, model = checkpoint.load(folder)
    return theirs, (theirs - model(tokens)).abs().max().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--length", type=int, default=300, help="tokens a text, more than the window has")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    words = language.Language(variants.MODELS / "language.json")
    tokens = torch.from_numpy(words.texts(numpy.random.default_rng(0), TEXTS, options.length)[0])
    for folder in options.folders:
        logits, difference = compare(folder, tokens)
        print(json.dumps({"model": folder.name, "largest_difference": difference}), flush=True)
        (options.output / f"{folder.name}.tokens.json").write_text(json.dumps({"input_ids": tokens.tolist()}))
        checkpoint.write_safetensors(options.output / f"{folder.name}.safetensors",
                                     {"input_ids": tokens, "logits": logits[:, -LAST:].contiguous()})


if __name__ == "__main__":
    main()
