from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from space_strategies import chain, spaces

from coexplore.core.errors import SpaceError
from coexplore.spaces import encode
from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Space


@given(spaces())
def test_indices_go_there_and_back(space):
    points = list(space.enumerate())
    indices = encode.to_indices(space, points)
    assert indices.dtype == np.int64
    assert indices.shape == (space.size, len(space.decisions))
    assert encode.from_indices(space, indices) == points


@given(spaces())
def test_unit_cube_goes_there_and_back(space):
    indices = encode.to_indices(space, list(space.enumerate()))
    unit = encode.to_unit(space, indices)
    assert ((unit > 0) & (unit < 1)).all()
    assert (encode.from_unit(space, unit) == indices).all()


@given(spaces())
def test_one_hot_goes_there_and_back(space):
    indices = encode.to_indices(space, list(space.enumerate()))
    encoded = encode.to_one_hot(space, indices)
    assert encoded.shape == (space.size, len(encode.one_hot_columns(space)))
    assert (encoded.sum(axis=1) == (indices >= 0).sum(axis=1)).all()
    assert (encode.from_one_hot(space, encoded) == indices).all()


@given(spaces(), st.data())
def test_any_box_coordinates_give_legal_points(space, data):
    shape = (4, len(space.decisions))
    unit = data.draw(hnp.arrays(np.float64, shape, elements=st.floats(0, 1)))
    assert all(point in space for point in encode.from_indices(space, encode.from_unit(space, unit)))


@given(spaces(), st.data())
def test_any_scores_give_legal_points(space, data):
    shape = (4, len(encode.one_hot_columns(space)))
    scores = data.draw(hnp.arrays(np.float64, shape, elements=st.floats(-9, 9)))
    assert all(point in space for point in encode.from_indices(space, encode.from_one_hot(space, scores)))


@given(spaces())
def test_one_hot_columns_say_which_value_is_set(space):
    points = list(space.enumerate())
    columns = encode.one_hot_columns(space)
    for point, row in zip(points, encode.to_one_hot(space, encode.to_indices(space, points)), strict=True):
        assert tuple(column for column, bit in zip(columns, row, strict=True) if bit) == point.entries


def test_the_corners_of_the_box_are_the_first_and_last_values():
    space = Space((Decision("a", (1, 2, 3)), Decision("b", ("x", "y"))))
    assert encode.from_unit(space, np.array([[0.0, 0.0], [1.0, 1.0]])).tolist() == [[0, 0], [2, 1]]


def test_inactive_decisions_are_marked_in_every_encoding():
    indices = encode.to_indices(chain(), [chain().point({"on": False, "name": "y"})])
    assert indices.tolist() == [[0, -1, -1, 1]]
    assert encode.to_unit(chain(), indices).tolist() == [[0.25, 0.5, 0.5, 0.75]]
    assert encode.to_one_hot(chain(), indices).tolist() == [[1, 0, 0, 0, 0, 0, 0, 0, 1]]


@pytest.mark.parametrize("n", [0, 3])
def test_the_empty_space_encodes_to_no_columns(n):
    points = [next(Space().enumerate())] * n
    indices = encode.to_indices(Space(), points)
    assert (
        indices.shape == encode.to_unit(Space(), indices).shape == encode.to_one_hot(Space(), indices).shape == (n, 0)
    )
    assert encode.from_indices(Space(), indices) == points


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0, -1, -1, 2], "index 2 of decision 'name' in row 0 is not legal; legal is 0 to 1"),
        ([0, -1, -1, -1], "index -1 of decision 'name' in row 0 is not legal; legal is 0 to 1"),
        ([0, 0, -1, 0], "index 0 of decision 'kernel' in row 0 is not legal; legal is -1"),
        ([1, 1, -1, 0], "index -1 of decision 'stride' in row 0 is not legal; legal is 0 to 1"),
        ([0, 0, 0], r"shape \(1, 3\); expected \(n, 4\)"),
        ([0.0, -1.0, -1.0, 0.0], "must be integers"),
    ],
)
def test_illegal_indices_are_refused_by_name(row, message):
    for convert in (encode.from_indices, encode.to_unit, encode.to_one_hot):
        with pytest.raises(SpaceError, match=message):
            convert(chain(), np.array([row]))


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, np.inf])
def test_coordinates_outside_the_box_are_refused(value):
    with pytest.raises(SpaceError, match=r"must lie in \[0, 1\]"):
        encode.from_unit(chain(), np.array([[0.5, 0.5, value, 0.5]]))


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(SpaceError, match="NaN"):
        encode.from_one_hot(chain(), np.full((1, 9), np.nan))


def test_points_of_another_space_are_refused():
    other = Space((Decision("on", (False, True)), Decision("name", ("z",))))
    with pytest.raises(SpaceError, match="name = 'z' is not in this space"):
        encode.to_indices(chain(), list(other.enumerate()))


def test_a_hundred_thousand_points_take_well_under_a_second_per_array_step():
    decisions = [Decision("d0", (1, 2, 3, 4, 5), ordered=True)]
    for number in range(1, 20):
        condition = Condition(f"d{number - 1}", (2, 3, 4)) if number % 4 else None
        decisions.append(Decision(f"d{number}", (1, 2, 3, 4, 5), ordered=True, condition=condition))
    space = Space(tuple(decisions))
    unit = np.random.default_rng(0).random((100_000, 20))
    start = time.process_time()
    indices = encode.from_unit(space, unit)
    encode.from_one_hot(space, encode.to_one_hot(space, indices))
    encode.to_unit(space, indices)
    assert time.process_time() - start < 3.0
