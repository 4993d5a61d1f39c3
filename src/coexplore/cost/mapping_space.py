"""Which mappings has an op on an accelerator? An ordinary space of tilings and loop orders, drawn without rejection.

One decision per loop dimension, whose values are all its factorisations over the slots of the accelerator; and one per
memory level with loops, whose values are the orders of these loops. Slots are the levels at which a mapper places loops
(`coexplore.cost.nest.side_by_side`) and the axes of more than one instance, outermost first.

Capacities and sizes of axes tie the decisions together, so not every point fits. `sample` draws points that do: from
the multipliers outwards it chooses, slot by slot, among the factors that still fit everywhere. Every mapping that fits
may come out, and no draw is thrown away. Tiles that might change under a double buffer count twice, so with double
buffers a few mappings that fit are never drawn.

References:
    Shi2020: Z. Shi et al., Learned hardware/software co-design of neural accelerators, arXiv 2010.02075: blocking
        factors S1 to S6, loop orders S7 to S9.

Departures: orders include loops of one iteration, so different points may mean one mapping.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from coexplore.accelerators.accelerator import DIMS, Accelerator, Dim
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.mapping_features import Reals, features_of
from coexplore.cost.nest import side_by_side
from coexplore.cost.tile_room import Room, Sizes, room_of
from coexplore.spaces.decision import Decision
from coexplore.spaces.factors import count_products, divisors, products, read, written
from coexplore.spaces.space import Point, Space
from coexplore.workloads.op import Loops

ORDER = "order."
"""Prefix of the loop orders."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for factors: the temporal loops of a level, or an axis of its fan-out."""

    level: int
    axis: str | None = None
    size: int = 0
    """Of the axis."""
    dims: tuple[Dim, ...] = DIMS
    """Dimensions that may have a factor there."""


def slots_of(accelerator: Accelerator) -> tuple[Slot, ...]:
    """The slots of an accelerator, outermost first."""
    temporal = set(side_by_side(accelerator.levels))
    found: list[Slot] = []
    for number, level in enumerate(accelerator.levels):
        if number in temporal:
            found.append(Slot(number))
        found += [Slot(number, axis.name, axis.size, axis.dims) for axis in level.fanout if axis.size > 1]
    return tuple(found)


def count_factorisations(loops: Loops, slots: int) -> int:
    """How many ways there are to split all dimensions of an op over some slots that take every dimension."""
    return math.prod(count_products(int(getattr(loops, dim.value)), slots) for dim in DIMS)


@dataclass(frozen=True)
class MappingSpace(Space):
    """The mappings of one op on one accelerator; made by `mapping_space`."""

    loops: Loops = field(default_factory=Loops)
    accelerator: Accelerator | None = None
    whole: tuple[Dim, ...] = ()
    """Dimensions that are kept whole in the innermost level."""
    shared_axes: bool = False
    """Whether an axis may unroll several dimensions; the engine's own mapper gives each axis to two at most."""

    @cached_property
    def _chip(self) -> Accelerator:
        assert self.accelerator is not None
        return self.accelerator

    @cached_property
    def _slots(self) -> tuple[Slot, ...]:
        return slots_of(self._chip)

    @cached_property
    def _dims(self) -> tuple[Dim, ...]:
        return tuple(dim for dim in DIMS if dim.value in self.names)

    @cached_property
    def _places(self) -> dict[Dim, tuple[int, ...]]:
        return {dim: _places(dim, self._slots, self.whole) for dim in self._dims}

    @cached_property
    def room(self) -> Room:
        """What the levels hold."""
        return room_of(self.loops, self._chip)

    @cached_property
    def obstacle(self) -> str:
        """Why no mapping fits, naming the level that is too small; empty where some do."""
        smallest = {dim: int(getattr(self.loops, dim.value)) for dim in self.whole}
        return self.room.complaint(smallest)

    def decode(self, point: Point) -> Mapping:
        """The mapping of a point. It covers the op; whether it fits the array and the levels is for `why_not`."""
        factors = self._factors(point)
        temporal: dict[int, tuple[Loop, ...]] = {}
        spatial: dict[int, tuple[SpatialLoop, ...]] = {}
        for position, slot in enumerate(self._slots):
            here = {dim: factors[dim][position] for dim in self._dims if factors[dim][position] > 1}
            if slot.axis is None:
                order = str(point.get(f"{ORDER}{self._chip.levels[slot.level].name}", ""))
                temporal[slot.level] = tuple(Loop(Dim(name), here[Dim(name)]) for name in order if Dim(name) in here)
            else:
                unrolled = tuple(SpatialLoop(slot.axis, dim, factor) for dim, factor in here.items())
                spatial[slot.level] = spatial.get(slot.level, ()) + unrolled
        numbers = range(len(self._chip.levels))
        return Mapping(tuple(LevelMapping(temporal.get(n, ()), spatial.get(n, ())) for n in numbers))

    def why_not(self, point: Point) -> str:
        """Which axis or level the mapping of a point overflows, in words; empty where it fits."""
        factors = self._factors(point)
        inside: dict[Dim, int] = dict.fromkeys(self._dims, 1)
        for position in reversed(range(len(self._slots))):
            slot = self._slots[position]
            here = {dim: factors[dim][position] for dim in self._dims}
            used = math.prod(here.values())
            if slot.axis is not None:
                unrolled = [dim.value for dim, factor in here.items() if factor > 1]
                if used > slot.size:
                    return f"axis {slot.axis!r} has {slot.size} instances, the mapping unrolls {used}"
                if len(unrolled) > 1 and not self.shared_axes:
                    return f"axis {slot.axis!r} unrolls one dimension, the mapping {' and '.join(unrolled)}"
            inside = {dim: inside[dim] * here[dim] for dim in self._dims}
            complaint = self.room.complaint(inside, slot.level)
            if complaint:
                return complaint
        return ""

    def sample(self, rng: np.random.Generator, n: int) -> list[Point]:
        """`n` points whose mappings fit, with repetition; points of the space as such where no mapping fits."""
        if self.obstacle:
            return super().sample(rng, n)
        return [self._draw(rng) for _ in range(n)]

    def _draw(self, rng: np.random.Generator) -> Point:
        chosen: dict[Dim, list[int]] = {dim: [1] * len(self._slots) for dim in self._dims}
        left: dict[Dim, int] = {dim: int(getattr(self.loops, dim.value)) for dim in self._dims}
        inside = dict.fromkeys(self._dims, 1)
        for dim in self._dims:
            if dim in self.whole:
                chosen[dim][_innermost(self._slots)] = inside[dim] = left[dim]
                left[dim] = 1
        for position in reversed(range(1, len(self._slots))):
            self._fill(position, chosen, left, inside, rng)
        for dim in self._dims:
            chosen[dim][0] *= left[dim]
        values: dict[str, str] = {dim.value: written(self._packed(dim, chosen[dim])) for dim in self._dims}
        for decision in self.decisions[len(self._dims) :]:
            values[decision.name] = str(decision.values[int(rng.integers(len(decision.values)))])
        return Point(tuple(values.items()))

    def _fill(
        self, position: int, chosen: dict[Dim, list[int]], left: dict[Dim, int], inside: Sizes, rng: np.random.Generator
    ) -> None:
        """Choose the factors of one slot, dimension after dimension, each among those that fit."""
        slot = self._slots[position]
        free = slot.size
        open_dims = [dim for dim in self._dims if dim in slot.dims and dim not in self.whole and left[dim] > 1]
        drawn = rng.permutation(len(open_dims))
        alone = slot.axis is not None and not self.shared_axes
        for index in drawn[:1] if alone else drawn:
            dim = open_dims[index]
            options = divisors(left[dim])
            if slot.axis is not None:
                options = tuple(factor for factor in options if factor <= free)
            fitting = self.room.fitting(inside, dim, options, slot.level)
            factor = options[int(rng.integers(fitting))]
            chosen[dim][position] = factor
            left[dim] //= factor
            inside[dim] *= factor
            free //= factor

    def point_of(self, mapping: Mapping) -> Point | None:
        """The point that means a mapping; None where it has factors, places or orders that this space has not."""
        values: dict[str, str] = {}
        for dim in self._dims:
            factors = []
            for slot in self._slots:
                level = mapping.levels[slot.level]
                spatial = [loop.factor for loop in level.spatial if loop.dim is dim and loop.axis == slot.axis]
                temporal = [loop.factor for loop in level.temporal if loop.dim is dim]
                factors.append(math.prod(temporal if slot.axis is None else spatial))
            values[dim.value] = written(self._packed(dim, factors))
        for slot in self._slots:
            name = f"{ORDER}{self._chip.levels[slot.level].name}"
            if slot.axis is None and name in self.names:
                there = [loop.dim for loop in mapping.levels[slot.level].temporal if loop.factor > 1]
                order = dict.fromkeys((*there, *self._dims))
                values[name] = "".join(dim.value for dim in order)
        point = Point(tuple(values.items()))
        same = point in self and all(self.decode(point).factors(dim) == mapping.factors(dim) for dim in DIMS)
        return point if same else None

    def features(self, points: Sequence[Point]) -> Reals:
        """(n, f) Use of buffers and axes, and iterations by level and operand (`coexplore.cost.mapping_features`)."""
        return features_of(self.loops, self._chip, [self.decode(point) for point in points], self.room)

    def _factors(self, point: Table[str, object]) -> dict[Dim, list[int]]:
        """Factors by dimension, one per slot."""
        found = {}
        for dim, places in self._places.items():
            factors = [1] * len(self._slots)
            for place, factor in zip(places, read(str(point[dim.value])), strict=True):
                factors[place] = factor
            found[dim] = factors
        return found

    def _packed(self, dim: Dim, factors: Sequence[int]) -> tuple[int, ...]:
        return tuple(factors[place] for place in self._places[dim])


def mapping_space(
    loops: Loops, accelerator: Accelerator, whole: tuple[Dim, ...] = (), shared_axes: bool = False
) -> MappingSpace:
    """The mappings of an op on an accelerator.

    Args:
        loops: the op.
        accelerator: the hardware.
        whole: dimensions that the innermost level keeps whole, such as the filter rows of a row-stationary array.
        shared_axes: whether an axis may unroll several dimensions.

    Raises:
        SpaceError: a dimension has too many factorisations to list.
    """
    slots = slots_of(accelerator)
    dims = tuple(dim for dim in DIMS if getattr(loops, dim.value) > 1)
    names = [accelerator.levels[slot.level].name for slot in slots if slot.axis is None]
    sizes = tuple((dim, int(getattr(loops, dim.value)), len(_places(dim, slots, whole))) for dim in dims)
    return MappingSpace(_decisions(sizes, tuple(names)), loops, accelerator, whole, shared_axes)


@lru_cache(maxsize=1024)
def _decisions(sizes: tuple[tuple[Dim, int, int], ...], levels: tuple[str, ...]) -> tuple[Decision, ...]:
    """Tables of factorisations, then loop orders; the same for all accelerators of one structure."""
    tiles = [Decision(dim.value, tuple(map(written, products(size, slots)))) for dim, size, slots in sizes]
    letters = [dim.value for dim, _, _ in sizes]
    if len(letters) < 2:
        return tuple(tiles)
    orders = tuple("".join(order) for order in itertools.permutations(letters))
    return (*tiles, *(Decision(f"{ORDER}{name}", orders) for name in levels))


def _places(dim: Dim, slots: Sequence[Slot], whole: tuple[Dim, ...]) -> tuple[int, ...]:
    """Slots at which a dimension may have a factor: only the innermost level where it is kept whole."""
    if dim in whole:
        return (_innermost(slots),)
    return tuple(position for position, slot in enumerate(slots) if dim in slot.dims)


def _innermost(slots: Sequence[Slot]) -> int:
    """The innermost level with temporal loops."""
    return max(position for position, slot in enumerate(slots) if slot.axis is None)
