"""What do some ops cost on some accelerators, all in memory at once? The engine behind `coexplore.cost.grid`.

Every entry is the replay of the pair's best mapping. What a price is, is decided here and in what this module imports:
the cache of prices is keyed by the content of these files, and of no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.mapper import CODES, UNROLLINGS, Goal
from coexplore.cost.replay import too_wide
from coexplore.cost.search import Lot, lay_out, search, shapes
from coexplore.workloads.loops import Loops

Floats = NDArray[np.float64]
Columns = NDArray[np.int64]

PAIR_BYTES = 16
"""What `price_chunk` holds per op and accelerator, its result included."""
ACCELERATOR_BYTES = 512
"""What it holds per accelerator, whatever the ops."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Accelerators that are priced together: laid out by shape once, for any number of ops."""

    count: int
    lots: tuple[tuple[Columns, Lot], ...]
    """The places of the accelerators of each lot, and the lot."""


def lay_out_chunk(accelerators: Sequence[Accelerator]) -> Chunk:
    """Lay out accelerators; those of one shape, which differ in sizes, widths and energies of levels, side by side."""
    shape = shapes(accelerators)
    groups = [np.flatnonzero(shape == number) for number in range(shape.max(initial=-1) + 1)]
    lots = tuple((columns, lay_out([accelerators[int(column)] for column in columns])) for columns in groups)
    return Chunk(len(accelerators), lots)


def price_chunk(ops: Sequence[Loops], chunk: Chunk, goal: Goal, threads: int) -> tuple[Floats, Floats]:
    """Seconds and joules, each (o, a), of every op on every accelerator under its best mapping; `inf` is infeasible.

    A price depends on its own op and accelerator and on `goal`, not on the others nor on the number of threads.
    """
    latency, energy = (np.full((len(ops), chunk.count), np.inf) for _ in range(2))

    def fill(row: int, columns: Columns, lot: Lot) -> None:
        costs = _price(ops[row], lot, goal)
        latency[row, columns], energy[row, columns] = costs[:, 0], costs[:, 1]

    jobs = [(row, *lot) for lot in chunk.lots for row in range(len(ops))]
    with ThreadPoolExecutor(max_workers=threads) as pool:
        list(pool.map(lambda job: fill(*job), jobs))
    return latency, energy


def _price(loops: Loops, lot: Lot, goal: Goal) -> Floats:
    """(a, 2) Seconds and joules of an op on the accelerators of a lot."""
    if too_wide(loops, lot.accelerators[0]):
        return np.full((len(lot.accelerators), 2), np.inf)
    costs = search(loops, lot, CODES[goal], UNROLLINGS).costs
    costs[:, 0] /= [accelerator.clock_hz for accelerator in lot.accelerators]
    return costs
