"""Which heads does a policy keep, and what is left of their outputs: from Python, through headcount/adapt/c.h.

c++ -std=c++20 -O2 -shared -fPIC -I include include/headcount/adapt/c.cpp -o libheadcount_c.so
python3 examples/c/decide.py ./libheadcount_c.so
"""
import ctypes
import struct
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_size_t, c_ssize_t, c_void_p


class Site(Structure):
    _fields_ = [("layer", c_size_t), ("phase", c_int), ("sequence_id", c_size_t), ("position", c_size_t),
                ("heads", c_size_t), ("group", c_size_t)]


class Matrix(Structure):
    _fields_ = [("data", c_void_p), ("format", c_int), ("rows", c_size_t), ("columns", c_size_t),
                ("row_stride", c_ssize_t), ("column_stride", c_ssize_t)]


library = ctypes.CDLL(sys.argv[1])
library.headcount_message.restype = c_char_p
library.headcount_parse.argtypes = [c_char_p, POINTER(c_void_p)]
library.headcount_decide.argtypes = [c_void_p, POINTER(Site), POINTER(Matrix), POINTER(Matrix), c_char_p]
library.headcount_mask.argtypes = [c_void_p, POINTER(Site), c_char_p, POINTER(Matrix)]
library.headcount_free.argtypes = [c_void_p]


def check(code):
    if code != 0:
        raise RuntimeError(library.headcount_message().decode())


def packed(numbers, format):
    """The bytes of numbers in a format: float32, float64, float16, bfloat16."""
    if format == 3:
        return b"".join(struct.pack("<f", number)[2:] for number in numbers)
    return struct.pack("<%d%s" % (len(numbers), "fde"[format]), *numbers)


def matrix(memory, format, rows, columns):
    return Matrix(ctypes.cast(memory, c_void_p), format, rows, columns, columns, 1)


policy = c_void_p()
check(library.headcount_parse(b"entropy | top_k(1)", byref(policy)))
site = Site(0, 1, 0, 1, 2, 1)
for format, name in enumerate(["float32", "float64", "float16", "bfloat16"]):
    weights = packed([0.5, 0.5, 0.875, 0.125], format)
    outputs = packed([1, 2, 3, 4], format)
    weights_memory = ctypes.create_string_buffer(weights, len(weights))
    outputs_memory = ctypes.create_string_buffer(outputs, len(outputs))
    values = matrix(outputs_memory, format, 2, 2)
    kept = ctypes.create_string_buffer(2)
    check(library.headcount_decide(policy, byref(site), byref(matrix(weights_memory, format, 2, 2)), None, kept))
    check(library.headcount_mask(policy, byref(site), kept, byref(values)))
    masked = outputs_memory.raw == packed([0, 0, 3, 4], format)
    print("%s: kept %d %d, %s" % (name, kept.raw[0], kept.raw[1], "masked" if masked else "WRONG outputs"))
library.headcount_free(policy)
