#!/usr/bin/env python3
"""Train one small hybrid from scratch.

Usage: python3 train.py tiny-recurrent-gemma --seed 1 --output seeds/tiny-recurrent-gemma-1

Writes config.json, model.safetensors (bfloat16), tokenizer.model and log.jsonl. The log's first line says what was run;
the others give loss in nats and the share of right answer tokens, of one batch. The seed determines the first weights
and the texts; the arithmetic of a GPU is not repeatable to the last bit.
"""
import argparse
import json
import math
import pathlib
import time

import torch

import checkpoint
import hybrids
import language
import variants

ANSWER_WEIGHT = 4  # of an answer's token in the loss; others weigh 1
WARM_UP = 200  # steps


class Texts(torch.utils.data.IterableDataset):
    """Batches, drawn by another process while this one trains. `seed` is what numpy takes for one."""

    def __init__(self, seed, size, length):
        self.seed, self.size, self.length = seed, size, length

    def __iter__(self):
        words = language.Language(variants.MODELS / "language.json")
        for tokens, answers in language.batches(words, self.seed, self.size, self.length):
            yield torch.from_numpy(tokens.copy()), torch.from_numpy(answers.copy())


def learning_rate(peak, step, done):
    """Rises over WARM_UP steps and falls with a cosine to a twentieth; `done` is the share of the training behind."""
    return peak * min(1, (step + 1) / WARM_UP) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(done, 1))))


def stage_of(done, stages):
    """Which of equally long stages a training is in; `done` is the share of it behind."""
    return min(int(done * stages), stages - 1)


def train_step(model, optimiser, tokens, answers):
    """One step of AdamW. Gives the loss and the share of right answer tokens, as tensors."""
    with torch.autocast(tokens.device.type, torch.bfloat16, enabled=tokens.is_cuda):
        cross_entropy, right = model.losses(tokens)
    asked = answers[:, 1:]
    weight = 1 + (ANSWER_WEIGHT - 1) * asked.float()
    loss = (cross_entropy * weight).sum() / weight.sum()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return loss.detach(), (right & asked).sum() / asked.sum()


def loader(options, stage):
    """Batches of a stage. All stages have as many tokens a step as the first."""
    length = options.lengths[stage]
    size = options.batch * options.lengths[0] // length
    seed = 1000 + options.seed if stage == 0 else (1000 + options.seed, stage)
    return iter(torch.utils.data.DataLoader(Texts(seed, size, length), batch_size=None, num_workers=1,
                                            prefetch_factor=32, pin_memory=options.device == "cuda"))


def train(variant, options, log):
    """Trains a variant and gives its configuration and the model. `log` is called with a dictionary now and then."""
    device = options.device
    config = variants.config_of(variant, max(options.lengths))
    model = hybrids.make_model(config, options.seed).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.rate, betas=(0.9, 0.98), weight_decay=0.05,
                                  **({"fused": True} if device == "cuda" else {}))
    log({"variant": variant, "seed": options.seed, "steps": options.steps, "batch": options.batch,
         "lengths": options.lengths, "rate": options.rate,
         "seconds": options.seconds if math.isfinite(options.seconds) else None,
         "parameters": sum(p.numel() for p in model.parameters()), "torch": torch.__version__,
         "device": torch.cuda.get_device_name() if device == "cuda" else device})
    start = time.monotonic()
    step, done, stage, texts = 0, 0.0, 0, loader(options, 0)
    while done < 1:
        if (now := stage_of(done, len(options.lengths))) != stage:
            if options.lengths[now] != options.lengths[stage]:
                texts = loader(options, now)
            stage = now
        tokens, answers = (x.to(device, non_blocking=True) for x in next(texts))
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(options.rate, step, done)
        loss, right = train_step(model, optimiser, tokens, answers)
        step += 1
        done = max(step / options.steps, (time.monotonic() - start) / options.seconds)
        if step % options.log_every == 0 or done >= 1:
            log({"step": step, "length": options.lengths[stage], "seconds": round(time.monotonic() - start, 1),
                 "loss": round(loss.item(), 4), "answers": round(right.item(), 4)})
            if not math.isfinite(loss.item()):
                raise ArithmeticError(f"the loss of step {step} is {loss.item()}")
    return config, model


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("variant", choices=list(variants.VARIANTS))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder to write to")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=math.inf, help="end earlier when this time is over")
    parser.add_argument("--batch", type=int, default=128, help="texts a step, of the first length")
    parser.add_argument("--lengths", type=lambda text: [int(length) for length in text.split(",")], default=[256],
                        help="tokens a text: one length, or several like 256,256,1024 for equal parts of the training")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--log-every", type=int, default=100, help="steps")
    parser.add_argument("--no-compile", action="store_true", help="run every operation alone")
    options = parser.parse_args()
    hybrids.fused.enabled = not options.no_compile

    options.output.mkdir(parents=True, exist_ok=True)
    with open(options.output / "log.jsonl", "w", encoding="utf-8") as file:

        def log(entry):
            print(json.dumps(entry), file=file, flush=True)
            print(options.output.name, json.dumps(entry), flush=True)

        config, model = train(options.variant, options, log)
    base, _ = variants.VARIANTS[options.variant]
    checkpoint.save(options.output, config, model, variants.MODELS / base / "tokenizer.model")


if __name__ == "__main__":
    main()
