"""Mapper: the best mapping of an op on an accelerator, optimal within the mapspace declared here.

The mapspace, for any chain of levels; levels side by side (`coexplore.cost.nest`) hold the same tile and count as one.

* unrolling: every axis unrolls at most one dimension it allows, by the fewest instances that need no more steps than
  all of them would, after what the axes further inside took; axes stay idle only if nothing is left to unroll. Of all
  combinations the `UNROLLINGS` with fewest compute cycles.
* tiles: the steps that are left of a dimension are rounded up to a number without prime factors above 7 (what is added
  is skipped, not run) and split exactly into factors of the levels. The tile of a level grows dimension by dimension in
  one of four priorities, each dimension by the largest divisor that fits, for each budget of bits among 2^i and 3 * 2^i
  up to the capacity; a tile must divide the tile around it, and fit the largest budget beside its double buffer.
* loop order: per level one of three, keeping outputs, weights or inputs innermost.

Two rules remove candidates. The capacity rule is on the safe side: it counts a tile twice under a double buffer if it
might change; where it leaves no candidate at all, the unrolling of fewest cycles, otherwise untiled, is taken if it
fits after all. And a mapping that moves less than its closed form (`_bounds`), because tiles clipped at an edge happen
to stay where full ones would not, is none.

More capacity (of a level that stands alone) only adds candidates, and wider ports make none slower, so neither is ever
worse at the optimum, all else equal. Ties go to the lower second objective (energy for latency, latency for energy and
for the energy-delay product), then to the earlier candidate.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from coexplore.accelerators.accelerator import DIMS, Accelerator
from coexplore.cost import _explore
from coexplore.cost._bounds import Variants
from coexplore.cost._mapspace import NONE, ORDERS
from coexplore.cost._room import Best
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.nest import machine_of, problem_of
from coexplore.cost.obstacle import Obstacle, find_obstacle
from coexplore.cost.replay import too_wide
from coexplore.workloads.op import Loops

UNROLLINGS = 256


class Goal(enum.Enum):
    """What a mapping minimises."""

    LATENCY = "latency"
    ENERGY = "energy"
    EDP = "edp"


_CODES = {Goal.LATENCY: _explore.LATENCY, Goal.ENERGY: _explore.ENERGY, Goal.EDP: _explore.EDP}


@dataclass(frozen=True, slots=True)
class Mapped:
    """The outcome of a search: a mapping, or the reason why there is none."""

    mapping: Mapping | None
    reason: str = ""
    obstacle: Obstacle | None = None
    """What the fastest unrolling overflows, when none fits."""
    judged: int = 0
    """Candidates fully priced; the rest of the mapspace was excluded by lower bounds."""


@lru_cache(maxsize=65536)
def best_mapping(
    loops: Loops, accelerator: Accelerator, goal: Goal = Goal.EDP, unrollings: int = UNROLLINGS, prune: bool = True
) -> Mapped:
    """Search the declared mapspace.

    Args:
        loops: the op.
        accelerator: the hardware.
        goal: what to minimise.
        unrollings: how many unrollings the mapspace holds.
        prune: False prices every candidate; the result is the same, only slower.
    """
    reason = too_wide(loops, accelerator)
    if reason:
        return Mapped(None, reason)
    best = search_variants(loops, (accelerator,), goal, unrollings, prune)
    return mapped(loops, accelerator, best, 0)


def search_variants(
    loops: Loops, accelerators: Sequence[Accelerator], goal: Goal, unrollings: int = UNROLLINGS, prune: bool = True
) -> Best:
    """Search the mapspace once for accelerators of one shape (`shape_of`)."""
    machines = [machine_of(accelerator) for accelerator in accelerators]
    count, levels, axes = len(machines), len(machines[0].keeps), machines[0].axis_size.size
    slots = machines[0].slots.size
    best = Best(
        np.full(count, np.inf),
        np.full(count, np.inf),
        np.full((count, axes), NONE, np.int64),
        np.ones((count, axes), np.int64),
        np.ones((count, slots, 8), np.int64),
        np.zeros((count, levels), np.int64),
        np.zeros(1, np.int64),
    )
    variants = Variants(*(np.array([getattr(m, name) for m in machines]) for name in Variants._fields))
    _explore.search(_CODES[goal], prune, unrollings, problem_of(loops, accelerators[0]), machines[0], variants, best)
    return best


def shape_of(accelerator: Accelerator) -> tuple[object, ...]:
    """What accelerators need in common to be searched at once: all but sizes, widths and energies of the levels.

    Levels side by side share their tiles, which follow from all their capacities; these must be the same, too.
    """
    machine = machine_of(accelerator)
    same = ("keeps", "double", "axis_level", "axis_size", "axis_dims", "axis_alone", "axis_hop", "word_bits")
    arrays = tuple(getattr(machine, name).tobytes() for name in (*same, "block_bits", "slots"))
    beside = set(range(len(accelerator.levels))) - set(machine.slots.tolist())
    shared = tuple(int(machine.capacity_bits[n]) for n in sorted(beside | {n + 1 for n in beside}))
    return (len(accelerator.levels), accelerator.mac.bits, accelerator.mac.energy_j, shared, *arrays)


def mapped(loops: Loops, accelerator: Accelerator, best: Best, variant: int) -> Mapped:
    """The outcome of a search for one of its variants."""
    mapping = _mapping(accelerator, best, variant)
    if np.isfinite(best.value[variant]):
        return Mapped(mapping, judged=int(best.judged[0]))
    return _untiled(loops, accelerator, mapping)


def best_mappings(ops: Sequence[Loops], accelerator: Accelerator, goal: Goal = Goal.EDP) -> dict[Loops, Mapped]:
    """The best mapping of every distinct op, searched side by side: the kernels run without the interpreter lock."""
    distinct = list(dict.fromkeys(ops))
    with ThreadPoolExecutor(max_workers=max(1, min(len(distinct), os.cpu_count() or 1))) as pool:
        return dict(
            zip(distinct, pool.map(lambda loops: best_mapping(loops, accelerator, goal), distinct), strict=True)
        )


def _untiled(loops: Loops, accelerator: Accelerator, unrolling: Mapping) -> Mapped:
    """The unrolling with all other iterations at the main memory, or what it overflows."""
    rest = tuple(Loop(dim, -(-int(getattr(loops, dim.value)) // unrolling.factors(dim))) for dim in DIMS)
    outermost = LevelMapping(tuple(loop for loop in rest if loop.factor > 1), unrolling.levels[0].spatial)
    mapping = Mapping((outermost, *unrolling.levels[1:]))
    obstacle = find_obstacle(loops, accelerator, mapping)
    if obstacle is None:
        return Mapped(mapping)
    return Mapped(None, f"no mapping fits, even with the smallest tiles: {obstacle.text}", obstacle)


def _mapping(accelerator: Accelerator, best: Best, variant: int) -> Mapping:
    """The mapping of a variant; without a feasible one, its unrolling alone."""
    pick, use, factors, orders = best.pick[variant], best.use[variant], best.loops[variant], best.orders[variant]
    slot_of = {int(level): slot for slot, level in enumerate(machine_of(accelerator).slots)}
    levels, a = [], 0
    for n, level in enumerate(accelerator.levels):
        row = factors[slot_of[n]] if n in slot_of else np.ones(8, np.int64)
        loops = tuple(Loop(DIMS[d], int(row[d])) for d in ORDERS[orders[n]] if row[d] > 1)
        unrolled = []
        for axis in level.fanout:
            if use[a] > 1:
                unrolled.append(SpatialLoop(axis.name, DIMS[pick[a]], int(use[a])))
            a += 1
        levels.append(LevelMapping(loops, tuple(unrolled)))
    return Mapping(tuple(levels))
