from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from coexplore.strategies.checkpoint import (
    load_array,
    load_observation,
    load_points,
    load_rng,
    save_array,
    save_observation,
    save_points,
    save_rng,
)
from coexplore.strategies.strategy import Observation, Stage
from coexplore.testing.strategy_contract import MIXED, NO_DECISION


def through_json(value):
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_generator_of_any_kind_continues(kind):
    rng, other = np.random.Generator(kind(1)), np.random.Generator(kind(2))
    rng.random(3)
    rng.integers(5, dtype=np.uint32)
    load_rng(other, through_json(save_rng(rng)))
    assert other.random(700).tolist() == rng.random(700).tolist()


@given(hnp.arrays(hnp.floating_dtypes(sizes=(32, 64)) | hnp.integer_dtypes(), hnp.array_shapes(min_dims=0, min_side=0)))
def test_array_returns_bit_for_bit(array):
    back = load_array(through_json(save_array(array)))
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.tobytes() == np.ascontiguousarray(array, dtype=back.dtype).tobytes()


def test_loaded_array_is_writable_and_in_c_order():
    back = load_array(save_array(np.arange(6.0).reshape(2, 3).T))
    back += 1
    assert back.flags.c_contiguous
    assert back.tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]


def test_points_return_with_the_types_of_their_values():
    points = list(MIXED.enumerate())
    back = load_points(MIXED, through_json(save_points(MIXED, points)))
    assert back == points
    assert [[type(value) for value in point.values()] for point in back] == [
        [type(value) for value in point.values()] for point in points
    ]


def test_the_empty_point_and_no_points_return():
    (point,) = NO_DECISION.enumerate()
    assert load_points(NO_DECISION, through_json(save_points(NO_DECISION, [point, point]))) == [point, point]
    assert load_points(MIXED, through_json(save_points(MIXED, []))) == []


@given(
    st.lists(st.floats(allow_nan=False), max_size=3),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False),
    st.booleans(),
    st.sampled_from(Stage),
)
def test_observation_returns_exactly_also_when_infinite(losses, violation, reward, feasible, stage):
    point = next(MIXED.enumerate())
    observation = Observation(point, stage, tuple(losses), violation, feasible, reward)
    back = load_observation(MIXED, through_json(save_observation(MIXED, observation)))
    assert back == observation
    assert [math.copysign(1, x) for x in back.losses] == [math.copysign(1, x) for x in losses]
