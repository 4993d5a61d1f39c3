from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from space_strategies import chain, spaces, spaces_with_point

from coexplore.core.errors import SpaceError
from coexplore.spaces.space import Space


@st.composite
def restrictions(draw, space: Space):
    chosen = [decision for decision in space.decisions if draw(st.booleans())]
    return {d.name: draw(st.lists(st.sampled_from(d.values), min_size=1, unique=True)) for d in chosen}


@given(spaces(), st.data())
def test_restricting_keeps_exactly_the_points_with_allowed_values(space, data):
    values = data.draw(restrictions(space))
    kept = [
        point
        for point in space.enumerate()
        if all(name not in point or point[name] in allowed for name, allowed in values.items())
    ]
    restricted = space.restrict(values)
    assert list(restricted.enumerate()) == kept
    assert restricted.size == len(kept)


@given(spaces_with_point())
def test_freezing_a_point_leaves_that_point_alone(case):
    space, point = case
    assert list(space.freeze(point).enumerate()) == [point]


@given(spaces())
def test_restricting_nothing_changes_nothing(space):
    assert space.restrict({}) == space


def test_decisions_that_can_never_be_active_drop_out_with_their_descendants():
    assert chain().freeze({"on": False}).names == ("on", "name")
    assert chain().freeze({"kernel": 3}).names == ("on", "kernel", "name")


def test_restricted_values_keep_their_order():
    assert chain().restrict({"kernel": [7, 3]}).decisions[1].values == (3, 7)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kernel": []}, "space is empty: decision 'kernel' lost all its values"),
        ({"kernel": [4]}, "'kernel' cannot be 4; legal are 3, 5, 7"),
        ({"kernal": [3]}, "no decision 'kernal' to restrict; did you mean 'kernel'"),
        ({"on": [1]}, "'on' cannot be 1"),
    ],
)
def test_illegal_restrictions_are_refused_by_name(values, message):
    with pytest.raises(SpaceError, match=message):
        chain().restrict(values)
