"""What do some ops cost on some accelerators, all in memory at once? The engine behind `coexplore.cost.grid`.

Every entry is the replay of the pair's best mapping. What a price is, is decided here and in what this module imports:
the cache of prices is keyed by the content of these files, and of no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.mapper import Goal, mapped, search_variants, shape_of
from coexplore.cost.replay import replay, too_wide
from coexplore.workloads.loops import Loops

Floats = NDArray[np.float64]

PAIR_BYTES = 16
"""What `price_chunk` holds per op and accelerator, its result included."""
ACCELERATOR_BYTES = 512
"""What it holds per accelerator, whatever the ops."""


def price_chunk(
    ops: Sequence[Loops], accelerators: Sequence[Accelerator], goal: Goal, threads: int
) -> tuple[Floats, Floats]:
    """Seconds and joules, each (o, a), of every op on every accelerator under its best mapping; `inf` is infeasible.

    A price depends on its own op and accelerator and on `goal`, not on the others nor on the number of threads.
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
    return latency, energy


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
