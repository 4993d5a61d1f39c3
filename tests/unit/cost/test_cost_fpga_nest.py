"""The loop-nest engine and the closed form of the tile engine: where they agree, and where they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coexplore.accelerators.fpga import FpgaDesign, Ports
from coexplore.accelerators.fpga_chain import fpga_chain
from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.core.errors import AcceleratorError, MappingError
from coexplore.cost.fpga import CONSISTENT, price_on_fpga
from coexplore.cost.fpga_layers import FpgaLayer
from coexplore.cost.fpga_nest import layer_loops, tile_mapping
from coexplore.cost.replay import replay

DEVICE = fpga_device("zcu102")
DRY = replace(CONSISTENT, drain=False)


def halo(layer, design):
    rows, cols = min(design.tr, layer.R), min(design.tc, layer.C)
    return ((rows - 1) * layer.stride[0] + layer.kernel[0]) * ((cols - 1) * layer.stride[1] + layer.kernel[1])


def both(layer, design):
    closed = price_on_fpga([layer], design, DEVICE, DRY).layers[0]
    chain = fpga_chain(design, DEVICE, halo(layer, design))
    return closed, replay(layer_loops(layer), chain, tile_mapping(layer, design))


def moved(result, operand, way):
    """Words between main memory and a buffer."""
    return next(row[way] for row in result.traffic_bits if row[:2] == ("dram", operand)) / 16


@st.composite
def perfect(draw):
    """A layer of whole tiles, with at least two of input channels; kernels do not leave gaps in the input."""
    tiles = {name: draw(st.integers(1, 4)) for name in ("tm", "tn", "tr", "tc")}
    steps = {name: draw(st.integers(1, 3)) for name in ("tm", "tr", "tc")}
    kernel, batch = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    stride = draw(st.integers(1, kernel))
    ports = Ports(*(draw(st.integers(1, 6)) for _ in range(3)))
    layer = FpgaLayer(
        "layer", M=tiles["tm"] * steps["tm"], N=tiles["tn"] * draw(st.integers(2, 3)), R=tiles["tr"] * steps["tr"],
        C=tiles["tc"] * steps["tc"], kernel=(kernel, kernel), stride=(stride, stride), B=batch,
    )  # fmt: skip
    return layer, FpgaDesign(**tiles, tk=kernel, ports=ports)


@settings(max_examples=60)
@given(perfect())
def test_whole_tiles_take_the_same_cycles_and_move_the_same_words(case):
    layer, design = case
    closed, result = both(layer, design)
    assert result.feasible
    assert result.compute_cycles == closed.compute_cycles
    assert moved(result, "weight", 2) == pytest.approx(closed.weight_cycles * design.ports.weight)
    assert moved(result, "input", 2) == pytest.approx(closed.input_cycles * design.ports.input)
    assert moved(result, "output", 3) == pytest.approx(closed.output_cycles * design.ports.output)
    busy = (
        moved(result, "weight", 2) / design.ports.weight,
        moved(result, "input", 2) / design.ports.input,
        moved(result, "output", 3) / design.ports.output,
    )
    assert closed.cycles == pytest.approx(max(result.compute_cycles, *busy))


@settings(max_examples=40)
@given(perfect())
def test_the_engine_adds_both_first_loads_and_the_last_store_where_the_closed_form_adds_its_drain(case):
    layer, design = case
    dry, result = both(layer, design)
    wet = price_on_fpga([layer], design, DEVICE).layers[0]
    steps = layer.macs / (design.tm * design.tn * design.tr * design.tc * layer.kernel[0] ** 2)
    load_weight, load_in = dry.weight_cycles / steps, dry.input_cycles / steps
    assert result.onload_cycles == pytest.approx(load_weight + load_in)
    longest_step = max(dry.compute_cycles / steps, load_weight, load_in)
    assert wet.cycles - dry.cycles == pytest.approx(result.offload_cycles + longest_step)
    assert dry.cycles <= result.total_cycles * (1 + 1e-12)
    assert result.total_cycles <= (dry.cycles + result.onload_cycles + result.offload_cycles) * (1 + 1e-12)


def test_tiles_at_the_edge_are_charged_in_full_by_the_closed_form_only():
    design = FpgaDesign(4, 4, 4, 4, 3, Ports(8, 8, 8))
    closed, result = both(FpgaLayer("layer", 6, 10, 7, 9, (3, 3)), design)
    assert result.compute_cycles < closed.compute_cycles
    assert moved(result, "weight", 2) < closed.weight_cycles * 8


def test_one_tile_of_input_channels_is_loaded_once_by_the_engine_and_again_by_the_closed_form():
    design = FpgaDesign(4, 8, 4, 4, 3, Ports(8, 8, 8))
    closed, result = both(FpgaLayer("layer", 8, 8, 8, 8, (3, 3)), design)
    assert result.compute_cycles == closed.compute_cycles
    assert moved(result, "input", 2) < closed.input_cycles * 8


def test_what_one_chain_cannot_say_is_refused():
    with pytest.raises(AcceleratorError, match="without a depthwise engine"):
        fpga_chain(FpgaDesign(4, 4, 4, 4, 3, Ports(1, 1, 1), tm_d=4, tk_d=3), DEVICE, 36)
    with pytest.raises(MappingError, match="'layer' is depthwise"):
        layer_loops(FpgaLayer("layer", 8, 8, 8, 8, (3, 3), depthwise=True))
