"""A table of networks is the price of every network on every accelerator, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import WorkloadError
from coexplore.cost.grid import Grid, price_grid
from coexplore.cost.grid_cache import GridCache
from coexplore.cost.mapper import Goal
from coexplore.cost.model import price
from coexplore.cost.network_table import mac_loops, network_table
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Elementwise, Function, LayerNorm, Linear, Reshape, Softmax

FAMILY = EdgeArray()


def network(name, tokens, widths):
    ops, last = [], "x"
    for number, width in enumerate(widths):
        ops += [
            Linear(f"fc{number}", (last,), width),
            Elementwise(f"gelu{number}", (f"fc{number}",), Function.GELU),
            LayerNorm(f"norm{number}", (f"gelu{number}",)),
        ]
        last = f"norm{number}"
    ops += [Softmax("softmax", (last,)), Reshape("flat", ("softmax",), (1, tokens * widths[-1]))]
    return Workload(name, (("x", (1, tokens, 32)),), tuple(ops), ("flat",))


NETWORKS = (network("small", 4, (32, 32, 8)), network("large", 16, (64, 32)))


def accelerators():
    base = dict(FAMILY.presets["baseline"])
    changes = [{}, {"pes_x": 1, "io_bandwidth_gb_s": 5.0}, {"lanes": 1, "simd_units": 16, "register_file_kb": 8}]
    chips = [FAMILY.decode(FAMILY.space.point({**base, **change})) for change in changes]
    memory = chips[0].levels[0]
    two_ports = replace(memory, write_bytes_per_cycle=2.0)
    unlimited = replace(memory, read_bytes_per_cycle=None)
    return [
        *chips,
        *(replace(chips[0], levels=(level, *chips[0].levels[1:])) for level in (two_ports, unlimited)),
        find_accelerator("simba-like"),
    ]


@pytest.mark.parametrize("goal", [Goal.LATENCY, Goal.EDP])
def test_every_total_is_the_price_to_the_last_bit(goal):
    chips = accelerators()
    grid = price_grid(mac_loops(NETWORKS), chips, goal, cache=GridCache(None))
    table = network_table(NETWORKS, grid, goal)
    assert table.counts.max() > 1
    assert any(name.endswith("gelu0") for name in table.names)
    for number, workload in enumerate(NETWORKS):
        candidates = table.candidates(number)
        for column, chip in enumerate(chips):
            assert candidates.metrics(column) == price(workload, chip, goal).metrics()


def test_a_grid_without_an_op_is_refused_by_its_name():
    grid = price_grid(mac_loops(NETWORKS[:1]), accelerators()[:1], Goal.EDP, cache=GridCache(None))
    with pytest.raises(WorkloadError, match="large/fc0"):
        network_table(NETWORKS, grid, Goal.EDP)


def test_an_op_that_cannot_run_is_named_with_its_reason():
    chips = accelerators()[:2]
    tiny = replace(chips[0].levels[2], capacity_bytes=1)
    chips[1] = replace(chips[0], name="tiny", levels=(*chips[0].levels[:2], tiny, chips[0].levels[3]))
    grid = price_grid(mac_loops(NETWORKS), chips, Goal.EDP, cache=GridCache(None))
    assert isinstance(grid, Grid)
    candidates = network_table(NETWORKS, grid, Goal.EDP).candidates(1)
    assert np.isinf(candidates.latency_s[1])
    assert np.isfinite(candidates.latency_s[0])
    op = candidates.blocked[0]
    assert (op.op, op.accelerators) == ("large/fc0", 1)
    assert "on tiny" in op.reason
    assert "'register_file'" in op.reason
