"""How are accelerators laid out for a search, and what did it find? Between descriptions and the kernels of `_price`.

Accelerators of one *structure* are searched together: they differ in the sizes of their axes and in the capacities,
widths and energies of their levels, and share all else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from coexplore.accelerators.accelerator import DIMS, Accelerator
from coexplore.cost._entry import Classes
from coexplore.cost._goal import Best, Variants
from coexplore.cost._price import Found, price, settle
from coexplore.cost._sheet import NONE
from coexplore.cost._solve import Pool
from coexplore.cost._tiles import ORDERS
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.nest import Floats, Ints, Machine, Problem, machine_of, problem_of
from coexplore.workloads.op import Loops

ROOM = 1024
"""Mappings for which there is room at first."""
_SHARED = ("keeps", "double", "axis_level", "axis_dims", "axis_alone", "axis_hop", "word_bits", "block_bits", "slots")


def structure_of(accelerator: Accelerator) -> tuple[object, ...]:
    """What accelerators need in common to be searched together."""
    machine = machine_of(accelerator)
    arrays = tuple(getattr(machine, name).tobytes() for name in _SHARED)
    return (len(accelerator.levels), accelerator.mac.bits, accelerator.mac.energy_j, *arrays)


@dataclass(frozen=True, slots=True, eq=False)
class Lot:
    """Accelerators `v` of one structure, laid out for the kernels."""

    accelerators: tuple[Accelerator, ...]
    order: Ints
    """(v,) Position of each in `accelerators`; grouped by the sizes of their axes."""
    machine: Machine
    """Of the first; what all have in common counts."""
    classes: Classes
    variants: Variants
    widths: Floats
    """(v, l, 2) Bits per cycle, read and written."""
    energies: Floats
    """(v, l + 1, 2) Joules per bit, read and written; then those leaked per cycle."""


def lay_out(accelerators: Sequence[Accelerator]) -> Lot:
    """Lay out accelerators of one structure."""
    machines = [machine_of(accelerator) for accelerator in accelerators]
    sizes = np.array([machine.axis_size for machine in machines]).reshape(len(machines), -1)
    shapes, shape = np.unique(sizes, axis=0, return_inverse=True)
    order = np.argsort(shape.ravel(), kind="stable")
    machines = [machines[i] for i in order]
    begin = np.searchsorted(shape.ravel()[order], np.arange(len(shapes) + 1))
    widths = np.array([np.stack([m.read_width, m.write_width], axis=1) for m in machines])
    ports, timing = np.unique(widths.reshape(len(machines), -1), axis=0, return_inverse=True)
    classes, sized = _classes(ports.reshape(len(ports), -1, 2), np.array([m.capacity_bits for m in machines]))
    joules = np.array([np.stack([m.read_j, m.write_j], axis=1) for m in machines])
    leaked = np.array([m.static_j_per_cycle for m in machines])
    variants = Variants(
        np.ascontiguousarray(shapes),
        begin.astype(np.int64),
        timing.ravel().astype(np.int64),
        sized,
        np.ascontiguousarray(joules[:, :, 0].T),
        np.ascontiguousarray(joules[:, :, 1].T),
        leaked,
    )
    energies = np.concatenate([joules, np.repeat(leaked, 2).reshape(-1, 1, 2)], axis=1)
    return Lot(tuple(accelerators), order, machines[0], classes, variants, widths, energies)


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
    table = (np.ascontiguousarray(values) for values in (per_bit, back, split.astype(np.float64)))
    return Classes(*table, np.ascontiguousarray(sizes)), np.ascontiguousarray(sized)


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
    best: Best
    pool: Pool
    found: Found
    costs: Floats
    """(v, 2) Cycles and joules, equal to those of a replay; `inf` where nothing fits. In the lot's order."""

    def mapping(self, v: int) -> Mapping:
        """The best mapping of entry `v` of the lot's order; without one, the fastest unrolling alone."""
        m = int(self.best.mapping[v])
        u = int(self.pool.unrolling[m]) if m >= 0 else int(self.best.unrolling[v])
        slots, levels = self.lot.machine.slots, []
        factors = np.ones((len(slots), 8), np.int64)
        orders = np.zeros(len(slots), np.int64)
        if m >= 0:
            steps = np.concatenate([self.pool.steps[m], np.ones((1, 8), np.int64)])
            factors, orders = steps[:-1] // steps[1:], self.pool.orders[m]
        slot_of = {int(level): slot for slot, level in enumerate(slots)}
        a = 0
        for n, level in enumerate(self.lot.accelerators[self.lot.order[v]].levels):
            loops: tuple[Loop, ...] = ()
            if n in slot_of:
                row = factors[slot_of[n]]
                loops = tuple(Loop(DIMS[d], int(row[d])) for d in ORDERS[orders[slot_of[n]]] if row[d] > 1)
            unrolled = []
            for axis in level.fanout:
                if self.found.pick[u, a] != NONE:
                    unrolled.append(SpatialLoop(axis.name, DIMS[self.found.pick[u, a]], int(self.found.use[u, a])))
                a += 1
            levels.append(LevelMapping(loops, tuple(unrolled)))
        return Mapping(tuple(levels))


def search(loops: Loops, lot: Lot, goal: int, unrollings: int, prune: bool = True) -> Outcome:
    """Search the declared mapspace for every accelerator of a lot; `goal` is that of `_goal`."""
    count = len(lot.order)
    best = Best(
        np.full(count, np.inf), np.full(count, np.inf), np.full(count, NONE, np.int64), np.zeros(count, np.int64)
    )
    problem = problem_of(loops, lot.accelerators[0])
    pool, found = price(goal, unrollings, prune, problem, lot.machine, lot.classes, lot.variants, best, ROOM)
    costs = np.full((count, 2), np.inf)
    settle(problem, lot.machine, lot.widths, lot.energies, best, pool, costs)
    return Outcome(lot, best, pool, found, costs)


@lru_cache(maxsize=256)
def lot_of(accelerator: Accelerator) -> Lot:
    """An accelerator alone."""
    return lay_out((accelerator,))


def has_residents(problem: Problem) -> bool:
    """Whether operands live in memories, whose parts depend on how many there are: such shapes do not mix."""
    return bool(problem.resident.any())
