"""One number from a table of labels and answers, against a plain count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from coexplore.accuracy.measures import mean_overlap, measure_of, share_right

CLASSES = 4
ANSWERS = st_numpy.arrays(np.int64, (2, 3, 5), elements=st.integers(0, CLASSES - 1))


def table_of(labels, answers):
    table = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(table, (labels, answers), 1)
    return table


@given(ANSWERS, ANSWERS)
def test_the_share_is_that_of_equal_entries(labels, answers):
    assert share_right(table_of(labels, answers)) == (labels == answers).mean()


@given(ANSWERS, ANSWERS)
def test_the_overlap_is_that_of_the_sets_of_pixels(labels, answers):
    overlaps = []
    for label in range(CLASSES):
        there, said = labels == label, answers == label
        if (there | said).any():
            overlaps.append((there & said).sum() / (there | said).sum())
    assert mean_overlap(table_of(labels, answers)) == pytest.approx(np.mean(overlaps))


@given(ANSWERS)
def test_right_answers_are_wholly_right(labels):
    assert share_right(table_of(labels, labels)) == mean_overlap(table_of(labels, labels)) == 1.0


def test_background_alone_is_right_for_most_pixels_but_overlaps_little():
    labels = np.zeros(100, np.int64)
    labels[:10] = [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]
    table = table_of(labels, np.zeros(100, np.int64))
    assert share_right(table) == 0.9
    assert mean_overlap(table) == pytest.approx(0.9 / 4)


def test_labels_of_pixels_are_measured_by_overlap():
    assert measure_of(1) is share_right
    assert measure_of(3) is mean_overlap
