"""How are the ONNX nodes read that multiply and accumulate, and the windows of convolution and pooling?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from coexplore.workloads._node import end_of_window
from coexplore.workloads._onnx_reader import GraphReader
from coexplore.workloads._transposed import TransposedWindow, transposed_convolution
from coexplore.workloads.op import Conv2d, Elementwise, Function, MatMul, Pair, Pool2d, Pooling, Shape, Transpose

if TYPE_CHECKING:
    import onnx


def conv(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A convolution of images or signals with stored weights."""
    weight = _weights(reader, node)
    groups = reader.attribute(node, "group", 1)
    shape = reader.shape(node)
    if groups < 1 or weight[1] * groups != shape[1]:
        raise reader.error(node, f"a weight of {weight} in {groups} groups does not fit {shape}")
    kernel: Pair = _pair(weight[2:], 1)
    window = Window(reader, node, kernel)
    padding, end_padding = window.pads()
    bias = reader.is_stored(node, 2)

    def emit(source: str) -> str:
        op = Conv2d(
            *(reader.name(node), (source,)),
            out_channels=weight[0],
            kernel=kernel,
            stride=window.stride,
            padding=padding,
            dilation=window.dilation,
            groups=groups,
            bias=bias,
            end_padding=None if end_padding == padding else end_padding,
        )
        return reader.builder.add(op, {"weight": reader.root(node, 1), "bias": reader.root(node, 2)})

    reader.alias(node, as_image(reader, node, emit))


def conv_transpose(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A transposed convolution of images or signals with stored weights."""
    weight = _weights(reader, node)
    groups = reader.attribute(node, "group", 1)
    if groups < 1 or weight[0] != reader.shape(node)[1]:
        raise reader.error(node, f"a weight of {weight} in {groups} groups does not fit {reader.shape(node)}")
    kernel = _pair(weight[2:], 1)
    window = Window(reader, node, kernel)
    axes = len(weight) - 2
    output_padding: tuple[int, ...] = reader.attribute(node, "output_padding", (0,) * axes)
    if reader.attribute(node, "output_shape", ()) or window.same or len(output_padding) != axes:
        raise reader.error(node, "sizes given by output_shape or auto_pad are not supported; export explicit pads")
    settings = TransposedWindow(
        weight[1] * groups, kernel, window.stride, *window.given(), _pair(output_padding, 0), window.dilation, groups
    )
    bias = {"value": reader.root(node, 2)} if reader.is_stored(node, 2) else None

    def emit(source: str) -> str:
        return transposed_convolution(reader.builder, reader.name(node), source, settings, bias)

    reader.alias(node, as_image(reader, node, emit))


def pool(reader: GraphReader, node: onnx.NodeProto, pooling: Pooling) -> None:
    """Pooling over windows of images or signals."""
    sizes: tuple[int, ...] = reader.attribute(node, "kernel_shape", ())
    if len(sizes) not in (1, 2) or len(reader.shape(node)) != len(sizes) + 2:
        raise reader.error(node, f"the window is {sizes}; only pooling of images and signals is supported")
    if len(node.output) > 1 and any(reader.wanted(tensor) for tensor in node.output[1:]):
        raise reader.error(node, "the indices of the largest elements are used; only their values are supported")
    window = Window(reader, node, _pair(sizes, 1))
    if window.dilation != (1, 1):
        raise reader.error(node, f"dilations are {window.dilation}; only undilated pooling is supported")
    before, after = window.rounded_pads()
    padded = (before, after) != ((0, 0), (0, 0))
    if pooling is Pooling.AVERAGE and padded and not reader.attribute(node, "count_include_pad", 0):
        reader.warn(node, "the average leaves padding out, here it counts as zeros")

    def emit(source: str) -> str:
        op = Pool2d(reader.name(node), (source,), pooling, window.kernel, window.stride, before)
        return reader.builder.add(op if after == before else replace(op, end_padding=after))

    reader.alias(node, as_image(reader, node, emit))


def as_image(reader: GraphReader, node: onnx.NodeProto, emit: Callable[[str], str]) -> str:
    """What `emit` makes of the data as an image; a signal (N, C, L) is an image of height 1."""
    source, shape, builder = reader.data(node), reader.shape(node), reader.builder
    if len(shape) == 4:
        return emit(source)
    name = reader.name(node)
    result = emit(builder.reshape(f"{name}.image", source, (*shape[:2], 1, shape[2])))
    n, c, _, length = builder.shapes[result]
    return builder.reshape(f"{name}.signal", result, (n, c, length))


def _weights(reader: GraphReader, node: onnx.NodeProto) -> Shape:
    weight, shape = reader.stored_shape(node, 1), reader.shape(node)
    if len(weight) not in (3, 4) or len(weight) != len(shape):
        raise reader.error(node, f"a weight of {weight} on {shape}; only 1-D and 2-D convolutions are supported")
    return weight


def _pair(sizes: tuple[int, ...], filling: int) -> Pair:
    return (sizes[0], sizes[1]) if len(sizes) == 2 else (filling, sizes[0])


class Window:
    """Kernel, stride, padding and dilation of a node, on two axes."""

    def __init__(self, reader: GraphReader, node: onnx.NodeProto, kernel: Pair) -> None:
        self._reader, self._node = reader, node
        axes = len(reader.shape(node)) - 2
        strides: tuple[int, ...] = reader.attribute(node, "strides", (1,) * axes)
        dilations: tuple[int, ...] = reader.attribute(node, "dilations", (1,) * axes)
        pads: tuple[int, ...] = reader.attribute(node, "pads", (0,) * 2 * axes)
        fits = (len(strides), len(dilations), len(pads)) == (axes, axes, 2 * axes)
        if not fits or min(*strides, *dilations, *kernel) < 1 or min(pads) < 0:
            raise reader.error(
                node, f"strides {strides}, dilations {dilations} or pads {pads} are not those of an image"
            )
        self.kernel, self.stride, self.dilation = kernel, _pair(strides, 1), _pair(dilations, 1)
        self._pads = _pair(pads[:axes], 0), _pair(pads[axes:], 0)
        mode = reader.attribute(node, "auto_pad", b"NOTSET")
        self.same, self._lower = mode.startswith(b"SAME"), mode == b"SAME_LOWER"

    def given(self) -> tuple[Pair, Pair]:
        """Padding before and after, as the node says."""
        return self._pads

    def pads(self) -> tuple[Pair, Pair]:
        """Padding before and after, where it may have to be found from the size."""
        if not self.same:
            return self._pads
        axes = [self._same(axis) for axis in range(2)]
        return (axes[0][0], axes[1][0]), (axes[0][1], axes[1][1])

    def _same(self, axis: int) -> Pair:
        size, stride, reach = self._size(axis), self.stride[axis], self._reach(axis)
        missing = max((-(-size // stride) - 1) * stride + reach - size, 0)
        less, more = missing // 2, missing - missing // 2
        return (more, less) if self._lower else (less, more)

    def rounded_pads(self) -> tuple[Pair, Pair]:
        """Padding before and after, more after where the node rounds its size up."""
        before, after = self.pads()
        if not self._reader.attribute(self._node, "ceil_mode", 0):
            return before, after
        ends = [
            end_of_window(self._size(axis), self.kernel[axis], self.stride[axis], (before[axis], after[axis]), up=True)
            for axis in range(2)
        ]
        return before, (ends[0], ends[1])

    def _size(self, axis: int) -> int:
        shape = self._reader.shape(self._node)
        return shape[2 + axis] if len(shape) == 4 else (1, shape[2])[axis]

    def _reach(self, axis: int) -> int:
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1


def gemm(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A product of matrices, with a stored second factor as a rule, and an addition."""
    turned, name = bool(reader.attribute(node, "transB", 0)), reader.name(node)
    if reader.is_stored(node, 1) and not reader.is_stored(node, 0):
        source = reader.data(node)
        if reader.attribute(node, "transA", 0):
            source = reader.builder.add(Transpose(f"{name}.transposed", (source,), (1, 0)))
        weight = reader.stored_shape(node, 1)
        if len(weight) != 2:
            raise reader.error(node, f"the weight has shape {weight}; it must be a matrix")
        _linear(reader, node, source, weight if turned else weight[::-1])
        return
    first, second = reader.operand(node, 0), reader.operand(node, 1)
    if reader.attribute(node, "transA", 0):
        first = reader.builder.add(Transpose(f"{name}.transposed", (first,), (1, 0)))
    product = reader.builder.add(MatMul(name, (first, second), transpose_second=turned))
    if reader.has(node, 2):
        product = reader.builder.add(Elementwise(f"{name}.added", (product, reader.operand(node, 2)), Function.ADD))
    reader.alias(node, product)


def matmul(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A linear layer where the second factor is a stored matrix, a product of two activations otherwise."""
    if reader.is_stored(node, 1) and not reader.is_stored(node, 0) and len(reader.stored_shape(node, 1)) == 2:
        _linear(reader, node, reader.data(node), reader.stored_shape(node, 1)[::-1])
        return
    product = reader.builder.matmul(reader.name(node), reader.operand(node, 0), reader.operand(node, 1))
    reader.alias(node, product)


def _linear(reader: GraphReader, node: onnx.NodeProto, source: str, weight: Shape) -> None:
    """Weight (out, in)."""
    shape = reader.builder.shapes[source]
    if shape[-1:] != weight[1:]:
        raise reader.error(node, f"a weight of {weight[::-1]} does not fit an input of {shape}")
    bias = reader.is_stored(node, 2) and reader.stored_shape(node, 2)[-1:] == weight[:1]
    stored = {"weight": reader.matrix(node, 1, weight), "bias": reader.root(node, 2)}
    product = reader.builder.linear(reader.name(node), source, weight[0], stored, bias)
    if reader.has(node, 2) and not bias:
        other = reader.operand(node, 2)
        product = reader.builder.add(Elementwise(f"{reader.name(node)}.added", (product, other), Function.ADD))
    reader.alias(node, product)


def attention(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Scaled dot-product attention as one node, without a cache of its own."""
    inputs = [reader.data(node, index) for index in range(3)]
    if any(len(reader.builder.shapes[name]) != 4 for name in inputs) or reader.has(node, 4) or reader.has(node, 5):
        raise reader.error(node, "only attention on (batch, heads, tokens, features) without a cache is supported")
    mask = reader.operand(node, 3) if reader.has(node, 3) else None
    query, key, value = inputs
    reader.alias(node, reader.builder.attention(reader.name(node), query, key, value, mask))
