"""The search for a tile engine: its optimum is that of pricing everything, and it fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.core.errors import AcceleratorError
from coexplore.cost.fpga import AS_PUBLISHED, CONSISTENT, price_on_fpga
from coexplore.cost.fpga_layers import FpgaLayer, fpga_layers
from coexplore.cost.fpga_search import DesignGrid, best_design, coarse_grid, design_of, fine_grid, published_grid, sweep
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.resnet import resnet_18

DEVICE = fpga_device("zcu102")
SMALL = replace(DEVICE, name="small", dsp=60, bram18=60, memory_lut=2000, port_bits=192)


@st.composite
def cases(draw):
    """A few layers, and a grid of some hundred designs of which some do not fit `SMALL`."""
    some = st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True)
    layers = []
    for index in range(draw(st.integers(1, 4))):
        m, kernel, stride = draw(st.integers(1, 24)), draw(st.sampled_from((1, 3, 5))), draw(st.integers(1, 2))
        alone = draw(st.booleans())
        n = m if alone else draw(st.integers(1, 24))
        layers.append(
            FpgaLayer(f"layer{index}", m, n, draw(st.integers(1, 20)), draw(st.integers(1, 20)), (kernel, kernel),
                      (stride, stride), depthwise=alone)
        )  # fmt: skip
    engines = draw(some) if draw(st.booleans()) else [0]
    channels = tuple((tm, tn, tm_d) for tm in draw(some) for tn in draw(some) for tm_d in engines)
    triples = tuple((w, i, o) for w in draw(some) for i in draw(some) for o in draw(some))
    return layers, DesignGrid(channels, tuple(draw(some)), tuple(draw(some)), triples)


@settings(max_examples=60)
@given(cases(), st.sampled_from((CONSISTENT, AS_PUBLISHED, replace(CONSISTENT, drain=False))))
def test_the_optimum_is_that_of_pricing_every_design(case, rules):
    layers, grid = case
    prices = sweep(layers, SMALL, grid, rules)
    found = best_design(layers, SMALL, rules, grid)
    if found.design is None:
        assert not prices.feasible.any()
        assert found.reason
        return
    assert found.cycles == pytest.approx(prices.cycles[prices.feasible].min(), rel=1e-12)
    cost = price_on_fpga(layers, found.design, SMALL, rules)
    assert cost.feasible, cost.reason
    assert cost.cycles == pytest.approx(found.cycles, rel=1e-12)


@settings(max_examples=30)
@given(cases())
def test_a_sweep_says_of_every_design_what_pricing_it_says(case):
    layers, grid = case
    prices = sweep(layers, SMALL, grid)
    assert len(prices.designs) == len(grid)
    for index in range(0, len(grid), max(1, len(grid) // 7)):
        cost = price_on_fpga(layers, design_of(prices.designs[index], layers, 16), SMALL)
        assert prices.cycles[index] == pytest.approx(cost.cycles, rel=1e-12)
        assert prices.used[index, 0] == cost.usage.dsp
        assert prices.used[index, 1:4].sum() == cost.usage.bram18
        assert prices.feasible[index] == cost.feasible


def test_of_equal_designs_the_first_of_the_grid_is_taken():
    layer = FpgaLayer("layer", 1, 1, 4, 4)
    grid = DesignGrid(((3, 2, 0), (2, 2, 0), (1, 1, 0)), (4, 8), (8, 4), ((4, 4, 4), (3, 3, 3)))
    prices = sweep([layer], DEVICE, grid)
    first = int(np.flatnonzero(prices.cycles == prices.cycles.min())[0])
    assert best_design([layer], DEVICE, grid=grid).design == design_of(prices.designs[first], [layer], 16)


def test_the_published_grid_has_the_published_size_and_optimum():
    """5,184 designs for ResNet-18, 12.245 ms at 100 MHz without memory (measured on the public code)."""
    layers = fpga_layers(resnet_18(), AS_PUBLISHED.shapes, convolutions_only=True)
    grid = published_grid(DEVICE)
    assert len(grid) == 5184
    assert round(best_design(layers, DEVICE, AS_PUBLISHED, grid).cycles / 1e5, 3) == 12.245


@pytest.mark.parametrize("build", [resnet_18, mobilenet_v2], ids=lambda build: build.__name__)
@pytest.mark.parametrize("name", ["zcu102", "pynq-z2", "7a50t"])
def test_default_designs_fit_the_device_and_beat_the_coarse_grid(build, name):
    layers, device = fpga_layers(build()), fpga_device(name)
    coarse = best_design(layers, device, grid=coarse_grid(layers, device))
    fine = best_design(layers, device, grid=fine_grid(layers, device, side=10))
    assert coarse.design is not None
    assert fine.design is not None
    assert price_on_fpga(layers, fine.design, device).feasible


def test_twice_as_many_tiles_contain_the_others():
    layers = fpga_layers(resnet_18())
    small, large = fine_grid(layers, DEVICE, side=6), fine_grid(layers, DEVICE, side=12)
    assert set(small.channels) <= set(large.channels)
    assert set(small.rows) <= set(large.rows)
    assert set(coarse_grid(layers, DEVICE).ports) <= set(fine_grid(layers, DEVICE).ports)


def test_more_hardware_is_never_slower():
    layers = fpga_layers(resnet_18(), convolutions_only=True)
    grid = published_grid(DEVICE)
    small = replace(DEVICE, bram18=900)
    assert best_design(layers, DEVICE, grid=grid).cycles <= best_design(layers, small, grid=grid).cycles


def test_a_device_too_small_for_any_design_says_so():
    layers = fpga_layers(resnet_18())
    tiny = replace(DEVICE, name="tiny", bram18=2, memory_lut=0)
    found = best_design(layers, tiny, grid=published_grid(DEVICE))
    assert found.design is None
    assert found.reason.startswith("none of 5184 designs fits 'tiny'; the smallest: bram18: needs ")


def test_ports_too_wide_for_the_device_are_said():
    layers, narrow = fpga_layers(resnet_18()), replace(DEVICE, name="narrow", port_bits=64)
    found = best_design(layers, narrow, grid=published_grid(DEVICE))
    assert found.design is None
    assert found.reason == "ports: the narrowest need 96 bits per cycle, 'narrow' has 64"


def test_a_grid_too_large_to_price_is_refused_before_memory_is_full():
    layers = fpga_layers(resnet_18())
    with pytest.raises(AcceleratorError, match="use best_design"):
        sweep(layers, DEVICE, fine_grid(layers, DEVICE, side=None))


def test_grids_that_mean_nothing_are_refused():
    with pytest.raises(AcceleratorError, match=r"grid\.rows is empty"):
        DesignGrid(((1, 1, 0),), (), (1,), ((1, 1, 1),))
    with pytest.raises(AcceleratorError, match="contains -2"):
        DesignGrid(((1, 1, 0),), (1,), (1,), ((1, -2, 1),))
    with pytest.raises(AcceleratorError, match="mixes designs"):
        DesignGrid(((1, 1, 0), (1, 1, 4)), (1,), (1,), ((1, 1, 1),))
    with pytest.raises(AcceleratorError, match="no layers"):
        best_design([], DEVICE, grid=published_grid(DEVICE))
