"""Pictures of a pipeline: inputs obey the stages, and bars add up to what the stages take."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

from coexplore.accelerators.fpga import FpgaPool, PoolEntry
from coexplore.accelerators.fpga_boards import FpgaBoards
from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.cost.boards import price_on_boards
from coexplore.cost.fpga import Bottleneck
from coexplore.cost.pipeline import Pipeline, Stage
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.reports.pipeline_figures import (
    COLORS,
    MAX_LAYERS,
    WHAT,
    diagram,
    layer_figure,
    limited_s,
    slowest_layers,
    stage_figure,
    starts,
)

NETWORK = PlainCnn((3, 16, 16)).assemble([(3, 36, 1), (5, 24, 1), (1, 64, 1), (3, 48, 2)])
POOL = FpgaPool((PoolEntry(fpga_device("7a50t"), 2), PoolEntry(fpga_device("pynq-z2"))))
UNEVEN = Pipeline((Stage(0, 0, 1, 2.0), Stage(1, 1, 2, 5.0), Stage(0, 2, 3, 1.0)), 3.0, 5.0)


@pytest.fixture(scope="module")
def cost():
    found = price_on_boards(NETWORK, FpgaBoards(POOL, (), None, None))
    assert found.fastest is not None
    assert len(found.fastest.stages) > 1
    return found


@pytest.mark.parametrize("period_s", [5.0, 7.0, 3.0])
def test_a_stage_has_one_input_at_a_time_and_waits_for_the_stage_before(period_s):
    pipeline = replace(UNEVEN, period_s=period_s)
    rows = starts(pipeline, 6)
    for stage, row in zip(pipeline.stages, rows, strict=True):
        assert all(later >= earlier + stage.latency_s for earlier, later in itertools.pairwise(row))
    for stage, row, after in zip(pipeline.stages, rows, rows[1:], strict=False):
        assert all(begin >= before + stage.latency_s for before, begin in zip(row, after, strict=True))


def test_the_first_input_never_waits():
    assert [row[0] for row in starts(UNEVEN, 1)] == [0.0, 2.0, 7.0]


def test_inputs_leave_once_in_a_period_or_in_the_time_of_the_slowest_stage():
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts(UNEVEN, 5)[-1])]
    assert gaps == [5.0] * 4
    late = [later - earlier for earlier, later in itertools.pairwise(starts(replace(UNEVEN, period_s=2.0), 5)[-1])]
    assert late == [5.0] * 4


def test_the_diagram_has_every_stage_for_every_input(cost):
    stages = cost.fastest.stages
    figure = diagram(cost, cost.fastest)
    assert all(trace["x"] == [stage.latency_s for stage in stages] for trace in figure["data"])
    assert [trace["base"][0] for trace in figure["data"][:2]] == [0.0, cost.fastest.period_s]
    assert len(figure["data"]) > len(stages)


def test_what_limits_a_stage_adds_up_to_its_time(cost):
    for stage in cost.fastest.stages:
        assert math.fsum(limited_s(cost.stages.cost(stage)).values()) == pytest.approx(stage.latency_s)


def test_the_bars_of_a_stage_add_up_to_its_time_and_the_line_is_the_period(cost):
    figure = stage_figure(cost, cost.fastest)
    bars = [trace["y"] for trace in figure["data"] if trace["type"] == "bar"]
    sums = [math.fsum(column) for column in zip(*bars, strict=True)]
    assert sums == pytest.approx([stage.latency_s for stage in cost.fastest.stages])
    assert figure["layout"]["shapes"][0]["y0"] == cost.fastest.period_s


def test_every_layer_is_drawn_once_and_a_cut_between_two_stages(cost):
    figure = layer_figure(cost, cost.fastest)
    names = [name for trace in figure["data"] for name in trace["x"]]
    assert sorted(names) == sorted(cost.stages.table.layers)
    assert len(figure["layout"]["shapes"]) == len(cost.fastest.stages) - 1


def test_of_many_layers_the_slowest_are_drawn_in_their_order():
    network = PlainCnn((3, 8, 8)).assemble([(1, 8 + index % 3, 1) for index in range(MAX_LAYERS + 9)])
    pool = FpgaPool((PoolEntry(fpga_device("pynq-z2")),))
    cost = price_on_boards(network, FpgaBoards(pool, (), None, None))
    shown = slowest_layers(cost, cost.fastest)
    left = {row.name for row in cost.stages.cost(cost.fastest.stages[0]).layers} - {row.name for row, _, _ in shown}
    assert len(shown) == MAX_LAYERS
    assert len(left) == len(cost.stages.layers) - MAX_LAYERS
    assert [row.name for row, _, _ in shown] == [n for n in cost.stages.table.layers if n not in left]


def test_every_bottleneck_has_a_colour_of_its_own():
    assert len(set(COLORS.values())) == len(set(WHAT.values())) == len(Bottleneck)
