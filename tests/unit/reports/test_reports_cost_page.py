"""The page of one priced workload: a roofline that no op breaks, and tables that add up."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from coexplore.accelerators.family import find_accelerator
from coexplore.cost.model import price
from coexplore.networks.network import NETWORK_PRESETS
from coexplore.reports.cost_page import intensity, roofline_figure, write_cost_page
from coexplore.reports.cost_tables import energy_table

BASELINE = find_accelerator("edge-array")


@pytest.fixture(scope="module")
def cost():
    return price(NETWORK_PRESETS.get("mobilenet-v2")(), BASELINE)


def test_no_op_stands_above_the_roof(cost):
    figure = roofline_figure(cost, BASELINE)
    marks = next(trace for trace in figure["data"] if trace["name"] == "ops")
    peak = BASELINE.macs_per_cycle * BASELINE.clock_hz
    slope = BASELINE.levels[0].read_bytes_per_cycle * BASELINE.clock_hz
    assert len(marks["x"]) > 40
    assert all(y <= min(peak, slope * x) * (1 + 1e-9) for x, y in zip(marks["x"], marks["y"], strict=True))


def test_the_roofs_meet_where_memory_and_array_are_equally_fast(cost):
    lines = {trace["name"]: trace for trace in roofline_figure(cost, BASELINE)["data"] if trace["mode"] == "lines"}
    assert lines["dram"]["x"][1] == lines["array"]["x"][0]
    assert lines["dram"]["y"][1] == lines["array"]["y"][0]


def test_unlimited_main_memory_has_a_flat_roof_only(cost):
    memory = replace(BASELINE.levels[0], read_bytes_per_cycle=None)
    free = replace(BASELINE, levels=(memory, *BASELINE.levels[1:]))
    names = [trace["name"] for trace in roofline_figure(cost, free)["data"]]
    assert names == ["array", "ops"]


def test_intensity_counts_reads_and_writes(cost):
    op = next(op for op in cost.ops if op.macs)
    moved = sum(row[2] + row[3] for row in op.traffic_bits if row[0] == "dram")
    assert intensity(op, "dram") == op.macs / (moved / 8)


def test_the_energy_table_has_every_level_and_its_shares_add_up(cost):
    table = energy_table(cost)
    assert {row[0] for row in table.rows} >= {"dram", "local_memory", "mac", "leakage"}
    assert math.fsum(float(row[-1].removesuffix(" %")) for row in table.rows) == pytest.approx(100, abs=0.5)


@pytest.mark.parametrize("capacity", [None, 3])
def test_the_page_is_written_for_what_runs_and_for_what_does_not(cost, capacity, tmp_path):
    accelerator = BASELINE
    if capacity is not None:
        tiny = replace(BASELINE.levels[2], capacity_bytes=capacity)
        accelerator = replace(BASELINE, levels=(*BASELINE.levels[:2], tiny, BASELINE.levels[3]))
        cost = price(NETWORK_PRESETS.get("mobilenet-v2")(), accelerator)
    path = tmp_path / "cost.html"
    write_cost_page(path, cost, accelerator)
    text = path.read_text()
    assert ("figure-roofline" in text) == (capacity is None)
    assert ("cannot run" in text) == (capacity is not None)
