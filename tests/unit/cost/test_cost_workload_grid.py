"""A workload priced on many accelerators at once costs what it costs on each of them alone, to the last bit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost import workload_grid
from coexplore.cost.grid import Grid, price_grid
from coexplore.cost.grid_cache import GridCache
from coexplore.cost.mapper import Goal
from coexplore.cost.model import price
from coexplore.cost.vector import price_vector_op
from coexplore.cost.vector_grid import price_vector_ops, vector_work
from coexplore.cost.workload_grid import distinct_ops, price_workload_grid
from coexplore.networks.bert import bert_base_layer
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, Elementwise, Function, GlobalAveragePool, Linear, Reshape, Softmax

FAMILY = EdgeArray()
SMALL = Workload(
    "small",
    (("image", (1, 3, 16, 16)),),
    (
        Conv2d("first", ("image",), 8, (3, 3), padding=(1, 1)),
        Conv2d("second", ("first",), 8, (3, 3), padding=(1, 1)),
        Conv2d("third", ("second",), 8, (3, 3), padding=(1, 1)),
        Elementwise("add", ("second", "third"), Function.ADD),
        GlobalAveragePool("pool", ("add",)),
        Reshape("flat", ("pool",), (1, 8)),
        Linear("fc", ("flat",), 10),
        Softmax("softmax", ("fc",)),
    ),
    ("softmax",),
)


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def uncached(ops, accelerators, goal, threads, *, progress=None) -> Grid:
        return price_grid(ops, accelerators, goal, threads, progress=progress, cache=GridCache(None))

    monkeypatch.setattr(workload_grid, "price_grid", uncached)


def accelerators(count: int) -> list[Accelerator]:
    rng = np.random.default_rng(3)
    return [FAMILY.decode(point) for point in FAMILY.space.sample(rng, count)]


def with_ports(accelerator: Accelerator, read: float | None, write: float | None) -> Accelerator:
    memory = replace(accelerator.levels[0], read_bytes_per_cycle=read, write_bytes_per_cycle=write)
    return replace(accelerator, levels=(memory, *accelerator.levels[1:]))


@pytest.mark.parametrize("goal", list(Goal))
def test_totals_equal_those_of_price(goal: Goal) -> None:
    chips = accelerators(6)
    grid = price_workload_grid(SMALL, chips, goal)
    for column, chip in enumerate(chips):
        cost = price(SMALL, chip, goal)
        assert (grid.latency_s[column], grid.energy_j[column]) == (cost.latency_s, cost.energy_j)
        assert (grid.area_mm2[column], grid.peak_macs_per_s[column]) == (cost.area_mm2, cost.peak_macs_per_s)
    assert not grid.blocked.any()


@pytest.mark.parametrize("workload", [mobilenet_v2(), bert_base_layer(), SMALL], ids=lambda w: w.name)
def test_vector_ops_cost_what_they_cost_alone(workload: Workload) -> None:
    chips = accelerators(20)
    chips += [with_ports(chips[0], None, None), with_ports(chips[1], 3.7, 1.3), with_ports(chips[2], 1.1, 8.9)]
    grid = price_vector_ops(workload, chips)
    alone = [op for op in workload.ops if workload.loops(op) is None]
    for column, chip in enumerate(chips):
        costs = [price_vector_op(workload, op, chip) for op in alone]
        pairs = [(c.total_cycles / chip.clock_hz, np.float64(math.fsum(j for *_, j in c.energy_by))) for c in costs]
        want = sorted(pair for pair in pairs if pair != (0.0, 0.0))
        rows = zip(grid.latency_s[:, column], grid.energy_j[:, column], grid.counts, strict=True)
        assert sorted((t, j) for t, j, n in rows for _ in range(n)) == want


def test_ops_of_equal_work_are_priced_once() -> None:
    found = vector_work(mobilenet_v2())
    assert sum(found.values()) > 2 * len(found)
    assert distinct_ops(SMALL)[SMALL.nests["second"]] == ["second", "third"]


def test_a_workload_without_vector_ops_or_without_loops_is_priced_too() -> None:
    chips = accelerators(2)
    only_loops = Workload("loops", (("x", (1, 8)),), (Linear("fc", ("x",), 4),), ("fc",))
    only_vector = Workload("vector", (("x", (1, 8)),), (Softmax("softmax", ("x",)),), ("softmax",))
    for workload in (only_loops, only_vector):
        grid = price_workload_grid(workload, chips)
        assert grid.latency_s.tolist() == [price(workload, chip).latency_s for chip in chips]
        assert grid.energy_j.tolist() == [price(workload, chip).energy_j for chip in chips]


def test_what_cannot_run_is_infinite_and_says_which_op() -> None:
    chip = accelerators(1)[0]
    register_file = replace(chip.levels[2], capacity_bytes=1)
    tiny = replace(chip, levels=(*chip.levels[:2], register_file, *chip.levels[3:]))
    grid = price_workload_grid(SMALL, [chip, tiny])
    assert np.isfinite(grid.latency_s[0])
    assert np.isinf([grid.latency_s[1], grid.energy_j[1]]).all()
    assert not price(SMALL, tiny).feasible
    assert grid.blocked[:, 1].any()
    assert not grid.blocked[:, 0].any()
