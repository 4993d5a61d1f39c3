"""Mappings as points: the size of the space, drawing without rejection, and what decoded points cost."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from coexplore.accelerators.accelerator import DIMS, Accelerator, Dim, SpatialAxis
from coexplore.accelerators.eyeriss_like import EyerissLike
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import MappingError
from coexplore.cost.mapper import best_mapping
from coexplore.cost.mapping import Mapping
from coexplore.cost.mapping_space import count_factorisations, mapping_space, slots_of
from coexplore.cost.replay import replay
from coexplore.spaces.described import Constrained, Described
from coexplore.workloads.op import Loops

CONVOLUTION = Loops(K=32, C=16, P=14, Q=14, R=3, S=3)
DEPTHWISE = Loops(G=32, P=14, Q=14, R=3, S=3)
PRODUCT = Loops(K=48, C=64, P=10)
FAMILY = EyerissLike()
CHIPS = [FAMILY.decode(point) for point in FAMILY.space.sample(np.random.default_rng(3), 3)]
CHIPS += [find_accelerator(name) for name in ("eyeriss-168", "edge-array", "simba-like")]
OPS = [CONVOLUTION, DEPTHWISE, PRODUCT, Loops(K=16, C=4, P=20, Q=20, R=8, S=8, stride=(4, 4))]


def test_the_layer_of_the_fact_sheet_has_as_many_factorisations():
    layer = Loops(K=256, C=256, P=56, Q=56, R=3, S=3)
    assert count_factorisations(layer, 8) == 8 * 8 * 960 * 960 * 6435 * 6435 == 2_442_415_472_640_000


def test_the_space_of_that_layer_on_eight_slots_has_them_times_the_loop_orders():
    chip = _eight_slots()
    layer = Loops(K=256, C=256, P=56, Q=56, R=3, S=3)
    space = mapping_space(layer, chip)
    assert len(slots_of(chip)) == 8
    temporal = sum(slot.axis is None for slot in slots_of(chip))
    assert space.size == 2_442_415_472_640_000 * math.factorial(6) ** temporal


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip.name[:24])
@pytest.mark.parametrize("loops", OPS, ids=["convolution", "depthwise", "product", "strided"])
def test_every_drawn_mapping_fits_and_is_a_point_of_the_space(loops, chip):
    for shared in (False, True):
        space = mapping_space(loops, chip, shared_axes=shared)
        for point in space.sample(np.random.default_rng(0), 25):
            assert point in space
            assert space.why_not(point) == ""
            mapping = space.decode(point)
            assert all(mapping.factors(dim) == getattr(loops, dim.value) for dim in DIMS)
            assert replay(loops, chip, mapping).feasible
            assert space.decode(space.point_of(mapping)) == mapping


def test_what_is_refused_does_not_fit():
    space = mapping_space(CONVOLUTION, CHIPS[3], shared_axes=True)
    unconstrained = [super(type(space), space).sample(np.random.default_rng(n), 1)[0] for n in range(200)]
    refused = [point for point in unconstrained if space.why_not(point)]
    assert refused
    assert not any(_runs(CONVOLUTION, CHIPS[3], space.decode(point)) for point in refused)


def test_drawing_reaches_every_mapping_of_a_small_space():
    chip, loops = CHIPS[3], Loops(K=4, C=3)
    space = mapping_space(loops, chip)
    legal = {point for point in space.enumerate() if not space.why_not(point)}
    assert set(space.sample(np.random.default_rng(0), 40 * len(legal))) == legal


def test_depthwise_costs_are_not_those_of_a_dense_convolution():
    dense = Loops(K=32, C=32, P=14, Q=14, R=3, S=3)
    chip = CHIPS[3]
    costs = {}
    for loops in (dense, DEPTHWISE):
        space = mapping_space(loops, chip)
        costs[loops] = min(
            replay(loops, chip, space.decode(p)).energy_j for p in space.sample(np.random.default_rng(0), 50)
        )
    assert costs[DEPTHWISE] * 4 < costs[dense]


def test_whole_dimensions_stay_in_the_innermost_level():
    space = mapping_space(CONVOLUTION, CHIPS[3], whole=(Dim.S,))
    for point in space.sample(np.random.default_rng(0), 20):
        mapping = space.decode(point)
        assert mapping.levels[-1].temporal
        assert math.prod(loop.factor for loop in mapping.levels[-1].temporal if loop.dim is Dim.S) == 3


def test_a_level_that_is_too_small_for_whole_filters_is_named():
    wide = Loops(K=4, C=1, P=4, Q=4, R=8, S=8)
    space = mapping_space(wide, find_accelerator("eyeriss-168"), whole=(Dim.R, Dim.S))
    assert "level 'input_spad' needs 128 bytes for a tile of R=8 x S=8 and holds 24" in space.obstacle


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip.name[:24])
def test_features_are_finite_and_never_more_than_full(chip):
    space = mapping_space(CONVOLUTION, chip)
    assert isinstance(space, Described)
    assert isinstance(space, Constrained)
    features = space.features(space.sample(np.random.default_rng(0), 20))
    assert np.isfinite(features).all()
    limited = sum(len(level.bits) for level in space.room.levels)
    assert (features[:, :limited] <= 1).all()


@pytest.mark.parametrize("shared", [False, True], ids=["one dimension per axis", "several"])
@pytest.mark.parametrize("loops", OPS, ids=["convolution", "depthwise", "product", "strided"])
def test_no_drawn_mapping_beats_the_solved_one(loops, shared):
    for chip in CHIPS[:4]:
        assert _drawn_over_solved(loops, chip, shared) >= 1 - 1e-9


def _drawn_over_solved(loops: Loops, chip: Accelerator, shared: bool) -> float:
    space = mapping_space(loops, chip, shared_axes=shared)
    drawn = [_edp(loops, chip, space.decode(point)) for point in space.sample(np.random.default_rng(1), 60)]
    return min(drawn) / _edp(loops, chip, best_mapping(loops, chip).mapping)


def _runs(loops: Loops, chip: Accelerator, mapping: Mapping) -> bool:
    try:
        return replay(loops, chip, mapping).feasible
    except MappingError:
        return False


def _edp(loops: Loops, chip: Accelerator, mapping: Mapping) -> float:
    result = replay(loops, chip, mapping)
    return result.energy_j * result.total_cycles


def _eight_slots() -> Accelerator:
    """Four levels with loops and four axes that unroll anything."""
    chip = find_accelerator("edge-array")
    levels = []
    for number, level in enumerate(chip.levels):
        axes = (SpatialAxis(f"axis{number}", 2, DIMS),)
        levels.append(replace(level, keeps=chip.levels[0].keeps, fanout=axes))
    return replace(chip, levels=tuple(levels))
