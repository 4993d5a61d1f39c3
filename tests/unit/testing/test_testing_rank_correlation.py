"""Rank correlations: known values by hand, ties shared, and nothing said about a side that does not vary."""

from __future__ import annotations

import itertools

import pytest

from coexplore.testing.rank_correlation import kendall_tau, ranks, spearman


def test_equal_values_share_their_mean_rank():
    assert list(ranks([30.0, 10.0, 30.0, 20.0])) == [2.5, 0.0, 2.5, 1.0]


def test_only_the_order_counts():
    values = [3.0, 1.0, 2.0, 8.0]
    assert spearman(values, [value**3 for value in values]) == pytest.approx(1)
    assert spearman(values, [-value for value in values]) == pytest.approx(-1)


def test_spearman_without_ties_is_the_textbook_formula():
    left, right = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 1.0, 4.0, 3.0, 5.0]
    squares = sum((a - b) ** 2 for a, b in zip(left, right, strict=True))
    assert spearman(left, right) == pytest.approx(1 - 6 * squares / (5 * 24))


def test_a_side_that_does_not_vary_has_no_correlation():
    assert spearman([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) is None


def test_tau_counts_pairs():
    left, right = [1.0, 2.0, 2.0, 3.0, 5.0], [1.0, 3.0, 2.0, 2.0, 0.0]
    agree = ties_left = ties_right = 0.0
    for i, j in itertools.combinations(range(5), 2):
        a, b = (left[i] > left[j]) - (left[i] < left[j]), (right[i] > right[j]) - (right[i] < right[j])
        agree, ties_left, ties_right = agree + a * b, ties_left + (a != 0), ties_right + (b != 0)
    assert kendall_tau(left, right) == pytest.approx(agree / (ties_left * ties_right) ** 0.5)
