"""Which function reads which operator of torch? One small function per operator, over a reader of the trace."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from coexplore.workloads import _torch_data_nodes as data
from coexplore.workloads import _torch_mac_nodes as mac
from coexplore.workloads import _torch_vector_nodes as vector
from coexplore.workloads._torch_reader import KNOWN_ELEMENTS, Stored, TorchReader
from coexplore.workloads.op import Function, Pooling, Reduction

if TYPE_CHECKING:
    from torch import fx

KEPT = frozenset(
    {
        *("linear", "matmul", "scaled_dot_product_attention", "layer_norm", "rms_norm", "group_norm", "instance_norm"),
        *("silu", "mish", "hardswish", "hardsigmoid", "softplus", "selu", "elu", "leaky_relu", "prelu", "hardtanh"),
        *("max_pool2d", "adaptive_avg_pool2d", "upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d"),
        *("relu6", "embedding_bag", "repeat_interleave", "split", "pixel_shuffle", "pixel_unshuffle", "dropout"),
    }
)
"""Operators that are not taken apart."""

CHECKS = ("_assert", "sym_constrain_range")
"""Operators that give nothing."""
SHAPE_ONLY = {"ones_like", "zeros_like", "full_like", "empty_like", "rand_like", "randn_like"}
SHAPE_ONLY |= {"new_zeros", "new_ones", "new_full", "new_empty"}
"""Operators that take the shape of their first argument and nothing else."""
VIEWS = {"t", "transpose", "permute", "view", "reshape", "unsqueeze", "squeeze", "clone", "detach", "alias", "_to_copy"}
VIEWS |= {"contiguous", "flatten", "expand", "to", "lift_fresh_copy", "_unsafe_view"}
"""Operators through which a stored tensor is still that tensor."""
PARTS = {"slice", "select"}
"""Operators that take a part of a stored tensor, which is trained as a whole."""


def read_node(reader: TorchReader, node: fx.Node) -> None:
    """Read one node of the trace.

    Raises:
        WorkloadError: it holds something a workload cannot represent; the message says where it stands.
    """
    if node.target is operator.getitem:
        _item(reader, node)
        return
    kind = _kind(node)
    if kind.startswith(CHECKS):
        return
    reads_data = any(map(reader.is_data, (*node.args, *node.kwargs.values())))
    if kind in SHAPE_ONLY or not (reads_data or _looks_up(reader, node, kind)):
        reader.values[node] = _fixed(reader, node, kind)
        return
    if kind not in HANDLERS:
        raise reader.error(
            node,
            "is not supported; write it with other ops, leave that module out, or export the model to ONNX; "
            f"supported are {', '.join(sorted(HANDLERS))}",
        )
    HANDLERS[kind](reader, node)


def _kind(node: fx.Node) -> str:
    return str(node.target).removeprefix("aten.").split(".")[0]


def _item(reader: TorchReader, node: fx.Node) -> None:
    source: Any = node.args[0]
    several, index = reader.values.get(source), int(str(node.args[1]))
    if not isinstance(several, tuple):
        reader.values[node] = several if index == 0 else None
    else:
        reader.values[node] = several[index] if index < len(several) else None


def _looks_up(reader: TorchReader, node: fx.Node, kind: str) -> bool:
    """Whether a node reads part of a trained table, which is a table all the same."""
    if kind not in {"embedding", *PARTS}:
        return False
    table = reader.value(node.args[0])
    return isinstance(table, Stored) and table.trained and bool(table.key)


def _fixed(reader: TorchReader, node: fx.Node, kind: str) -> Stored | tuple[Stored, ...] | None:
    """What a node gives that does not depend on the data, computed where it is small."""
    result = node.meta.get("val")
    if isinstance(result, list | tuple):
        return tuple(Stored(tuple(entry.shape)) for entry in result if hasattr(entry, "shape"))
    if not hasattr(result, "shape"):
        return None
    sources = [value for value in map(reader.value, node.all_input_nodes) if isinstance(value, Stored)]
    shape, trained = tuple(result.shape), any(value.trained for value in sources)
    key = sources[0].key if len(sources) == 1 and kind in VIEWS else ""
    return Stored(shape, key, trained, _computed(reader, node, result.numel()))


def _computed(reader: TorchReader, node: fx.Node, elements: int) -> Any:  # noqa: ANN401  a tensor, or None
    if elements > KNOWN_ELEMENTS or "rand" in str(node.target) or "empty" in str(node.target):
        return None
    known: dict[Any, Any] = {}
    for source in node.all_input_nodes:
        value = reader.value(source)
        if not isinstance(value, Stored) or value.value is None:
            return None
        known[source] = value.value
    import torch
    from torch.fx import node as nodes

    target: Any = node.target
    try:
        with torch.no_grad():
            arguments = nodes.map_arg(node.args, lambda argument: known[argument])
            return target(*arguments, **nodes.map_arg(node.kwargs, lambda argument: known[argument]))
    except (RuntimeError, TypeError, ValueError, IndexError):
        return None


Handler = Callable[[TorchReader, "fx.Node"], None]


def _of(function: Function) -> Handler:
    return partial(vector.function, function=function)


HANDLERS: dict[str, Handler] = {
    "_adaptive_avg_pool2d": mac.adaptive_pool,
    "_embedding_bag_forward_only": data.bag,
    "_embedding_bag": data.bag,
    "_log_softmax": vector.log_softmax,
    "_native_batch_norm_legit_no_training": vector.batch_norm,
    "_softmax": vector.softmax,
    "_to_copy": data.nothing,
    "_unsafe_view": data.view,
    "abs": _of(Function.ABSOLUTE),
    "adaptive_avg_pool2d": mac.adaptive_pool,
    "add": partial(vector.scaled, function=Function.ADD),
    "addmm": mac.addmm,
    "alias": data.nothing,
    "amax": partial(vector.reduce, reduction=Reduction.MAX),
    "amin": partial(vector.reduce, reduction=Reduction.MIN),
    "avg_pool2d": partial(mac.pool, pooling=Pooling.AVERAGE),
    "baddbmm": mac.addmm,
    "bitwise_and": _of(Function.AND),
    "bitwise_not": _of(Function.NOT),
    "bitwise_or": _of(Function.OR),
    "bitwise_xor": _of(Function.XOR),
    "bmm": mac.matmul,
    "cat": data.cat,
    "ceil": _of(Function.CEILING),
    "clamp": vector.clip,
    "clone": data.nothing,
    "constant_pad_nd": data.pad,
    "contiguous": data.nothing,
    "convolution": mac.convolution,
    "cos": _of(Function.COSINE),
    "detach": data.nothing,
    "div": _of(Function.DIVIDE),
    "dropout": data.nothing,
    "elu": partial(vector.sloped, function=Function.ELU),
    "embedding": data.embedding,
    "embedding_bag": data.bag,
    "eq": _of(Function.EQUAL),
    "erf": _of(Function.ERROR_FUNCTION),
    "exp": _of(Function.EXPONENTIAL),
    "expand": data.expand,
    "flatten": data.view,
    "floor": _of(Function.FLOOR),
    "fmod": _of(Function.REMAINDER),
    "ge": _of(Function.GREATER_OR_EQUAL),
    "gelu": _of(Function.GELU),
    "group_norm": vector.group_norm,
    "gt": _of(Function.GREATER),
    "hardsigmoid": _of(Function.HARD_SIGMOID),
    "hardswish": _of(Function.HARD_SWISH),
    "hardtanh": vector.clip,
    "index": data.index,
    "index_select": data.index_select,
    "instance_norm": vector.instance_norm,
    "layer_norm": vector.layer_norm,
    "le": _of(Function.LESS_OR_EQUAL),
    "leaky_relu": partial(vector.sloped, function=Function.LEAKY_RELU),
    "linear": mac.linear,
    "log": _of(Function.LOGARITHM),
    "logical_and": _of(Function.AND),
    "logical_not": _of(Function.NOT),
    "logical_or": _of(Function.OR),
    "logical_xor": _of(Function.XOR),
    "lt": _of(Function.LESS),
    "masked_fill": vector.masked_fill,
    "matmul": mac.matmul,
    "max_pool2d": partial(mac.pool, pooling=Pooling.MAX),
    "max_pool2d_with_indices": partial(mac.pool, pooling=Pooling.MAX),
    "maximum": _of(Function.MAXIMUM),
    "mean": partial(vector.reduce, reduction=Reduction.MEAN),
    "minimum": _of(Function.MINIMUM),
    "mish": _of(Function.MISH),
    "mm": mac.matmul,
    "mul": _of(Function.MULTIPLY),
    "mv": mac.matmul,
    "native_group_norm": vector.group_norm,
    "native_layer_norm": vector.layer_norm,
    "ne": vector.not_equal,
    "neg": _of(Function.NEGATIVE),
    "permute": data.permute,
    "pixel_shuffle": data.pixel_shuffle,
    "pixel_unshuffle": data.pixel_unshuffle,
    "pow": _of(Function.POWER),
    "prelu": data.prelu,
    "reciprocal": _of(Function.RECIPROCAL),
    "reflection_pad2d": data.mirror_pad,
    "relu": _of(Function.RELU),
    "relu6": _of(Function.RELU6),
    "remainder": _of(Function.REMAINDER),
    "repeat": data.repeat,
    "repeat_interleave": data.repeat_interleave,
    "replication_pad2d": data.mirror_pad,
    "reshape": data.view,
    "rms_norm": vector.rms_norm,
    "round": _of(Function.ROUND),
    "rsqrt": _of(Function.INVERSE_SQUARE_ROOT),
    "scaled_dot_product_attention": mac.attention,
    "select": data.select,
    "selu": _of(Function.SELU),
    "sigmoid": _of(Function.SIGMOID),
    "sign": _of(Function.SIGN),
    "silu": _of(Function.SILU),
    "sin": _of(Function.SINE),
    "slice": data.slices,
    "softplus": _of(Function.SOFTPLUS),
    "split": data.split,
    "split_with_sizes": data.split,
    "sqrt": _of(Function.SQUARE_ROOT),
    "squeeze": data.view,
    "sub": partial(vector.scaled, function=Function.SUBTRACT),
    "sum": partial(vector.reduce, reduction=Reduction.SUM),
    "t": data.permute,
    "tanh": _of(Function.TANH),
    "to": data.nothing,
    "transpose": data.permute,
    "type_as": data.nothing,
    "unsqueeze": data.view,
    "upsample_bicubic2d": vector.resize,
    "upsample_bilinear2d": vector.resize,
    "upsample_nearest2d": vector.resize,
    "view": data.view,
    "where": _of(Function.WHERE),
}
"""How each operator is read."""
