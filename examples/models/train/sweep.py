#!/usr/bin/env python3
"""Train seeds and controls, several at once on each GPU.

Usage: python3 sweep.py tiny-jamba:1-5 ... --output seeds --gpus 0,1 --at-once 3 [--seconds 60] [--steps 2000]

A run is VARIANT:FIRST-LAST or VARIANT:SEED; runs come first, since options may be for train.py. Each is one `train.py VARIANT --seed SEED --output OUTPUT/VARIANT-SEED`,
started in the order given as soon as a place is free. After --deadline seconds no more are started; the runs left out
are named on standard error.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time


def expand(runs):
    """[(variant, seed)] of arguments like tiny-jamba:1-5."""
    every = []
    for run in runs:
        variant, _, seeds = run.partition(":")
        first, _, last = seeds.partition("-")
        every += [(variant, seed) for seed in range(int(first), int(last or first) + 1)]
    return every


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", metavar="VARIANT:SEEDS")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--gpus", default="0")
    parser.add_argument("--at-once", type=int, default=3, help="runs on one GPU")
    parser.add_argument("--deadline", type=float, default=float("inf"))
    options, for_train = parser.parse_known_args()

    start = time.monotonic()
    waiting = expand(options.runs)
    places = [gpu for gpu in options.gpus.split(",") for _ in range(options.at_once)]
    running, failed = {}, False
    while waiting or running:
        while waiting and places and time.monotonic() - start < options.deadline:
            (variant, seed), gpu = waiting.pop(0), places.pop(0)
            command = [sys.executable, str(pathlib.Path(__file__).with_name("train.py")), variant, "--seed", str(seed),
                       "--output", str(options.output / f"{variant}-{seed}"), *for_train]
            running[subprocess.Popen(command, env={**os.environ, "CUDA_VISIBLE_DEVICES": gpu})] = gpu
        for process in [process for process in running if process.poll() is not None]:
            failed = failed or process.returncode != 0
            places.append(running.pop(process))
        if waiting and not running and time.monotonic() - start >= options.deadline:
            break
        time.sleep(0.2)
    for variant, seed in waiting:
        print(f"not started: {variant}:{seed}", file=sys.stderr)
    sys.exit(failed or bool(waiting))


if __name__ == "__main__":
    main()
