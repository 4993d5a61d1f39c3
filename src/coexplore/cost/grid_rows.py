"""How are the tables of a grid filled? From the cache where a pair is known, in chunks that fit a memory elsewhere."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import StoreError
from coexplore.cost.grid_cache import GridCache
from coexplore.cost.grid_chunk import ACCELERATOR_BYTES, PAIR_BYTES, Chunk, lay_out_chunk, price_chunk
from coexplore.cost.grid_key import Keys, accelerator_keys, op_key
from coexplore.cost.mapper import Goal
from coexplore.cost.search import shapes
from coexplore.workloads.loops import Loops

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with the pairs that are done and those there are."""


def chunk_bytes(ops: int, accelerators: int) -> int:
    """What pricing a chunk holds."""
    return accelerators * (ops * PAIR_BYTES + ACCELERATOR_BYTES)


@dataclass(frozen=True, slots=True)
class Pricing:
    """What is asked of a grid beside its ops and accelerators."""

    goal: Goal
    threads: int
    cache: GridCache
    progress: Progress | None

    def at_once(self, ops: Sequence[Loops]) -> int:
        """Ops of one chunk: enough for all threads, and no more, so that progress is seen and little is lost."""
        return min(self.threads, max(len(ops), 1))

    def fill(self, ops: Sequence[Loops], accelerators: Sequence[Accelerator], memory: int) -> tuple[Floats, Floats]:
        """Seconds and joules, each (o, a); chunks hold `memory` bytes, which is enough for one accelerator."""
        work = _Work(self, ops, accelerators)
        try:
            work.run(memory)
        finally:
            if work.kept:
                self.cache.trim()
        return work.latency, work.energy


class _Work:
    """Tables that are being filled."""

    def __init__(self, pricing: Pricing, ops: Sequence[Loops], accelerators: Sequence[Accelerator]) -> None:
        self.pricing, self.accelerators = pricing, accelerators
        self.latency, self.energy = (np.full((len(ops), len(accelerators)), np.inf) for _ in range(2))
        self.rows: dict[Loops, list[int]] = {}
        for row, loops in enumerate(ops):
            self.rows.setdefault(loops, []).append(row)
        self.cache = pricing.cache
        self.keys: Keys | None = None if self.cache.folder is None else accelerator_keys(accelerators)
        self.keeps, self.kept = self.keys is not None, False
        self.shapes: Ints | None = None
        self.laid_out: tuple[Ints, Chunk] | None = None
        self.done, self.pairs = 0, len(ops) * len(accelerators)

    def run(self, memory: int) -> None:
        """Price what is not known, some ops at a time."""
        distinct = list(self.rows)
        for begin in range(0, len(distinct), self.pricing.threads):
            for members, missing in self.look_up(distinct[begin : begin + self.pricing.threads]):
                width = memory // chunk_bytes(len(members), 1)
                for columns in self.cut(missing, max(width, 1)):
                    self.price(members, columns)

    def look_up(self, ops: Sequence[Loops]) -> Iterator[tuple[list[Loops], Ints]]:
        """Fill in what the cache knows; yields ops that lack the same columns, and these columns."""
        everything = np.zeros(len(self.accelerators), np.bool_)
        groups: dict[bytes, list[Loops]] = {}
        for loops in ops:
            known = everything
            if self.keys is not None:
                latency, energy, known = self.cache.find(op_key(loops, self.pricing.goal), self.keys)
                self.latency[self.rows[loops]], self.energy[self.rows[loops]] = latency, energy
            groups.setdefault(known.tobytes(), []).append(loops)
        for mask, members in groups.items():
            missing = np.flatnonzero(~np.frombuffer(mask, np.bool_))
            self._advance(members, len(self.accelerators) - len(missing))
            if len(missing):
                yield members, missing

    def cut(self, columns: Ints, width: int) -> Iterator[Ints]:
        """Columns in pieces of a width, those of one shape side by side: they are cheaper together."""
        if len(columns) > width:
            if self.shapes is None:
                self.shapes = shapes(self.accelerators)
            columns = columns[np.argsort(self.shapes[columns], kind="stable")]
        for begin in range(0, len(columns), width):
            yield columns[begin : begin + width]

    def lay_out(self, columns: Ints) -> Chunk:
        """Some accelerators, ready to be priced: those of the last chunk again, if they are the same."""
        if self.laid_out is None or not np.array_equal(self.laid_out[0], columns):
            self.laid_out = None
            self.laid_out = columns, lay_out_chunk([self.accelerators[column] for column in columns])
        return self.laid_out[1]

    def price(self, ops: Sequence[Loops], columns: Ints) -> None:
        """Price ops on some accelerators, and keep what took long."""
        begin = time.perf_counter()
        latency, energy = price_chunk(ops, self.lay_out(columns), self.pricing.goal, self.pricing.threads)
        is_worth_it = time.perf_counter() - begin >= self.cache.least_s * len(ops)
        for number, loops in enumerate(ops):
            rows = np.array(self.rows[loops])[:, None]
            self.latency[rows, columns], self.energy[rows, columns] = latency[number], energy[number]
            if self.keys is not None and self.keeps and is_worth_it:
                self._keep(op_key(loops, self.pricing.goal), self.keys[columns], latency[number], energy[number])
        self._advance(ops, len(columns))

    def _keep(self, key: str | None, accelerators: Keys, latency: Floats, energy: Floats) -> None:
        try:
            self.cache.keep(key, accelerators, latency, energy)
            self.kept = True
        except StoreError as error:
            self.keeps = False
            warnings.warn(f"prices are complete but not kept for the next time: {error}", stacklevel=2)

    def _advance(self, ops: Sequence[Loops], columns: int) -> None:
        if self.pricing.progress is not None and columns:
            self.done += columns * sum(len(self.rows[loops]) for loops in ops)
            self.pricing.progress(self.done, self.pairs)
