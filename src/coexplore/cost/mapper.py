"""Mapper: the best mapping of an op on an accelerator, optimal within the mapspace declared here.

The mapspace, for any chain of levels:

* unrolling: every axis unrolls at most one dimension it allows, by the smaller of its size and what the axes further inside
  leave; axes stay idle only if nothing is left to unroll. Of all combinations the `UNROLLINGS` with fewest compute cycles.
* tiles: from the innermost level outwards, the tile of a level grows dimension by dimension in one of four priorities, each
  dimension by the largest of ceil(rest / 2^i) that still fits beside double buffers; the main memory iterates over the rest.
* loop order: per level one of three, keeping outputs, weights or inputs innermost.

It is a small mapspace: the optimum of a freer one may be better, never worse. Ties go to the lower second objective
(energy for latency, latency for energy and for the energy-delay product), then to the earlier candidate.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from coexplore.accelerators.accelerator import DIMS, Accelerator
from coexplore.cost import _search
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.nest import Ints, sizes_of, window_of
from coexplore.cost.replay import bits_of, mac_energy_j, machine_of, too_wide
from coexplore.workloads.op import Loops

UNROLLINGS = 16


class Goal(enum.Enum):
    """What a mapping minimises; the values are the codes of the kernel."""

    LATENCY = _search.LATENCY
    ENERGY = _search.ENERGY
    EDP = _search.EDP


@dataclass(frozen=True, slots=True)
class Mapped:
    """The outcome of a search: a mapping, or the reason why there is none."""

    mapping: Mapping | None
    reason: str = ""
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
    machine = machine_of(accelerator)
    axes = [(n, axis) for n, level in enumerate(accelerator.levels) for axis in level.fanout]
    levels = len(accelerator.levels)
    temporal, orders = np.ones((levels, 8), np.int64), np.zeros(levels, np.int64)
    pick, use = np.full(len(axes), _search.NONE, np.int64), np.ones(len(axes), np.int64)
    first, _, judged, overflow = _search.search(
        goal.value, prune, sizes_of(loops), window_of(loops), bits_of(loops), loops.macs,
        mac_energy_j(loops, accelerator), machine.static_j_per_cycle,
        np.array([n for n, _ in axes], np.int64), np.array([axis.size for _, axis in axes], np.int64),
        np.array([[dim in axis.dims for dim in DIMS] for _, axis in axes], np.bool_).reshape(-1, 8), unrollings,
        machine.keeps, machine.double, machine.capacity_bits, machine.read_width, machine.write_width,
        machine.read_j, machine.write_j, temporal, orders, pick, use,
    )  # fmt: skip
    if not np.isfinite(first):
        return Mapped(None, _no_mapping(accelerator, int(overflow)), int(judged))
    return Mapped(_mapping(accelerator, temporal, orders, pick, use), "", int(judged))


def _no_mapping(accelerator: Accelerator, overflow: int) -> str:
    level = accelerator.levels[overflow]
    return (
        f"no mapping fits: even the smallest tile of an unrolling overflows level {level.name!r} "
        f"({level.capacity_bytes} bytes); raise its capacity_bytes or narrow the axes below it"
    )


def _mapping(accelerator: Accelerator, temporal: Ints, orders: Ints, pick: Ints, use: Ints) -> Mapping:
    levels, position = [], 0
    for n, level in enumerate(accelerator.levels):
        order = _search.ORDERS[orders[n]]
        loops = tuple(Loop(DIMS[d], int(temporal[n, d])) for d in order if temporal[n, d] > 1)
        unrolled = []
        for axis in level.fanout:
            if pick[position] != _search.NONE and use[position] > 1:
                unrolled.append(SpatialLoop(axis.name, DIMS[pick[position]], int(use[position])))
            position += 1
        levels.append(LevelMapping(loops, tuple(unrolled)))
    return Mapping(tuple(levels))
