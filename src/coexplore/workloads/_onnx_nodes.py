"""Which function reads which ONNX node? One small function per node type, over a reader that knows names and shapes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from coexplore.workloads import _onnx_data_nodes as data
from coexplore.workloads import _onnx_mac_nodes as mac
from coexplore.workloads import _onnx_vector_nodes as vector
from coexplore.workloads._onnx_format import FUNCTIONS
from coexplore.workloads._onnx_reader import GraphReader
from coexplore.workloads.op import Function, Pooling, Reduction

if TYPE_CHECKING:
    import onnx

SHAPE_ONLY = ("Reshape", "Squeeze", "Unsqueeze", "Expand", "Tile", "Slice", "Pad", "Clip", "Dropout", "Resize", "Split")
"""Node types whose further inputs are sizes, axes or bounds, no data; like those of reductions."""


def read_node(reader: GraphReader, position: int) -> None:
    """Read the node at a position of the graph.

    Raises:
        WorkloadError: it holds something a workload cannot represent.
    """
    node = reader.move_to(position)
    HANDLERS[node.op_type](reader, node)


def reads_shape_only(kind: str) -> bool:
    """Whether only the first input of a node type is data."""
    return kind in SHAPE_ONLY or kind.startswith("Reduce")


def supported_types() -> str:
    """All node types that can be read, in one line."""
    return ", ".join(sorted(HANDLERS))


Handler = Callable[[GraphReader, "onnx.NodeProto"], None]

HANDLERS: dict[str, Handler] = {
    **{kind: partial(vector.function, function=function) for function, (kind, _) in FUNCTIONS.items()},
    "Attention": mac.attention,
    "AveragePool": partial(mac.pool, pooling=Pooling.AVERAGE),
    "BatchNormalization": vector.batch_norm,
    "Cast": data.nothing,
    "CastLike": data.nothing,
    "Clip": vector.clip,
    "Concat": data.concat,
    "Constant": data.own_constant,
    "Conv": mac.conv,
    "ConvTranspose": mac.conv_transpose,
    "DepthToSpace": data.depth_to_space,
    "Dropout": data.nothing,
    "Elu": partial(vector.sloped, function=Function.ELU),
    "Expand": data.expand,
    "Flatten": data.flatten,
    "Gather": data.gather,
    "Gelu": vector.gelu,
    "Gemm": mac.gemm,
    "GlobalAveragePool": vector.global_pool,
    "GlobalMaxPool": vector.global_max_pool,
    "GroupNormalization": vector.group_norm,
    "HardSigmoid": vector.hard_sigmoid,
    "Identity": data.nothing,
    "InstanceNormalization": vector.instance_norm,
    "LayerNormalization": vector.layer_norm,
    "LeakyRelu": partial(vector.sloped, function=Function.LEAKY_RELU),
    "LogSoftmax": vector.log_softmax,
    "MatMul": mac.matmul,
    "Max": partial(vector.folded, function=Function.MAXIMUM),
    "MaxPool": partial(mac.pool, pooling=Pooling.MAX),
    "Min": partial(vector.folded, function=Function.MINIMUM),
    "Pad": data.pad,
    "RMSNormalization": vector.rms_norm,
    "ReduceL2": vector.norm,
    "ReduceMax": partial(vector.reduce, reduction=Reduction.MAX),
    "ReduceMean": partial(vector.reduce, reduction=Reduction.MEAN),
    "ReduceMin": partial(vector.reduce, reduction=Reduction.MIN),
    "ReduceProd": partial(vector.reduce, reduction=Reduction.PRODUCT),
    "ReduceSum": partial(vector.reduce, reduction=Reduction.SUM),
    "Reshape": data.reshape,
    "Resize": vector.resize,
    "Slice": data.slices,
    "Softmax": vector.softmax,
    "SpaceToDepth": data.space_to_depth,
    "Split": data.split,
    "Squeeze": data.squeeze,
    "Sum": partial(vector.folded, function=Function.ADD),
    "Tile": data.tile,
    "Transpose": data.transpose,
    "Unsqueeze": data.unsqueeze,
    "Upsample": vector.resize,
}
"""How each node type is read."""
