from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import ConfigError, EvaluationError, UnknownNameError
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Feasibility, Objective, check_consistent, feasibility

POSITIVE = st.floats(1e-9, 1e9)


def test_loss_is_smaller_for_the_better_design():
    assert Objective("accuracy", Direction.MAXIMIZE).loss({"accuracy": 0.9}) == -0.9
    assert Objective("latency_s", Direction.MINIMIZE).loss({"latency_s": 2e-3}) == 2e-3


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("metrics", [{}, {"accuracy": math.nan}])
def test_loss_of_the_unknown_is_infinite_in_both_directions(direction, metrics):
    assert Objective("accuracy", direction).loss(metrics) == math.inf


@pytest.mark.parametrize("make", [lambda name: Objective(name, Direction.MINIMIZE), lambda name: Constraint(name, 1.0)])
def test_unknown_metrics_are_refused_with_the_nearest(make):
    with pytest.raises(UnknownNameError, match="did you mean 'energy_j'"):
        make("energy_mj")


@given(POSITIVE, POSITIVE)
def test_slack_of_an_upper_bound_is_what_is_left(bound, value):
    constraint = Constraint("area_mm2", at_most=bound)
    assert constraint.slack({"area_mm2": value}) == bound - value
    assert (constraint.slack({"area_mm2": value}) >= 0) == (value <= bound)


@given(POSITIVE, POSITIVE)
def test_slack_of_a_lower_bound_is_what_is_beyond(bound, value):
    constraint = Constraint("throughput_per_s", at_least=bound)
    assert constraint.slack({"throughput_per_s": value}) == value - bound
    assert (constraint.slack({"throughput_per_s": value}) >= 0) == (value >= bound)


@given(POSITIVE, POSITIVE)
def test_violation_is_zero_exactly_where_slack_is_not_negative(bound, value):
    for constraint in (Constraint("area_mm2", at_most=bound), Constraint("area_mm2", at_least=bound)):
        metrics = {"area_mm2": value}
        assert (constraint.violation(metrics) == 0) == (constraint.slack(metrics) >= 0)
        assert constraint.violation(metrics) >= 0


@given(st.floats(1.0, 1e6), st.floats(1.0, 1e6), st.sampled_from([1e-12, 1e-3, 1e9]))
def test_violation_does_not_depend_on_the_unit(bound, value, scale):
    violation = Constraint("energy_j", bound).violation({"energy_j": value})
    scaled = Constraint("energy_j", bound * scale).violation({"energy_j": value * scale})
    assert scaled == pytest.approx(violation, rel=1e-9, abs=1e-12)


def test_violation_of_a_bound_of_zero_is_in_the_unit():
    assert Constraint("parameters", at_most=0).violation({"parameters": 250.0}) == 250.0


def test_two_bounds_are_judged_by_the_nearer():
    window = Constraint("power_w", at_least=1.0, at_most=4.0)
    assert [window.slack({"power_w": value}) for value in (0.5, 1.0, 2.0, 3.5, 5.0)] == [-0.5, 0.0, 1.0, 0.5, -1.0]
    assert [window.violation({"power_w": value}) for value in (0.5, 1.0, 4.0, 5.0)] == [0.5, 0.0, 0.0, 0.25]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_finite_number_breaks_an_upper_bound(value):
    judged = feasibility([Constraint("latency_s", at_most=1.0)], {"latency_s": value})
    assert (judged.feasible, judged.violation) == (False, math.inf)
    assert judged.reason.startswith(f"latency_s is {value}")


def test_judging_an_unmeasured_metric_is_refused():
    with pytest.raises(EvaluationError, match=r"area_mm2 <= 60: area_mm2 was not measured"):
        Constraint("area_mm2", at_most=60).slack({})


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({}, "no bound; give at_most, at_least or both"),
        ({"at_most": math.nan}, "must be finite"),
        ({"at_least": -math.inf}, "must be finite"),
        ({"at_most": -1.0}, "never negative"),
        ({"at_most": 0.5, "at_least": 0.9}, r"0.9 <= accuracy <= 0.5: never met, because at_most is below at_least"),
        ({"at_least": 97}, r"97 <= accuracy: never met, because accuracy \(fraction\) is at most 1"),
    ],
)
def test_constraints_that_nothing_meets_are_refused(bounds, message):
    with pytest.raises(ConfigError, match=message):
        Constraint("accuracy", **bounds)


def test_feasible_says_nothing_more():
    assert feasibility([Constraint("area_mm2", at_most=60)], {"area_mm2": 60.0}) == Feasibility(True)


def test_what_is_not_measured_yet_is_not_judged():
    constraints = [Constraint("accuracy", at_least=0.9), Constraint("area_mm2", at_most=60)]
    assert feasibility(constraints, {"area_mm2": 50.0}).feasible
    assert not feasibility(constraints, {"area_mm2": 50.0, "accuracy": 0.8}).feasible


def test_the_reason_gives_metric_value_bound_and_distance():
    judged = feasibility([Constraint("area_mm2", at_most=60)], {"area_mm2": 72.0})
    assert judged.reason == "area_mm2 is 72 mm2, 12 mm2 (20 %) above at_most = 60"
    judged = feasibility([Constraint("accuracy", at_least=0.8)], {"accuracy": 0.6})
    assert judged.reason == "accuracy is 0.6 fraction, 0.2 fraction (25 %) below at_least = 0.8"


def test_the_reason_names_the_worst_constraint_and_counts_the_others():
    constraints = [Constraint("area_mm2", at_most=60), Constraint("latency_s", at_most=1e-3)]
    judged = feasibility(constraints, {"area_mm2": 66.0, "latency_s": 3e-3})
    assert judged.reason.startswith("latency_s is 0.003 s")
    assert judged.reason.endswith("(and 1 more broken)")
    assert judged.violation == pytest.approx(0.1 + 2.0)


def test_contradicting_constraints_are_named_both():
    constraints = [
        Constraint("area_mm2", at_least=70),
        Constraint("latency_s", at_most=1e-3),
        Constraint("area_mm2", at_most=60),
    ]
    message = r"constraints\[0\] \(70 <= area_mm2\) and constraints\[2\] \(area_mm2 <= 60\) contradict"
    with pytest.raises(ConfigError, match=message):
        check_consistent(constraints)
    with pytest.raises(ConfigError, match=r"constraints\[0\].*constraints\[1\]"):
        check_consistent(constraints[::-2])


@given(POSITIVE, POSITIVE)
def test_constraints_are_consistent_exactly_when_some_value_meets_both(low, high):
    constraints = [Constraint("power_w", at_least=low), Constraint("power_w", at_most=high)]
    if feasibility(constraints, {"power_w": low}).feasible:
        check_consistent(constraints)
    else:
        with pytest.raises(ConfigError, match="contradict"):
            check_consistent(constraints)
