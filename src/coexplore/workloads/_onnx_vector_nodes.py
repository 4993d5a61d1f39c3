"""How are the ONNX nodes read that the vector unit does: functions of elements, normalisation, reduction, resizing?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from coexplore.workloads._onnx_reader import GraphReader, written_number
from coexplore.workloads.op import (
    BatchNorm,
    Constant,
    Elementwise,
    Function,
    GlobalAveragePool,
    GroupNorm,
    Interpolation,
    LayerNorm,
    Op,
    Reduce,
    Reduction,
    Resize,
    RmsNorm,
    Shape,
    Softmax,
)

if TYPE_CHECKING:
    import onnx


def function(reader: GraphReader, node: onnx.NodeProto, function: Function) -> None:
    """A function of as many inputs as it takes."""
    inputs = tuple(reader.operand(node, index) for index in range(function.arity))
    reader.emit(node, Elementwise(reader.name(node), inputs, function))


def folded(reader: GraphReader, node: onnx.NodeProto, function: Function) -> None:
    """A function of two that takes any number of inputs, one after the other."""
    name, result = reader.name(node), reader.operand(node, 0)
    for index in range(1, len(node.input)):
        inputs = (result, reader.operand(node, index))
        result = reader.builder.add(Elementwise(name, inputs, function))
    reader.alias(node, result)


def gelu(reader: GraphReader, node: onnx.NodeProto) -> None:
    """GELU, exact or not."""
    if reader.attribute(node, "approximate", b"none") != b"none":
        reader.warn(node, "the approximation of Gelu is read as the exact function")
    function(reader, node, Function.GELU)


def hard_sigmoid(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A clipped line."""
    slope, offset = reader.attribute(node, "alpha", 0.2), reader.attribute(node, "beta", 0.5)
    if not math.isclose(slope, 1 / 6, rel_tol=1e-3) or not math.isclose(offset, 0.5):
        reader.warn(node, f"the slope {slope:g} and offset {offset:g} are read as 1/6 and 1/2")
    function(reader, node, Function.HARD_SIGMOID)


def sloped(reader: GraphReader, node: onnx.NodeProto, function: Function) -> None:
    """A function with one setting, `alpha`."""
    usual = function.defaults[0]
    slope = written_number(reader.attribute(node, "alpha", usual))
    settings = () if math.isclose(slope, usual, rel_tol=1e-6) else (slope,)
    reader.emit(node, Elementwise(reader.name(node), (reader.data(node),), function, settings))


def clip(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Bounds; those of ReLU and ReLU6 are these functions."""
    bounds = [reader.attribute(node, name, default) for name, default in (("min", -math.inf), ("max", math.inf))]
    for index in (1, 2):
        if reader.has(node, index):
            array = reader.array(node, index)
            if array is None or array.size != 1:
                raise reader.error(node, f"bound {node.input[index]!r} must be one stored number")
            bounds[index - 1] = written_number(float(array.reshape(-1)[0]))
    known = {(0.0, 6.0): Function.RELU6, (0.0, math.inf): Function.RELU}
    named = known.get((bounds[0], bounds[1]))
    usual = tuple(bounds) == Function.CLIP.defaults
    op = Elementwise(
        reader.name(node), (reader.data(node),), named or Function.CLIP, () if named or usual else (*bounds,)
    )
    reader.emit(node, op)


def log_softmax(reader: GraphReader, node: onnx.NodeProto) -> None:
    """The logarithm of a softmax."""
    softmax(reader, node)
    name = reader.name(node)
    reader.emit(node, Elementwise(f"{name}.logarithm", (reader.result(node),), Function.LOGARITHM))


def softmax(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Softmax over one axis; in early versions of the format over it and all after it."""
    rank = len(reader.shape(node))
    axis = reader.attribute(node, "axis", -1 if reader.version >= 13 else 1)
    last = axis in (-1, rank - 1)
    if reader.version < 13 and not last and math.prod(reader.shape(node)[axis:]) != reader.shape(node)[axis]:
        raise reader.error(node, f"the softmax is over all axes from {axis} on; only one axis is supported")
    reader.emit(node, Softmax(reader.name(node), (reader.data(node),), axis=-1 if last else axis))


def batch_norm(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Batch normalisation with stored statistics."""
    stored = {"weight": reader.root(node, 1), "bias": reader.root(node, 2)}
    reader.emit(node, BatchNorm(reader.name(node), (reader.data(node),)), stored)


def layer_norm(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Layer normalisation."""
    shift = reader.has(node, 2) and not (reader.is_filled_in(node, 2) and _all(reader, node, 2, 0.0))
    op = LayerNorm(reader.name(node), (reader.data(node),), axes=_last_axes(reader, node), shift=shift)
    _normalisation(reader, node, op)


def rms_norm(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Root mean square normalisation."""
    _normalisation(reader, node, RmsNorm(reader.name(node), (reader.data(node),), axes=_last_axes(reader, node)))


def group_norm(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Group normalisation."""
    groups = reader.attribute(node, "num_groups", 0)
    _normalisation(reader, node, GroupNorm(reader.name(node), (reader.data(node),), groups))


def instance_norm(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Instance normalisation: as many groups as channels."""
    shape = reader.shape(node)
    if len(shape) < 3:
        raise reader.error(node, f"the input has shape {shape}; (N, C, ...) is needed")
    plain = _all(reader, node, 1, 1.0) and _all(reader, node, 2, 0.0)
    _normalisation(reader, node, GroupNorm(reader.name(node), (reader.data(node),), shape[1], affine=not plain))


def _all(reader: GraphReader, node: onnx.NodeProto, index: int, number: float) -> bool:
    """Whether a stored array is known to consist of one number."""
    array = reader.array(node, index)
    return array is not None and bool((array == number).all())


def _last_axes(reader: GraphReader, node: onnx.NodeProto) -> int:
    rank, axis = len(reader.shape(node)), reader.attribute(node, "axis", -1)
    if not -rank <= axis < rank:
        raise reader.error(node, f"the axis is {axis}; the input has {rank} axes")
    return rank - axis % rank


def _normalisation(reader: GraphReader, node: onnx.NodeProto, op: Op) -> None:
    reader.emit(node, op, {"weight": reader.root(node, 1), "bias": reader.root(node, 2)})


def global_pool(reader: GraphReader, node: onnx.NodeProto) -> None:
    """The mean of each channel."""
    if len(reader.shape(node)) == 4:
        reader.emit(node, GlobalAveragePool(reader.name(node), (reader.data(node),)))
        return
    _global(reader, node, Reduction.MEAN)


def global_max_pool(reader: GraphReader, node: onnx.NodeProto) -> None:
    """The largest element of each channel."""
    _global(reader, node, Reduction.MAX)


def _global(reader: GraphReader, node: onnx.NodeProto, reduction: Reduction) -> None:
    axes = tuple(range(2, len(reader.shape(node))))
    reader.emit(node, Reduce(reader.name(node), (reader.data(node),), reduction, axes, keep_axes=True))


def reduce(reader: GraphReader, node: onnx.NodeProto, reduction: Reduction) -> None:
    """A reduction of some or all axes; the mean over an image is global pooling."""
    source, shape = reader.data(node), reader.shape(node)
    axes = reader.numbers(node, 1, "axes")
    if axes is None:
        if reader.attribute(node, "noop_with_empty_axes", 0):
            reader.alias(node, source)
            return
        axes = tuple(range(len(shape)))
    if not shape or not all(-len(shape) <= axis < len(shape) for axis in axes):
        raise reader.error(node, f"axes {axes} do not fit an input of {shape}")
    keep = bool(reader.attribute(node, "keepdims", 1))
    places = tuple(sorted(axis % len(shape) for axis in axes))
    reader.alias(node, reader.builder.reduce(reader.name(node), source, reduction, places, keep))


def norm(reader: GraphReader, node: onnx.NodeProto) -> None:
    """The Euclidean norm: squares, their sum, its root."""
    name, source, shape = reader.name(node), reader.data(node), reader.shape(node)
    axes = reader.numbers(node, 1, "axes") or tuple(range(len(shape)))
    keep = bool(reader.attribute(node, "keepdims", 1))
    squares = reader.builder.add(Elementwise(f"{name}.squares", (source, source), Function.MULTIPLY))
    total = reader.builder.add(Reduce(f"{name}.sum", (squares,), Reduction.SUM, axes, keep))
    reader.emit(node, Elementwise(name, (total,), Function.SQUARE_ROOT))


def resize(reader: GraphReader, node: onnx.NodeProto) -> None:
    """An image at another size, given as such or as factors."""
    shape = reader.shape(node)
    if len(shape) != 4:
        raise reader.error(node, f"the input has shape {shape}; only images (N, C, H, W) are resized")
    size = _new_size(reader, node, shape)
    if size[:2] != shape[:2]:
        raise reader.error(node, f"{shape} is resized to {size}; only height and width may change")
    modes = {b"nearest": Interpolation.NEAREST, b"linear": Interpolation.BILINEAR, b"cubic": Interpolation.BICUBIC}
    mode = reader.attribute(node, "mode", b"nearest")
    if mode not in modes:
        raise reader.error(node, f"the mode is {mode.decode(errors='replace')!r}; legal are nearest, linear and cubic")
    reader.emit(node, Resize(reader.name(node), (reader.data(node),), (size[2], size[3]), modes[mode]))


def _new_size(reader: GraphReader, node: onnx.NodeProto, shape: tuple[int, ...]) -> tuple[int, ...]:
    if node.op_type == "Resize" and reader.has(node, 3):
        sizes = reader.numbers(node, 3, "") or ()
    else:
        array = reader.array(node, 1 if node.op_type == "Upsample" or len(node.input) == 2 else 2)
        given: tuple[float, ...] = reader.attribute(node, "scales", ())
        factors = given if array is None else tuple(array.reshape(-1).tolist())
        if not all(isinstance(factor, float) and 0 < factor < 2**31 for factor in factors):
            raise reader.error(node, f"the factors are {factors}; numbers above 0 are legal")
        sizes = tuple(math.floor(size * factor) for size, factor in zip(shape, factors, strict=False))
    if reader.attribute(node, "axes", ()) or len(sizes) != 4:
        raise reader.error(node, "the new size must be stored for all four axes; export with fixed sizes")
    return sizes


def constant(reader: GraphReader, node: onnx.NodeProto, shape: Shape, value: float, trained: bool) -> None:
    """A stored array that we wrote ourselves."""
    reader.emit(node, Constant(reader.name(node), (), shape, value, trained))
