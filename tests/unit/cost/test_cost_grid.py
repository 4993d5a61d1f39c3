"""A grid is its pairs, one by one, however it is searched."""

from __future__ import annotations

import numpy as np

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.grid import price_grid
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.replay import replay
from coexplore.workloads.op import Loops

FAMILY = EdgeArray()
OPS = [Loops(G=48, P=14, Q=14, R=3, S=3), Loops(K=40, C=100, P=7, Q=7), Loops(K=10, C=64)]


def some_accelerators():
    """Two shapes, each with several memories and bandwidths."""
    base = dict(FAMILY.presets["baseline"])
    changes = [
        {"pes_x": x, "local_memory_mb": mb, "register_file_kb": kb, "io_bandwidth_gb_s": gb}
        for x in (2, 6)
        for mb, kb, gb in ((0.5, 8, 5.0), (3.0, 8, 25.0), (0.5, 128, 10.0), (4.0, 64, 20.0))
    ]
    return [FAMILY.decode(FAMILY.space.point({**base, **change})) for change in changes]


def test_shapes_searched_together_give_every_accelerator_its_own_optimum():
    accelerators = some_accelerators()
    for goal in Goal:
        grid = price_grid(OPS, accelerators, goal)
        for column, accelerator in enumerate(accelerators):
            for row, loops in enumerate(OPS):
                result = replay(loops, accelerator, best_mapping(loops, accelerator, goal).mapping)
                assert grid.latency_s[row, column] == result.total_cycles / accelerator.clock_hz
                assert grid.energy_j[row, column] == result.energy_j


def test_the_order_of_accelerators_and_the_threads_change_nothing():
    accelerators = some_accelerators()
    order = np.random.default_rng(1).permutation(len(accelerators))
    grid = price_grid(OPS, accelerators, Goal.EDP)
    shuffled = price_grid(OPS, [accelerators[i] for i in order], Goal.EDP, threads=2)
    assert np.array_equal(grid.latency_s[:, order], shuffled.latency_s)
    assert np.array_equal(grid.energy_j[:, order], shuffled.energy_j)
