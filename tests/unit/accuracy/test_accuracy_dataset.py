"""Does a data set refuse arrays that do not fit each other?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from coexplore.core.errors import DataError

WRONG = {
    "x_train": (np.zeros((90, 1, 6, 6)), "x_train holds float64"),
    "x_validation": (
        np.zeros((60, 1, 6, 7), np.float32),
        r"x_validation are \(1, 6, 7\), those of x_train \(1, 6, 6\)",
    ),
    "x_test": (np.full((60, 1, 6, 6), np.nan, np.float32), "x_test holds 2160 values that are NaN or infinite"),
    "y_train": (np.zeros(90), r"y_train holds float64 \(90,\); expected int64"),
    "y_validation": (np.zeros(59, np.int64), r"y_validation holds int64 \(59,\); expected int64 \(60,\)"),
    "y_test": (np.full(60, 3), r"y_test\[0\] is 3; expected a label from 0 to 2"),
    "classes": (1, "has 1 class; a classifier needs at least 2"),
}


@pytest.mark.parametrize("field", WRONG)
def test_what_does_not_fit_is_named(corners, field):
    value, message = WRONG[field]
    with pytest.raises(DataError, match=f"'corners'.*{message}"):
        dataclasses.replace(corners, **{field: value})


def test_an_empty_part_is_refused(corners):
    with pytest.raises(DataError, match="x_test holds float32"):
        dataclasses.replace(corners, x_test=corners.x_test[:0], y_test=corners.y_test[:0])


def test_one_changed_pixel_changes_the_content_hash(corners):
    pixels = corners.x_test.copy()
    pixels[3, 0, 2, 2] += 1
    assert dataclasses.replace(corners, x_test=pixels).content_hash != corners.content_hash


def test_the_arrays_given_stay_writable_for_their_owner(corners):
    pixels = corners.x_test.copy()
    dataclasses.replace(corners, x_test=pixels)
    pixels[0] = 0
    assert pixels.flags.writeable
