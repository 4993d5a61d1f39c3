"""How are the operators of torch read that multiply and accumulate, and pooling?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from coexplore.workloads._node import end_of_window
from coexplore.workloads._torch_reader import Stored, TorchReader
from coexplore.workloads._transposed import TransposedWindow, transposed_convolution
from coexplore.workloads.op import Constant, Conv2d, Elementwise, Function, GlobalAveragePool, Op, Pair, Pool2d, Pooling

if TYPE_CHECKING:
    from torch import fx


def argument(node: fx.Node, index: int, name: str, default: Any = None) -> Any:  # noqa: ANN401  as torch gives it
    """An argument of a call by position or name."""
    if index < len(node.args):
        return node.args[index]
    return node.kwargs.get(name, default)


def convolution(reader: TorchReader, node: fx.Node) -> None:
    """A convolution of images or signals, transposed or not."""
    weight, bias = reader.stored(node, 1), reader.value(node.args[2])
    _, _, _, stride, padding, dilation, transposed, output_padding, groups = node.args
    if len(weight.shape) not in (3, 4):
        raise reader.error(node, f"has a weight of {weight.shape}; only 1-D and 2-D convolutions are supported")
    kernel = _pair(weight.shape[2:], 1)
    stride_pair, dilation_pair, pads = _pair(stride, 1), _pair(dilation, 1), _pair(padding, 0)
    stored = {"weight": weight.key, "bias": bias.key if isinstance(bias, Stored) else ""}
    group_count = int(str(groups))

    def emit(source: str) -> str:
        name = reader.name(node)
        if transposed:
            channels, extra = weight.shape[1] * group_count, _pair(output_padding, 0)
            window = TransposedWindow(channels, kernel, stride_pair, pads, pads, extra, dilation_pair, group_count)
            shift = {"value": stored["bias"]} if isinstance(bias, Stored) else None
            return transposed_convolution(reader.builder, name, source, window, shift)
        op = Conv2d(
            *(name, (source,)),
            out_channels=weight.shape[0],
            kernel=kernel,
            stride=stride_pair,
            padding=pads,
            dilation=dilation_pair,
            groups=group_count,
            bias=isinstance(bias, Stored),
        )
        return reader.builder.add(op, stored)

    reader.alias(node, _as_image(reader, node, emit))


def _as_image(reader: TorchReader, node: fx.Node, emit: Callable[[str], str]) -> str:
    source, builder = reader.data(node), reader.builder
    shape = builder.shapes[source]
    if len(shape) == 4:
        return emit(source)
    if len(shape) != 3:
        raise reader.error(node, f"reads {shape}; a batch of images or signals is needed")
    name = reader.name(node)
    result = emit(builder.reshape(f"{name}.image", source, (*shape[:2], 1, shape[2])))
    n, c, _, length = builder.shapes[result]
    return builder.reshape(f"{name}.signal", result, (n, c, length))


def _pair(sizes: Any, filling: int) -> Pair:  # noqa: ANN401  as torch gives it
    if isinstance(sizes, int):
        return sizes, sizes
    return (int(sizes[0]), int(sizes[1])) if len(sizes) == 2 else (filling, int(sizes[0]))


def pool(reader: TorchReader, node: fx.Node, pooling: Pooling) -> None:
    """Pooling over windows."""
    kernel = _pair(node.args[1], 1)
    stride = _pair(argument(node, 2, "stride") or kernel, 1)
    padding = _pair(argument(node, 3, "padding", 0), 0)
    if pooling is Pooling.MAX and _pair(argument(node, 4, "dilation", 1), 1) != (1, 1):
        raise reader.error(node, "has a dilated window; only undilated pooling is supported")
    up = bool(argument(node, 5 if pooling is Pooling.MAX else 4, "ceil_mode", False))
    h, w = reader.shape(node.args[0])[-2:]
    end = (
        end_of_window(h, kernel[0], stride[0], (padding[0], padding[0]), up),
        end_of_window(w, kernel[1], stride[1], (padding[1], padding[1]), up),
    )
    op = Pool2d(reader.name(node), (reader.data(node),), pooling, kernel, stride, padding)
    reader.emit(node, op if end == padding else replace(op, end_padding=end))


def adaptive_pool(reader: TorchReader, node: fx.Node) -> None:
    """Pooling to a given size: the mean of the image, or of windows where the sizes divide."""
    shape, source = reader.shape(node.args[0]), reader.data(node)
    size = _pair(node.args[1], 1)
    if len(shape) != 4 or shape[2] % size[0] or shape[3] % size[1]:
        raise reader.error(node, f"averages {shape} to {size}; only sizes that divide are supported")
    window = (shape[2] // size[0], shape[3] // size[1])
    name = reader.name(node)
    whole: Op = GlobalAveragePool(name, (source,))
    reader.emit(node, whole if size == (1, 1) else Pool2d(name, (source,), Pooling.AVERAGE, window, window))


def linear(reader: TorchReader, node: fx.Node) -> None:
    """A linear layer with stored weights."""
    weight, bias = reader.value(node.args[1]), reader.value(argument(node, 2, "bias"))
    if not isinstance(weight, Stored) or len(weight.shape) != 2:
        raise reader.error(node, "has a weight that depends on the input, or is no matrix; write it as a matmul")
    stored = {"weight": weight.key, "bias": bias.key if isinstance(bias, Stored) else ""}
    has_bias = isinstance(bias, Stored)
    product = reader.builder.linear(reader.name(node), reader.data(node), weight.shape[0], stored, has_bias)
    reader.alias(node, product)


def matmul(reader: TorchReader, node: fx.Node) -> None:
    """A linear layer where the second factor is a stored matrix, a product of two activations otherwise."""
    reader.alias(node, _product(reader, node, node.args[0], node.args[1]))


def _product(reader: TorchReader, node: fx.Node, first: object, second: object) -> str:
    weight = reader.value(second)
    if isinstance(weight, Stored) and len(weight.shape) == 2 and isinstance(reader.value(first), str):
        source = reader.operand(node, first)
        return reader.builder.linear(reader.name(node), source, weight.shape[1], {"weight": weight.key})
    return reader.builder.matmul(reader.name(node), reader.operand(node, first), reader.operand(node, second))


def addmm(reader: TorchReader, node: fx.Node) -> None:
    """A product and an addition."""
    product = _product(reader, node, node.args[1], node.args[2])
    inputs = (product, reader.operand(node, node.args[0]))
    reader.emit(node, Elementwise(f"{reader.name(node)}.added", inputs, Function.ADD))


def attention(reader: TorchReader, node: fx.Node) -> None:
    """Scaled dot-product attention; a causal one adds a mask of its own."""
    query, key, value = (reader.operand(node, entry) for entry in node.args[:3])
    shapes = reader.builder.shapes
    given, causal = argument(node, 3, "attn_mask"), bool(argument(node, 5, "is_causal", False))
    mask = None if given is None else reader.operand(node, given)
    if causal:
        size: Sequence[int] = (shapes[query][-2], shapes[key][-2])
        mask = reader.builder.add(Constant(f"{reader.name(node)}.causal", (), tuple(size)))
    reader.alias(node, reader.builder.attention(reader.name(node), query, key, value, mask))
