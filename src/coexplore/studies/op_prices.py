"""What do the distinct ops of many networks cost on every accelerator of a study? In files that survive a kill.

One file holds what all ops cost on a run of accelerators in the order of their space. Where tensors stay on chip, ops
have no price of their own; then the engine's cache alone keeps prices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import AcceleratorError, SpaceError
from coexplore.cost.network_table import CountedOps, NetworkTable, price_networks
from coexplore.cost.residency import Residency
from coexplore.cost.resident_table import price_resident_networks
from coexplore.design import ACCELERATOR, DesignSpace
from coexplore.spaces.space import Point, factor
from coexplore.studies.exact_chunks import CHUNK, ChunkFiles
from coexplore.studies.sources import CostPricer
from coexplore.workloads.graph import Workload

OnPairs = Callable[[int, int], None]
"""Called with the pairs of distinct ops and accelerators that are priced, and those there are."""
TOTALS_MB = 1024.0
"""Of memory for pricing."""


@dataclass(frozen=True, slots=True, eq=False)
class OpChunk:
    """What the distinct ops of all networks cost on a run of accelerators, `a` of them."""

    latency_s: NDArray[np.float64]
    """(o, a) +inf where an op cannot run, or there is no such accelerator."""
    energy_j: NDArray[np.float64]
    """(o, a) as `latency_s`."""
    area_mm2: NDArray[np.float64]
    """(a,) +inf where there is no such accelerator."""

    def fits(self, accelerators: int) -> bool:
        """See `coexplore.studies.exact_chunks.Arrays`."""
        tables = (self.latency_s, self.energy_j)
        return all(array.dtype == np.float64 for array in (*tables, self.area_mm2)) and (
            self.area_mm2.shape == (accelerators,)
            and all(table.ndim == 2 and table.shape[1] == accelerators for table in tables)
        )


@dataclass(frozen=True, slots=True)
class OpPrices:
    """Prices on all accelerators of a space, which come in its order."""

    designs: DesignSpace
    """Whose accelerators are meant."""
    pricer: CostPricer
    files: ChunkFiles[OpChunk]
    threads: int
    on_pairs: OnPairs

    def table(self, ops: CountedOps) -> NetworkTable:
        """Networks of counted ops on every accelerator; what is on disk is not priced again.

        Raises:
            StoreError: the files cannot be written.
        """
        space = factor(self.designs.space, ACCELERATOR)
        size, rows = space.size, ops.counts.shape[1]
        points, chunks = space.enumerate(), []
        self.on_pairs(0, size * rows)
        for begin in range(0, size, CHUNK):
            end = min(begin + CHUNK, size)
            some = list(islice(points, end - begin))
            chunk = self.files.read(begin, end)
            if chunk is None or len(chunk.latency_s) != rows:
                chunk = self._priced(ops, some, begin, size)
                self.files.write(begin, end, chunk)
            chunks.append(chunk)
            self.on_pairs(end * rows, size * rows)
        latency, energy = (np.hstack([getattr(chunk, name) for chunk in chunks]) for name in ("latency_s", "energy_j"))
        area = np.concatenate([chunk.area_mm2 for chunk in chunks])
        return NetworkTable(ops.counts, latency, energy, area, np.arange(size))

    def _priced(self, ops: CountedOps, points: list[Point], begin: int, size: int) -> OpChunk:
        places, chips = existing(self.designs, points)
        rows = ops.counts.shape[1]

        def told(done: int, _: int) -> None:
            self.on_pairs(begin * rows + done, size * rows)

        table = price_networks(ops, chips, self.pricer.goal, self.threads, memory_mb=TOTALS_MB, progress=told)
        latency, energy = (np.full((rows, len(points)), np.inf) for _ in range(2))
        area = np.full(len(points), np.inf)
        latency[:, places], energy[:, places], area[places] = table.latency_s, table.energy_j, table.area_mm2
        return OpChunk(latency, energy, area)

    def resident_tables(self, workloads: Iterable[Workload]) -> list[NetworkTable]:
        """Tables by what stays on chip, places in the order of the space."""
        residency: Residency = self.pricer.residency
        places, chips = existing(self.designs, list(factor(self.designs.space, ACCELERATOR).enumerate()))
        tables = price_resident_networks(
            workloads, chips, residency, self.pricer.goal, self.threads, memory_mb=TOTALS_MB
        )
        return [
            NetworkTable(table.counts, table.latency_s, table.energy_j, table.area_mm2, places[table.places])
            for table in tables
        ]


def existing(designs: DesignSpace, points: list[Point]) -> tuple[NDArray[np.int64], list[Accelerator]]:
    """The accelerators that some points stand for, and which points those are."""
    places, chips = [], []
    for place, point in enumerate(points):
        try:
            chip = designs.accelerator_family.decode(point)
        except (SpaceError, AcceleratorError):
            continue
        assert isinstance(chip, Accelerator)
        places.append(place)
        chips.append(chip)
    return np.array(places, np.int64), chips
