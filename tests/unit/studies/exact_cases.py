"""A study of exact hardware whose prices are invented, so that it needs no engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.mapper import Goal
from coexplore.cost.workload_grid import WorkloadGrid, distinct_ops
from coexplore.design import DesignSpace
from coexplore.networks.network import FixedNetwork
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.objectives.reward import ObjectivesReward
from coexplore.strategies.exact import Exact
from coexplore.studies.problem import Problem
from coexplore.studies.sources import CostPricer
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, GlobalAveragePool

SMALL = Workload(
    "small",
    (("image", (1, 3, 8, 8)),),
    (Conv2d("conv", ("image",), 8, (3, 3)), GlobalAveragePool("pool", ("conv",))),
    ("pool",),
)
FAMILY = EdgeArray(
    pes_x=(1, 2, 4), pes_y=(1, 2), simd_units=(16, 32), lanes=(1, 2), local_memory_mb=(0.5, 1.0),
    register_file_kb=(8, 32), io_bandwidth_gb_s=(5.0, 15.0, 25.0),
)  # fmt: skip
LATENCY = Objective("latency_s", Direction.MINIMIZE)
ENERGY = Objective("energy_j", Direction.MINIMIZE)
AREA = Objective("area_mm2", Direction.MINIMIZE)


def exact_problem(
    objectives: Sequence[Objective] = (LATENCY, ENERGY, AREA), constraints: Sequence[Constraint] = (),
    family: EdgeArray = FAMILY, strategy: Exact = Exact(),  # noqa: B008 - frozen
) -> Problem:  # fmt: skip
    """288 accelerators for one network."""
    wanted, limits = tuple(objectives), tuple(constraints)
    reward = ObjectivesReward(wanted, limits)
    designs = DesignSpace(FixedNetwork(SMALL), family)
    return Problem(designs, wanted, limits, reward, strategy, CostPricer(), None)


def invented(chip: Accelerator) -> tuple[float, float]:
    """Seconds and joules: faster with multipliers and bandwidth, and with some noise that is always the same."""
    local, file, memory = chip.levels[1], chip.levels[2], chip.levels[0]
    noise = 1 + 0.3 * np.sin(7.0 * chip.area_mm2)
    latency = noise / chip.macs_per_cycle + 1.0 / float(memory.read_bytes_per_cycle or 1.0)
    return float(latency), float(2 + noise + (local.capacity_bytes or 0) / 1e6 - (file.capacity_bytes or 0) / 1e5)


def invented_grid(
    workload: Workload, chips: Sequence[Accelerator], goal: Goal, threads: int, progress: Callable[[int, int], None]
) -> WorkloadGrid:
    """In place of `price_workload_grid`."""
    pairs = np.array([invented(chip) for chip in chips]).reshape(len(chips), 2)
    ops = len(distinct_ops(workload))
    progress(ops * len(chips), ops * len(chips))
    return WorkloadGrid(
        pairs[:, 0].copy(),
        pairs[:, 1].copy(),
        np.array([chip.area_mm2 for chip in chips]),
        np.array([chip.macs_per_cycle * chip.clock_hz for chip in chips]),
        np.zeros((ops, len(chips)), np.bool_),
    )
