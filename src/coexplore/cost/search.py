"""How are accelerators laid out for a search, and what did it find? Between descriptions and the kernels of `_price`.

Accelerators of one *shape* are searched together: they differ in the capacities, widths and energies of their levels,
and in the order of axes that are alike, and share all else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from coexplore.accelerators.accelerator import DIMS, Accelerator
from coexplore.cost._array_search import is_array, price_array
from coexplore.cost._effort import effort_of
from coexplore.cost._entry import Classes
from coexplore.cost._goal import SLACK, Best, Variants
from coexplore.cost._pool import Pool
from coexplore.cost._price import price, settle
from coexplore.cost._sheet import NONE
from coexplore.cost._tiles import ORDERS
from coexplore.cost._untiled import enter_untiled
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.nest import Floats, Ints, Machine, machine_of, problem_of
from coexplore.cost.shared_levels import sizes_of, structures
from coexplore.workloads.op import Loops


@dataclass(frozen=True, slots=True, eq=False)
class Lot:
    """Accelerators `a` of one shape, laid out for the kernels as variants `v`."""

    accelerators: tuple[Accelerator, ...]
    machine: Machine
    """Of the first, its axes in the order of a search; what all have in common counts."""
    classes: Classes
    variants: Variants
    variant: Ints
    """(a,) Which variant each accelerator is; equal ones are searched once, as a mesh and its mirror image are."""
    widths: Floats
    """(v, l, 2) Bits per cycle, read and written."""
    energies: Floats
    """(v, l + 1, 2) Joules per bit, read and written; then those leaked per cycle."""
    is_array: bool
    """Whether the mapspace is that of PE arrays."""


def shapes(accelerators: Sequence[Accelerator]) -> Ints:
    """(v,) Accelerators that can be searched together share a number; numbers rise in order of appearance."""
    numbers: dict[object, int] = {}
    structure = structures(accelerators)
    keys: list[object] = [None] * len(accelerators)
    for number in range(structure.max(initial=-1) + 1):
        places = np.flatnonzero(structure == number)
        sizes = sizes_of([accelerators[int(place)] for place in places]).axis_size
        for alike in _alike_axes(machine_of(accelerators[places[0]])):
            sizes[:, alike] = np.sort(sizes[:, alike], axis=1)
        for place, row in zip(places, sizes, strict=True):
            keys[place] = number, row.tobytes()
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def _alike_axes(machine: Machine) -> list[list[int]]:
    """Axes that differ in size at most."""
    found: dict[object, list[int]] = {}
    for a in range(machine.axis_size.size):
        kind = machine.axis_level[a], machine.axis_dims[a].tobytes(), machine.axis_alone[a], machine.axis_hop[a]
        found.setdefault(kind, []).append(a)
    return list(found.values())


def _axis_order(machine: Machine) -> Ints:
    """The axes in the order of a search: of those that are alike, the smaller first."""
    order = np.arange(machine.axis_size.size)
    for alike in _alike_axes(machine):
        order[alike] = sorted(alike, key=lambda a: int(machine.axis_size[a]))
    return order


def lay_out(accelerators: Sequence[Accelerator]) -> Lot:
    """Lay out accelerators of one shape."""
    _, capacity_bits, widths, joules, leaked = sizes_of(accelerators)
    first, variant = _distinct(capacity_bits, widths, joules, leaked)
    capacity_bits, widths, joules, leaked = capacity_bits[first], widths[first], joules[first], leaked[first]
    ports, timing = np.unique(widths.reshape(len(first), -1), axis=0, return_inverse=True)
    classes, sized = _classes(ports.reshape(len(ports), -1, 2), capacity_bits)
    variants = Variants(
        timing.ravel().astype(np.int64),
        sized,
        np.ascontiguousarray(joules[:, :, 0].T),
        np.ascontiguousarray(joules[:, :, 1].T),
        leaked,
        (joules == joules[:1]).all(axis=(0, 2)),
    )
    energies = np.concatenate([joules, np.repeat(leaked, 2).reshape(-1, 1, 2)], axis=1)
    machine = _in_order(machine_of(accelerators[0]))
    return Lot(tuple(accelerators), machine, classes, variants, variant, widths, energies, is_array(machine))


def _distinct(*columns: Ints | Floats) -> tuple[Ints, Ints]:
    """The first of every kind of accelerators that are equal in all, and the kind (a,) of each."""
    rows = np.concatenate([column.reshape(len(column), -1).astype(np.float64) for column in columns], axis=1)
    _, first, kind = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return first.astype(np.int64), kind.ravel().astype(np.int64)


def _in_order(machine: Machine) -> Machine:
    order = _axis_order(machine)
    return machine._replace(
        axis_size=machine.axis_size[order],
        axis_dims=machine.axis_dims[order],
        axis_alone=machine.axis_alone[order],
        axis_hop=machine.axis_hop[order],
    )


def _classes(ports: Floats, capacity_bits: Ints) -> tuple[Classes, Ints]:
    """Timing and size classes, and the size class (l, v) of every level; ports: (c, l, 2), capacity_bits: (v, l)."""
    read, write = ports[:, :, 0].T, ports[:, :, 1].T
    split = write > 0.0
    per_bit = 1.0 / read
    ladders = [np.unique(column) for column in capacity_bits.T]
    longest = max(len(ladder) for ladder in ladders)
    sized = np.array([np.searchsorted(*pair) for pair in zip(ladders, capacity_bits.T, strict=True)], np.int64)
    sizes = np.array([np.pad(ladder, (0, longest - len(ladder)), mode="edge") for ladder in ladders], np.int64)
    unbounded = sizes[:, 0] < 0
    if np.any(unbounded & (sizes[:, -1] >= 0)):
        # An unbounded memory is the largest one.
        sizes, sized = _unbounded_last(sizes, sized, ladders)
    back = np.where(split, 1.0 / np.where(split, write, 1.0), per_bit)
    ports_and_sizes = Classes(
        np.ascontiguousarray(per_bit),
        np.ascontiguousarray(back),
        np.ascontiguousarray(split.astype(np.float64)),
        np.ascontiguousarray(sizes),
    )
    return ports_and_sizes, np.ascontiguousarray(sized)


def _unbounded_last(sizes: Ints, sized: Ints, ladders: list[Ints]) -> tuple[Ints, Ints]:
    sizes, sized = sizes.copy(), sized.copy()
    for level, ladder in enumerate(ladders):
        if ladder[0] < 0 and len(ladder) > 1:
            bounded = len(ladder) - 1
            sizes[level] = -1
            sizes[level, :bounded] = ladder[1:]
            sized[level] = np.where(sized[level] == 0, bounded, sized[level] - 1)
    return sizes, sized


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a search found for an op on a lot of accelerators."""

    lot: Lot
    goal: int
    sizes: Ints
    """(8,) Of the op."""
    best: Best
    pool: Pool
    picks: Ints
    """(u, p) Dimensions that unrollings give to the axes, as many places for each."""
    uses: Ints
    """(u, p)"""
    costs: Floats
    """(a, 2) Cycles and joules, equal to those of a replay; `inf` where nothing fits."""
    least: Floats
    """(a,) Least that the goal may be of a mapping that a limit left out, in cycles and joules; `inf` if none was."""

    def is_mapped(self, a: int) -> bool:
        """Whether some mapping fits accelerator `a`."""
        return bool(self.best.mapping[self.lot.variant[a]] != NONE)

    def mapping(self, a: int) -> Mapping:
        """The best mapping of accelerator `a`; without one, the fastest unrolling untiled."""
        m = int(self.best.mapping[self.lot.variant[a]])
        if m < 0:
            return self._untiled(a)
        steps = np.concatenate([self.pool.steps[m], np.ones((1, 8), np.int64)])
        factors, orders = steps[:-1] // steps[1:], self.pool.orders[m]
        slot_of = {int(level): slot for slot, level in enumerate(self.lot.machine.slots)}
        levels = []
        for n, spatial in enumerate(self._spatial(a, int(self.pool.unrolling[m]))):
            loops: tuple[Loop, ...] = ()
            if n in slot_of:
                row = factors[slot_of[n]]
                loops = tuple(Loop(DIMS[d], int(row[d])) for d in ORDERS[orders[slot_of[n]]] if row[d] > 1)
            levels.append(LevelMapping(loops, spatial))
        return Mapping(tuple(levels))

    def _untiled(self, a: int) -> Mapping:
        spatial = self._spatial(a, 0)
        unrolled = {
            dim: math.prod(loop.factor for loops in spatial for loop in loops if loop.dim is dim) for dim in DIMS
        }
        rest = [Loop(dim, -(-int(size) // unrolled[dim])) for dim, size in zip(DIMS, self.sizes, strict=True)]
        outermost = LevelMapping(tuple(loop for loop in rest if loop.factor > 1), spatial[0])
        return Mapping((outermost, *(LevelMapping((), loops) for loops in spatial[1:])))

    def _spatial(self, number: int, u: int) -> list[tuple[SpatialLoop, ...]]:
        """Per level the loops of its axes, in the order of the search."""
        accelerator = self.lot.accelerators[number]
        axes = [(n, axis.name) for n, level in enumerate(accelerator.levels) for axis in level.fanout]
        unrolled: list[list[SpatialLoop]] = [[] for _ in accelerator.levels]
        for place, a in enumerate(_axis_order(machine_of(accelerator))):
            level, name = axes[a]
            per_axis = self.picks.shape[1] // len(axes)
            for row in range(per_axis * place, per_axis * (place + 1)):
                if self.uses[u, row] > 1:
                    unrolled[level].append(SpatialLoop(name, DIMS[self.picks[u, row]], int(self.uses[u, row])))
        return [tuple(loops) for loops in unrolled]


def search(loops: Loops, lot: Lot, goal: int, unrollings: int, prune: bool = True, limit: int | None = None) -> Outcome:
    """Search the declared mapspace for every accelerator of a lot; `goal` is that of `_goal`.

    `limit`: tiles that are looked at, more only where an accelerator has no mapping yet. PE arrays have none, as their
    mapspace is small.
    """
    count = len(lot.widths)
    value, tie, mapping = np.full(count, np.inf), np.full(count, np.inf), np.full(count, -1, np.int64)
    best = Best(value, tie, mapping, np.zeros((2, count)), np.zeros(count, np.bool_))
    problem = problem_of(loops, lot.accelerators[0])
    given = (goal, unrollings, prune, problem, lot.machine, lot.classes, lot.variants, best)
    effort = effort_of(limit, count)
    found = price_array(*given) if lot.is_array else price(*given, effort)
    costs = np.full((count, 2), np.inf)
    pool, picks, uses = found
    settle(problem, lot.machine, lot.widths, lot.energies, best, pool, costs)
    enter_untiled(
        goal, problem, lot.machine, lot.classes, lot.variants, lot.widths, lot.energies, picks[0], uses[0], best, costs
    )
    least = effort.least / SLACK
    return Outcome(lot, goal, problem.sizes, best, pool, picks, uses, costs[lot.variant], least[lot.variant])


@lru_cache(maxsize=256)
def lot_of(accelerator: Accelerator) -> Lot:
    """An accelerator alone."""
    return lay_out((accelerator,))
