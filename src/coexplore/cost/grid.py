"""What do all ops cost on all accelerators of a space? Tables over (ops `o`, accelerators `a`), and totals of networks.

Every entry is the replay of the pair's best mapping, so any entry can be replayed. Networks are then rows of op counts:
their totals are `counts @ table`, added exactly. An infeasible pair is `inf`, and so is every network that needs it.

Pairs that were priced before come from a cache on disk; the others are priced in chunks that fit a stated memory. What
a pair costs depends on neither, nor on the number of threads.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import ConfigError
from coexplore.cost.grid_cache import GridCache
from coexplore.cost.grid_key import KEY_BYTES
from coexplore.cost.grid_rows import Pricing, Progress, chunk_bytes
from coexplore.cost.mapper import Goal
from coexplore.cost.totals import exact_totals
from coexplore.workloads.loops import Loops

Floats = NDArray[np.float64]

MEMORY_MB = 2048.0
TABLE_BYTES = 16
"""Seconds and joules of a pair."""
COLUMN_BYTES = 16 + KEY_BYTES
"""Area, place and hash of an accelerator."""
DESCRIPTION_BYTES = 4096
"""An accelerator as an object, with levels of its own."""


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
        """Latency and energy of networks, each (n, a), for op counts (n, o): true sums, rounded once.

        Raises:
            WorkloadError: as `coexplore.cost.totals.exact_totals`.
        """
        return exact_totals(counts, self.latency_s), exact_totals(counts, self.energy_j)

    def totals_by_block(self, counts: NDArray[np.int64], networks: int = 256) -> Iterator[tuple[slice, Floats, Floats]]:
        """The same for `networks` rows at a time, for totals too large to hold: (rows, latency, energy)."""
        for begin in range(0, len(counts), networks):
            rows = slice(begin, min(begin + networks, len(counts)))
            yield rows, *self.totals(counts[rows])


def price_grid(
    ops: Sequence[Loops],
    accelerators: Sequence[Accelerator],
    goal: Goal = Goal.EDP,
    threads: int = 1,
    *,
    memory_mb: float = MEMORY_MB,
    cache: GridCache | None = None,
    progress: Progress | None = None,
) -> Grid:
    """Price every op on every accelerator under its best mapping for `goal`.

    Args:
        ops: what is priced; equal ones are priced once.
        accelerators: on what.
        goal: what every mapping minimises.
        threads: kernels run without the interpreter lock.
        memory_mb: the tables and what pricing them holds stay below; the accelerators are the caller's own.
        cache: prices on disk; None is `GridCache.standard()`. `GridCache(None)` keeps nothing.
        progress: told after each chunk.

    Raises:
        ConfigError: `threads` is below 1, or `memory_mb` is no number or does not hold the tables; `price_in_chunks`
            needs less.
    """
    pricing = _pricing(goal, threads, cache, progress)
    tables = len(accelerators) * (len(ops) * TABLE_BYTES + COLUMN_BYTES) + pricing.cache.memory_bytes
    least = tables + chunk_bytes(pricing.at_once(ops), 1)
    room = _bytes(memory_mb)
    if room < least:
        raise ConfigError(
            f"memory_mb: is {memory_mb:g}, but the tables of {len(ops)} ops x {len(accelerators)} accelerators and the "
            f"cache need {_mebibytes(least)}; raise it, or take the grid piece by piece from price_in_chunks"
        )
    return _price(pricing, ops, accelerators, room - tables)


def price_in_chunks(
    ops: Sequence[Loops],
    accelerators: Iterable[Accelerator],
    goal: Goal = Goal.EDP,
    threads: int = 1,
    *,
    memory_mb: float = MEMORY_MB,
    cache: GridCache | None = None,
) -> Iterator[Grid]:
    """The grid as a sequence of smaller grids, all ops on some accelerators each, for spaces larger than memory.

    Accelerators are taken from the iterable as they are needed, in its order; neighbours of one shape are priced
    together, so an order that keeps them together is faster. The grids side by side equal `price_grid`, wherever the
    cuts are.

    Args:
        ops: as for `price_grid`, and so are the others.
        accelerators: any number of them.
        goal: what every mapping minimises.
        threads: kernels run without the interpreter lock.
        memory_mb: two grids with their accelerators (the caller may still hold the last one), and what pricing one of
            them holds, stay below.
        cache: prices on disk.

    Raises:
        ConfigError: `threads` is below 1, or `memory_mb` is no number or does not hold one accelerator.
    """
    pricing = _pricing(goal, threads, cache, None)
    at_once = pricing.at_once(ops)
    grid = len(ops) * TABLE_BYTES + COLUMN_BYTES + DESCRIPTION_BYTES
    each = 2 * grid + chunk_bytes(at_once, 1)
    width = (_bytes(memory_mb) - pricing.cache.memory_bytes) // each
    if width < 1:
        raise ConfigError(
            f"memory_mb: is {memory_mb:g}, but one accelerator with {len(ops)} ops and the cache need "
            f"{_mebibytes(pricing.cache.memory_bytes + each)}; raise it"
        )
    return _blocks(pricing, ops, iter(accelerators), width, chunk_bytes(at_once, width))


def _blocks(
    pricing: Pricing, ops: Sequence[Loops], accelerators: Iterator[Accelerator], width: int, chunk: int
) -> Iterator[Grid]:
    while block := tuple(itertools.islice(accelerators, width)):
        yield _price(pricing, ops, block, chunk)


def _pricing(goal: Goal, threads: int, cache: GridCache | None, progress: Progress | None) -> Pricing:
    if threads < 1:
        raise ConfigError(f"threads: is {threads}; give at least 1")
    return Pricing(goal, threads, GridCache.standard() if cache is None else cache, progress)


def _price(pricing: Pricing, ops: Sequence[Loops], accelerators: Sequence[Accelerator], chunk: int) -> Grid:
    latency, energy = pricing.fill(ops, accelerators, chunk)
    area = np.array([accelerator.area_mm2 for accelerator in accelerators], np.float64)
    return Grid(tuple(ops), tuple(accelerators), latency, energy, area)


def _bytes(memory_mb: float) -> int:
    if not math.isfinite(memory_mb):
        raise ConfigError(f"memory_mb: is {memory_mb:g}; give a number of megabytes")
    return int(memory_mb * 2**20)


def _mebibytes(size: int) -> int:
    return -(-size // 2**20)
