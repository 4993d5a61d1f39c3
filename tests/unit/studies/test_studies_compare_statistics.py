"""Intervals and tests of a comparison, against slow twins that count every case."""

from __future__ import annotations

import importlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import MissingExtraError
from coexplore.studies import compare_statistics
from coexplore.studies.compare_statistics import (
    all_pairs,
    holm,
    least_runs,
    median_interval,
    rank_test,
    superiority,
)

pytest.importorskip("scipy")
LOSSES = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, math.inf]), min_size=2, max_size=5)


def p_by_force(a, b):
    """Every way to deal the values, each as likely; twice the smaller tail of Mann and Whitney's U."""

    def u(first, second):
        return sum((x < y) + 0.5 * (x == y) for x in first for y in second)

    values, n = [*a, *b], len(a)
    dealt = []
    for chosen in itertools.combinations(range(len(values)), n):
        rest = [values[i] for i in range(len(values)) if i not in chosen]
        dealt.append(u([values[i] for i in chosen], rest))
    tails = (np.mean(np.array(dealt) <= u(a, b)), np.mean(np.array(dealt) >= u(a, b)))
    return min(1.0, 2 * min(tails))


@given(LOSSES, LOSSES)
def test_the_exact_test_counts_every_deal(a, b):
    assert rank_test(a, b) == pytest.approx(p_by_force(a, b), rel=1e-9)


@given(LOSSES, LOSSES)
def test_superiority_counts_pairs_and_is_complementary(a, b):
    counted = sum((x < y) + 0.5 * (x == y) for x in a for y in b) / (len(a) * len(b))
    assert superiority(a, b) == pytest.approx(counted)
    assert superiority(a, b) + superiority(b, a) == pytest.approx(1.0)


def test_with_many_runs_the_normal_law_is_near_the_exact_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 9).tolist(), rng.normal(0.7, 1, 9).tolist()
    assert rank_test(a, b) == pytest.approx(p_by_force(a, b), abs=0.02)


@pytest.mark.parametrize("runs", [5, 10])
def test_among_equals_a_false_alarm_is_as_rare_as_stated(runs):
    rng = np.random.default_rng(1)
    tried = 300
    alarms = sum(
        any(pair.shown for pair in all_pairs([(name, rng.exponential(1.0, runs).tolist()) for name in "abc"]))
        for _ in range(tried)
    )
    assert alarms / tried <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / tried)


def test_equal_samples_show_nothing():
    assert rank_test([1.0, 1.0, 1.0], [1.0, 1.0]) == 1.0
    assert rank_test([math.inf] * 12, [math.inf] * 12) == 1.0


@pytest.mark.parametrize(
    ("n", "low", "high", "confidence"),
    [
        (1, 0, 0, 0.0),
        (2, 0, 1, 0.5),
        (5, 0, 4, 0.9375),
        (6, 0, 5, 0.96875),
        (10, 1, 8, 0.978515625),
        (20, 5, 14, 0.9586),
    ],
)
def test_the_interval_of_the_median_is_that_of_the_tables(n, low, high, confidence):
    values = [float(value) for value in range(n)]
    found = median_interval(values[::-1])
    assert (found.low, found.high) == (low, high)
    assert found.confidence == pytest.approx(confidence, abs=1e-4)
    assert found.median == (n - 1) / 2


@pytest.mark.parametrize("n", range(1, 12))
def test_the_confidence_counts_every_way_to_lie_about_the_median(n):
    found = median_interval([float(value) for value in range(n)])
    inside = 0
    for sides in itertools.product((0, 1), repeat=n):
        below = sum(sides)
        inside += found.low + 1 <= below <= found.high
    assert found.confidence == pytest.approx(inside / 2**n)


def test_a_run_that_found_nothing_is_the_worst_and_no_nan():
    found = median_interval([1.0, math.inf, 2.0])
    assert (found.median, found.low, found.high) == (2.0, 1.0, math.inf)
    assert median_interval([math.inf, math.inf]).median == math.inf


def test_no_values_have_no_median():
    with pytest.raises(ValueError, match="at least one"):
        median_interval([])


def test_holm_agrees_with_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=6))
def test_an_adjusted_p_is_never_smaller_and_keeps_the_order(chances):
    adjusted = holm(chances)
    assert all(before <= after <= 1.0 for before, after in zip(chances, adjusted, strict=True))
    order = sorted(range(len(chances)), key=lambda index: chances[index])
    assert sorted(adjusted) == [adjusted[index] for index in order]


@pytest.mark.parametrize("contenders", [2, 3, 4])
def test_fewer_runs_than_the_least_show_nothing_and_the_least_can(contenders):
    pairs = contenders * (contenders - 1) // 2
    least = least_runs(pairs)
    for runs in (least - 1, least):
        samples = [(f"c{c}", [100.0 * c + run for run in range(runs)]) for c in range(contenders)]
        found = all_pairs(samples)
        assert len(found) == pairs
        assert any(pair.shown for pair in found) is (runs == least)


def test_the_better_one_of_a_pair_is_named_first():
    (pair,) = all_pairs([("worse", [5.0, 6.0, 7.0, 8.0]), ("better", [1.0, 2.0, 3.0, 4.0])])
    assert (pair.better, pair.worse, pair.superiority, pair.shown) == ("better", "worse", 1.0, True)


def test_single_runs_are_not_tested():
    assert all_pairs([("a", [1.0]), ("b", [2.0])]) == ()


def test_without_scipy_one_message_says_what_to_install(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"scipy.*coexplore\[train\]"):
        compare_statistics.check_scipy()
