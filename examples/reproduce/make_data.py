#!/usr/bin/env python3
"""Make small data in the layouts of MMLU, GLUE and a folder of essays, to try the commands of docs/reproduce.md on.

Usage: python3 make_data.py FOLDER [--words N] [--rows N] [--seed N]

Writes FOLDER/essays/*.txt, FOLDER/mmlu/{dev,test}/SUBJECT_{dev,test}.csv (no header), and
FOLDER/glue/NAME/{validation,train}.jsonl (mnli: validation_matched) with the data sets' own fields. The sentences are
random and so are the answers: a model can do no better than chance.
"""
import argparse
import csv
import json
import os
import random

THINGS = ("garden river engine letter market teacher window bridge farmer winter island painter machine village story "
          "library candle forest captain harbour meadow student lantern mountain orchard tailor kettle railway "
          "scholar carpet").split()
DEEDS = "builds finds paints carries repairs forgets follows describes measures sells borrows remembers".split()
KINDS = "old quiet narrow yellow distant heavy clever wooden empty famous gentle strange".split()
LINKS = "while because although before after until".split()
SUBJECTS = ("abstract_algebra", "world_religions")
GLUE = {"cola": ("sentence",), "mnli": ("premise", "hypothesis"), "mrpc": ("sentence1", "sentence2"),
        "qnli": ("question", "sentence"), "qqp": ("question1", "question2"), "rte": ("sentence1", "sentence2"),
        "sst2": ("sentence",), "wnli": ("sentence1", "sentence2")}


def words():
    """Every word that is written, for the tokenizer of make_checkpoint.py."""
    own = THINGS + DEEDS + KINDS + LINKS + "the a The A".split()
    prompts = ("CONTEXT QUESTION ANSWER Here is most relevant sentence in context What best thing to do San Francisco "
               "eat sandwich and sit Dolores Park on sunny day Return word for The following are multiple choice "
               "questions with answers about Answer Question Does this make sense").split()
    return list(dict.fromkeys(own + prompts))


def sentence(draw):
    def clause():
        return f"the {draw.choice(KINDS)} {draw.choice(THINGS)} {draw.choice(DEEDS)} a {draw.choice(THINGS)}"
    text = clause() if draw.random() < 0.5 else f"{clause()} {draw.choice(LINKS)} {clause()}"
    return text[0].upper() + text[1:] + "."


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def write_csv(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main():
    options = argparse.ArgumentParser(description="Small data in the layouts of MMLU, GLUE and a folder of essays.")
    options.add_argument("folder")
    options.add_argument("--words", type=int, default=6000, help="of all essays")
    options.add_argument("--rows", type=int, default=40, help="of each subject and data set")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    draw = random.Random(chosen.seed)

    for essay in range(4):
        text, count = [], 0
        while count < chosen.words / 4:
            text.append(sentence(draw))
            count += text[-1].count(" ") + 1
        write(os.path.join(chosen.folder, "essays", f"essay{essay}.txt"), " ".join(text) + "\n")
    for subject in SUBJECTS:
        def question():
            return [sentence(draw)[:-1] + "?"] + draw.sample(THINGS, 4) + [draw.choice("ABCD")]
        for split, rows in (("dev", 5), ("test", chosen.rows)):
            path = os.path.join(chosen.folder, "mmlu", split, f"{subject}_{split}.csv")
            write_csv(path, [question() for _ in range(rows)])
    for name, fields in GLUE.items():
        for split in ("validation_matched" if name == "mnli" else "validation", "train"):
            lines = []
            for i in range(chosen.rows):
                row = {field: sentence(draw) for field in fields}
                lines.append(json.dumps({**row, "label": draw.randrange(3 if name == "mnli" else 2), "idx": i}))
            write(os.path.join(chosen.folder, "glue", name, f"{split}.jsonl"), "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
