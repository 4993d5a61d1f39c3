"""Which mappings does the declared mapspace of PE arrays hold? The slow twin of their search, in plain Python.

Written from the words of `coexplore.cost.mapper`; what a mapping costs, and whether it fits, is for `replay` to say.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from coexplore.accelerators.accelerator import DIMS, OPERANDS, Accelerator, Operand
from coexplore.cost._tiles import ORDERS
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.testing.mapspace import RELEVANT, Vector, arrivals, in_order, untiled
from coexplore.workloads.op import Loops

N, G, K, C, P, Q, R, S = range(8)
GROWTH = (S, R, K, C, Q, P, G, N)
MOST_PARTS = 64


@dataclass(frozen=True, slots=True)
class Split:
    """An unrolling: for every axis its level, its name, its dimension and instances."""

    axes: tuple[tuple[int, str, int | None, int], ...]

    def over(self, d: int, *levels: int) -> int:
        """Instances of a dimension at some levels."""
        return math.prod(use for level, _, pick, use in self.axes if pick == d and level in levels)


class ArrayMapspace:
    """The mapspace of an op on a PE array."""

    def __init__(self, loops: Loops, accelerator: Accelerator) -> None:
        """Look at both."""
        self.loops, self.accelerator = loops, accelerator
        self.sizes: Vector = tuple(int(getattr(loops, dim.value)) for dim in DIMS)
        self.window = loops.R > 1 or loops.S > 1
        self.axes = [(n, axis) for n, level in enumerate(accelerator.levels) for axis in in_order(level)]

    def mappings(self, limit: int) -> Iterator[Mapping]:
        """All candidates, those that do not fit among them."""
        ranked = sorted(self.splits(), key=self.cycles)[:limit]
        for split in ranked:
            yield from self._tilings(split)
        yield untiled(self.sizes, [self._spatial(ranked[0], level) for level in range(4)])

    def splits(self) -> Iterator[Split]:
        """All unrollings."""
        choices: list[list[tuple[int | None, bool]]] = []
        for level, axis in self.axes:
            dims = [d for d in range(8) if DIMS[d] in axis.dims and self.sizes[d] > 1 and axis.size > 1]
            evenly = [(d, True) for d in dims if level in (1, 2)]
            choices.append([*((d, False) for d in dims), *evenly] or [(None, False)])
        seen = set()
        for chosen in itertools.product(*choices):
            picks, even = tuple(d for d, _ in chosen), tuple(e for _, e in chosen)
            if not self._is_twin(picks) and (split := self._split(picks, even)) not in seen:
                seen.add(split)
                yield split

    def _is_twin(self, picks: tuple[int | None, ...]) -> bool:
        (outer, x), (inner, y) = self.axes[0], self.axes[1]
        first, second = picks[0], picks[1]
        alike = outer == inner and x.size == y.size and set(x.dims) == set(y.dims)
        return alike and first is not None and second is not None and first > second

    def _split(self, picks: tuple[int | None, ...], even: tuple[bool, ...]) -> Split:
        uses: dict[int, int] = {}
        for a in range(len(picks) - 1, -1, -1):
            level, axis = self.axes[a]
            d = picks[a]
            if d is None:
                uses[a] = 1
                continue
            left = self.sizes[d]
            for b, use in uses.items():
                left //= use if picks[b] == d else 1
            size, slides = min(axis.size, left), self.window and (d == K or d >= P)
            if picks.count(d) == 1 and not even[a] and (level > 1 or not slides):
                uses[a] = -(-left // -(-left // size))
            else:
                uses[a] = max(n for n in range(1, size + 1) if left % n == 0)
        return Split(tuple((level, axis.name, picks[a], uses[a]) for a, (level, axis) in enumerate(self.axes)))

    def cycles(self, split: Split) -> int:
        """Steps that are left."""
        return math.prod(-(-self.sizes[d] // split.over(d, 0, 1, 2, 3)) for d in range(8))

    def _tilings(self, split: Split) -> Iterator[Mapping]:
        slices = [-(-self.sizes[d] // split.over(d, 0)) for d in range(8)]
        steps = tuple(-(-slices[d] // split.over(d, 1, 2, 3)) for d in range(8))
        uneven = [slices[d] % split.over(d, 1, 2, 3) != 0 for d in range(8)]
        whole = [uneven[d] and split.over(d, 1) == 1 for d in range(8)]
        for parts in self._parts(tuple(1 if u else n for n, u in zip(steps, uneven, strict=True))):
            left = tuple(a // b for a, b in zip(steps, parts, strict=True))
            for tile in self._tiles(left, whole):
                middle = tuple(a // b for a, b in zip(left, tile, strict=True))
                mapping = self._mapping(split, slices, parts, middle, tile)
                if not self._is_open(split, mapping):
                    yield mapping

    def _parts(self, steps: Vector) -> Iterator[Vector]:
        channels, pixels = K if self.sizes[K] > 1 else G, P if self.sizes[P] > 1 else Q
        ladders = [(N, _ladder(steps[N])), (pixels, _ladder(steps[pixels])), (channels, _ladder(steps[channels]))]
        for counts in itertools.product(*(ladder for _, ladder in ladders)):
            if math.prod(counts) <= MOST_PARTS:
                yield _vector(dict(zip((d for d, _ in ladders), counts, strict=True)))
        yield from (_vector({C: sums}) for sums in _ladder(steps[C])[1:] if sums <= MOST_PARTS)
        now = dict.fromkeys((N, pixels, channels, C), 1)
        for d, ladder in [*ladders, (C, _ladder(steps[C]))]:
            rungs = ladder if ladder[-1] == steps[d] else [*ladder, steps[d]]
            for rung in rungs[1:]:
                now[d] = rung
                if d == C or math.prod(now.values()) > MOST_PARTS:
                    yield _vector(now)

    def _tiles(self, left: Vector, whole: list[bool]) -> Iterator[Vector]:
        tile = [left[d] if whole[d] else 1 for d in range(8)]
        yield tuple(tile)
        for d in GROWTH:
            ladder = _ladder(left[d])
            for rung in ladder[1:] if ladder[-1] == left[d] else [*ladder[1:], left[d]]:
                if not whole[d]:
                    tile[d] = rung
                    yield tuple(tile)

    def _mapping(self, split: Split, slices: list[int], parts: Vector, middle: Vector, tile: Vector) -> Mapping:
        own = [a // b for a, b in zip(slices, parts, strict=True)]
        files = [min(tile[d] * split.over(d, 2, 3), own[d]) for d in range(8)]
        dots = [split.over(d, 3) for d in range(8)]
        levels = []
        for level, (factors, extents) in enumerate(((parts, own), (middle, files), (tile, dots))):
            order = self._order(factors, extents, OPERANDS if level < 2 else (Operand.WEIGHT, Operand.OUTPUT))
            temporal = tuple(Loop(DIMS[d], factors[d]) for d in order if factors[d] > 1)
            levels.append(LevelMapping(temporal, self._spatial(split, level)))
        return Mapping((*levels, LevelMapping((), self._spatial(split, 3))))

    def _spatial(self, split: Split, at: int) -> tuple[SpatialLoop, ...]:
        return tuple(
            SpatialLoop(name, DIMS[pick], use)
            for level, name, pick, use in split.axes
            if level == at and pick is not None and use > 1
        )

    def _order(self, factors: Vector, extents: list[int], operands: tuple[Operand, ...]) -> list[int]:
        """The order that moves the fewest bits of full tiles inwards; sums are wide and count twice."""
        bits = self.loops.bits
        widths = {Operand.WEIGHT: bits.weight, Operand.INPUT: bits.input, Operand.OUTPUT: 2 * bits.accumulator}
        moved = [
            sum(widths[o] * self._elements(o, extents) * arrivals(o, order, factors) for o in operands)
            for order in ORDERS.tolist()
        ]
        chosen: list[int] = ORDERS.tolist()[moved.index(min(moved))]
        return chosen

    def _elements(self, operand: Operand, extent: list[int]) -> int:
        if operand is not Operand.INPUT:
            return math.prod(extent[d] for d in RELEVANT[operand])
        (across, down), (wide, high) = self.loops.stride, self.loops.dilation
        rows = across * (extent[P] - 1) + wide * (extent[R] - 1) + 1
        columns = down * (extent[Q] - 1) + high * (extent[S] - 1) + 1
        return extent[N] * extent[G] * extent[C] * rows * columns

    def _is_open(self, split: Split, mapping: Mapping) -> bool:
        """Whether an operand may stay in the last instances of an uneven split where it does not in the others."""
        return any(
            self._may_stay(operand, slot, split, mapping)
            for slot in (1, 2, 3)
            for operand in OPERANDS
            if slot < 3 or operand is not Operand.INPUT
        )

    def _may_stay(self, operand: Operand, slot: int, split: Split, mapping: Mapping) -> bool:
        clipped = False
        for level in reversed(mapping.levels[:slot]):
            for loop in reversed(level.temporal):
                d = DIMS.index(loop.dim)
                slides = self.window and operand is Operand.INPUT and d >= P
                relevant = d in RELEVANT[operand]
                if clipped and (slides or not relevant):
                    return True
                ragged = relevant and self._runs_once(d, slot, split, mapping)
                if relevant and not ragged and not slides:
                    return False
                clipped = clipped or ragged
        return False

    def _runs_once(self, d: int, slot: int, split: Split, mapping: Mapping) -> bool:
        """Whether a loop of a dimension runs once in some instance and more often in others."""
        factors = [math.prod(loop.factor for loop in level.temporal if loop.dim is DIMS[d]) for level in mapping.levels]
        uses = [split.over(d, level) for level in (0, 1, 2)]
        if self.sizes[d] % split.over(d, 0, 1, 2) == 0:
            return False
        below = -(-self.sizes[d] // split.over(d, 0, 1, 2, 3)) * split.over(d, 0, 1, 2, 3)
        sizes = {self.sizes[d]}
        for i in range(slot):
            below //= factors[i]
            runs = {-(-size // below) for size in sizes}
            ends = {size - (-(-size // below) - 1) * below for size in sizes}
            ends |= {below} if max(runs) > 1 else set()
            share = below // uses[i]
            # An instance may get nothing in the last iteration, and so runs one less.
            short = {run - 1 for run in runs if min(ends) <= below - share and math.prod(uses[i:]) > 1}
            if factors[i] > 1 and 1 in runs | short:
                return True
            sizes = {min(max(end - share * j, 0), share) for end in ends for j in range(uses[i])} - {0}
            below = share
        return False


def _ladder(steps: int) -> list[int]:
    """One, the next divisor, then divisors at least four times as large as the one before."""
    found, least = [1], 2
    while least <= steps:
        larger = next((n for n in range(least, steps + 1) if steps % n == 0), None)
        if larger is None:
            break
        found.append(larger)
        least = 4 * larger
    return found


def _vector(counts: dict[int, int]) -> Vector:
    return tuple(counts.get(d, 1) for d in range(8))
