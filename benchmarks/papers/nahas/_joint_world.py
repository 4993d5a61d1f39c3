"""What is known of a table of networks on all accelerators? Prices and accuracies, looked up in microseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from coexplore.cost.front import undominated
from coexplore.cost.network_table import NetworkTable, blocks
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CANNOT = 1e30
"""Seconds that an op takes where it cannot run."""
ROWS = 512
"""Networks whose totals on all accelerators are held at once."""


@dataclass(frozen=True, eq=False)
class World:
    """Networks of a table on accelerators of a space, all prices known."""

    accuracy: Floats
    """(n,) Fractions."""
    choices: Ints
    """(n, decisions) what each network chose, as codes from 0."""
    macs: Floats
    """(n,)"""
    table: NetworkTable
    accelerators: Space
    """Its points in their order are the columns of the table."""
    baseline: int
    """Column of the baseline accelerator."""
    _within: dict[float, Ints] = field(default_factory=dict)
    _nearest: dict[tuple[int, ...], int] = field(default_factory=dict)

    @cached_property
    def networks(self) -> Space:
        """A decision for each column of choices."""
        sizes = self.choices.max(axis=0) + 1
        return Space(tuple(Decision(f"d{n}", tuple(range(size))) for n, size in enumerate(sizes.tolist())))

    @cached_property
    def reference(self) -> int:
        """The network of middle latency on the baseline, for which phases choose their accelerator."""
        latency = self._counts @ self._latency[self.baseline]
        return int(np.argsort(latency, kind="stable")[len(latency) // 2])

    @cached_property
    def _rows(self) -> dict[tuple[int, ...], int]:
        return {tuple(row): number for number, row in enumerate(self.choices.tolist())}

    @cached_property
    def _away(self) -> list[NDArray[np.int16]]:
        """For each decision (values, n) how far each of its values is from what each network chose."""
        sizes = (self.choices.max(axis=0) + 1).tolist()
        return [
            np.abs(np.arange(size)[:, None] - own).astype(np.int16)
            for size, own in zip(sizes, self.choices.T, strict=True)
        ]

    def network_of(self, point: Point) -> int:
        """The network with these choices; of those that differ least where the table has none, the first."""
        row = tuple([int(value) for _, value in point.entries])
        found = self._rows.get(row)
        if found is None:
            found = self._nearest.get(row)
        if found is None:
            far = np.add.reduce([away[value] for away, value in zip(self._away, row, strict=True)])
            found = self._nearest[row] = int(far.argmin())
        return found

    def column_of(self, point: Point) -> int:
        """The accelerator of a point."""
        column = 0
        for index, size in zip(self.accelerators.indices(point), self.accelerators.sizes, strict=True):
            column = column * size + index
        return column

    @cached_property
    def _counts(self) -> Floats:
        return self.table.counts.astype(np.float64)

    @cached_property
    def _latency(self) -> Floats:
        """(a, o) Prices of one accelerator lie side by side."""
        return np.ascontiguousarray(np.where(np.isinf(self.table.latency_s), CANNOT, self.table.latency_s).T)

    def costs(self, network: int, column: int) -> tuple[float, float]:
        """Latency and area of a pair."""
        return float(self._counts[network] @ self._latency[column]), float(self.table.area_mm2[column])

    @property
    def largest_mm2(self) -> float:
        """The area of the baseline, which no design may exceed."""
        return float(self.table.area_mm2[self.baseline])

    def columns_within(self, latency_s: float) -> Ints:
        """(n,) For each network the accelerator of least energy within target and area, -1 where none is.

        Rough sums decide, as in `costs`, so that a search and its hardware agree on what is legal.
        """
        if latency_s not in self._within:
            inside = self.table.on(np.flatnonzero(self.table.area_mm2 <= self.largest_mm2))
            few = inside.on(undominated(inside.latency_s, inside.energy_j, np.zeros(len(inside.area_mm2))))
            rows, which = np.unique(self.table.counts, axis=0, return_inverse=True)
            latency = np.where(np.isinf(few.latency_s), CANNOT, few.latency_s)
            energy = np.where(np.isinf(few.latency_s), CANNOT, few.energy_j)
            found = np.empty(len(rows), np.int64)
            for some in blocks(len(rows), ROWS):
                counts = rows[some].astype(np.float64)
                joules = np.where(counts @ latency <= latency_s, counts @ energy, np.inf)
                best = joules.argmin(axis=1)
                legal = np.isfinite(joules[np.arange(len(best)), best])
                found[some] = np.where(legal, few.places[best], -1)
            self._within[latency_s] = found[which.ravel()]
        return self._within[latency_s]
