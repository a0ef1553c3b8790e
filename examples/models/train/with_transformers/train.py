#!/usr/bin/env python3
"""Train the small hybrids from scratch, all at once on one GPU.

Usage: python3 train.py --steps 4000 --seeds 2,3 --output trained [MODEL...]

Writes MODEL-SEED/config.json, MODEL-SEED/model.safetensors (bfloat16) now and then and at the end, and
MODEL-SEED/log.jsonl: the loss in nats and the share of right answer tokens of one batch. Steps are recorded as CUDA
graphs, one for each training and length, and run in a stream for each training: launched one by one, their small
kernels would leave the GPU idle.
"""
import argparse
import json
import math
import os
import pathlib
import sys
import shutil
import threading
import time
import traceback

import torch
import torch.nn.functional as F
import transformers

import fused
import models

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import language  # noqa: E402: it is beside this folder

transformers.utils.logging.disable_progress_bar()
HERE = pathlib.Path(__file__).resolve().parent
# More questions about people than the other models had: two of these three models were slow to learn multi-key recall.
language.ASKING.update(ask_needle=0.4, ask_place=0.25, ask_thing=0.25, ask_work=0.1)
ANSWER_WEIGHT = 4  # of an answer's token in the loss; others weigh 1
WARM_UP = 200  # steps


class Texts(torch.utils.data.IterableDataset):
    """Batches, drawn by another process while this one trains."""

    def __init__(self, path, seed, size, length):
        self.path, self.seed, self.size, self.length = path, seed, size, length

    def __iter__(self):
        words = language.Language(self.path)
        for tokens, answers in language.batches(words, self.seed, self.size, self.length):
            yield torch.from_numpy(tokens.copy()), torch.from_numpy(answers.copy())


def loader(options, seed, length):
    size = options.batch * options.lengths[0] // length
    return iter(torch.utils.data.DataLoader(Texts(options.language, seed, size, length), batch_size=None,
                                            num_workers=1, prefetch_factor=32))


def learning_rate(step, done):
    """Rises over WARM_UP steps and falls with a cosine to a twentieth; `done` is the share of the training behind."""
    return min(1, (step + 1) / WARM_UP) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(done, 1))))


def parameter_groups(model):
    """Vectors do not decay. The gains of the norms of queries and keys learn faster: what they limit is how sharp
    attention can be."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]

    def is_sharpness(name):
        return any(part in name for part in ("q_norm", "k_norm", "q_layernorm", "k_layernorm"))

    return [{"params": [p for n, p in named if p.dim() > 1], "weight_decay": 0.05, "factor": 1.0},
            {"params": [p for n, p in named if p.dim() == 1 and not is_sharpness(n)], "weight_decay": 0.0,
             "factor": 1.0},
            {"params": [p for n, p in named if is_sharpness(n)], "weight_decay": 0.0, "factor": 5.0}]


class Step:
    """A step of AdamW on batches of one length, recorded as a CUDA graph."""

    def __init__(self, model, optimiser, size, length):
        self.model, self.optimiser = model, optimiser
        self.tokens = torch.ones((size, length), dtype=torch.long, device="cuda") * 2
        self.answers = torch.ones((size, length), dtype=torch.bool, device="cuda")
        self.graph = None

    def run(self):
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
            nothing = dict.fromkeys(("full_attention", "linear_attention", "conv"))
            logits = self.model(input_ids=self.tokens, attention_mask=nothing, use_cache=False).logits
        logits, wanted, asked = logits[:, :-1].float(), self.tokens[:, 1:], self.answers[:, 1:]
        cross_entropy = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none").view(wanted.shape)
        weight = 1 + (ANSWER_WEIGHT - 1) * asked.float()
        loss = (cross_entropy * weight).sum() / weight.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        right = (logits.argmax(-1) == wanted) & asked
        return torch.stack([loss.detach(), right.sum() / asked.sum()])

    def record(self, stream):
        torch.cuda.synchronize()
        with torch.cuda.stream(stream):
            self.run()
            self.run()
        stream.synchronize()
        self.optimiser.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=stream):
            self.result = self.run()


class Training:
    """One model and seed; `what` is its name, or NAME:RATE:STEPS with a rate and a number of steps of its own."""

    def __init__(self, what, seed, options):
        self.name, *rest = what.split(":")
        self.seed = seed
        self.rate = float(rest[0]) if rest else options.rate
        self.most = int(rest[1]) if len(rest) > 1 else options.steps
        self.label = f"{self.name}-{seed}"
        self.options = options
        self.folder = options.output / self.label
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = open(self.folder / "log.jsonl", "w", encoding="utf-8")  # as long as the training
        self.log({"model": self.label, "seed": seed, "rate": self.rate, "steps": self.most,
                  "seconds": options.seconds if math.isfinite(options.seconds) else None, "batch": options.batch,
                  "lengths": options.lengths, "torch": torch.__version__})
        self.loaders = {n: loader(options, seed * 1000 + i * 100 + list(models.MODELS).index(self.name), n)
                        for i, n in enumerate(dict.fromkeys(options.lengths))}

    def log(self, entry):
        line = json.dumps(entry) + "\n"  # written as one: others print, too
        for file in (self.file, sys.stdout):
            file.write(line)
            file.flush()

    def prepare(self):
        options = self.options
        fused.install(models.modeling(self.name))
        self.model = models.make_model(self.name, self.seed).cuda().train()
        groups = parameter_groups(self.model)
        self.rates = [torch.zeros((), device="cuda") for _ in groups]
        self.factors = [group.pop("factor") for group in groups]
        for group, rate in zip(groups, self.rates):
            group["lr"] = rate
        optimiser = torch.optim.AdamW(groups, lr=self.rates[0], betas=(0.9, 0.98), fused=True, capturable=True)
        self.stream = torch.cuda.Stream()
        self.steps = {}
        torch.cuda.synchronize()
        for length in self.loaders:
            start = time.monotonic()
            self.steps[length] = Step(self.model, optimiser, options.batch * options.lengths[0] // length, length)
            self.steps[length].record(self.stream)
            self.log({"model": self.label, "recorded": length, "seconds": round(time.monotonic() - start, 1),
                      "parameters": sum(p.numel() for p in self.model.parameters())})

    def measure(self, length, count=10):
        """Seconds a step, alone on the GPU, without learning."""
        with torch.cuda.stream(self.stream):
            self.steps[length].graph.replay()
            self.stream.synchronize()
            start = time.monotonic()
            for _ in range(count):
                self.steps[length].graph.replay()
            self.stream.synchronize()
        return (time.monotonic() - start) / count

    def save(self):
        fresh = self.folder.with_name(self.label + ".new")
        with torch.cuda.stream(self.stream):
            state = {name: x.detach().to("cpu", torch.bfloat16) for name, x in self.model.state_dict().items()}
        self.stream.synchronize()
        copy = models.make_model(self.name, 0).to(torch.bfloat16)
        copy.load_state_dict(state)
        copy.save_pretrained(fresh)
        for file in ("config.json", "model.safetensors"):
            os.replace(fresh / file, self.folder / file)
        shutil.rmtree(fresh)

    def run(self):
        options, lengths = self.options, self.options.lengths
        start, step, done, behind, saved = time.monotonic(), 0, 0.0, [], 0.0
        with torch.cuda.stream(self.stream):
            while done < 1:
                length = lengths[min(int(done * len(lengths)), len(lengths) - 1)]
                now = self.steps[length]
                tokens, answers = next(self.loaders[length])
                now.tokens.copy_(tokens)
                now.answers.copy_(answers)
                for rate, factor in zip(self.rates, self.factors):
                    rate.fill_(factor * self.rate * learning_rate(step, done))
                now.graph.replay()
                behind.append(torch.cuda.Event())
                behind[-1].record()
                if len(behind) > 2:
                    behind.pop(0).synchronize()
                step += 1
                seconds = time.monotonic() - start
                done = max(step / self.most, seconds / options.seconds)
                if step % 100 == 0 or done >= 1:
                    loss, right = now.result.tolist()
                    self.log({"model": self.label, "step": step, "length": length, "seconds": round(seconds, 1),
                              "loss": round(loss, 4), "answers": round(right, 4)})
                    if not math.isfinite(loss):
                        return
                if seconds - saved > options.save_every or done >= 1:
                    self.save()
                    saved = seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="*", default=list(models.MODELS), help="NAME, or NAME:RATE:STEPS")
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[1],
                        help="a training of every model for each")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder to write to")
    parser.add_argument("--language", type=pathlib.Path, default=HERE.parent.parent / "language.json")
    parser.add_argument("--steps", type=int, default=10 ** 9)
    parser.add_argument("--seconds", type=float, default=math.inf, help="end when this time is over")
    parser.add_argument("--batch", type=int, default=128, help="texts a step, of the first length")
    parser.add_argument("--lengths", type=lambda text: [int(length) for length in text.split(",")],
                        default=[256, 256, 1024], help="tokens a text, for equal parts of the training")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--save-every", type=float, default=100, help="seconds")
    options = parser.parse_args()
    torch.set_float32_matmul_precision("high")
    ready = []
    for training in [Training(what, seed, options) for seed in options.seeds for what in options.model]:
        try:
            training.prepare()
            training.log({"model": training.label, "device": torch.cuda.get_device_name(),
                          "alone_ms": {n: round(1000 * training.measure(n), 1) for n in training.steps}})
            ready.append(training)
        except Exception as error:  # the others can still be trained
            training.log({"model": training.label, "failed": repr(error)[:600]})
            traceback.print_exc()
            torch.cuda.synchronize()
    threads = [threading.Thread(target=training.run) for training in ready]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.flush()
    os._exit(0)  # the loaders' processes have nothing left to do


if __name__ == "__main__":
    main()
