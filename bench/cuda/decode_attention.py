"""Decode attention with head selection beside a plain read of its keys and values and PyTorch's attention, in one run.

Each way is a CUDA graph of calls that walk copies of keys and values, together beyond the L2 cache; graphs are replayed in
turns, ROUNDS times each, and medians are compared. Every answer is compared with float64.

    nvcc -std=c++20 -O3 -arch=sm_90 --expt-relaxed-constexpr --diag-suppress 554 -Iinclude -Xcompiler -fPIC -shared \
      -o calls.so bench/cuda/calls.cu
    python3 bench/cuda/decode_attention.py calls.so [--cells gqa32/8x128:b8:s16384 ...] [--json FILE] [--few]
"""

import argparse
import ctypes
import json
import math
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

ROUNDS = 11
HOW = {"without_policy": 0, "scored": 1, "two_pass": 2, "automatic": 3, "fixed": 4, "paged": 5, "late": 6}
KEPT = 5  # of 32 heads
SHAPES = {"gqa32/8x128": (32, 8, 128), "mqa10x256": (10, 1, 256), "mqa16x256": (16, 1, 256)}
CELLS = [("gqa32/8x128", b, s) for s in (2048, 16384, 131072) for b in (1, 8, 32)] + [
    (shape, b, s) for shape in ("mqa10x256", "mqa16x256") for s in (2048, 16384) for b in (1, 8, 32)
]


class Call(ctypes.Structure):
    _fields_ = [(n, ctypes.c_void_p) for n in
                ("queries", "keys", "values", "outputs", "scores", "kept", "workspace", "fixed", "pages", "lengths")] + [
        ("workspace_bytes", ctypes.c_int64)] + [
        (n, ctypes.c_int) for n in ("batch", "kv_heads", "keys_each", "dim", "group", "top", "how")]


def kept_heads(batch, heads, kv_heads, groups):
    """KEPT heads of each row in so many groups, other groups in other rows."""
    size, kept = heads // kv_heads, []
    for row in range(batch):
        if groups == 2:
            first = 4 * (row % (kv_heads - 1))
            kept.append(list(range(first, first + KEPT)))
        else:
            kept.append([(g + row) % kv_heads * size + g % size for g in range(KEPT)])
    return kept


class Cell:
    def __init__(self, lib, shape, batch, length):
        self.lib, self.shape, self.batch, self.length = lib, shape, batch, length
        self.heads, self.kv_heads, self.dim = SHAPES[shape]
        self.group = self.heads // self.kv_heads
        self.top = KEPT if self.kv_heads > 1 else 2
        self.bytes = 2 * batch * self.kv_heads * length * self.dim * 2
        self.copies = max(1, math.ceil(5.5e8 / self.bytes)) if self.bytes < 1.1e9 else 1
        self.calls = max(8, self.copies, math.ceil(2e10 / self.bytes) if self.bytes > 1e8 else 0)
        torch.manual_seed(1)
        make = lambda: torch.randn(batch, self.kv_heads, length, self.dim, device="cuda", dtype=torch.bfloat16)
        self.keys = [make() for _ in range(self.copies)]
        self.values = [make() for _ in range(self.copies)]
        self.queries = {"random": torch.randn(batch, self.heads, self.dim, device="cuda", dtype=torch.bfloat16)}
        self.kept = {}
        if self.kv_heads > 1:
            for groups in (2, 5):
                kept = kept_heads(batch, self.heads, self.kv_heads, groups)
                sharp = torch.ones(batch, self.heads, 1, device="cuda")
                for row, heads in enumerate(kept):
                    sharp[row, heads] = 2.0  # sharper heads score higher
                self.queries[groups] = (self.queries["random"] * sharp).to(torch.bfloat16)
                self.kept[groups] = kept
        self.outputs = torch.empty(batch, self.heads, self.dim, device="cuda", dtype=torch.bfloat16)
        self.scores = torch.empty(batch, self.heads, device="cuda")
        self.flags = torch.empty(batch, self.heads, device="cuda", dtype=torch.bool)
        self.fixed = {}
        for groups, kept in self.kept.items():
            words = torch.zeros(batch, 4, dtype=torch.int64)
            for row, heads in enumerate(kept):
                words[row, 0] = sum(1 << h for h in heads)
            self.fixed[groups] = words.cuda()
        self.workspace = torch.empty(lib.headcount_workspace(ctypes.byref(self.call(0, "scored", "random"))),
                                     device="cuda", dtype=torch.uint8)
        # The same memory as a paged cache in shuffled order: what is computed is another thing, the bytes are as many.
        self.pages = torch.randperm(batch * length // 16, device="cuda").to(torch.int32)
        self.lengths = torch.full((batch,), length, device="cuda", dtype=torch.int32)

    def call(self, copy, how, queries, fixed=None):
        c = Call()
        c.queries, c.keys, c.values = (t.data_ptr() for t in
                                       (self.queries[queries], self.keys[copy], self.values[copy]))
        c.outputs, c.scores, c.kept = (t.data_ptr() for t in (self.outputs, self.scores, self.flags))
        if hasattr(self, "workspace"):
            c.workspace, c.workspace_bytes = self.workspace.data_ptr(), self.workspace.numel()
        c.fixed = self.fixed[fixed].data_ptr() if fixed else None
        if how == "paged":
            c.pages, c.lengths = self.pages.data_ptr(), self.lengths.data_ptr()
        c.batch, c.kv_heads, c.keys_each, c.dim, c.group = self.batch, self.kv_heads, self.length, self.dim, self.group
        c.top, c.how = self.top, HOW[how]
        return c

    def ours(self, how, queries="random", fixed=None):
        def one(copy):
            stream = torch.cuda.current_stream().cuda_stream
            if self.lib.headcount_attend(ctypes.byref(self.call(copy, how, queries, fixed)), stream):
                raise RuntimeError(f"{how} refused")
        return one

    def read(self, unroll):
        sink = torch.empty(1, device="cuda", dtype=torch.int32)
        def one(copy):
            stream = torch.cuda.current_stream().cuda_stream
            if unroll == 0:
                self.lib.headcount_read(0, None, 0, 1, sink.data_ptr(), stream)
                return
            # One kernel over both where they lie side by side is not to be had of two tensors: half a grid each would
            # be two kernels, so keys and values of one copy are read as twice the keys of its half.
            both = self.both[copy]
            self.lib.headcount_read(unroll, both.data_ptr(), self.bytes, 132 * 8, sink.data_ptr(), stream)
        return one

    def torch_ways(self):
        """PyTorch's ways: by name, calls that return [batch, head, 1, dim] or the same with a group's heads folded."""
        q = self.queries["random"].unsqueeze(2)
        folded = self.queries["random"].view(self.batch, self.kv_heads, self.group, self.dim)

        def sdpa(backend, fold):
            def one(copy):
                with sdpa_kernel(backend):
                    if fold:
                        return F.scaled_dot_product_attention(folded, self.keys[copy], self.values[copy])
                    return F.scaled_dot_product_attention(q, self.keys[copy], self.values[copy], enable_gqa=True)
            return one

        ways = {"flash": sdpa(SDPBackend.FLASH_ATTENTION, False), "flash folded": sdpa(SDPBackend.FLASH_ATTENTION, True),
                "cudnn": sdpa(SDPBackend.CUDNN_ATTENTION, False)}
        if self.bytes < 3e8:
            ways["efficient folded"] = sdpa(SDPBackend.EFFICIENT_ATTENTION, True)
            ways["math folded"] = sdpa(SDPBackend.MATH, True)
        return ways

    def flex(self):
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention
        compiled = torch.compile(flex_attention, dynamic=False)
        mask = create_block_mask(lambda b, h, q, k: k >= 0, None, None, 1, self.length, device="cuda")
        q = self.queries["random"].unsqueeze(2)
        return lambda copy: compiled(q, self.keys[copy], self.values[copy], block_mask=mask, enable_gqa=True)

    def published(self, grouped):
        """The published procedure: weights in memory, entropy in bfloat16, topk, mask. Keys and values are repeated for
        every head of a group, as published, or the heads of a group are taken together."""
        each = self.group if grouped else 1
        folded = self.queries["random"].view(self.batch, self.heads // each, each, self.dim)

        def repeated(x):
            if grouped:
                return x
            shape = (self.batch, self.kv_heads, self.group, self.length, self.dim)
            return x.unsqueeze(2).expand(shape).reshape(self.batch, self.heads, self.length, self.dim)

        def one(copy):
            weights = torch.softmax(folded @ repeated(self.keys[copy]).transpose(2, 3) / math.sqrt(self.dim), -1,
                                    dtype=torch.float32).to(torch.bfloat16)
            score = ((weights + 1e-12) * torch.log2(weights + 1e-12)).sum(-1).view(self.batch, self.heads)
            mask = torch.zeros_like(score).scatter_(1, score.topk(self.top, 1).indices, 1)
            return (weights @ repeated(self.values[copy])).view(self.batch, self.heads, self.dim) * mask.unsqueeze(2)
        return one

    def exact(self, queries):
        """Outputs of all heads and scores in float64, of copy 0."""
        outputs, scores = [], []
        for row in range(self.batch):
            per_group = []
            for g in range(self.kv_heads):
                q = self.queries[queries][row, g * self.group:(g + 1) * self.group].double()
                logits = q @ self.keys[0][row, g].double().T / math.sqrt(self.dim)
                weights = torch.softmax(logits, -1)
                scores.append((weights * torch.log2(weights + 1e-300)).sum(-1))
                per_group.append(weights @ self.values[0][row, g].double())
            outputs.append(torch.cat(per_group))
        return torch.stack(outputs), torch.cat(scores).view(self.batch, self.heads)

    def check(self, name, way, queries, exact, kept=None):
        """Relative error of outputs; of ours, scores within 2e-5 bits, the heads of float64 but for ties of 1e-4 bits."""
        outputs, scores = exact
        self.outputs.fill_(float("nan")), self.scores.fill_(float("nan")), self.flags.fill_(False)
        answer = way(0)
        ours = answer is None
        answer = self.outputs if ours else answer.reshape(self.batch, self.heads, self.dim)
        torch.cuda.synchronize()
        mask = torch.ones(self.batch, self.heads, device="cuda", dtype=torch.bool)
        if kept == "top":
            mask = self.flags.clone()
            assert (mask.sum(1) == self.top).all(), f"{name}: not {self.top} heads"
            error = (self.scores.double() - scores).abs().max().item()
            assert error < 2e-5, f"{name}: scores are {error} bits off"
            cut = scores.sort(1, descending=True).values
            low = scores.masked_fill(~mask, math.inf).min(1).values
            assert (low >= cut[:, self.top - 1] - 1e-4).all(), f"{name}: another head was kept"
            if queries != "random":
                for row, heads in enumerate(self.kept[queries]):
                    assert mask[row].nonzero().flatten().tolist() == sorted(heads), f"{name}: not the planted heads"
        elif kept is not None:
            mask.zero_()
            for row, heads in enumerate(kept):
                mask[row, heads] = True
        if kept is not None:
            assert (answer[~mask] == 0).all(), f"{name}: a dropped head is not 0"
        difference = (answer.double() - outputs)[mask]
        error = (difference.norm() / outputs[mask].norm()).item()
        assert error == error and error < 1e-2, f"{name}: error {error}"
        return error

    def graph(self, way):
        for copy in range(min(3, self.copies)):
            way(copy)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for i in range(self.calls):
                way(i % self.copies)
        return graph


def measure(lib, shape, batch, length, few, flex):
    torch.cuda.empty_cache()
    cell = Cell(lib, shape, batch, length)
    cell.both = cell.keys if cell.copies == 1 else None
    # A plain read of as many bytes as keys and values have, in one piece.
    if cell.copies == 1:
        piece = torch.empty(cell.bytes, device="cuda", dtype=torch.uint8).random_(0, 255)
        cell.both = [piece]
    else:
        cell.both = [torch.empty(cell.bytes, device="cuda", dtype=torch.uint8).random_(0, 255)
                     for _ in range(cell.copies)]
    ways, errors = {"launch": cell.read(0), "read 4": cell.read(4), "read 8": cell.read(8)}, {}
    exact = {q: cell.exact(q) for q in cell.queries}
    for name, way in cell.torch_ways().items():
        try:
            errors[name] = cell.check(name, way, "random", exact["random"])
            ways[name] = way
        except RuntimeError as refused:
            print(f"  {name}: {str(refused).splitlines()[0][:100]}", file=sys.stderr)
    if flex:
        try:
            ways["flex"] = cell.flex()
            errors["flex"] = cell.check("flex", ways["flex"], "random", exact["random"])
        except Exception as refused:
            ways.pop("flex", None)
            print(f"  flex: {str(refused).splitlines()[0][:100]}", file=sys.stderr)
    if batch * cell.heads * length * 2 < 4e9 and not few:
        ways["published, grouped"] = cell.published(True)
        if cell.bytes * cell.group < 2e10:
            ways["published"] = cell.published(False)
        for name in ("published, grouped", "published"):
            if name in ways:
                ways[name](0)
    own = {"dense": ("without_policy", "random", None, None), "scored": ("scored", "random", None, "top"),
           "scored, alone": ("late", "random", None, "top"),
           "two passes, random": ("two_pass", "random", None, "top"),
           "automatic, random": ("automatic", "random", None, "top")}
    for groups in cell.kept:
        own[f"two passes, {groups} groups"] = ("two_pass", groups, None, "top")
        own[f"automatic, {groups} groups"] = ("automatic", groups, None, "top")
        own[f"fixed, {groups} groups"] = ("fixed", groups, groups, cell.kept[groups])
    for name, (how, queries, fixed, kept) in own.items():
        ways[name] = cell.ours(how, queries, fixed)
        errors[name] = cell.check(name, ways[name], queries, exact[queries], kept)
    ways["scored, pages of 16, lengths"] = cell.ours("paged")
    del exact
    graphs = {name: cell.graph(way) for name, way in ways.items()}
    times = {name: [] for name in graphs}
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    for graph in graphs.values():
        graph.replay()
    for _ in range(ROUNDS):
        for name, graph in graphs.items():
            begin.record()
            graph.replay()
            end.record()
            end.synchronize()
            times[name].append(begin.elapsed_time(end) * 1e3 / cell.calls)
    return {"shape": shape, "batch": batch, "keys": length, "bytes": cell.bytes, "copies": cell.copies,
            "calls": cell.calls, "us": {n: statistics.median(t) for n, t in times.items()},
            "spread": {n: (max(t) - min(t)) / statistics.median(t) for n, t in times.items()}, "errors": errors}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--cells", nargs="*", default=[])
    parser.add_argument("--json")
    parser.add_argument("--few", action="store_true", help="no published procedure, no FlexAttention")
    parser.add_argument("--seconds", type=float, default=1e9, help="start no cell after that many")
    options = parser.parse_args()
    lib = ctypes.CDLL(options.library)
    lib.headcount_workspace.restype = ctypes.c_int64
    lib.headcount_attend.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    lib.headcount_read.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_void_p,
                                   ctypes.c_void_p]
    cells = CELLS
    if options.cells:
        cells = [(s, int(b[1:]), int(k[1:])) for s, b, k in (c.split(":") for c in options.cells)]
    start, rows = time.time(), []
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}", flush=True)
    for shape, batch, length in cells:
        if time.time() - start > options.seconds:
            print(f"{shape} b{batch} s{length}: not run, out of time", flush=True)
            continue
        flex = not options.few and shape != "mqa10x256" and length <= 16384 and batch <= 8
        row = measure(lib, shape, batch, length, options.few, flex)
        rows.append(row)
        print(f"{shape} b{batch} s{length} {row['bytes'] / 1e6:.0f} MB, {time.time() - start:.0f} s")
        peers = [n for n in row["us"] if n.split()[0] in ("flash", "cudnn", "efficient", "math", "flex")]
        best = min(row["us"][n] for n in peers)
        for name, us in row["us"].items():
            print(f"  {name:28s} {us:9.2f} us  x{best / us:5.2f}  spread {100 * row['spread'][name]:4.1f}%"
                  + (f"  error {row['errors'][name]:.2e}" if name in row["errors"] else ""), flush=True)
        if options.json:
            json.dump(rows, open(options.json, "w"))


if __name__ == "__main__":
    main()
