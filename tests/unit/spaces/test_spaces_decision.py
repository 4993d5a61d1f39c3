from __future__ import annotations

import math

import numpy as np
import pytest

from coexplore.core.errors import SpaceError
from coexplore.spaces.decision import Condition, Decision


@pytest.mark.parametrize(
    ("name", "values", "ordered", "message"),
    [
        ("kernel", (), False, "'kernel' has no values"),
        ("kernel", (3, 3), False, "'kernel' lists a value twice"),
        ("kernel", (3, 3.0), False, "'kernel' lists a value twice"),
        ("kernel", (True, 1), False, "'kernel' mixes booleans"),
        ("kernel", (False, "no"), False, "'kernel' mixes booleans"),
        ("kernel", (5, 3), True, "must increase"),
        ("kernel", ("s", "m"), True, "must be numbers"),
        ("kernel", (False, True), True, "must be numbers"),
        ("kernel", (math.nan,), False, "must be finite"),
        ("kernel", (1.0, math.inf), True, "must be finite"),
        ("kernel", (None,), False, "of type NoneType"),
        ("kernel", (np.int64(3),), False, "of type int64"),
        ("kernel", ((3, 3),), False, "of type tuple"),
        ("", (1,), False, "not legal"),
        ("two words", (1,), False, "not legal"),
    ],
)
def test_illegal_decision_is_refused_by_name(name, values, ordered, message):
    with pytest.raises(SpaceError, match=message):
        Decision(name, values, ordered)


def test_condition_without_values_is_refused():
    with pytest.raises(SpaceError, match="condition on 'depth' lists no value"):
        Condition("depth", ())


def test_numbers_are_found_by_value_whatever_their_type():
    decision = Decision("local_mb", (0.5, 1, 2.0), ordered=True)
    assert [decision.index_of(value) for value in (0.5, 1.0, 2, np.float32(2), np.int8(1))] == [0, 1, 2, 2, 1]


@pytest.mark.parametrize("value", [True, np.True_])
def test_true_is_not_one(value):
    with pytest.raises(SpaceError, match="cannot be"):
        Decision("stride", (1, 2)).index_of(value)


@pytest.mark.parametrize("value", [1, 1.0])
def test_one_is_not_true(value):
    with pytest.raises(SpaceError, match="cannot be"):
        Decision("skip", (False, True)).index_of(value)


def test_illegal_value_names_decision_and_legal_values():
    with pytest.raises(SpaceError, match=r"'kernel' cannot be 4; legal are 3, 5, 7"):
        Decision("kernel", (3, 5, 7)).index_of(4)


def test_long_lists_of_values_are_shortened():
    assert Decision("width", tuple(range(1000))).legal == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 999 (1000 values)"
