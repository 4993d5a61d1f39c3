from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from space_strategies import chain, spaces_with_point

from coexplore.core.errors import SpaceError
from coexplore.spaces import conditions
from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Space


def test_inactive_parent_makes_the_whole_chain_inactive():
    space = chain()
    assert conditions.deactivate(space.links, np.array([[0, 2, 1, 0]])).tolist() == [[0, -1, -1, 0]]


def test_parent_with_another_value_switches_only_its_children_off():
    space = chain()
    assert conditions.deactivate(space.links, np.array([[1, 0, 1, 0]])).tolist() == [[1, 0, -1, 0]]


@given(spaces_with_point())
def test_array_and_scalar_rules_agree(case):
    space, point = case
    row = space.indices(point)
    scalar = [conditions.is_active(space.links, row, position) for position in range(len(row))]
    filled = np.array([[max(index, 0) for index in row]], dtype=np.int64).reshape(1, len(row))
    assert (conditions.deactivate(space.links, filled)[0] >= 0).tolist() == scalar


def test_deactivate_leaves_its_argument_alone():
    indices = np.zeros((1, 4), dtype=np.int64)
    conditions.deactivate(chain().links, indices)
    assert not indices.any()


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ((Decision("a", (1,)), Decision("a", (2,))), "'a' occurs twice"),
        ((Decision("a", (1,), condition=Condition("b", (1,))), Decision("b", (1,))), "'a' depends on 'b'"),
        ((Decision("a", (1,), condition=Condition("a", (1,))),), "'a' depends on 'a'"),
        (
            (Decision("depth", (1,)), Decision("a", (1,), condition=Condition("dept", (1,)))),
            "did you mean 'depth'",
        ),
        (
            (Decision("depth", (1, 2)), Decision("a", (1,), condition=Condition("depth", (3,)))),
            r"condition of decision 'a' is never met: decision 'depth' cannot be 3; legal are 1, 2",
        ),
        (
            (Decision("depth", (0, 1)), Decision("a", (1,), condition=Condition("depth", (True,)))),
            "decision 'depth' cannot be True",
        ),
    ],
)
def test_illegal_conditions_are_refused_by_name(decisions, message):
    with pytest.raises(SpaceError, match=message):
        Space(decisions)
