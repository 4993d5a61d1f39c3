"""What do whole networks cost on every accelerator of a grid? All their ops as rows, those of the vector unit too.

Axes: `o` distinct ops, `n` networks, `a` accelerators. Totals equal those of `coexplore.cost.model.price`, one network
and one accelerator at a time, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import WorkloadError
from coexplore.cost.candidates import BlockedOp, Candidates
from coexplore.cost.front import undominated
from coexplore.cost.grid import Grid
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.totals import exact_totals
from coexplore.cost.vector_rows import VectorWork, vector_row, vector_units, vector_work
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Loops

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Work = Loops | VectorWork


def mac_loops(workloads: Sequence[Workload]) -> list[Loops]:
    """The distinct loop nests of some networks, in order of first use: the ops that a grid has to price."""
    return list(dict.fromkeys(loops for workload in workloads for _, loops in workload.mac_ops()))


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTable:
    """What the ops of some networks cost on some accelerators, and how often each network runs them."""

    workloads: tuple[Workload, ...]
    accelerators: tuple[Accelerator, ...]
    ops: tuple[Work, ...]
    names: tuple[str, ...]
    """(o,) The op that stands for all of its kind: network and name."""
    counts: Ints
    """(n, o)"""
    latency_s: Floats
    """(o, a) +inf where an op cannot run."""
    energy_j: Floats
    """(o, a)"""
    area_mm2: Floats
    """(a,)"""
    goal: Goal
    """What the mappings minimise."""

    def undominated(self) -> Ints:
        """Accelerators that can be best for some network made of these ops, see `coexplore.cost.front.undominated`."""
        return undominated(self.latency_s, self.energy_j, self.area_mm2)

    def candidates(self, network: int = 0) -> Candidates:
        """One of the networks on every accelerator, with the reasons where it cannot run."""
        workload, row = self.workloads[network], self.counts[network : network + 1]
        latency, energy = exact_totals(row, self.latency_s)[0], exact_totals(row, self.energy_j)[0]
        peaks = np.array([a.macs_per_cycle * a.clock_hz for a in self.accelerators], np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            utilisation = np.where(latency > 0, workload.macs / (latency * peaks), 0.0)
        everywhere = np.ones(len(self.accelerators))
        others = (
            ("macs", workload.macs * everywhere),
            ("parameters", workload.parameters * everywhere),
            ("utilisation", utilisation),
        )
        return Candidates(latency, energy, self.area_mm2, self._blocked(network), others)

    def _blocked(self, network: int) -> tuple[BlockedOp, ...]:
        found = []
        for row in np.flatnonzero(self.counts[network]):
            columns = np.flatnonzero(~np.isfinite(self.latency_s[row]))
            if len(columns):
                reason = self._reason(self.ops[row], int(columns[0]))
                found.append(BlockedOp(self.names[row], len(columns), reason))
        return tuple(sorted(found, key=lambda op: -op.accelerators))

    def _reason(self, op: Work, column: int) -> str:
        """Why an op cannot run on one of the accelerators."""
        if not isinstance(op, Loops):
            return ""
        accelerator = self.accelerators[column]
        return f"on {accelerator.name}, {best_mapping(op, accelerator, self.goal).reason}"


def network_table(workloads: Sequence[Workload], grid: Grid, goal: Goal) -> NetworkTable:
    """The table of some networks.

    Args:
        workloads: the networks.
        grid: prices of `mac_loops(workloads)`, and of others that may go unused.
        goal: of the grid.

    Raises:
        WorkloadError: the grid lacks an op.
    """
    rows: dict[Work, str] = {}
    tallies: list[dict[Work, int]] = []
    for workload in workloads:
        tally: dict[Work, int] = {}
        for op in workload.ops:
            work: Work | None = workload.loops(op) or vector_work(workload, op)
            if work is not None:
                rows.setdefault(work, f"{workload.name}/{op.name}")
                tally[work] = tally.get(work, 0) + 1
        tallies.append(tally)
    counts = np.array([[tally.get(work, 0) for work in rows] for tally in tallies], np.int64)
    latency, energy = _rows(rows, grid)
    return NetworkTable(
        tuple(workloads), grid.accelerators, tuple(rows), tuple(rows.values()), counts, latency, energy,
        grid.area_mm2, goal,
    )  # fmt: skip


def _rows(rows: dict[Work, str], grid: Grid) -> tuple[Floats, Floats]:
    place = {loops: row for row, loops in enumerate(grid.ops)}
    units = vector_units(grid.accelerators)
    latency, energy = (np.empty((len(rows), len(grid.accelerators))) for _ in range(2))
    for row, (work, name) in enumerate(rows.items()):
        if isinstance(work, VectorWork):
            latency[row], energy[row] = vector_row(work, units)
        elif work in place:
            latency[row], energy[row] = grid.latency_s[place[work]], grid.energy_j[place[work]]
        else:
            raise WorkloadError(f"the grid does not price op {name!r}; price all of mac_loops(workloads)")
    return latency, energy
