"""Ops: the nodes of a workload. What is computed, on which shapes, with how many bits per operand.

Activations are NCHW (images) or (batch, ..., features). Each class knows its output shape, its stored arrays and, where
it multiplies and accumulates, its seven loops plus groups. Torch, ONNX and the cost engine all read the same objects.
"""

from coexplore.workloads._data_ops import (
    Border,
    Concat,
    Constant,
    Embedding,
    EmbeddingBag,
    Expand,
    Gather,
    Pad,
    Reshape,
    Slice,
    Transpose,
)
from coexplore.workloads._functions import Function, Interpolation, Pooling, Reduction
from coexplore.workloads._mac_ops import Conv2d, Linear, MatMul
from coexplore.workloads._node import Op
from coexplore.workloads._vector_ops import (
    BatchNorm,
    Elementwise,
    GlobalAveragePool,
    GroupNorm,
    LayerNorm,
    Pool2d,
    Reduce,
    Resize,
    RmsNorm,
    Softmax,
)
from coexplore.workloads.loops import ALL_IN_MAIN_MEMORY, DEFAULT_BITS, MAX_SIZE, Bits, Loops, Pair, Resident, Shape

__all__ = [
    "ALL_IN_MAIN_MEMORY",
    "DEFAULT_BITS",
    "MAX_SIZE",
    "BatchNorm",
    "Bits",
    "Border",
    "Concat",
    "Constant",
    "Conv2d",
    "Elementwise",
    "Embedding",
    "EmbeddingBag",
    "Expand",
    "Function",
    "Gather",
    "GlobalAveragePool",
    "GroupNorm",
    "Interpolation",
    "LayerNorm",
    "Linear",
    "Loops",
    "MatMul",
    "Op",
    "Pad",
    "Pair",
    "Pool2d",
    "Pooling",
    "Reduce",
    "Reduction",
    "Reshape",
    "Resident",
    "Resize",
    "RmsNorm",
    "Shape",
    "Slice",
    "Softmax",
    "Transpose",
]
