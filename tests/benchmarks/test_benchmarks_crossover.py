"""What the map of fused and depthwise blocks says of made-up prices, and which blocks it compares."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "papers" / "nahas" / "fused_crossover.py"
STAGES = list(itertools.product((56, 7), (16, 64, 320)))


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("fused_crossover", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    sys.modules["fused_crossover"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def priced(script):
    """Fused blocks in two groups take half the time on early maps of up to 64 channels, twice the time elsewhere."""
    stages = [script.Stage(pixels, channels, 3, 6) for pixels, channels in STAGES]
    prices = {}
    for metric, name, stage in itertools.product(script.WANTED, script.ASSUMPTIONS, stages):
        faster = stage.pixels == 56 and stage.channels <= 64
        prices[metric, name, stage, None] = np.array([2.0, 2.0])
        for groups in script.GROUPS:
            prices[metric, name, stage, groups] = np.array([1.0 if faster and groups == 2 else 4.0, 2.0])
    return prices, stages


def test_what_is_fused_is_found_where_it_was_put(script, priced):
    prices, stages = priced
    assert script.widest(prices, stages, 0) == {name: {"56": [64, 64], "7": [0, 0]} for name in script.ASSUMPTIONS}
    assert script.shares(prices, stages, 0)["latency_s"] == {
        "all": [0.333, 0.333], "early": [0.667, 0.667], "late": [0.0, 0.0], "early_narrow": [1.0, 1.0],
        "late_wide": [0.0, 0.0],
    }  # fmt: skip
    assert script.shares(prices, stages, None)["energy_j"]["all"] == [0.333, 1.0]
    assert script.shares(prices, stages, 0, script.DENSE)["latency_s"]["all"] == [0.0, 0.0]
    assert script.widest(prices, stages, 0, script.DENSE)["on chip"] == {"56": [0, 0], "7": [0, 0]}
    assert script.share_of_groups(prices, stages, 2) == pytest.approx(2 / 6 / 2, abs=1e-3)
    assert script.gaps(prices, stages).max() == 4.0


def test_a_tie_counts_as_good_but_the_depthwise_block_is_named_the_fastest(script, priced):
    prices, stages = priced
    assert script.widest(prices, stages, 1)["on chip"] == {"56": [320, 320], "7": [320, 320]}
    assert script.share_of_groups(prices, stages, 1) == 0.0


def test_blocks_of_a_stage_have_equal_ends(script):
    stage = script.Stage(14, 64, 5, 6)
    depthwise, fused, grouped = stage.block(None), stage.block(1), stage.block(4)
    for block in (depthwise, fused, grouped):
        assert block.shapes[block.outputs[0]] == block.shapes["map"] == (1, 64, 14, 14)
        assert block.nests["block.project"] == depthwise.nests["block.project"]
    assert fused.nests["block.fused"].macs == 4 * grouped.nests["block.fused"].macs == 64 * 384 * 25 * 14 * 14


def test_the_corners_of_the_range_are_among_the_accelerators(script):
    chips = script.accelerators(quick=False)
    assert next(iter(chips)) == "baseline"
    areas = [chip.area_mm2 for chip in chips.values()]
    assert min(areas) == chips["all lowest"].area_mm2
    assert max(areas) == chips["all highest"].area_mm2
