"""Which mappings were the best of some accelerator? A pool that drops those that no longer are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._compile import inner, maker
from coexplore.cost._goal import Best
from coexplore.cost.nest import Ints

LOSERS = 64
"""Room for mappings that others have beaten, beside twice the accelerators."""


class Pool(NamedTuple):
    """Mappings `m` that were the best of some accelerator."""

    counts: Ints
    """(m, 2 + 12 l + 4 b) Cycles, those of skew, bits of every level, and of every boundary the first tiles above and
    below and what moves under one parent and into one instance."""
    steps: Ints
    """(m, s, 8) Tiles."""
    orders: Ints
    """(m, s)"""
    unrolling: Ints
    """(m,)"""
    place: Ints
    """(m,) Scratch."""


@maker
def make_pool(accelerators: int, levels: int, boundaries: int, slots: int) -> Pool:
    """An empty pool."""
    room = 2 * accelerators + LOSERS
    return Pool(
        np.empty((room, 2 + 12 * levels + 4 * boundaries), np.int64),
        np.empty((room, slots, 8), np.int64),
        np.zeros((room, slots), np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
    )


@inner
def with_room(end: int, best: Best, pool: Pool) -> int:
    """Where the pool ends, after dropping mappings that are nowhere the best any more if it is full."""
    if end < pool.place.size:
        return end
    for m in range(end):
        pool.place[m] = -1
    for v in range(best.mapping.size):
        if best.mapping[v] >= 0:
            pool.place[best.mapping[v]] = 0
    kept = 0
    for m in range(end):
        if pool.place[m] < 0:
            continue
        for k in range(pool.counts.shape[1]):
            pool.counts[kept, k] = pool.counts[m, k]
        for s in range(pool.orders.shape[1]):
            pool.orders[kept, s] = pool.orders[m, s]
            for d in range(8):
                pool.steps[kept, s, d] = pool.steps[m, s, d]
        pool.unrolling[kept], pool.place[m] = pool.unrolling[m], kept
        kept += 1
    for v in range(best.mapping.size):
        if best.mapping[v] >= 0:
            best.mapping[v] = pool.place[best.mapping[v]]
    return kept
