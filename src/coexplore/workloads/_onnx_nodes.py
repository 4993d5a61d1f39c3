"""How is each ONNX node read as an op? One small function per node type, over a reader that knows names and shapes."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from coexplore.workloads._onnx_reader import GraphReader, node_metadata
from coexplore.workloads.onnx_export import CONSTANT_KEY, FUNCTIONS
from coexplore.workloads.op import (
    BatchNorm,
    Constant,
    Conv2d,
    Elementwise,
    Function,
    GlobalAveragePool,
    LayerNorm,
    Linear,
    MatMul,
    Pair,
    Pool2d,
    Pooling,
    Reshape,
    Shape,
    Softmax,
    Transpose,
)

if TYPE_CHECKING:
    import onnx

SHAPE_ONLY = ("Reshape", "Squeeze", "Unsqueeze", "ReduceMean", "Clip", "Dropout")
"""Node types whose further inputs are sizes, axes or bounds, no data."""


def _conv(reader: GraphReader, node: onnx.NodeProto) -> None:
    weight = reader.stored_shape(node, 1)
    source = reader.data(node)
    if len(weight) != 4 or len(reader.shapes[source]) != 4:
        raise reader.error(node, f"the weight has shape {weight}; only 2-D convolutions are supported")
    groups = reader.attribute(node, "group", 1)
    if weight[1] * groups != reader.shapes[source][1]:
        raise reader.error(node, f"a weight of {weight} in {groups} groups does not fit {reader.shapes[source]}")
    kernel = (weight[2], weight[3])
    stride, padding, dilation = _window(reader, node, kernel)
    bias = reader.is_stored(node, 2)
    op = Conv2d(
        *(reader.name(node), (source,)),
        out_channels=weight[0],
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=bias,
        bits=reader.bits(node),
    )
    reader.emit(node, op)


def _pool(reader: GraphReader, node: onnx.NodeProto, pooling: Pooling) -> None:
    kernel: tuple[int, ...] = reader.attribute(node, "kernel_shape", ())
    source = reader.data(node)
    if len(kernel) != 2 or len(reader.shapes[source]) != 4:
        raise reader.error(node, f"the window is {kernel}; only 2-D pooling is supported")
    stride, padding, dilation = _window(reader, node, (kernel[0], kernel[1]))
    if dilation != (1, 1):
        raise reader.error(node, f"dilations are {dilation}; only undilated pooling is supported")
    if pooling is Pooling.AVERAGE and padding != (0, 0) and not reader.attribute(node, "count_include_pad", 0):
        reader.warn(node, "the average leaves padding out, here it counts as zeros")
    kernel_pair = (kernel[0], kernel[1])
    reader.emit(
        node, Pool2d(reader.name(node), (source,), pooling, kernel_pair, stride, padding, bits=reader.bits(node))
    )


def _window(reader: GraphReader, node: onnx.NodeProto, kernel: Pair) -> tuple[Pair, Pair, Pair]:
    """Stride, symmetric padding and dilation that give the output size of the node."""
    strides: tuple[int, ...] = reader.attribute(node, "strides", (1, 1))
    dilations: tuple[int, ...] = reader.attribute(node, "dilations", (1, 1))
    pads: tuple[int, ...] = reader.attribute(node, "pads", (0, 0, 0, 0))
    if (len(strides), len(dilations), len(pads)) != (2, 2, 4) or min(*strides, *dilations) < 1:
        raise reader.error(node, f"strides {strides}, dilations {dilations} or pads {pads} are not those of an image")
    sizes, outs = reader.shapes[reader.data(node)][2:], reader.output_shape(node)[2:]
    same = reader.attribute(node, "auto_pad", b"NOTSET").startswith(b"SAME")
    padding, exact = [0, 0], True
    for axis in range(2):
        stride, reach = strides[axis], dilations[axis] * (kernel[axis] - 1) + 1
        missing = max((outs[axis] - 1) * stride + reach - sizes[axis], 0)
        wanted = (missing // 2, missing - missing // 2) if same else (pads[axis], pads[axis + 2])
        choices = (wanted[0], -(-missing // 2))
        fitting = [pad for pad in choices if (sizes[axis] + 2 * pad - reach) // stride + 1 == outs[axis]]
        if not fitting:
            raise reader.error(node, f"padding {wanted} has no symmetric counterpart; export the model with equal pads")
        padding[axis] = fitting[0]
        exact = exact and wanted == (fitting[0], fitting[0])
    if not exact:
        reader.warn(node, f"padding that differs before and after the image is read as {tuple(padding)} on both sides")
    return (strides[0], strides[1]), (padding[0], padding[1]), (dilations[0], dilations[1])


def _gemm(reader: GraphReader, node: onnx.NodeProto) -> None:
    weight = reader.stored_shape(node, 1)
    if reader.attribute(node, "transA", 0) or len(weight) != 2:
        raise reader.error(node, "only x * W and x * transposed W with a stored W are supported")
    _linear(reader, node, weight[::-1] if reader.attribute(node, "transB", 0) else weight, reader.is_stored(node, 2))


def _matmul(reader: GraphReader, node: onnx.NodeProto) -> None:
    if reader.is_stored(node, 1) and len(reader.stored_shape(node, 1)) == 2:
        _linear(reader, node, reader.stored_shape(node, 1), bias=False)
        return
    first = _operand(reader, node, 0)
    turned = reader.only_reader_of(node, 1)
    rank = len(reader.shapes[first])
    if isinstance(turned, Transpose) and turned.axes == (*range(rank - 2), rank - 1, rank - 2):
        reader.forget(turned)
        inputs, transposed = (first, turned.inputs[0]), True
    else:
        inputs, transposed = (first, _operand(reader, node, 1)), False
    reader.emit(node, MatMul(reader.name(node), inputs, transpose_second=transposed, bits=reader.bits(node)))


def _linear(reader: GraphReader, node: onnx.NodeProto, weight: Shape, bias: bool) -> None:
    source = reader.data(node)
    if reader.shapes[source][-1:] != weight[:1]:
        raise reader.error(node, f"a weight of {weight} does not fit an input of {reader.shapes[source]}")
    reader.emit(node, Linear(reader.name(node), (source,), weight[1], bias=bias, bits=reader.bits(node)))


def _binary(reader: GraphReader, node: onnx.NodeProto, function: Function) -> None:
    inputs = (_operand(reader, node, 0, START[function]), _operand(reader, node, 1, START[function]))
    reader.emit(node, Elementwise(reader.name(node), inputs, function, bits=reader.bits(node)))


def _add(reader: GraphReader, node: onnx.NodeProto) -> None:
    for stored, computed in ((0, 1), (1, 0)):
        product = reader.only_reader_of(node, computed)
        if reader.is_stored(node, stored) and isinstance(product, Linear | Conv2d) and not product.bias:
            axis = 1 if isinstance(product, Conv2d) else -1
            rank, channels = len(reader.shapes[product.name]), reader.shapes[product.name][axis]
            wanted = [1] * rank
            wanted[axis] = channels
            shape = reader.stored_shape(node, stored)
            if [1] * (rank - len(shape)) + list(shape) == wanted:
                reader.absorb(node, dataclasses.replace(product, bias=True))
                return
    _binary(reader, node, Function.ADD)


def _multiply(reader: GraphReader, node: onnx.NodeProto) -> None:
    for gate, other in ((0, 1), (1, 0)):
        op = None if reader.is_stored(node, other) else reader.only_reader_of(node, gate)
        if not isinstance(op, Elementwise) or op.function is not Function.SIGMOID:
            continue
        if op.inputs == (reader.data(node, other),):
            reader.absorb(node, dataclasses.replace(op, function=Function.SILU))
            return
    _binary(reader, node, Function.MULTIPLY)


def _subtract(reader: GraphReader, node: onnx.NodeProto) -> None:
    _by_inverse(reader, node, Function.ADD, lambda value: -value)


def _divide(reader: GraphReader, node: onnx.NodeProto) -> None:
    _by_inverse(reader, node, Function.MULTIPLY, lambda value: 1.0 / value if value else math.inf)


def _by_inverse(
    reader: GraphReader, node: onnx.NodeProto, function: Function, inverse: Callable[[float], float]
) -> None:
    if not reader.is_stored(node, 1):
        raise reader.error(
            node, "the second input must be a stored array; between activations only Add and Mul are supported"
        )
    inputs = (_operand(reader, node, 0), _operand(reader, node, 1, START[function], inverse))
    reader.emit(node, Elementwise(reader.name(node), inputs, function, bits=reader.bits(node)))


def _operand(
    reader: GraphReader,
    node: onnx.NodeProto,
    index: int,
    start: float = 1.0,
    change: Callable[[float], float] = lambda value: value,
) -> str:
    """The op behind an input; a stored array becomes a `Constant`, trained from `start` unless it is one number."""
    if not reader.is_stored(node, index):
        return reader.data(node, index)
    shape, value = reader.stored_shape(node, index), start
    single = math.prod(shape) == 1
    if single:
        array = reader.stored_array(node, index)
        if array is None:
            reader.warn(node, f"the number {node.input[index]!r} is computed in the file and read as {start:g}")
        else:
            value = change(float(array.reshape(-1)[0]))
    name = reader.free_name(node.input[index])
    reader.add(Constant(name, (), shape, value=value, trained=not single))
    return name


START = {Function.ADD: 0.0, Function.MULTIPLY: 1.0}
"""A stored operand that changes nothing."""


def _function(reader: GraphReader, node: onnx.NodeProto, function: Function) -> None:
    reader.emit(node, Elementwise(reader.name(node), (reader.data(node),), function, bits=reader.bits(node)))


def _gelu(reader: GraphReader, node: onnx.NodeProto) -> None:
    if reader.attribute(node, "approximate", b"none") != b"none":
        reader.warn(node, "the approximation of Gelu is read as the exact function")
    _function(reader, node, Function.GELU)


def _hard_sigmoid(reader: GraphReader, node: onnx.NodeProto) -> None:
    slope, offset = reader.attribute(node, "alpha", 0.2), reader.attribute(node, "beta", 0.5)
    if not math.isclose(slope, 1 / 6, rel_tol=1e-3) or not math.isclose(offset, 0.5):
        reader.warn(node, f"the slope {slope:g} and offset {offset:g} are read as 1/6 and 1/2")
    _function(reader, node, Function.HARD_SIGMOID)


def _clip(reader: GraphReader, node: onnx.NodeProto) -> None:
    bounds = [reader.attribute(node, name, default) for name, default in (("min", -math.inf), ("max", math.inf))]
    for index in (1, 2):
        if index < len(node.input) and node.input[index]:
            array = reader.stored_array(node, index)
            if array is None or array.size != 1:
                raise reader.error(node, f"bound {node.input[index]!r} must be one stored number")
            bounds[index - 1] = float(array.reshape(-1)[0])
    functions = {(0.0, 6.0): Function.RELU6, (0.0, math.inf): Function.RELU}
    if tuple(bounds) not in functions:
        raise reader.error(node, f"the bounds are {bounds[0]:g} and {bounds[1]:g}; supported are 0 and 6, or 0 alone")
    _function(reader, node, functions[bounds[0], bounds[1]])


def _global_pool(reader: GraphReader, node: onnx.NodeProto) -> None:
    reader.emit(node, GlobalAveragePool(reader.name(node), (reader.data(node),), bits=reader.bits(node)))


def _mean(reader: GraphReader, node: onnx.NodeProto) -> None:
    axes: tuple[int, ...] = reader.attribute(node, "axes", ())
    if reader.is_stored(node, 1):
        array = reader.stored_array(node, 1)
        axes = () if array is None else tuple(array.reshape(-1).tolist())
    source = reader.data(node)
    if len(reader.shapes[source]) != 4 or {axis % 4 for axis in axes} != {2, 3}:
        raise reader.error(node, f"the mean is over axes {axes}; only the mean over height and width is supported")
    if reader.attribute(node, "keepdims", 1):
        _global_pool(reader, node)
        return
    name = reader.name(node)
    pool = GlobalAveragePool(name, (source,), bits=reader.bits(node))
    reader.add(pool)
    reader.emit(node, Reshape(reader.free_name(f"{name}.flat"), (name,), reader.shapes[name][:2]))


def _batch_norm(reader: GraphReader, node: onnx.NodeProto) -> None:
    reader.emit(node, BatchNorm(reader.name(node), (reader.data(node),), bits=reader.bits(node)))


def _layer_norm(reader: GraphReader, node: onnx.NodeProto) -> None:
    _need_last_axis(reader, node, -1)
    reader.emit(node, LayerNorm(reader.name(node), (reader.data(node),), bits=reader.bits(node)))


def _softmax(reader: GraphReader, node: onnx.NodeProto) -> None:
    _need_last_axis(reader, node, -1)
    reader.emit(node, Softmax(reader.name(node), (reader.data(node),), bits=reader.bits(node)))


def _need_last_axis(reader: GraphReader, node: onnx.NodeProto, default: int) -> None:
    rank, axis = len(reader.shapes[reader.data(node)]), reader.attribute(node, "axis", default)
    if axis not in (-1, rank - 1):
        raise reader.error(node, f"the axis is {axis}; only the last axis is supported")


def _reshape(reader: GraphReader, node: onnx.NodeProto) -> None:
    known = reader.stored_array(node, 1) if len(node.input) > 1 else None
    written = () if known is None else tuple(int(size) for size in known.reshape(-1).tolist())
    shape = written if written and 0 not in written else reader.output_shape(node)
    reader.emit(node, Reshape(reader.name(node), (reader.data(node),), shape, bits=reader.bits(node)))


def _view(reader: GraphReader, node: onnx.NodeProto) -> None:
    shape = reader.output_shape(node)
    reader.emit(node, Reshape(reader.name(node), (reader.data(node),), shape, bits=reader.bits(node)))


def _transpose(reader: GraphReader, node: onnx.NodeProto) -> None:
    source = reader.data(node)
    axes = reader.attribute(node, "perm", tuple(range(len(reader.shapes[source])))[::-1])
    reader.emit(node, Transpose(reader.name(node), (source,), axes, bits=reader.bits(node)))


def _nothing(reader: GraphReader, node: onnx.NodeProto) -> None:
    reader.alias(node, reader.data(node))


def _constant(reader: GraphReader, node: onnx.NodeProto) -> None:
    text = node_metadata(node, CONSTANT_KEY)
    try:
        value, trained = json.loads(text)
        number = float(value)
    except (ValueError, TypeError) as error:
        raise reader.error(
            node, f"metadata {CONSTANT_KEY!r} is {text!r}; a number and true or false are legal"
        ) from error
    shape = reader.output_shape(node)
    reader.emit(node, Constant(reader.name(node), (), shape, number, bool(trained), bits=reader.bits(node)))


def read_node(reader: GraphReader, position: int) -> None:
    """Read the node at a position of the graph.

    Raises:
        WorkloadError: it holds something a workload cannot represent.
    """
    node = reader.move_to(position)
    HANDLERS[node.op_type](reader, node)


def supported_types() -> str:
    """All node types that can be read, in one line."""
    return ", ".join(sorted(HANDLERS))


Handler = Callable[[GraphReader, "onnx.NodeProto"], None]

HANDLERS: dict[str, Handler] = {
    **{kind: partial(_function, function=function) for function, (kind, _) in FUNCTIONS.items() if function.arity == 1},
    "Add": _add,
    "AveragePool": partial(_pool, pooling=Pooling.AVERAGE),
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Constant": _constant,
    "Conv": _conv,
    "Div": _divide,
    "Dropout": _nothing,
    "Flatten": _view,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool,
    "HardSigmoid": _hard_sigmoid,
    "Identity": _nothing,
    "LayerNormalization": _layer_norm,
    "MatMul": _matmul,
    "MaxPool": partial(_pool, pooling=Pooling.MAX),
    "Mul": _multiply,
    "ReduceMean": _mean,
    "Reshape": _reshape,
    "Softmax": _softmax,
    "Squeeze": _view,
    "Sub": _subtract,
    "Transpose": _transpose,
    "Unsqueeze": _view,
}
"""How each node type is read."""
