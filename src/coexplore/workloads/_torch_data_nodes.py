"""How are the operators of torch read that only move or rename elements: views, joins, parts, borders, tables?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coexplore.workloads._torch_mac_nodes import argument
from coexplore.workloads._torch_reader import Stored, TorchReader
from coexplore.workloads.op import (
    Border,
    Concat,
    Elementwise,
    Embedding,
    EmbeddingBag,
    Function,
    Gather,
    Pad,
    Pooling,
    Shape,
)

if TYPE_CHECKING:
    from torch import fx


def nothing(reader: TorchReader, node: fx.Node) -> None:
    """The result is the first argument."""
    reader.alias(node, reader.data(node))


def view(reader: TorchReader, node: fx.Node) -> None:
    """The argument in the shape of the result."""
    shape = tuple(node.meta["val"].shape)
    reader.alias(node, reader.builder.reshape(reader.name(node), reader.data(node), shape))


def expand(reader: TorchReader, node: fx.Node) -> None:
    """The argument repeated to fill the shape of the result."""
    shape = tuple(node.meta["val"].shape)
    reader.alias(node, reader.builder.expand(reader.name(node), reader.data(node), shape))


def permute(reader: TorchReader, node: fx.Node) -> None:
    """Another order of the axes."""
    rank, kind = len(reader.shape(node.args[0])), str(node.target)
    axes = list(range(rank))
    if "permute" in kind:
        order: Any = node.args[1]
        axes = [int(axis) % rank for axis in order]
    elif rank > 1:
        one, other = (int(str(axis)) % rank for axis in (node.args[1:3] if "transpose" in kind else (0, 1)))
        axes[one], axes[other] = axes[other], axes[one]
    reader.alias(node, reader.builder.transpose(reader.name(node), reader.data(node), tuple(axes)))


def cat(reader: TorchReader, node: fx.Node) -> None:
    """A join along one axis."""
    parts: Any = node.args[0]
    inputs = tuple(reader.operand(node, part) for part in parts if reader.shape(part) != (0,))
    reader.emit(node, Concat(reader.name(node), inputs, int(argument(node, 1, "dim", 0))))


def slices(reader: TorchReader, node: fx.Node) -> None:
    """Entries of one axis."""
    source, shape = reader.operand(node, node.args[0]), reader.shape(node.args[0])
    axis = int(argument(node, 1, "dim", 0)) % len(shape)
    start, stop, step = (argument(node, 2, "start"), argument(node, 3, "end"), argument(node, 4, "step", 1))
    span = range(shape[axis])[slice(start, stop, step)]
    if not span:
        raise reader.error(node, f"takes no entry of axis {axis} of {shape}; leave it out")
    reader.alias(node, reader.builder.part(reader.name(node), source, axis, span))


def select(reader: TorchReader, node: fx.Node) -> None:
    """One entry of one axis, which disappears."""
    source, shape = reader.operand(node, node.args[0]), reader.shape(node.args[0])
    axis = int(str(node.args[1])) % len(shape)
    place = int(str(node.args[2])) % shape[axis]
    part = reader.builder.part(reader.name(node), source, axis, range(place, place + 1))
    reader.alias(node, reader.builder.reshape(f"{reader.name(node)}.view", part, (*shape[:axis], *shape[axis + 1 :])))


def split(reader: TorchReader, node: fx.Node) -> None:
    """Parts along one axis; those that nothing reads are left out."""
    shape = reader.shape(node.args[0])
    axis = int(argument(node, 2, "dim", 0)) % len(shape)
    results, start, parts = node.meta["val"], 0, []
    used = {user.args[1] for user in node.users}
    for index, result in enumerate(results):
        size = result.shape[axis]
        span = range(start, start + size)
        name = f"{reader.name(node)}.{index}"
        parts.append(reader.builder.part(name, reader.data(node), axis, span) if index in used else None)
        start += size
    reader.values[node] = tuple(parts)


def repeat(reader: TorchReader, node: fx.Node) -> None:
    """The argument repeated along its axes and new ones, as a view."""
    times: Any = node.args[1]
    shape, builder, name = reader.shape(node.args[0]), reader.builder, reader.name(node)
    full = (1,) * (len(times) - len(shape)) + shape
    split_shape = tuple(size for entry in full for size in (1, entry))
    large = tuple(size for count, entry in zip(times, full, strict=True) for size in (int(count), entry))
    wide = builder.expand(name, builder.reshape(f"{name}.split", reader.data(node), split_shape), large)
    reader.alias(node, builder.reshape(f"{name}.merged", wide, tuple(node.meta["val"].shape)))


def repeat_interleave(reader: TorchReader, node: fx.Node) -> None:
    """Every entry of one axis several times, as a view."""
    times, axis = node.args[1], argument(node, 2, "dim")
    shape, builder, name = reader.shape(node.args[0]), reader.builder, reader.name(node)
    if not isinstance(times, int) or not isinstance(axis, int):
        raise reader.error(node, "repeats each entry differently; only one number for all is supported")
    axis %= len(shape)
    thin = builder.reshape(f"{name}.split", reader.data(node), (*shape[: axis + 1], 1, *shape[axis + 1 :]))
    wide = builder.expand(name, thin, (*shape[: axis + 1], times, *shape[axis + 1 :]))
    reader.alias(node, builder.reshape(f"{name}.merged", wide, tuple(node.meta["val"].shape)))


def embedding(reader: TorchReader, node: fx.Node) -> None:
    """Rows of a stored table."""
    table = reader.stored(node, 0)
    indices = reader.operand(node, node.args[1])
    op = Embedding(reader.name(node), (indices,), rows=table.shape[0], width=table.shape[1])
    reader.emit(node, op, {"weight": table.key})


def bag(reader: TorchReader, node: fx.Node) -> None:
    """Rows of a stored table, reduced per bag; the first of several results."""
    table = reader.stored(node, 0)
    modes = (Pooling.SUM, Pooling.AVERAGE, Pooling.MAX)
    pooling = modes[int(argument(node, 4, "mode", 0))]
    entries, starts = reader.operand(node, node.args[1]), reader.value(node.args[2])
    each = _equal_bags(starts, reader.builder.shapes[entries])
    if each is None:
        inputs: tuple[str, ...] = (entries, reader.operand(node, node.args[2]))
    else:
        inputs = (reader.builder.reshape(f"{reader.name(node)}.bags", entries, each),)
    op = EmbeddingBag(reader.name(node), inputs, rows=table.shape[0], width=table.shape[1], pooling=pooling)
    reader.values[node] = (reader.builder.add(op, {"weight": table.key}),)


def _equal_bags(starts: object, entries: Shape) -> Shape | None:
    """(bags, entries) where all bags are known to hold as many entries."""
    if not isinstance(starts, Stored) or starts.value is None or len(entries) != 1:
        return None
    bags = starts.shape[0]
    size = entries[0] // bags
    return (bags, size) if starts.value.tolist() == list(range(0, entries[0], size or 1)) else None


def index(reader: TorchReader, node: fx.Node) -> None:
    """Entries of one axis that a tensor names."""
    places: Any = node.args[1]
    used = [axis for axis, entry in enumerate(places) if entry is not None]
    if len(used) != 1:
        raise reader.error(node, "takes entries of several axes at once; only one axis is supported")
    inputs = (reader.operand(node, node.args[0]), reader.operand(node, places[used[0]]))
    reader.emit(node, Gather(reader.name(node), inputs, used[0]))


def index_select(reader: TorchReader, node: fx.Node) -> None:
    """Entries of one axis that a tensor names."""
    inputs = (reader.operand(node, node.args[0]), reader.operand(node, node.args[2]))
    reader.emit(node, Gather(reader.name(node), inputs, int(str(node.args[1]))))


def pad(reader: TorchReader, node: fx.Node) -> None:
    """A border of one value; a negative one cuts."""
    _padded(reader, node, Border.CONSTANT, float(argument(node, 2, "value", 0.0)))


def mirror_pad(reader: TorchReader, node: fx.Node) -> None:
    """A border of what lies inside it."""
    _padded(reader, node, Border.REFLECT if "reflection" in str(node.target) else Border.EDGE, 0.0)


def _padded(reader: TorchReader, node: fx.Node, border: Border, value: float) -> None:
    pads: Any = node.args[1]
    source, shape, name = reader.data(node), reader.shape(node.args[0]), reader.name(node)
    before, after = [0] * len(shape), [0] * len(shape)
    for place in range(len(pads) // 2):
        axis, (first, last) = len(shape) - 1 - place, (int(pads[2 * place]), int(pads[2 * place + 1]))
        span = range(max(-first, 0), shape[axis] + min(last, 0))
        source = reader.builder.part(f"{name}.part", source, axis, span)
        before[axis], after[axis] = max(first, 0), max(last, 0)
    if any((*before, *after)):
        source = reader.builder.add(Pad(name, (source,), tuple(before), tuple(after), border, value))
    reader.alias(node, source)


def pixel_shuffle(reader: TorchReader, node: fx.Node) -> None:
    """Channels become the pixels of a larger image, by views."""
    n, c, h, w = reader.shape(node.args[0])
    block = int(str(node.args[1]))
    inner = c // block**2
    _shuffled(reader, node, (n, inner, block, block, h, w), (0, 1, 4, 2, 5, 3))


def pixel_unshuffle(reader: TorchReader, node: fx.Node) -> None:
    """Pixels become the channels of a smaller image, by views."""
    n, c, h, w = reader.shape(node.args[0])
    block = int(str(node.args[1]))
    _shuffled(reader, node, (n, c, h // block, block, w // block, block), (0, 1, 3, 5, 2, 4))


def _shuffled(reader: TorchReader, node: fx.Node, split_shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    name, builder = reader.name(node), reader.builder
    parts = builder.reshape(f"{name}.split", reader.data(node), split_shape)
    turned = builder.transpose(f"{name}.turned", parts, axes)
    reader.alias(node, builder.reshape(name, turned, tuple(node.meta["val"].shape)))


def prelu(reader: TorchReader, node: fx.Node) -> None:
    """A slope per channel for what is negative."""
    slope, shape, name = reader.stored(node, 1), reader.shape(node.args[0]), reader.name(node)
    stored = reader.operand(node, node.args[1])
    sizes = (slope.shape[0], *(1,) * max(len(shape) - 2, 0))
    reader.emit(
        node,
        Elementwise(name, (reader.data(node), reader.builder.reshape(f"{name}.slope", stored, sizes)), Function.PRELU),
    )
