"""A space priced under a residency costs what each of its accelerators costs alone, to the last bit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.family import find_accelerator
from coexplore.cost.mapper import Goal
from coexplore.cost.model import price
from coexplore.cost.residency import MAIN_MEMORY, Residency, keep
from coexplore.cost.resident_grid import price_resident_grid
from coexplore.cost.workload_grid import price_workload_grid
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, Elementwise, Function, GlobalAveragePool, Linear, MatMul, Reshape, Softmax

FAMILY = EdgeArray()
PICTURES = Workload(
    "pictures",
    (("image", (1, 3, 32, 32)),),
    (
        Conv2d("first", ("image",), 64, (3, 3), padding=(1, 1)),
        Conv2d("second", ("first",), 64, (3, 3), padding=(1, 1)),
        Elementwise("relu", ("second",), Function.RELU),
        Conv2d("third", ("relu",), 64, (3, 3), padding=(1, 1)),
        Elementwise("add", ("first", "third"), Function.ADD),
        GlobalAveragePool("pool", ("add",)),
        Reshape("flat", ("pool",), (1, 64)),
        Linear("fc", ("flat",), 10),
    ),
    ("fc",),
)
WORDS = Workload(
    "words",
    (("tokens", (1, 64, 96)),),
    (
        Linear("q", ("tokens",), 96),
        Linear("k", ("tokens",), 96),
        MatMul("scores", ("q", "k"), transpose_second=True),
        Softmax("softmax", ("scores",)),
        MatMul("context", ("softmax", "k")),
        Linear("out", ("context",), 96),
    ),
    ("out",),
)
RESIDENCIES = [MAIN_MEMORY, Residency(0.25), Residency(0.02), Residency(0.0, 0.5), Residency(0.05, 1.0)]


def accelerators():
    base = dict(FAMILY.presets["baseline"])
    changes = [
        {"pes_x": 1, "pes_y": 1, "local_memory_mb": 0.5, "io_bandwidth_gb_s": 5.0},
        {"pes_x": 2, "pes_y": 1, "local_memory_mb": 1.0, "lanes": 1},
        {"io_bandwidth_gb_s": 25.0},
    ]
    chips = [FAMILY.decode(FAMILY.space.point({**base, **change})) for change in changes]
    two_ports = replace(chips[0].levels[1], write_bytes_per_cycle=8.0)
    return [*chips, replace(chips[0], levels=(chips[0].levels[0], two_ports, *chips[0].levels[2:]))]


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setenv("COEXPLORE_CACHE", "off")


@pytest.mark.parametrize("workload", [PICTURES, WORDS], ids=lambda workload: workload.name)
@pytest.mark.parametrize("residency", RESIDENCIES, ids=str)
def test_every_total_is_the_price_to_the_last_bit(workload, residency):
    chips = accelerators()
    grid = price_resident_grid(workload, chips, residency)
    for column, chip in enumerate(chips):
        cost = price(workload, chip, residency=residency)
        assert (grid.latency_s[column], grid.energy_j[column]) == (cost.latency_s, cost.energy_j)
        assert (grid.area_mm2[column], grid.peak_macs_per_s[column]) == (cost.area_mm2, cost.peak_macs_per_s)
    assert not grid.blocked.any()


def test_the_cases_keep_different_things():
    chips = accelerators()
    assert len({keep(PICTURES, chip, Residency(0.02)) for chip in chips}) > 1
    assert len({keep(PICTURES, chips[0], residency) for residency in RESIDENCIES}) > 2
    assert any(keep(WORDS, chip, Residency(0.25)).tensors for chip in chips)


def test_memories_at_other_levels_are_groups_of_their_own():
    chips = [accelerators()[0], find_accelerator("simba-like"), find_accelerator("gemmini-16")]
    grid = price_resident_grid(WORDS, chips, Residency(0.25))
    costs = [price(WORDS, chip, residency=Residency(0.25)) for chip in chips]
    assert grid.latency_s.tolist() == [cost.latency_s for cost in costs]
    assert grid.energy_j.tolist() == [cost.energy_j for cost in costs]


def test_with_nothing_on_chip_it_is_the_plain_grid():
    chips = accelerators()
    plain, none = price_workload_grid(WORDS, chips), price_resident_grid(WORDS, chips, MAIN_MEMORY)
    assert np.array_equal(plain.latency_s, none.latency_s)
    assert np.array_equal(plain.energy_j, none.energy_j)


def test_an_op_that_cannot_run_is_blocked_under_its_own_loops():
    chips = accelerators()[:2]
    tiny = replace(chips[0].levels[2], capacity_bytes=1)
    chips[1] = replace(chips[0], name="tiny", levels=(*chips[0].levels[:2], tiny, chips[0].levels[3]))
    plain = price_workload_grid(PICTURES, chips)
    grid = price_resident_grid(PICTURES, chips, Residency(0.25), Goal.LATENCY)
    assert np.array_equal(grid.blocked, plain.blocked)
    assert grid.blocked[:, 1].any()
    assert [math.isinf(latency) for latency in grid.latency_s] == [False, True]
