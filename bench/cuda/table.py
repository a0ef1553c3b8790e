"""The tables of docs/gpu.md from what decode_attention.py measured: python3 bench/cuda/table.py bench/cuda/h200.json"""

import json
import sys

rows = json.load(open(sys.argv[1]))
PEERS = ("flash", "cudnn", "efficient", "math", "flex")


def best(row):
    return min((us, name) for name, us in row["us"].items() if name.split()[0] in PEERS)


def us(value):
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


print("| heads, batch, keys | MB | plain read | best of PyTorch | dense (of read) | dense, scored | the same, paged "
      "| published, grouped |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
for row in rows:
    t, (time, name) = row["us"], best(row)
    read = min(t["read 4"], t["read 8"])
    published = t.get("published, grouped")
    print(f"| {row['shape']} b{row['batch']} s{row['keys']} | {row['bytes'] / 1e6:.0f} | {us(read)} | {us(time)} {name} "
          f"| {us(t['dense'])} x{time / t['dense']:.2f} ({100 * read / t['dense']:.0f}%) "
          f"| {us(t['scored'])} x{time / t['scored']:.2f} | {us(t['scored, pages of 16, lengths'])} | "
          + (f"{us(published)}, x{published / min(t[n] for n in t if n.startswith('automatic')):.1f} of ours |"
             if published else "- |"))
print("\n| heads, batch, keys | two passes: 2 groups | 5 groups | as random chose | by the model: 2 groups | 5 groups "
      "| random | fixed: 2 groups | 5 groups |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
for row in rows:
    t, (time, _) = row["us"], best(row)
    if "fixed, 2 groups" in t:
        names = [f"{way}, {which}" for way in ("two passes", "automatic") for which in ("2 groups", "5 groups", "random")]
        cells = [f"{us(t[n])} x{time / t[n]:.2f}" for n in names + ["fixed, 2 groups", "fixed, 5 groups"]]
        print(f"| {row['shape']} b{row['batch']} s{row['keys']} | " + " | ".join(cells) + " |")
own = [e for row in rows for n, e in row["errors"].items() if n.split(",")[0] in ("dense", "scored", "two passes", "fixed")]
peer = [e for row in rows for n, e in row["errors"].items() if n.split()[0] in ("flash", "cudnn")]
print(f"\nErrors against float64 (norm): ours {min(own):.1e} to {max(own):.1e}, flash and cudnn {min(peer):.1e} to "
      f"{max(peer):.1e}. Spread of rounds: median {100 * sorted(s for r in rows for s in r['spread'].values())[len([s for r in rows for s in r['spread'].values()]) // 2]:.1f}%.")
