"""What do all ops cost on all accelerators of a space? Tables over (ops `o`, accelerators `a`), and totals of networks.

Every entry is the replay of the pair's best mapping, so any entry can be replayed. Networks are then rows of op counts:
their totals are `counts @ table`. An infeasible pair is `inf`, and so is every network that needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.replay import replay
from coexplore.workloads.op import Loops

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Prices of ops on accelerators."""

    ops: tuple[Loops, ...]
    accelerators: tuple[Accelerator, ...]
    latency_s: Floats
    """(o, a)"""
    energy_j: Floats
    """(o, a), under the same mappings as `latency_s`."""
    area_mm2: Floats
    """(a,)"""

    def totals(self, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Latency and energy of networks, each (n, a), for op counts (n, o)."""
        blocked = counts @ ~np.isfinite(self.latency_s) > 0
        return _sum(counts, self.latency_s, blocked), _sum(counts, self.energy_j, blocked)


def _sum(counts: NDArray[np.int64], table: Floats, blocked: NDArray[np.bool_]) -> Floats:
    return np.where(blocked, np.inf, counts @ np.where(np.isfinite(table), table, 0.0))


def price_grid(
    ops: Sequence[Loops], accelerators: Sequence[Accelerator], goal: Goal = Goal.EDP, threads: int = 1
) -> Grid:
    """Price every op on every accelerator under its best mapping for `goal`, whatever the number of threads."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        columns = list(pool.map(lambda accelerator: _column(ops, accelerator, goal), accelerators))
    table = np.array(columns, np.float64).reshape(len(accelerators), len(ops), 2)
    return Grid(
        ops=tuple(ops),
        accelerators=tuple(accelerators),
        latency_s=np.ascontiguousarray(table[:, :, 0].T),
        energy_j=np.ascontiguousarray(table[:, :, 1].T),
        area_mm2=np.array([accelerator.area_mm2 for accelerator in accelerators]),
    )


def _column(ops: Sequence[Loops], accelerator: Accelerator, goal: Goal) -> list[tuple[float, float]]:
    column = []
    for loops in ops:
        mapping = best_mapping(loops, accelerator, goal).mapping
        if mapping is None:
            column.append((np.inf, np.inf))
            continue
        result = replay(loops, accelerator, mapping)
        column.append((result.total_cycles / accelerator.clock_hz, result.energy_j))
    return column
