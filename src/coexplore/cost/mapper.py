"""Mapper: the best mapping of an op on an accelerator, optimal within the mapspace declared here.

The mapspace, for any chain of levels:

* unrolling: every axis unrolls at most one dimension it allows, by the smaller of its size and what the axes further
  inside leave; axes stay idle only if nothing is left to unroll. Of all combinations the `UNROLLINGS` with fewest
  compute cycles.
* tiles: from the innermost level outwards, the tile of a level grows dimension by dimension in one of four priorities,
  each dimension by the largest of ceil(rest / 2^i) that still fits beside double buffers; the main memory iterates over
  the rest, in one of eight variants that leave it at least 1, 4 or 16 parts of one dimension.
* loop order: per level one of three, keeping outputs, weights or inputs innermost.

It is a small mapspace: the optimum of a freer one may be better, never worse. Ties go to the lower second objective
(energy for latency, latency for energy and for the energy-delay product), then to the earlier candidate.
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
from coexplore.cost import _search
from coexplore.cost._mapspace import NONE, ORDERS, Candidate
from coexplore.cost._search import search
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.nest import machine_of, problem_of
from coexplore.cost.replay import too_wide
from coexplore.workloads.op import Loops

UNROLLINGS = 16


class Goal(enum.Enum):
    """What a mapping minimises."""

    LATENCY = "latency"
    ENERGY = "energy"
    EDP = "edp"


_CODES = {Goal.LATENCY: _search.LATENCY, Goal.ENERGY: _search.ENERGY, Goal.EDP: _search.EDP}


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
    levels, axes = len(accelerator.levels), machine.axis_size.size
    best = Candidate(
        np.ones((levels, 8), np.int64),
        np.zeros(levels, np.int64),
        np.full(axes, NONE, np.int64),
        np.ones(axes, np.int64),
    )
    first, _, judged, overflow = search(_CODES[goal], prune, unrollings, problem_of(loops, accelerator), machine, best)
    if not np.isfinite(first):
        return Mapped(None, _no_mapping(accelerator, int(overflow)), int(judged))
    return Mapped(_mapping(accelerator, best), "", int(judged))


def best_mappings(ops: Sequence[Loops], accelerator: Accelerator, goal: Goal = Goal.EDP) -> dict[Loops, Mapped]:
    """The best mapping of every distinct op, searched side by side: the kernels run without the interpreter lock."""
    distinct = list(dict.fromkeys(ops))
    with ThreadPoolExecutor(max_workers=max(1, min(len(distinct), os.cpu_count() or 1))) as pool:
        return dict(
            zip(distinct, pool.map(lambda loops: best_mapping(loops, accelerator, goal), distinct), strict=True)
        )


def _no_mapping(accelerator: Accelerator, overflow: int) -> str:
    level = accelerator.levels[overflow]
    return (
        f"no mapping fits: even the smallest tile of an unrolling overflows level {level.name!r} "
        f"({level.capacity_bytes} bytes); raise its capacity_bytes or narrow the axes below it"
    )


def _mapping(accelerator: Accelerator, candidate: Candidate) -> Mapping:
    levels, a = [], 0
    for n, level in enumerate(accelerator.levels):
        order = ORDERS[candidate.orders[n]]
        loops = tuple(Loop(DIMS[d], int(candidate.temporal[n, d])) for d in order if candidate.temporal[n, d] > 1)
        unrolled = []
        for axis in level.fanout:
            if candidate.use[a] > 1:
                unrolled.append(SpatialLoop(axis.name, DIMS[candidate.pick[a]], int(candidate.use[a])))
            a += 1
        levels.append(LevelMapping(loops, tuple(unrolled)))
    return Mapping(tuple(levels))
