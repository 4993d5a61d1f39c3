"""The Eyeriss-like family: its budgets, its known constraints, and the published chip as a point of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from coexplore.accelerators.accelerator import Dim
from coexplore.accelerators.eyeriss_like import BUDGETS, SPREAD, WHOLE, EyerissLike
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import AcceleratorError

FAMILIES = [EyerissLike(name) for name in BUDGETS]


@pytest.mark.parametrize("family", FAMILIES, ids=list(BUDGETS))
def test_every_point_meets_the_known_constraints(family):
    budget = BUDGETS[family.budget]
    for point in family.space.sample(np.random.default_rng(0), 200):
        chip = family.decode(point)
        sizes = {axis.name: axis.size for level in chip.levels for axis in level.fanout}
        assert math.prod(sizes.values()) == chip.macs_per_cycle == budget.pes
        words = sum(level.capacity_bytes // 2 for level in chip.levels if level.name.endswith("spad"))
        assert words <= budget.local_words
        (buffer,) = (level for level in chip.levels if level.name == "global_buffer")
        assert buffer.capacity_bytes * sizes["buffer_x"] * sizes["buffer_y"] <= budget.buffer_kib * 1024
        assert buffer.read_bytes_per_cycle == 2 * point["block_words"] * point["cluster"]


@pytest.mark.parametrize("family", FAMILIES, ids=list(BUDGETS))
def test_the_baseline_has_the_array_the_memories_and_the_energies_of_the_preset(family):
    ours, preset = family.decode(family.presets["baseline"]), find_accelerator(family.budget)
    assert ours.macs_per_cycle == preset.macs_per_cycle
    for level, other in zip(ours.levels, preset.levels, strict=True):
        assert (level.name, level.keeps, level.capacity_bytes) == (other.name, other.keeps, other.capacity_bytes)
        assert level.read_j_per_bit == pytest.approx(other.read_j_per_bit)


def test_a_filter_dimension_that_is_whole_is_unrolled_nowhere():
    family = EyerissLike()
    for width, height in ((WHOLE, SPREAD), (SPREAD, WHOLE)):
        point = family.space.point({**family.presets["baseline"], "filter_width": width, "filter_height": height})
        dims = {dim for level in family.decode(point).levels for axis in level.fanout for dim in axis.dims}
        assert (Dim.S in dims) is (width == SPREAD)
        assert (Dim.R in dims) is (height == SPREAD)


def test_links_that_add_sums_take_area():
    family = EyerissLike()
    area = {
        kind: family.decode(family.space.point({**family.presets["baseline"], "filter_width": kind})).area_mm2
        for kind in (WHOLE, SPREAD)
    }
    assert area[WHOLE] < area[SPREAD]


def test_features_are_finite_and_tell_points_apart():
    family = EyerissLike()
    points = list(dict.fromkeys(family.space.sample(np.random.default_rng(1), 300)))
    features = family.features(points)
    assert np.isfinite(features).all()
    assert len(np.unique(features, axis=0)) == len(points)


def test_recalled_sizes_can_be_overridden():
    family = EyerissLike(pes=64, local_words=100, weight_words=(32, 64), buffer_kib=64.0)
    assert all(family.decode(p).macs_per_cycle == 64 for p in family.space.sample(np.random.default_rng(0), 5))
    baseline = family.presets["baseline"]
    assert baseline in family.space
    assert (baseline["mesh"], baseline["scratchpads"]) == ("8x8/1x1", "12/64/24")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": "eyeriss-170"}, "eyeriss-like.budget: is 'eyeriss-170'; did you mean"),
        ({"local_words": 10}, "10 words hold none of the scratchpads; raise it to at least 42"),
        ({"pes": 0}, "eyeriss-like.pes: is 0"),
        ({"most_buffers": 0}, "eyeriss-like.most_buffers: is 0"),
        ({"block_words": (3,)}, "give powers of two"),
        ({"cluster": ()}, r"eyeriss-like.cluster: is \(\); give whole numbers from 1 on"),
        ({"input_words": (0, 12)}, "eyeriss-like.input_words: is"),
    ],
)
def test_an_impossible_budget_is_refused(settings, message):
    with pytest.raises(AcceleratorError, match=message):
        EyerissLike(**settings)
