"""Which ops only move or rename elements? Views, joins, parts, borders, stored arrays and rows of tables."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from coexplore.workloads._functions import Pooling
from coexplore.workloads._node import Op, broadcast
from coexplore.workloads.loops import Shape


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """Another view of the same elements; costs nothing. One entry may be -1."""

    shape: Shape

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """`shape`, with -1 replaced by what is left."""
        source = self._only(shapes, least_rank=0)
        total, known = math.prod(source), math.prod(size for size in self.shape if size != -1)
        free = sum(size == -1 for size in self.shape)
        if free > 1 or known < 1 or total % known or (free == 0 and total != known):
            raise self._error(f"cannot view {source} as {self.shape}")
        return tuple(total // known if size == -1 else size for size in self.shape)


@dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Reorder the axes; on an accelerator a pattern of addresses, so it costs nothing."""

    axes: tuple[int, ...]

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Sizes of the input in the order of `axes`."""
        source = self._only(shapes, least_rank=0)
        if sorted(self.axes) != list(range(len(source))):
            raise self._error(f"axes {self.axes} do not permute {source}")
        return tuple(source[axis] for axis in self.axes)


@dataclass(frozen=True, slots=True)
class Expand(Op):
    """Repeat axes of size 1, and put new ones in front: a pattern of addresses, so it costs nothing."""

    shape: Shape

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """`shape`."""
        source = self._only(shapes, least_rank=0)
        if len(source) > len(self.shape) or broadcast((source, self.shape)) != self.shape:
            raise self._error(f"cannot expand {source} to {self.shape}")
        return self.shape


@dataclass(frozen=True, slots=True)
class Slice(Op):
    """Every `step`-th entry of one axis from `start` up to, not including, `stop`: a view."""

    axis: int
    start: int
    stop: int
    step: int = 1

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """The input's, with the entries that are left on that axis."""
        source = self._only(shapes, least_rank=1)
        axis = self._axis(self.axis, source)
        if self.step < 1 or not 0 <= self.start < self.stop <= source[axis]:
            raise self._error(f"entries {self.start} to {self.stop} by {self.step} are not inside {source}")
        return (*source[:axis], len(range(self.start, self.stop, self.step)), *source[axis + 1 :])


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Join along one axis. Each producer writes to its part of the result, so joining costs nothing."""

    axis: int

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """The first input's, with the sizes on that axis added up."""
        if not shapes or not shapes[0]:
            raise self._error(f"needs inputs of rank 1 or more, got {shapes}")
        axis = self._axis(self.axis, shapes[0])
        rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if len(rest) > 1 or len({len(shape) for shape in shapes}) > 1:
            raise self._error(f"sizes off axis {axis} differ: {shapes}")
        return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


class Border(enum.Enum):
    """What a border is filled with."""

    CONSTANT = "constant"
    REFLECT = "reflect"
    EDGE = "edge"


@dataclass(frozen=True, slots=True)
class Pad(Op):
    """A border around the input, `before` and `after` each axis."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    border: Border = Border.CONSTANT
    value: float = 0.0

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Sizes with the border added."""
        source = self._only(shapes, least_rank=1)
        if not len(source) == len(self.before) == len(self.after) or min(*self.before, *self.after) < 0:
            raise self._error(f"borders {self.before} and {self.after} do not fit {source}; sizes from 0 up are legal")
        return tuple(sum(sizes) for sizes in zip(self.before, source, self.after, strict=True))


@dataclass(frozen=True, slots=True)
class Gather(Op):
    """Copy the entries of one axis of the first input that the second one names."""

    axis: int = 0

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """The first input's, with that axis replaced by the shape of the second."""
        if len(shapes) != 2 or not shapes[0]:
            raise self._error(f"needs data and indices, got {shapes}")
        axis = self._axis(self.axis, shapes[0])
        return (*shapes[0][:axis], *shapes[1], *shapes[0][axis + 1 :])


@dataclass(frozen=True, slots=True)
class Embedding(Op):
    """Rows of a trained table: indices of any shape become vectors of `width`."""

    rows: int
    width: int

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(*indices, width)."""
        indices = self._only(shapes, least_rank=0)
        if min(self.rows, self.width) < 1:
            raise self._error(f"the table has {self.rows} rows of {self.width}; each must be at least 1")
        return (*indices, self.width)

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """The table."""
        return {"weight": (self.rows, self.width)}


@dataclass(frozen=True, slots=True)
class EmbeddingBag(Op):
    """Rows of a trained table, reduced per bag: indices (bags, entries), or flat ones and where each bag starts."""

    rows: int
    width: int
    pooling: Pooling = Pooling.SUM

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(bags, width)."""
        flat = len(shapes) == 2 and len(shapes[0]) == len(shapes[1]) == 1
        if not flat and not (len(shapes) == 1 and len(shapes[0]) == 2):
            raise self._error(f"needs indices (bags, entries), or (entries,) and starts (bags,); got {shapes}")
        if min(self.rows, self.width) < 1:
            raise self._error(f"the table has {self.rows} rows of {self.width}; each must be at least 1")
        return (shapes[-1][0], self.width)

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """The table."""
        return {"weight": (self.rows, self.width)}


@dataclass(frozen=True, slots=True)
class Constant(Op):
    """A stored array that other ops read, such as a position embedding or the scale of attention. Reads nothing."""

    shape: Shape
    value: float = 0.0
    """Of every element; before training, where it is trained."""
    trained: bool = False

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """`shape`."""
        if shapes:
            raise self._error(f"reads nothing, but has {len(shapes)} inputs")
        return self.shape

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """The array."""
        return {"value": self.shape}

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """Its elements, when trained."""
        return math.prod(self.shape) if self.trained and not self.tied else 0
