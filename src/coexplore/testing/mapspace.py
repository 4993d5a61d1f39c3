"""Which mappings does the declared mapspace hold, one by one? The slow twin of the mapper, in plain Python.

Written from the words of `coexplore.cost.mapper`; what a mapping costs is for `replay` to say. Of the kernels it shares
the tables of fill orders and loop orders alone. Operands live in main memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coexplore.accelerators.accelerator import DIMS, OPERANDS, Accelerator, MemoryLevel, Operand, SpatialAxis
from coexplore.cost._tiles import FILLS, ORDERS, TURNS
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.nest import side_by_side
from coexplore.workloads.op import Loops

N, G, K, C, P, Q, R, S = range(8)
RELEVANT = {
    Operand.WEIGHT: {G, K, C, R, S},
    Operand.INPUT: {N, G, C, P, Q, R, S},
    Operand.OUTPUT: {N, G, K, P, Q},
}
Vector = tuple[int, ...]
ONES = (1,) * 8


@dataclass(frozen=True, slots=True)
class Unrolling:
    """What the axes of an accelerator do, in the order of a search."""

    axes: tuple[tuple[tuple[int, int], ...], ...]
    """Per axis the dimensions it unrolls, and by how many instances."""
    left: Vector
    """Steps left of every dimension."""


class Mapspace:
    """The mapspace of an op on an accelerator."""

    def __init__(self, loops: Loops, accelerator: Accelerator) -> None:
        """Look at both."""
        self.loops, self.levels = loops, accelerator.levels
        self.sizes: Vector = tuple(int(getattr(loops, dim.value)) for dim in DIMS)
        self.window = loops.R > 1 or loops.S > 1
        self.slots = side_by_side(accelerator.levels)
        self.axes = [(n, axis) for n, level in enumerate(accelerator.levels) for axis in in_order(level)]
        self.slot_of = [next(s for s, last in enumerate(self.slots) if last >= n) for n in range(len(self.levels))]

    def unrollings(self, limit: int) -> list[Unrolling]:
        """Those of fewest cycles, decided from the innermost axis outwards."""
        found = [Unrolling((), self.sizes)]
        for a in range(len(self.axes) - 1, -1, -1):
            options = [option for one in found for option in self._options(a, one)]
            found = sorted(options, key=lambda option: math.prod(option.left))[:limit]
        return found

    def _options(self, a: int, one: Unrolling) -> list[Unrolling]:
        """One dimension, two, or none."""
        axis = self.axes[a][1]
        used: list[tuple[tuple[int, int], ...]] = []
        for d in range(8):
            if DIMS[d] not in axis.dims or self._is_out_of_turn(a, d, one):
                continue
            left, most = one.left[d], fewest(one.left[d], axis.size)
            for first in [n for n in range(axis.size, 1, -1) if n == most or (n < most and left % n == 0)]:
                if 2 * first >= most:
                    used.append(((d, first),))
                for e in range(8):
                    second = fewest(one.left[e], axis.size // first)
                    if DIMS[e] in axis.dims and e != d and left % first == 0 and second > 1:
                        swapped = ((e, second), (d, first))
                        if one.left[e] % second or swapped not in used:
                            used.append(((d, first), (e, second)))
        return [self._after(one, option) for option in [*used, ()]]

    def _after(self, one: Unrolling, option: tuple[tuple[int, int], ...]) -> Unrolling:
        left = list(one.left)
        for d, use in option:
            left[d] = -(-left[d] // use)
        return Unrolling((option, *one.axes), tuple(left))

    def _is_out_of_turn(self, a: int, d: int, one: Unrolling) -> bool:
        """Axes that are the same in all respects take dimensions in one order only: swapping them changes nothing."""
        if a + 1 == len(self.axes) or self.axes[a][0] != self.axes[a + 1][0]:
            return False
        axis, inward = self.axes[a][1], self.axes[a + 1][1]
        taken = one.axes[0]
        return (kind_of(axis), axis.size) == (kind_of(inward), inward.size) and d > (taken[0][0] if taken else -1)

    def mappings(self, limit: int) -> Iterator[Mapping]:
        """All candidates."""
        for one in self.unrollings(limit):
            yield from Tilings(self, one).mappings()

    def untiled(self, limit: int) -> Mapping:
        """The last candidate, if it fits."""
        return untiled(self.sizes, Tilings(self, self.unrollings(limit)[0]).spatial())

    def bits(self, level: int, operand: Operand) -> int:
        """Of one element in a level, in whole words; sums are wide."""
        bits, word = self.loops.bits, self.levels[level].word_bits
        width = {Operand.WEIGHT: bits.weight, Operand.INPUT: bits.input, Operand.OUTPUT: bits.accumulator}[operand]
        return -(-width // word) * word

    def elements(self, operand: Operand, extent: Vector) -> int:
        """Of a tile."""
        if operand is not Operand.INPUT:
            return math.prod(extent[d] for d in RELEVANT[operand])
        (across, down), (wide, high) = self.loops.stride, self.loops.dilation
        rows = across * (extent[P] - 1) + wide * (extent[R] - 1) + 1
        columns = down * (extent[Q] - 1) + high * (extent[S] - 1) + 1
        return extent[N] * extent[G] * extent[C] * rows * columns

    def fits(self, slot: int, extent: Vector, twice: bool) -> bool:
        """Whether a tile fits all levels of a slot; `twice` counts what may change twice under a double buffer."""
        clipped = tuple(map(min, extent, self.sizes))
        for n, level in enumerate(self.levels):
            if self.slot_of[n] != slot or level.capacity_bytes is None:
                continue
            need = 0
            for operand in level.keeps:
                changes = any(clipped[d] < self.sizes[d] for d in RELEVANT[operand])
                copies = 2 if twice and level.double_buffered and changes else 1
                need += copies * self.elements(operand, clipped) * self.bits(n, operand)
            if need > 8 * level.capacity_bytes:
                return False
        return True


class Tilings:
    """The tiles and loop orders of one unrolling."""

    def __init__(self, space: Mapspace, unrolling: Unrolling) -> None:
        """Find out what is left to tile."""
        self.space, self.unrolling = space, unrolling
        whole = []
        for d, left in enumerate(unrolling.left):
            whole.append(left if space.window and d >= P else smooth(left))
        self.whole = tuple(whole)
        slots = len(space.slots)
        axes = list(zip(space.axes, unrolling.axes, strict=True))
        self.at_slot = [
            [entry for (level, _), option in axes if space.slot_of[level] == s for entry in option]
            for s in range(slots)
        ]
        self.inner = [
            tuple(math.prod(use for later in self.at_slot[s:] for pick, use in later if pick == d) for d in range(8))
            for s in range(slots)
        ]

    def mappings(self) -> Iterator[Mapping]:
        """All candidates."""
        listed = [list(self._tiles(s)) for s in range(1, len(self.space.slots))]
        yield from self._nested(listed, (self.whole,), ())

    def _tiles(self, slot: int) -> Iterator[Vector]:
        """Tiles on all paths, in steps."""
        seen = set()
        for fill, turns in zip(FILLS.tolist(), TURNS.tolist(), strict=True):
            for tile in self._path(fill, *turns):
                extent = tuple(t * i for t, i in zip(tile, self.inner[slot], strict=True))
                if not self.space.fits(slot, extent, twice=False):
                    break
                if tile not in seen:
                    seen.add(tile)
                    yield tile

    def _path(self, fill: list[int], begin: int, middle: int, end: int) -> Iterator[Vector]:
        tile = list(ONES)
        parts = [[d] for d in fill[:begin]] + [fill[begin:end]] * (begin < 8) + [[d] for d in fill[end:]]
        yield ONES
        for part in parts:
            while any(tile[d] < self.whole[d] for d in part):
                one, other = part[: middle - begin] or part, part[middle - begin :]
                sizes = [math.prod(tile[d] for d in side) for side in (one, other)]
                first = one if len(part) == 1 or sizes[0] <= sizes[1] else other
                second = other if first is one else one
                d = next(d for d in (*first, *second) if tile[d] < self.whole[d])
                tile[d] = next(n for n in range(2 * tile[d], self.whole[d] + 1) if self.whole[d] % n == 0)
                yield tuple(tile)

    def _nested(self, listed: list[list[Vector]], steps: tuple[Vector, ...], orders: Vector) -> Iterator[Mapping]:
        slot = len(steps)
        if slot > len(listed):
            yield self._mapping((*steps, ONES), (*orders, 0))
            return
        for tile in listed[slot - 1]:
            if any(outer % own for outer, own in zip(steps[-1], tile, strict=True)):
                continue
            extent = tuple(t * i for t, i in zip(tile, self.inner[slot], strict=True))
            deeper = (*steps, tile)
            if self.space.fits(slot, extent, twice=True):
                chosen = (*orders, self._order(slot, extent, deeper))
                if not self._is_open(slot, deeper, chosen):
                    yield from self._nested(listed, deeper, chosen)

    def _order(self, slot: int, extent: Vector, steps: tuple[Vector, ...]) -> int:
        """The order of the loops outside a slot that moves the fewest bits into it."""
        factors = _factors(steps[-2], steps[-1])
        moved = []
        for order in ORDERS.tolist():
            total = 0
            for n, level in enumerate(self.space.levels):
                if n > 0 and self.space.slot_of[n] == slot:
                    for operand in level.keeps:
                        bits = self.space.elements(operand, extent) * self.space.bits(n, operand)
                        total += (2 if operand is Operand.OUTPUT else 1) * bits * arrivals(operand, order, factors)
            moved.append(total)
        return moved.index(min(moved))

    def _is_open(self, slot: int, steps: tuple[Vector, ...], orders: Vector) -> bool:
        """Whether a clipped tile of some operand may stay where a full one would not."""
        ragged = [self._is_ragged(d, slot, steps) for d in range(8)]
        kept = {
            o for n, level in enumerate(self.space.levels) if self.space.slot_of[n] == slot and n for o in level.keeps
        }
        return any(self._may_stay(operand, slot, steps, orders, ragged) for operand in OPERANDS if operand in kept)

    def _may_stay(
        self, operand: Operand, slot: int, steps: tuple[Vector, ...], orders: Vector, ragged: list[bool]
    ) -> bool:
        overruns = [steps[0][d] * self.inner[0][d] != self.space.sizes[d] for d in range(P, 8)]
        if self.space.window and operand is Operand.INPUT and any(overruns):
            # Counted as in a replay.
            return False
        clipped = False
        for i in range(slot - 1, -1, -1):
            factors = _factors(steps[i], steps[i + 1])
            for d in reversed(ORDERS[orders[i]].tolist()):
                slides = self.space.window and operand is Operand.INPUT and d >= P
                relevant = d in RELEVANT[operand]
                if factors[d] == 1:
                    continue
                if clipped and (slides or not relevant):
                    return True
                if relevant and not ragged[d] and not slides:
                    return False
                clipped = clipped or (relevant and ragged[d])
        return False

    def _is_ragged(self, d: int, stop: int, steps: tuple[Vector, ...]) -> bool:
        """Whether a loop runs once in some clipped block or instance, and more often elsewhere."""
        rest = self.space.sizes[d]
        for i in range(stop):
            below = steps[i + 1][d] * self.inner[i][d]
            factor = steps[i][d] // steps[i + 1][d]
            if rest == below * factor:
                return False
            if factor > 1:
                times = -(-rest // below)
                last = rest - (times - 1) * below
                if times == 1 or (times == 2 and last < below and self.inner[i][d] > 1):
                    return True
                rest = last
            for pick, use in self.at_slot[i]:
                if pick == d:
                    below //= use
                    rest -= (rest - 1) // below * below
        return False

    def _mapping(self, steps: tuple[Vector, ...], orders: Vector) -> Mapping:
        levels = []
        for n, spatial in enumerate(self.spatial()):
            temporal: tuple[Loop, ...] = ()
            if n in self.space.slots:
                s = self.space.slots.index(n)
                factors = _factors(steps[s], steps[s + 1])
                temporal = tuple(Loop(DIMS[d], factors[d]) for d in ORDERS[orders[s]].tolist() if factors[d] > 1)
            levels.append(LevelMapping(temporal, spatial))
        return Mapping(tuple(levels))

    def spatial(self) -> list[tuple[SpatialLoop, ...]]:
        """Per level."""
        axes = list(zip(self.space.axes, self.unrolling.axes, strict=True))
        return [
            tuple(SpatialLoop(a.name, DIMS[d], use) for (at, a), option in axes if at == level for d, use in option)
            for level in range(len(self.space.levels))
        ]


def in_order(level: MemoryLevel) -> list[SpatialAxis]:
    """The axes of a level; of those that are alike the smaller first."""
    waiting = {kind_of(axis): iter(_alike(level, axis)) for axis in level.fanout}
    return [next(waiting[kind_of(axis)]) for axis in level.fanout]


def _alike(level: MemoryLevel, one: SpatialAxis) -> list[SpatialAxis]:
    return sorted((axis for axis in level.fanout if kind_of(axis) == kind_of(one)), key=lambda axis: axis.size)


def kind_of(axis: SpatialAxis) -> tuple[object, ...]:
    """What alike axes have in common."""
    return frozenset(axis.dims), axis.multicast, axis.hop_cycles


def smooth(steps: int) -> int:
    """The next number without prime factors above 7."""
    return next(n for n in range(steps, 2 * steps + 1) if 210 ** n.bit_length() % n == 0)


def fewest(steps: int, instances: int) -> int:
    """The fewest instances that need no more rounds than all of them would."""
    if instances < 1:
        return 1
    return -(-steps // -(-steps // instances))


def untiled(sizes: Vector, spatial: Sequence[tuple[SpatialLoop, ...]]) -> Mapping:
    """An unrolling with all other iterations at main memory."""
    rest = []
    for dim, size in zip(DIMS, sizes, strict=True):
        inside = math.prod(loop.factor for loops in spatial for loop in loops if loop.dim is dim)
        rest.append(Loop(dim, -(-size // inside)))
    levels = [LevelMapping((), loops) for loops in spatial]
    levels[0] = LevelMapping(tuple(loop for loop in rest if loop.factor > 1), spatial[0])
    return Mapping(tuple(levels))


def _factors(outer: Vector, tile: Vector) -> Vector:
    return tuple(a // b for a, b in zip(outer, tile, strict=True))


def arrivals(operand: Operand, order: list[int], factors: Vector) -> int:
    """How often loops bring a new tile: the innermost ones that do not matter to the operand do not."""
    running = [d for d in order if factors[d] > 1]
    while running and running[-1] not in RELEVANT[operand]:
        running.pop()
    return math.prod(factors[d] for d in running)
