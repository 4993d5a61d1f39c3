"""Pipelines of FPGAs: every stage has the best design of its grid, and that design fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coexplore.accelerators.fpga import PoolEntry
from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.core.errors import AcceleratorError
from coexplore.cost.fpga import price_on_fpga
from coexplore.cost.fpga_layers import FpgaLayer, fpga_layers
from coexplore.cost.fpga_pipeline import fpga_stages
from coexplore.cost.fpga_search import MOST_PARTS, DesignGrid, best_design, design_of, stage_grid
from coexplore.cost.pipeline import cheapest, fastest
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.plain_cnn import PlainCnn

LAYERS = (
    FpgaLayer("stem", 16, 3, 16, 16, (3, 3), (2, 2)),
    FpgaLayer("wide", 64, 16, 16, 16, (5, 5)),
    FpgaLayer("lone", 64, 64, 8, 8, (3, 3), (2, 2), depthwise=True),
    FpgaLayer("head", 100, 64, 1, 1),
)
DENSE = DesignGrid(
    tuple((tm, tn, 0) for tm in (4, 8, 16) for tn in (2, 8)), (2, 8, 16), (4, 16), ((2, 2, 2), (6, 2, 2))
)  # fmt: skip
BOTH = replace(DENSE, channels=tuple((tm, tn, tm_d) for tm in (4, 8) for tn in (2, 8) for tm_d in (8, 16)))
SMALL = replace(fpga_device("pynq-z2"), name="small", dsp=140, bram18=60, memory_lut=1500)


@pytest.mark.parametrize("grid", [DENSE, BOTH], ids=["dense", "with depthwise"])
def test_every_run_of_layers_gets_the_best_design_of_the_grid(grid):
    stages = fpga_stages(LAYERS, [PoolEntry(SMALL)], grid_of=lambda *_: grid)
    feasible = 0
    for i in range(len(LAYERS)):
        for j in range(i + 1, len(LAYERS) + 1):
            found = best_design(LAYERS[i:j], SMALL, grid=grid)
            assert stages.table.latency_s[0, i, j] == pytest.approx(found.cycles / SMALL.clock_hz, rel=1e-12)
            feasible += found.design is not None
    assert feasible > 4


def test_a_stage_prices_as_the_table_says_and_fits():
    pool = [PoolEntry(SMALL, 2), PoolEntry(fpga_device("ultra96"), 1, 4.0)]
    stages = fpga_stages(LAYERS, pool)
    pipeline = fastest(stages.table).pipeline
    for stage in pipeline.stages:
        cost = stages.cost(stage)
        assert cost.feasible, cost.reason
        assert cost.latency_s == pytest.approx(stage.latency_s, rel=1e-12)


def test_power_is_that_of_all_boards_and_efficiency_follows():
    layers = fpga_layers(PlainCnn(input_shape=(3, 32, 32)).assemble([(3, 24, 1), (3, 36, 2), (5, 48, 1)]))
    stages = fpga_stages(layers, [PoolEntry(fpga_device("pynq-z2"), 2)])
    pipeline = fastest(stages.table, stages=2).pipeline
    assert stages.power_w(pipeline) == 2 * fpga_device("pynq-z2").power_w
    work = 2e-9 * sum(layer.macs for layer in layers)
    assert stages.gops_per_w(pipeline) == pytest.approx(work * pipeline.throughput / stages.power_w(pipeline))


def test_two_boards_are_faster_than_one_and_one_is_cheaper():
    layers = fpga_layers(mobilenet_v2())[:12]
    stages = fpga_stages(layers, [PoolEntry(fpga_device("7a100t"), 2)])
    one, two = fastest(stages.table, stages=1).pipeline, fastest(stages.table, stages=2).pipeline
    assert two.throughput > one.throughput
    assert cheapest(stages.table, one.throughput).pipeline.cost == one.cost


def test_what_is_priced_for_the_stages_of_a_pipeline_stays_small():
    for name in ("zcu102", "7a50t"):
        grid = stage_grid(fpga_layers(mobilenet_v2()), fpga_device(name))
        pairs = {(tm, tn) for tm, tn, _ in grid.channels}
        assert len(pairs) * len(grid.rows) * len(grid.cols) * len(grid.ports) <= MOST_PARTS


def test_nothing_to_cut_and_nothing_to_run_on_are_refused():
    with pytest.raises(AcceleratorError, match="the pool has no FPGA"):
        fpga_stages(LAYERS, [])
    with pytest.raises(AcceleratorError, match="no layers"):
        fpga_stages([], [PoolEntry(SMALL)])


def test_a_memory_too_small_for_everything_names_the_first_layer():
    tiny = replace(SMALL, bram18=1, memory_lut=0)
    stages = fpga_stages(LAYERS, [PoolEntry(tiny)], grid_of=lambda *_: DENSE)
    assert np.isinf(stages.table.latency_s).all()
    assert "layer 'stem' fits no FPGA" in fastest(stages.table).reason


def added_up(layers, device, grid):
    """Cycles and design of every run of layers, by adding up every design's layers and asking each whether it fits."""
    designs = [design_of(row, layers, grid.bits) for row in grid.designs()]
    best, chosen = np.full((len(layers), len(layers) + 1), np.inf), np.full((len(layers), len(layers) + 1), -1)
    for i in range(len(layers)):
        for j in range(i + 1, len(layers) + 1):
            for number, design in enumerate(designs):
                held = replace(design, tk=max(max(layer.kernel) for layer in layers[i:j]))
                cost = price_on_fpga(layers[i:j], held, device)
                cycles = sum(row.cycles for row in cost.layers)
                if cost.feasible and cycles < best[i, j]:
                    best[i, j], chosen[i, j] = cycles, number
    return best, chosen


KINDS = tuple(
    FpgaLayer("layer", m, n, size, size, (kernel, kernel))
    for m, n, size, kernel in ((16, 8, 8, 3), (8, 16, 8, 3), (16, 16, 4, 5), (12, 16, 4, 1))
)


@settings(max_examples=25)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=7), st.integers(10, 60))
def test_runs_of_equal_layers_get_the_first_of_the_best_designs_that_fit(layers, blocks):
    grid = DesignGrid(
        ((4, 4, 0), (8, 2, 0), (8, 4, 0)), (4, 8), (4, 8), ((1, 2, 1), (2, 1, 1), (2, 1, 1), (1, 1, 2))
    )  # fmt: skip
    device = replace(SMALL, bram18=blocks, memory_lut=200)
    stages = fpga_stages(layers, [PoolEntry(device)], grid_of=lambda *_: grid)
    best, chosen = added_up(layers, device, grid)
    assert stages.table.latency_s[0] * device.clock_hz == pytest.approx(best, rel=1e-12)
    tile, channels, ports = np.moveaxis(stages.chosen[0], -1, 0)
    numbers = (tile * len(grid.channels) + channels) * len(grid.ports) + ports
    assert (np.where(tile < 0, -1, numbers) == chosen).all()
