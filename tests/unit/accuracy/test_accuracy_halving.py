"""Are the bars of successive halving where they should be?"""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accuracy.halving import Halving, Rung, stop_reason
from coexplore.core.errors import ConfigError

FRACTIONS = st.integers(0, 100).map(lambda percent: percent / 100)
CURVES = st.lists(st.lists(FRACTIONS, max_size=12), max_size=15)
HALVINGS = st.builds(Halving, eta=st.integers(2, 4), first_epochs=st.integers(1, 4))


def test_rungs_are_a_geometric_series_below_the_last_epoch():
    curves = [[0.5] * 27] * 3
    assert [rung.epochs for rung in Halving(eta=3, first_epochs=2).rungs(curves, epochs=27)] == [2, 6, 18]


def test_the_last_epoch_itself_is_no_rung():
    assert [rung.epochs for rung in Halving(eta=3, first_epochs=3).rungs([[0.5] * 9] * 3, epochs=9)] == [3]


def test_the_bar_is_the_worst_of_the_best_third():
    curves = [[value / 10] * 4 for value in range(1, 10)]
    assert Halving(eta=3, first_epochs=4).rungs(curves, epochs=12) == (Rung(4, 0.7),)


def test_the_bar_counts_the_best_epoch_so_far():
    curves = [[0.9, 0.1, 0.2], [0.3, 0.4, 0.5], [0.1, 0.1, 0.1]]
    assert Halving(eta=3, first_epochs=3).rungs(curves, epochs=9) == (Rung(3, 0.9),)


def test_fewer_curves_than_eta_set_no_bar():
    assert Halving(eta=3, first_epochs=2).rungs([[0.5, 0.5]] * 2, epochs=9) == ()


def test_curves_that_ended_before_a_rung_do_not_count_there():
    curves = [[0.9] * 2] * 5 + [[0.1] * 6] * 3
    rungs = Halving(eta=3, first_epochs=2).rungs(curves, epochs=9)
    assert rungs == (Rung(2, 0.9), Rung(6, 0.1))


@given(HALVINGS, CURVES, st.randoms(use_true_random=False))
def test_the_order_of_the_curves_does_not_matter(halving, curves, shuffler: random.Random):
    shuffled = list(curves)
    shuffler.shuffle(shuffled)
    assert halving.rungs(curves, 12) == halving.rungs(shuffled, 12)


@given(HALVINGS, CURVES)
def test_at_least_one_in_eta_of_the_observed_passes_and_no_more_but_for_ties(halving, curves):
    for rung in halving.rungs(curves, 12):
        values = [max(curve[: rung.epochs]) for curve in curves if len(curve) >= rung.epochs]
        quota = len(values) // halving.eta
        assert sum(value > rung.at_least for value in values) < quota <= sum(value >= rung.at_least for value in values)


@given(HALVINGS, st.lists(st.lists(FRACTIONS, min_size=12, max_size=12), min_size=4, max_size=15))
def test_later_bars_are_never_lower_when_all_curves_are_whole(halving, curves):
    bars = [rung.at_least for rung in halving.rungs(curves, 12)]
    assert bars == sorted(bars)


def test_a_curve_below_the_bar_stops_with_both_numbers_in_the_reason():
    reason = stop_reason((0.4, 0.55), (Rung(2, 0.6),))
    assert reason == "stopped after 2 epochs: validation accuracy 0.5500 is below the 0.6000 that this rung asks for"


@pytest.mark.parametrize("curve", [(0.4, 0.6), (0.7, 0.1), (0.1,), (0.1, 0.1, 0.1)])
def test_a_curve_at_the_bar_or_elsewhere_goes_on(curve):
    assert stop_reason(curve, (Rung(2, 0.6),)) == ""


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: Halving(eta=1), r"halving\.eta"),
        (lambda: Halving(first_epochs=0), r"halving\.first_epochs"),
        (lambda: Rung(0, 0.5), r"rung\.epochs"),
        (lambda: Rung(1, 1.5), r"rung\.at_least"),
    ],
)
def test_an_illegal_setting_is_named(build, field):
    with pytest.raises(ConfigError, match=f"^{field} is "):
        build()
