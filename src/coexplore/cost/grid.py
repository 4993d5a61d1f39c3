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
from coexplore.cost.mapper import Goal, mapped, search_variants, shape_of
from coexplore.cost.replay import replay, too_wide
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
    """Price every op on every accelerator under its best mapping for `goal`, whatever the number of threads.

    Accelerators of one shape, which differ in sizes, widths and energies alone, are searched together.
    """
    groups: dict[object, list[int]] = {}
    for column, accelerator in enumerate(accelerators):
        groups.setdefault(shape_of(accelerator), []).append(column)
    latency, energy = (np.full((len(ops), len(accelerators)), np.inf) for _ in range(2))

    def fill(row: int, columns: list[int]) -> None:
        found = _price_group(ops[row], [accelerators[column] for column in columns], goal)
        latency[row, columns], energy[row, columns] = found[:, 0], found[:, 1]

    jobs = [(row, columns) for columns in groups.values() for row in range(len(ops))]
    with ThreadPoolExecutor(max_workers=threads) as pool:
        list(pool.map(lambda job: fill(*job), jobs))
    area = np.array([accelerator.area_mm2 for accelerator in accelerators])
    return Grid(tuple(ops), tuple(accelerators), latency, energy, area)


def _price_group(loops: Loops, accelerators: Sequence[Accelerator], goal: Goal) -> Floats:
    """(a, 2) Seconds and joules of an op on accelerators of one shape."""
    costs = np.full((len(accelerators), 2), np.inf)
    if too_wide(loops, accelerators[0]):
        return costs
    best = search_variants(loops, accelerators, goal)
    for variant, accelerator in enumerate(accelerators):
        mapping = mapped(loops, accelerator, best, variant).mapping
        if mapping is not None:
            result = replay(loops, accelerator, mapping)
            costs[variant] = result.total_cycles / accelerator.clock_hz, result.energy_j
    return costs
