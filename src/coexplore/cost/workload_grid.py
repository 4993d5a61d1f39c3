"""What does one workload cost on every accelerator of a space? As `coexplore.cost.model.price`, for all at once.

Axis: `a` accelerators. Ops with multiply-accumulate loops come from `price_grid`, the others from `vector_grid`; their
costs are added exactly and rounded once, as `price` does, so every total equals that of `price` to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.grid import price_grid
from coexplore.cost.grid_rows import Progress
from coexplore.cost.mapper import Goal
from coexplore.cost.totals import exact_totals
from coexplore.cost.vector_grid import price_vector_ops
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Loops

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class WorkloadGrid:
    """Totals of one workload on accelerators."""

    latency_s: Floats
    """(a,) +inf where an op cannot run."""
    energy_j: Floats
    """(a,) +inf where an op cannot run."""
    area_mm2: Floats
    """(a,)"""
    peak_macs_per_s: Floats
    """(a,)"""
    blocked: NDArray[np.bool_]
    """(o, a) Where each distinct op with loops, in the order of `distinct_ops`, cannot run."""


def distinct_ops(workload: Workload) -> dict[Loops, list[str]]:
    """The loops of a workload, in the order of their first op, with the names of the ops that have them."""
    found: dict[Loops, list[str]] = {}
    for op, loops in workload.mac_ops():
        found.setdefault(loops, []).append(op.name)
    return found


def price_workload_grid(
    workload: Workload,
    accelerators: Sequence[Accelerator],
    goal: Goal = Goal.EDP,
    threads: int = 1,
    progress: Progress | None = None,
) -> WorkloadGrid:
    """Price a workload on every accelerator, each op under its best mapping.

    Args:
        workload: what runs.
        accelerators: where.
        goal: what every mapping minimises.
        threads: as for `price_grid`.
        progress: told of pairs of distinct ops and accelerators that are done.

    Raises:
        ConfigError: as `price_grid`.
    """
    ops = distinct_ops(workload)
    grid = price_grid(list(ops), accelerators, goal, threads, progress=progress)
    vector = price_vector_ops(workload, accelerators)
    counts = np.concatenate([np.array([len(names) for names in ops.values()], np.int64), vector.counts])[None]
    return WorkloadGrid(
        latency_s=exact_totals(counts, np.vstack([grid.latency_s, vector.latency_s]))[0],
        energy_j=exact_totals(counts, np.vstack([grid.energy_j, vector.energy_j]))[0],
        area_mm2=grid.area_mm2,
        peak_macs_per_s=np.array([a.macs_per_cycle * a.clock_hz for a in accelerators], np.float64),
        blocked=np.isinf(grid.latency_s),
    )
