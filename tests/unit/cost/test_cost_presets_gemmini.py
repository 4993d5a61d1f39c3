"""Gemmini's time: its program's work, step by step and in closed form, and laws that its cycles obey."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coexplore import Loops, best_mapping, find_accelerator, replay
from coexplore.accelerators.accelerator import OPERANDS, Accelerator, Dim, MacUnit, MemoryLevel, VectorUnit
from coexplore.core.errors import MappingError
from coexplore.cost.mapping import LevelMapping, Loop, Mapping
from coexplore.cost.presets.gemmini import CALIBRATED, GUESSED, gemmini_accounting, gemmini_cycles
from coexplore.cost.presets.gemmini_layer import Axis, GemminiLayer, Tile
from coexplore.cost.presets.gemmini_memory import Cache, Rows, mean_beats, missed_share
from coexplore.cost.presets.gemmini_work import work_of

ORDER = (Dim.C, Dim.R, Dim.S, Dim.K, Dim.P, Dim.Q)


@st.composite
def layers(draw) -> GemminiLayer:
    """Small convolutions whose tiles never lie in the padding altogether."""
    kernel = draw(st.integers(1, 3))
    padding = draw(st.integers(0, (kernel - 1) // 2))
    axes = [Axis(draw(st.integers(1, 12)), kernel, draw(st.integers(1, 2)), padding=padding) for _ in range(2)]
    sizes = (draw(st.integers(1, 70)), draw(st.integers(1, 70)), axes[0].out, axes[1].out, kernel, kernel)
    tile = Tile(*(draw(st.integers(1, size)) for size in sizes))
    order = tuple(draw(st.permutations(ORDER)))
    return GemminiLayer(*sizes[:2], *axes, tile, order, draw(st.sampled_from([4, 8, 16, 32])))


def walk(layer: GemminiLayer) -> Counter[str]:
    """The program's tiles one by one, its blocks and its image elements one by one."""
    sizes, tile, side = layer.sizes, layer.tile, layer.side
    found: Counter[str] = Counter()
    for at in itertools.product(*(range(0, size, step) for size, step in zip(sizes, tile, strict=True))):
        k, c, p, q, r, s = (min(step, size - start) for start, size, step in zip(at, sizes, tile, strict=True))
        found["tiles"] += 1
        columns, rows = layer.columns, layer.rows
        across = [at[2] * columns.stride + at[4] - columns.padding + i for i in range(p * columns.stride + r - 1)]
        down = [at[3] * rows.stride + at[5] - rows.padding + i for i in range(q * rows.stride + s - 1)]
        inside = [0 <= x < columns.input_size and 0 <= y < rows.input_size for x, y in itertools.product(across, down)]
        found["input_bytes"] += c * sum(inside)
        found["weight_bytes"] += k * c * r * s
        found["zero_rows"] += (len(inside) - sum(inside)) * math.ceil(c / (max(64 // side, 1) * side))
        if at[1] == at[4] == at[5] == 0:
            found["zero_rows"] += p * q * math.ceil(k / (max(16 // side, 1) * side))
        if at[1] + c == sizes.C and at[4] + r == sizes.R and at[5] + s == sizes.S:
            found["output_bytes"] += k * p * q
        for _ in itertools.product(range(0, k, side), range(r * s), range(0, c, side)):
            blocks = [max(min(side, p - start), 4) for _ in range(q) for start in range(0, p, side)]
            cycles = sum(blocks[:-1]) + max(side, blocks[-1])
            found["array_cycles"] += max(cycles * 5, len(blocks) * (2 * side + 6))
    return found


@settings(max_examples=60)
@given(layers())
def test_the_work_in_closed_form_is_that_of_a_walk(layer):
    work, walked = work_of(layer), walk(layer)
    assert work.tiles == walked["tiles"]
    assert work.array_cycles == pytest.approx(walked["array_cycles"] / 5)
    assert work.zero_rows == walked["zero_rows"]
    assert work.load_beats >= (walked["weight_bytes"] + walked["input_bytes"]) / 16
    assert work.store_beats >= walked["output_bytes"] / 16


@settings(max_examples=60)
@given(layers())
def test_no_layer_is_faster_than_its_array_its_bus_or_its_processor(layer):
    work, cycles = work_of(layer), gemmini_cycles(layer, CALIBRATED)
    macs = math.prod(layer.sizes)
    assert work.array_cycles >= macs / layer.side**2
    least = (work.array_cycles, CALIBRATED.dma_cycles(work), work.tiles * CALIBRATED.matmul_tile)
    assert cycles >= CALIBRATED.startup + max(least)


@settings(max_examples=30)
@given(layers(), st.sampled_from([field.name for field in dataclasses.fields(CALIBRATED)]), st.floats(1.0, 4.0))
def test_a_slower_machine_is_never_faster(layer, name, factor):
    slower = dataclasses.replace(CALIBRATED, **{name: getattr(CALIBRATED, name) * factor})
    assert gemmini_cycles(layer, slower) >= gemmini_cycles(layer, CALIBRATED)


@settings(max_examples=30)
@given(layers())
def test_two_images_are_twice_the_work(layer):
    twice = work_of(dataclasses.replace(layer, images=2))
    assert twice == pytest.approx([2 * value for value in work_of(layer)])


def test_aligned_rows_need_a_beat_per_16_bytes_and_others_more():
    assert mean_beats(16, 16, 256, 64, 0) == 1
    assert mean_beats(64, 64, 256, 64, 0) == 4
    assert mean_beats(16, 16, 256, 64, 8) == (2 + 4 + 2 + 2) / 4
    assert mean_beats(64, 64, 256, 64, 8) == 5
    assert mean_beats(1, 1, 3, 64, 0) == 1


def test_a_tile_in_the_padding_loads_the_range_of_its_counter():
    axis = Axis(4, kernel=7, stride=2, padding=3, size=8)
    layer = GemminiLayer(4, 1, axis, axis, Tile(4, 1, 4, 1, 7, 7), ORDER, 4)
    inside, outside = work_of(layer), work_of(dataclasses.replace(layer, tile=Tile(4, 1, 4, 1, 7, 1)))
    assert inside.load_beats < 1_000 < 65_536 < outside.load_beats


@pytest.mark.parametrize("load", [1.1, 1.5, 2.5])
def test_random_replacement_loses_the_share_that_a_simulation_loses(load):
    """A fully associative cache of 2,000 lines that are walked again and again."""
    draw, places = np.random.default_rng(0), 2000
    held: list[int] = list(range(places))
    where = {line: line for line in held}
    for visit in range(12):
        missed = 0
        for line in range(int(load * places)):
            if line not in where:
                missed += 1
                victim = int(draw.integers(places))
                where.pop(held[victim])
                held[victim], where[line] = line, victim
        if visit > 9:
            assert missed / int(load * places) == pytest.approx(missed_share(load), abs=0.03)
    assert missed_share(1.0) == 0


def test_rows_at_a_power_of_two_use_few_sets():
    cache = Cache(1024, 8)
    assert Rows(100, 16, 4096).places(cache) == 128
    assert Rows(100, 128, 4096).places(cache) == 256
    assert Rows(100, 16, 1000).places(cache) == cache.lines
    assert Rows(100, 4096, 4096).places(cache) == cache.lines


def test_a_layer_that_fits_the_caches_misses_nothing_and_a_large_one_all():
    small = work_of(GemminiLayer(64, 64, Axis(64), Axis(1), Tile(16, 64, 64), ORDER, 16))
    assert small.l2_misses == small.shared_misses == 0
    cold = work_of(GemminiLayer(64, 64, Axis(64), Axis(1), Tile(16, 64, 64), ORDER, 16, warm=False))
    assert cold.l2_misses == cold.shared_misses == 2 * 64 * 64 / 64
    large = work_of(GemminiLayer(8000, 8000, Axis(1), Axis(1), Tile(64, 64), ORDER, 16))
    assert large.shared_misses == pytest.approx(8000 * 125, rel=0.01)


STEM, MIDDLE = Axis(112, 7, 2, 1, 3, 224), Axis(28, 3, 1, 1, 1, 28)
ROWS = [
    (GemminiLayer(64, 3, STEM, STEM, Tile(8, 3, 112, 4, 7, 7), (Dim.Q, Dim.K), 4, 1, 8), 9853947, True),
    (GemminiLayer(256, 8, MIDDLE, MIDDLE, Tile(1, 4, 28, 14, 3, 3), (Dim.C, Dim.K, Dim.Q), 4, 1, 8), 3615442, True),
    (GemminiLayer(128, 128, Axis(128), Axis(1), Tile(16, 128, 128), (Dim.K,), 16), 15591, False),
    (GemminiLayer(512, 1024, Axis(1), Axis(1), Tile(16, 16), (Dim.K, Dim.C), 16), 260728, False),
]


@pytest.mark.parametrize(("layer", "simulated", "array_bound"), ROWS)
def test_simulated_rows_of_each_kind(layer, simulated, array_bound):
    """Two that the array bounds, one that the bus bounds, one that the processor bounds; RTL cycles of Hong2023.

    Where the array bounds, its own cycles are the RTL's. Nine in ten of all rows are within a quarter.
    """
    if array_bound:
        assert work_of(layer).array_cycles == pytest.approx(simulated, rel=0.005)
    assert work_of(layer).array_cycles <= simulated
    assert gemmini_cycles(layer, CALIBRATED) == pytest.approx(simulated, rel=0.25)


def test_as_an_accounting_the_parts_add_up_and_traffic_is_untouched():
    loops = Loops(K=64, C=64, P=28, Q=28, R=3, S=3)
    accelerator = find_accelerator("gemmini-16")
    mapping = best_mapping(loops, accelerator).mapping
    physics = replay(loops, accelerator, mapping)
    timed = replay(loops, accelerator, mapping, gemmini_accounting(CALIBRATED))
    assert timed.traffic_bits == physics.traffic_bits
    assert timed.total_cycles == pytest.approx(timed.compute_cycles + timed.stall_cycles + timed.onload_cycles)
    assert timed.total_cycles > loops.macs / 16**2
    tile = {dim: size // math.prod(loop.factor for loop in mapping.levels[0].temporal if loop.dim is dim)
            for dim, size in zip(Dim, (1, 1, 64, 64, 28, 28, 3, 3), strict=True)}  # fmt: skip
    axis = Axis(28, 3)
    order = tuple(loop.dim for loop in reversed(mapping.levels[0].temporal))
    cut = Tile(*(tile[dim] for dim in (Dim.K, Dim.C, Dim.P, Dim.Q, Dim.R, Dim.S)))
    layer = GemminiLayer(64, 64, axis, axis, cut, order, 16, warm=False)
    assert timed.total_cycles == pytest.approx(gemmini_cycles(layer, CALIBRATED))


def test_an_accelerator_without_an_array_has_no_gemmini_time():
    dram = MemoryLevel("dram", OPERANDS, None, 8, None, 0.0, 0.0)
    accelerator = Accelerator("scalar", 1e9, (dram,), MacUnit(8, 0.0, 0.0), VectorUnit(1.0, 0.0))
    mapping = Mapping((LevelMapping((Loop(Dim.K, 4),)),))
    with pytest.raises(MappingError, match="no fan-out"):
        replay(Loops(K=4), accelerator, mapping, gemmini_accounting(GUESSED))
