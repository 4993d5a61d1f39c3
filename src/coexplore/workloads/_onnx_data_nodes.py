"""How are the ONNX nodes read that only move or rename elements: views, joins, parts, borders, rows of tables?"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from coexplore.workloads._onnx_format import CONSTANT_KEY
from coexplore.workloads._onnx_reader import GraphReader, node_metadata
from coexplore.workloads._onnx_vector_nodes import constant
from coexplore.workloads.op import Border, Concat, Embedding, Gather, Pad, Reshape, Shape, Transpose

if TYPE_CHECKING:
    import onnx


def nothing(reader: GraphReader, node: onnx.NodeProto) -> None:
    """The output is the input."""
    reader.alias(node, reader.data(node))


def own_constant(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A constant that we wrote ourselves, with what it was before training."""
    text = node_metadata(node, CONSTANT_KEY)
    try:
        value, trained = json.loads(text)
        number = float(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise reader.error(
            node, f"metadata {CONSTANT_KEY!r} is {text!r}; a number and true or false are legal"
        ) from error
    array = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
    if array is None:
        raise reader.error(node, "a constant of ours without a value is damaged; export it again")
    constant(reader, node, tuple(array.dims), number, bool(trained))


def reshape(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A view of a given shape, 0 for a size that stays."""
    written = reader.numbers(node, 1, "shape") or ()
    source = reader.shape(node)
    if not reader.attribute(node, "allowzero", 0) and any(size == 0 for size in written[len(source) :]):
        raise reader.error(node, f"the shape {written} copies a size that {source} does not have")
    shape = tuple(source[axis] if size == 0 else size for axis, size in enumerate(written))
    reader.emit(node, Reshape(reader.name(node), (reader.data(node),), shape))


def flatten(reader: GraphReader, node: onnx.NodeProto) -> None:
    """All axes before one in the first, the others in the second."""
    shape = reader.shape(node)
    axis = _axis(reader, node, "axis", 1, len(shape) + 1)
    view(reader, node, (math.prod(shape[:axis]), math.prod(shape[axis:])))


def squeeze(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Without axes of size 1."""
    shape, axes = reader.shape(node), reader.numbers(node, 1, "axes")
    gone = {axis % max(len(shape), 1) for axis in axes} if axes else {i for i, size in enumerate(shape) if size == 1}
    view(reader, node, tuple(size for axis, size in enumerate(shape) if axis not in gone))


def unsqueeze(reader: GraphReader, node: onnx.NodeProto) -> None:
    """With new axes of size 1."""
    shape, axes = list(reader.shape(node)), reader.numbers(node, 1, "axes") or ()
    rank = len(shape) + len(axes)
    if not all(-rank <= axis < rank for axis in axes):
        raise reader.error(node, f"axes {axes} do not fit an input of {tuple(shape)}")
    for axis in sorted(axis % rank for axis in axes):
        shape.insert(axis, 1)
    view(reader, node, tuple(shape))


def view(reader: GraphReader, node: onnx.NodeProto, shape: Shape) -> None:
    """The input in another shape."""
    reader.emit(node, Reshape(reader.name(node), (reader.data(node),), shape))


def transpose(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Another order of the axes, the reverse where none is given."""
    source = reader.data(node)
    axes = reader.attribute(node, "perm", tuple(range(len(reader.shape(node))))[::-1])
    reader.emit(node, Transpose(reader.name(node), (source,), axes))


def expand(reader: GraphReader, node: onnx.NodeProto) -> None:
    """The input repeated to fill a shape."""
    shape = reader.numbers(node, 1, "shape") or ()
    reader.alias(node, reader.builder.expand(reader.name(node), reader.data(node), shape))


def tile(reader: GraphReader, node: onnx.NodeProto) -> None:
    """The input repeated along its axes, as a view."""
    shape, repeats, builder, name = reader.shape(node), reader.numbers(node, 1, ""), reader.builder, reader.name(node)
    if repeats is None or len(repeats) != len(shape) or min(repeats, default=1) < 1:
        raise reader.error(node, f"the repeats are {repeats}; one from 1 up is needed for each axis of {shape}")
    split = builder.reshape(f"{name}.split", reader.data(node), tuple(n for size in shape for n in (1, size)))
    full = builder.expand(name, split, tuple(n for pair in zip(repeats, shape, strict=True) for n in pair))
    merged = tuple(size * times for size, times in zip(shape, repeats, strict=True))
    reader.alias(node, builder.reshape(f"{name}.merged", full, merged))


def concat(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A join along one axis."""
    inputs = tuple(reader.operand(node, index) for index in range(len(node.input)))
    reader.emit(node, Concat(reader.name(node), inputs, reader.attribute(node, "axis", 0)))


def split(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Parts along one axis, each a view."""
    shape = reader.shape(node)
    axis = _axis(reader, node, "axis", 0, len(shape))
    parts = len(node.output)
    even = -(-shape[axis] // parts)
    sizes = reader.numbers(node, 1, "split") or tuple(min(even, shape[axis] - even * i) for i in range(parts))
    if len(sizes) != parts or sum(sizes) != shape[axis] or min(sizes) < 1:
        raise reader.error(node, f"axis {axis} of {shape} is split into {sizes}; sizes from 1 up that add up are legal")
    start = 0
    for output, size in enumerate(sizes):
        if reader.wanted(node.output[output]):
            name = reader.name(node) if parts == 1 else f"{reader.name(node)}.{output}"
            part = reader.builder.part(name, reader.data(node), axis, range(start, start + size))
            reader.alias(node, part, output)
        start += size


def slices(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A part of some axes, each a view."""
    shape, source = reader.shape(node), reader.data(node)
    starts, stops = reader.numbers(node, 1, "starts") or (), reader.numbers(node, 2, "ends") or ()
    axes = reader.numbers(node, 3, "axes") or tuple(range(len(starts)))
    steps = reader.numbers(node, 4, "") or (1,) * len(starts)
    fits = len(starts) == len(stops) == len(axes) == len(steps) and all(-len(shape) <= a < len(shape) for a in axes)
    if not fits or 0 in steps:
        raise reader.error(node, f"starts {starts}, ends {stops}, axes {axes} and steps {steps} do not fit {shape}")
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        axis, span = axis % len(shape), range(shape[axis])[start:stop:step]
        if not span:
            raise reader.error(node, f"entries {start} to {stop} on axis {axis} of {shape} are none; leave it out")
        source = reader.builder.part(reader.name(node), source, axis, span)
    reader.alias(node, source)


def gather(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Rows of a stored table, one known entry of an axis (a view), or any entries (a copy)."""
    if reader.is_stored(node, 0):
        _embedding(reader, node)
        return
    shape, indices = reader.shape(node), reader.array(node, 1)
    axis = _axis(reader, node, "axis", 0, len(shape))
    if indices is not None and indices.dtype.kind in "iu" and indices.size:
        span = _span(indices.reshape(-1).astype(np.int64) % shape[axis])
        if span is not None:
            name = reader.name(node)
            part = reader.builder.part(name, reader.data(node), axis, span)
            new = (*shape[:axis], *indices.shape, *shape[axis + 1 :])
            reader.alias(node, reader.builder.reshape(f"{name}.view", part, new))
            return
    inputs = (reader.data(node), reader.operand(node, 1))
    reader.emit(node, Gather(reader.name(node), inputs, axis))


def _span(indices: npt.NDArray[np.int64]) -> range | None:
    """The evenly rising entries that some indices are, None where they are not."""
    step = int(indices[1] - indices[0]) if indices.size > 1 else 1
    if step < 1 or (np.diff(indices) != step).any():
        return None
    return range(int(indices[0]), int(indices[-1]) + 1, step)


def _embedding(reader: GraphReader, node: onnx.NodeProto) -> None:
    table = reader.stored_shape(node, 0)
    axis = reader.attribute(node, "axis", 0)
    indices = reader.operand(node, 1)
    if len(table) == 2 and axis in (0, -2):
        op = Embedding(reader.name(node), (indices,), rows=table[0], width=table[1])
        reader.emit(node, op, {"weight": reader.table(node, 0, table)})
        return
    reader.emit(node, Gather(reader.name(node), (reader.operand(node, 0), indices), axis))


def pad(reader: GraphReader, node: onnx.NodeProto) -> None:
    """A border; a negative one cuts."""
    shape, source, name = reader.shape(node), reader.data(node), reader.name(node)
    axes = reader.numbers(node, 3, "") or tuple(range(len(shape)))
    pads = reader.numbers(node, 1, "pads") or ()
    borders = {b"constant": Border.CONSTANT, b"reflect": Border.REFLECT, b"edge": Border.EDGE}
    mode = reader.attribute(node, "mode", b"constant")
    if len(pads) != 2 * len(axes) or mode not in borders or not all(-len(shape) <= a < len(shape) for a in axes):
        raise reader.error(node, f"pads {pads} of axes {axes} by {mode!r} do not fit an input of {shape}")
    filling = reader.array(node, 2)
    value = reader.attribute(node, "value", 0.0) if filling is None else float(filling.reshape(-1)[0])
    before, after = [0] * len(shape), [0] * len(shape)
    for position, axis in enumerate(axes):
        first, last = pads[position], pads[len(axes) + position]
        span = range(max(-first, 0), shape[axis] + min(last, 0))
        if not span:
            raise reader.error(node, f"pads {pads} leave nothing of {shape}")
        source = reader.builder.part(f"{name}.part", source, axis % len(shape), span)
        before[axis], after[axis] = max(first, 0), max(last, 0)
    if any((*before, *after)):
        source = reader.builder.add(Pad(name, (source,), tuple(before), tuple(after), borders[mode], value))
    reader.alias(node, source)


def depth_to_space(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Channels become the pixels of a larger image, by views."""
    n, c, h, w, block = *_image(reader, node), reader.attribute(node, "blocksize", 1)
    if block < 1 or c % block**2:
        raise reader.error(node, f"{c} channels do not divide into blocks of {block} x {block}")
    columns_first = reader.attribute(node, "mode", b"DCR") == b"CRD"
    inner = c // block**2
    split_shape = (n, inner, block, block, h, w) if columns_first else (n, block, block, inner, h, w)
    axes = (0, 1, 4, 2, 5, 3) if columns_first else (0, 3, 4, 1, 5, 2)
    _shuffled(reader, node, split_shape, axes, (n, inner, h * block, w * block))


def space_to_depth(reader: GraphReader, node: onnx.NodeProto) -> None:
    """Pixels become the channels of a smaller image, by views."""
    n, c, h, w, block = *_image(reader, node), reader.attribute(node, "blocksize", 1)
    if block < 1 or h % block or w % block:
        raise reader.error(node, f"an image of {h} x {w} does not divide into blocks of {block} x {block}")
    split_shape = (n, c, h // block, block, w // block, block)
    _shuffled(reader, node, split_shape, (0, 3, 5, 1, 2, 4), (n, c * block**2, h // block, w // block))


def _image(reader: GraphReader, node: onnx.NodeProto) -> tuple[int, int, int, int]:
    shape = reader.shape(node)
    if len(shape) != 4:
        raise reader.error(node, f"the input has shape {shape}; an image (N, C, H, W) is needed")
    n, c, h, w = shape
    return n, c, h, w


def _shuffled(reader: GraphReader, node: onnx.NodeProto, split_shape: Shape, axes: tuple[int, ...], out: Shape) -> None:
    name, builder = reader.name(node), reader.builder
    parts = builder.reshape(f"{name}.split", reader.data(node), split_shape)
    reader.alias(node, builder.reshape(name, builder.transpose(f"{name}.turned", parts, axes), out))


def _axis(reader: GraphReader, node: onnx.NodeProto, name: str, default: int, rank: int) -> int:
    axis = reader.attribute(node, name, default)
    if not -rank <= axis < rank:
        raise reader.error(node, f"the axis is {axis}; legal are {-rank} to {rank - 1}")
    return axis % rank
