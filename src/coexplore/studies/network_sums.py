"""What does a network cost on every accelerator, if its ops have been priced before? Sums of rows that are kept.

Axes: `o` distinct ops, `a` accelerators. An op is priced on the accelerators where it first occurs. Where tensors may
stay on chip, accelerators fall into groups by what their memories keep of the network; each group has ops of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost import resident_grid, vector_grid
from coexplore.cost.grid import price_grid
from coexplore.cost.mapper import Goal
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.cost.resident_table import ResidentGroups
from coexplore.cost.totals import exact_totals
from coexplore.cost.workload_grid import distinct_ops
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Loops

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Priced = Callable[[Sequence[Any], Sequence[Accelerator]], tuple[Floats, Floats]]  # either kind of VectorWork


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A network on accelerators that run the same ops."""

    columns: Ints
    """(c,) Rising."""
    counts: Ints
    """(o,) Each at least 1."""
    latency_s: Floats
    """(o, c)"""
    energy_j: Floats
    """(o, c)"""

    def exact(self, among: Ints) -> tuple[Floats, Floats]:
        """On some of the columns, by their place here: true sums, rounded once."""
        latency, energy = (exact_totals(self.counts[None], t[:, among])[0] for t in (self.latency_s, self.energy_j))
        return latency, energy

    def rough(self) -> tuple[Floats, Floats]:
        """On all columns, from sums in any order."""
        blocked = np.isinf(self.latency_s)
        cannot = blocked.any(axis=0)
        counts = self.counts.astype(np.float64)
        tables = (self.latency_s, self.energy_j)
        if cannot.any():
            tables = (np.where(blocked, 0.0, self.latency_s), np.where(blocked, 0.0, self.energy_j))
        latency, energy = (np.where(cannot, np.inf, counts @ table) for table in tables)
        return latency, energy


@dataclass(frozen=True, slots=True, eq=False)
class NetworkSum:
    """A network as sums of its ops."""

    workload: Workload
    accelerators: int
    parts: tuple[_Part, ...]
    """Every accelerator is in one."""

    def exact(self, columns: Ints) -> tuple[Floats, Floats]:
        """Latency and energy on some accelerators, each (c,): true sums, rounded once.

        Args:
            columns: (c,) Rising.
        """
        latency, energy = (np.full(len(columns), np.inf) for _ in range(2))
        for part in self.parts:
            _, here, there = np.intersect1d(columns, part.columns, assume_unique=True, return_indices=True)
            latency[here], energy[here] = part.exact(there)
        return latency, energy

    def rough(self) -> tuple[Floats, Floats]:
        """The same on all accelerators, each (a,), from sums in any order."""
        latency, energy = (np.full(self.accelerators, np.inf) for _ in range(2))
        for part in self.parts:
            latency[part.columns], energy[part.columns] = part.rough()
        return latency, energy


class NetworkSums:
    """Prices of ops on accelerators as far as they were asked for.

    Args:
        chips: the accelerators.
        goal: what every mapping minimises.
        residency: which tensors stay on chip.
        threads: of pricing.
    """

    def __init__(self, chips: Sequence[Accelerator], goal: Goal, residency: Residency, threads: int) -> None:
        self._chips, self._goal, self._threads = chips, goal, threads
        self._groups = None if residency == MAIN_MEMORY else ResidentGroups(chips, residency)
        priced_by = vector_grid if self._groups is None else resident_grid
        self._price_vector: Priced = priced_by.price_vector_work
        self._rows: dict[Hashable, _Row] = {}

    def of(self, workload: Workload) -> NetworkSum:
        """A network on all accelerators; ops that are new are priced."""
        parts = tuple(self._part(columns, loops, vector) for columns, loops, vector in self._ops(workload))
        return NetworkSum(workload, len(self._chips), parts)

    def _ops(self, workload: Workload) -> Iterator[tuple[Ints, Mapping[Loops, int], Mapping[Any, int]]]:
        """Accelerators that run the same ops, and how often they run each."""
        if self._groups is None:
            loops = {op: len(names) for op, names in distinct_ops(workload).items()}
            yield np.arange(len(self._chips)), loops, vector_grid.vector_work(workload)
            return
        for columns, (own, rest) in self._groups.of(workload):
            yield columns, own, rest

    def _part(self, columns: Ints, loops: Mapping[Loops, int], vector: Mapping[Any, int]) -> _Part:
        some = [self._chips[column] for column in columns]
        new = self._unknown(loops, columns)
        if new:
            grid = price_grid(new, some, self._goal, self._threads)
            self._enter(new, columns, grid.latency_s, grid.energy_j)
        fresh = self._unknown(vector, columns)
        if fresh:
            self._enter(fresh, columns, *self._price_vector(fresh, some))
        rows = [self._rows[op] for op in (*loops, *vector)]
        counts = np.array([*loops.values(), *vector.values()], np.int64)
        latency, energy = (
            np.array([getattr(row, name)[columns] for row in rows]) for name in ("latency_s", "energy_j")
        )
        return _Part(columns, counts, latency, energy)

    def _unknown(self, ops: Mapping[Any, int], columns: Ints) -> list[Any]:
        return [op for op in ops if op not in self._rows or not self._rows[op].known[columns].all()]

    def _enter(self, ops: Sequence[Hashable], columns: Ints, latency: Floats, energy: Floats) -> None:
        for op, own_latency, own_energy in zip(ops, latency, energy, strict=True):
            row = self._rows.setdefault(op, _Row.of(len(self._chips)))
            row.latency_s[columns], row.energy_j[columns], row.known[columns] = own_latency, own_energy, True


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """An op on all accelerators, each (a,)."""

    latency_s: Floats
    energy_j: Floats
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, accelerators: int) -> _Row:
        """Nothing is known yet."""
        return cls(np.full(accelerators, np.inf), np.full(accelerators, np.inf), np.zeros(accelerators, np.bool_))
