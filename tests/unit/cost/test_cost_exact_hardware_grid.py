"""On priced tables: neither threads nor blocks nor dropping dominated accelerators changes a network's front."""

from __future__ import annotations

import numpy as np

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.front import pareto, undominated
from coexplore.cost.grid import price_grid
from coexplore.cost.grid_cache import GridCache
from coexplore.workloads.op import Loops

FAMILY = EdgeArray(
    pes_x=(1, 2), pes_y=(1, 2), simd_units=(16,), lanes=(1,), local_memory_mb=(0.5,), register_file_kb=(8, 16),
    io_bandwidth_gb_s=(5.0, 25.0),
)  # fmt: skip
OPS = [Loops(K=40, C=100, P=7, Q=7), Loops(K=10, C=64)]
COUNTS = np.array([[1, 1], [0, 3], [2, 0]])


def fronts(grid, columns, networks):
    """The front of each network as values, and as places."""
    found = []
    for _, latency, energy in grid.totals_by_block(COUNTS, networks):
        for row in range(len(latency)):
            losses = np.stack([latency[row], energy[row], grid.area_mm2])[:, columns]
            front = pareto(*losses)
            found.append(([tuple(column) for column in losses[:, front].T], columns[front].tolist()))
    return found


def test_threads_blocks_and_dropping_change_no_front():
    chips = [FAMILY.decode(point) for point in FAMILY.space.enumerate()]
    grid = price_grid(OPS, chips, cache=GridCache(None))
    again = price_grid(OPS, chips, threads=2, cache=GridCache(None))
    everything = np.arange(len(chips))
    whole = fronts(grid, everything, 256)
    assert whole == fronts(again, everything, 256) == fronts(grid, everything, 1)
    kept = undominated(grid.latency_s, grid.energy_j, grid.area_mm2)
    assert len(kept) < len(chips)
    assert [set(values) for values, _ in whole] == [set(values) for values, _ in fronts(grid, kept, 2)]
