"""Writes the measured part of docs/gpu.md from what decode_attention.py measured.

    python3 bench/cuda/table.py bench/cuda/h200.json docs/gpu.md
"""

import json
import re
import statistics
import sys

PEERS = ("flash", "cudnn", "efficient", "math", "flex")
OURS = ("dense", "scored", "two passes", "fixed")


def best(row):
    return min((us, name) for name, us in row["us"].items() if name.split()[0] in PEERS)


def us(value):
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def name(row):
    return f"{row['shape']} b{row['batch']} s{row['keys']}"


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)] + ["| " + " | ".join(r) + " |" for r in rows]


def against(row, way):
    time = row["us"].get(way)
    return "-" if time is None else f"{us(time)} x{best(row)[0] / time:.2f}"


def slower(row, way):
    """How many times as long as ours that the model of cost chooses for random queries."""
    time = row["us"].get(way)
    return "-" if time is None else f"{us(time)} x{time / row['us']['automatic, random']:.1f}"


def tables(rows):
    dense = []
    for row in rows:
        t, (time, peer) = row["us"], best(row)
        read = min(t["read 4"], t["read 8"])
        dense.append([name(row), f"{row['bytes'] / 1e6:.0f}", us(read), f"{us(time)} {peer}",
                      f"{against(row, 'dense')} ({100 * read / t['dense']:.0f}%)", against(row, "scored"),
                      us(t["scored, alone"]), us(t["scored, pages of 16, lengths"])])
    out = table(["heads, batch, keys", "MB", "plain read", "best of PyTorch", "dense (of read)", "dense, scored",
                 "the same, not early", "the same, paged"], dense) + [""]
    ways = [f"{way}, {which}" for way in ("two passes", "automatic") for which in ("2 groups", "5 groups", "random")]
    ways += ["fixed, 2 groups", "fixed, 5 groups"]
    out += table(["heads, batch, keys", "two passes: 2 groups", "5 groups", "as random chose", "by the model: 2 groups",
                  "5 groups", "random", "fixed: 2 groups", "5 groups"],
                 [[name(row)] + [against(row, way) for way in ways] for row in rows if "fixed, 2 groups" in row["us"]])
    out += [""] + table(["heads, batch, keys", "published, grouped", "as published"],
                        [[name(row), slower(row, "published, grouped"), slower(row, "published")] for row in rows])
    own = [e for row in rows for n, e in row["errors"].items() if n.split(",")[0] in OURS]
    peer = [e for row in rows for n, e in row["errors"].items() if n.split()[0] in ("flash", "cudnn")]
    spread = statistics.median(s for row in rows for s in row["spread"].values())
    return out + ["", f"Errors against float64 (norm): ours {min(own):.1e} to {max(own):.1e}, flash and cudnn "
                  f"{min(peer):.1e} to {max(peer):.1e}. Spread of rounds: median {100 * spread:.1f}%."]


def main():
    rows, path = json.load(open(sys.argv[1])), sys.argv[2]
    page = open(path).read()
    made = "\n".join(tables(rows))
    page, count = re.subn(r"(<!-- measured -->\n).*?(\n<!-- end -->)", lambda m: m[1] + made + m[2], page, flags=re.S)
    assert count == 1, f"{path} has no measured part"
    open(path, "w").write(page)


if __name__ == "__main__":
    main()
