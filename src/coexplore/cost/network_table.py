"""What do many networks cost on many accelerators? How often each runs each op, times what the op costs on each.

Axes: `n` networks, `o` distinct ops, `a` accelerators. Networks of a family share few distinct ops, so a space of
networks is a matrix of counts and a table of prices of ops. Totals are never made for all pairs at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import WorkloadError
from coexplore.cost.grid import MEMORY_MB, price_grid
from coexplore.cost.grid_rows import Progress
from coexplore.cost.mapper import Goal
from coexplore.cost.totals import exact_totals
from coexplore.cost.vector_grid import VectorWork, price_vector_work, vector_work
from coexplore.cost.workload_grid import distinct_ops
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Loops

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CountedOps:
    """How often networks run each distinct op; ops with multiply-accumulate loops stand first."""

    loops: tuple[Loops, ...]
    vector: tuple[VectorWork, ...]
    counts: Ints
    """(n, o)"""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTable:
    """Networks on some accelerators of a space: latency (n, a) is `counts @ latency_s`, and energy alike.

    Raises:
        WorkloadError: shapes do not fit.
    """

    counts: Ints
    """(n, o)"""
    latency_s: Floats
    """(o, a) +inf where an op cannot run."""
    energy_j: Floats
    """(o, a) under the same mappings."""
    area_mm2: Floats
    """(a,)"""
    places: Ints
    """(a,) Rising places of these accelerators in their space."""

    def __post_init__(self) -> None:
        ops, accelerators = self.counts.shape[-1], len(self.area_mm2)
        shapes = (self.latency_s.shape, self.energy_j.shape, self.places.shape)
        if shapes != ((ops, accelerators), (ops, accelerators), (accelerators,)):
            raise WorkloadError(
                f"a table of {self.counts.shape} counts and {accelerators} areas has latencies, energies and places of "
                f"shapes {shapes}; give (ops, accelerators) twice and (accelerators,)"
            )

    def totals(self, networks: Ints) -> tuple[Floats, Floats]:
        """Latency and energy of some networks, each (networks, a): true sums, rounded once."""
        counts = self.counts[networks]
        return exact_totals(counts, self.latency_s), exact_totals(counts, self.energy_j)

    def on(self, columns: Ints) -> NetworkTable:
        """The same networks on some of the accelerators, by their columns here."""
        return replace(
            self,
            latency_s=self.latency_s[:, columns],
            energy_j=self.energy_j[:, columns],
            area_mm2=self.area_mm2[columns],
            places=self.places[columns],
        )

    def of(self, networks: Ints) -> NetworkTable:
        """Some of the networks, without the ops that none of them runs."""
        counts = self.counts[networks]
        used = counts.any(axis=0)
        return replace(self, counts=counts[:, used], latency_s=self.latency_s[used], energy_j=self.energy_j[used])


def count_ops(workloads: Iterable[Workload]) -> CountedOps:
    """Count the distinct ops of networks, each in the order in which they first occur."""
    loops: dict[Loops, int] = {}
    vector: dict[VectorWork, int] = {}
    rows = []
    for workload in workloads:
        own = {loops.setdefault(op, len(loops)): len(names) for op, names in distinct_ops(workload).items()}
        rest = {vector.setdefault(op, len(vector)): times for op, times in vector_work(workload).items()}
        rows.append((own, rest))
    counts = np.zeros((len(rows), len(loops) + len(vector)), np.int64)
    for row, (own, rest) in zip(counts, rows, strict=True):
        row[list(own)] = list(own.values())
        row[[len(loops) + place for place in rest]] = list(rest.values())
    return CountedOps(tuple(loops), tuple(vector), counts)


def price_networks(
    ops: CountedOps,
    accelerators: Sequence[Accelerator],
    goal: Goal = Goal.EDP,
    threads: int = 1,
    *,
    memory_mb: float = MEMORY_MB,
    progress: Progress | None = None,
) -> NetworkTable:
    """Price the distinct ops of networks on every accelerator, each under its best mapping.

    Every total of the table equals that of `coexplore.cost.model.price` to the last bit.

    Args:
        ops: of the networks.
        accelerators: on what.
        goal: what every mapping minimises.
        threads: as for `price_grid`, and so are the others.
        memory_mb: bounds the work, see there.
        progress: told after each chunk.

    Raises:
        ConfigError: as `price_grid`.
    """
    grid = price_grid(ops.loops, accelerators, goal, threads, memory_mb=memory_mb, progress=progress)
    latency, energy = price_vector_work(ops.vector, accelerators)
    return NetworkTable(
        counts=ops.counts,
        latency_s=np.vstack([grid.latency_s, latency]),
        energy_j=np.vstack([grid.energy_j, energy]),
        area_mm2=grid.area_mm2,
        places=np.arange(len(accelerators)),
    )


def blocks(count: int, rows: int) -> Iterator[slice]:
    """Runs of at most so many of `count`."""
    return (slice(begin, min(begin + rows, count)) for begin in range(0, count, rows))
