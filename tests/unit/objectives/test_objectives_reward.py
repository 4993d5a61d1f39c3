from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import ConfigError, EvaluationError, UnknownNameError
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.objectives.reward import REWARDS, build_reward, next_baseline, penalty

TARGET_S, AREA_MM2 = 2e-3, 50.0
OBJECTIVES = (Objective("accuracy", Direction.MAXIMIZE), Objective("latency_s", Direction.MINIMIZE))
CONSTRAINTS = (
    Constraint("latency_s", at_most=TARGET_S),
    Constraint("area_mm2", at_most=AREA_MM2),
    Constraint("edp_js", at_most=1e-6),
)
ACCURACY = st.floats(0.01, 1.0)
RATIO = st.floats(0.01, 100.0)
READS_ACCURACY = sorted(set(REWARDS) - {"edp"})
READS_LATENCY = sorted(set(REWARDS) - {"edp", "convex"})


def metrics(accuracy=0.9, latency=1.0, area=1.0):
    return {
        "accuracy": accuracy,
        "latency_s": latency * TARGET_S,
        "area_mm2": area * AREA_MM2,
        "edp_js": 2e-6,
        "utilisation": 0.4,
    }


def reward(name, **settings):
    return build_reward(name, settings, OBJECTIVES, CONSTRAINTS)


@pytest.mark.parametrize(
    ("name", "settings", "latency", "area", "expected"),
    [
        ("weighted-product-soft", {}, 2.0, 0.5, 0.9 * 2.0**-0.07 * 0.5**-0.07),
        ("weighted-product-hard", {}, 2.0, 0.5, 0.9 / 2.0),
        ("weighted-product-hard", {}, 1.25, 0.5, 0.9 / 1.25),
        ("weighted-product-hard", {}, 0.5, 4.0, 0.9 / 4.0),
        ("weighted-product-soft", {"met": -0.5, "broken": -1.0}, 0.25, 1.25, 0.9 * 2.0 / 1.25),
        ("weighted-product-hard", {}, 0.5, 0.5, 0.9),
        ("absolute", {}, 1.5, 1.0, 0.9 - 0.1 * 0.5),
        ("absolute", {}, 0.5, 1.0, 0.9 - 0.1 * 0.5),
        ("mnas", {}, 2.0, 1.0, 0.9 * 2.0**-0.07),
        ("mnas", {"beta": -0.5}, 0.25, 1.0, 0.9 * 2.0),
        ("mnas-hard", {}, 0.25, 1.0, 0.9),
        ("mnas-hard", {}, 2.0, 1.0, 0.9 * 2.0**-0.07),
        ("convex", {}, 1.0, 1.0, 0.5 * 0.9 + 0.5 * 0.4),
        ("convex", {"beta": 1}, 1.0, 1.0, 0.9),
        ("fnas", {}, 0.5, 1.0, 0.9 - 0.7 + 0.5),
        ("fnas", {}, 1.5, 1.0, -1.5),
        ("edp", {}, 1.0, 1.0, 0.5),
        ("objectives", {}, 2.0, 1.0, 0.9 * 2.0**-0.07),
        ("objectives", {"weight": 1}, 2.0, 1.0, 0.9 / 2.0),
    ],
)
def test_reward_is_the_published_formula(name, settings, latency, area, expected):
    assert reward(name, **settings)(metrics(0.9, latency, area), 0.7) == pytest.approx(expected)


@pytest.mark.parametrize("name", READS_ACCURACY)
@given(a=ACCURACY, b=ACCURACY, latency=RATIO)
def test_more_accuracy_never_lowers_a_reward(name, a, b, latency):
    low, high = sorted((a, b))
    assert reward(name)(metrics(low, latency)) <= reward(name)(metrics(high, latency))


@pytest.mark.parametrize("name", sorted(set(READS_LATENCY) - {"absolute", "fnas"}))
@given(a=RATIO, b=RATIO, accuracy=ACCURACY)
def test_more_latency_never_raises_a_reward(name, a, b, accuracy):
    low, high = sorted((a, b))
    assert reward(name)(metrics(accuracy, low)) >= reward(name)(metrics(accuracy, high))


@given(a=RATIO, b=RATIO)
def test_absolute_falls_with_the_distance_to_the_target(a, b):
    near, far = sorted((a, b), key=lambda ratio: abs(ratio - 1))
    assert reward("absolute")(metrics(latency=near)) >= reward("absolute")(metrics(latency=far)) - 1e-12


@given(a=st.floats(0.01, 1.0), b=st.floats(0.01, 1.0), beyond=st.floats(1.001, 100.0))
def test_fnas_pays_for_used_budget_and_punishes_the_excess(a, b, beyond):
    low, high = sorted((a, b))
    fnas = reward("fnas")
    assert fnas(metrics(latency=low)) <= fnas(metrics(latency=high))
    assert fnas(metrics(latency=beyond)) > fnas(metrics(latency=2 * beyond))
    assert fnas(metrics(latency=beyond)) < fnas(metrics(latency=low))


@pytest.mark.parametrize("name", sorted(set(READS_LATENCY) - {"fnas"}))
@given(latency=st.one_of(RATIO, st.just(1.0)))
def test_a_reward_does_not_jump(name, latency):
    here, there = reward(name)(metrics(latency=latency)), reward(name)(metrics(latency=latency * (1 + 1e-9)))
    # Absolute, because a reward may pass through zero.
    assert here == pytest.approx(there, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["weighted-product-soft", "weighted-product-hard"])
@given(a=RATIO, b=RATIO, latency=RATIO)
def test_a_larger_chip_never_raises_a_weighted_product(name, a, b, latency):
    low, high = sorted((a, b))
    assert reward(name)(metrics(0.9, latency, low)) >= reward(name)(metrics(0.9, latency, high))


@pytest.mark.parametrize("name", ["weighted-product-soft", "weighted-product-hard"])
@given(area=st.one_of(RATIO, st.just(1.0)), latency=RATIO)
def test_a_weighted_product_does_not_jump_where_the_chip_reaches_its_target(name, area, latency):
    here, there = (reward(name)(metrics(0.9, latency, size)) for size in (area, area * (1 + 1e-9)))
    assert here == pytest.approx(there, rel=1e-6)


@given(latency=st.floats(0.01, 1.0), area=st.floats(0.01, 1.0))
def test_the_hard_weighted_product_and_hard_mnas_are_flat_within_their_targets(latency, area):
    for name in ("weighted-product-hard", "mnas-hard"):
        assert reward(name)(metrics(0.9, latency, area)) == pytest.approx(0.9)


def test_fnas_jumps_down_at_the_target_as_published():
    assert reward("fnas")(metrics(0.9, 1.0), 0.7) == pytest.approx(1.2)
    assert reward("fnas")(metrics(0.9, 1.000001), 0.7) == pytest.approx(-1.0, rel=1e-5)


@pytest.mark.parametrize("name", list(REWARDS))
@given(accuracy=ACCURACY, latency=RATIO)
def test_before_training_the_reward_is_the_most_that_can_be_reached(name, accuracy, latency):
    priced = metrics(accuracy, latency)
    trained = reward(name)(priced)
    del priced["accuracy"]
    assert reward(name)(priced) >= trained


@given(ACCURACY, RATIO, ACCURACY, RATIO, st.floats(1e-6, 1e6))
def test_another_bound_never_changes_which_design_the_objectives_prefer(a1, t1, a2, t2, bound):
    one, two = metrics(a1, t1), metrics(a2, t2)
    other = build_reward("objectives", {}, OBJECTIVES, [Constraint("latency_s", at_most=bound)])
    ratio, ratio_other = (r(one) / r(two) for r in (reward("objectives"), other))
    assert ratio == pytest.approx(ratio_other, rel=1e-9)


@given(st.floats(0, 1), st.one_of(st.floats(0, 1e300), st.just(math.inf)))
def test_the_objectives_reward_is_never_negative(accuracy, latency):
    assert reward("objectives")({"accuracy": accuracy, "latency_s": latency}) >= 0.0


def test_the_objectives_reward_of_no_number_is_zero():
    assert reward("objectives")(metrics(accuracy=math.nan)) == 0.0


def test_the_objectives_reward_pushes_both_ways():
    wanted = [Objective("throughput_per_s", Direction.MAXIMIZE), Objective("energy_j", Direction.MINIMIZE)]
    both = build_reward("objectives", {}, wanted, [])
    base = both({"throughput_per_s": 100.0, "energy_j": 1e-3})
    assert both({"throughput_per_s": 200.0, "energy_j": 1e-3}) == pytest.approx(base * 2**0.07)
    assert both({"throughput_per_s": 100.0, "energy_j": 2e-3}) == pytest.approx(base * 2**-0.07)


@given(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12))
def test_the_penalty_of_the_infeasible_is_negative_bounded_and_graded(a, b):
    low, high = sorted((a, b))
    assert -1.0 <= penalty(high) <= penalty(low) < 0.0
    assert penalty(math.inf) == -1.0


def test_the_moving_baseline_starts_at_the_first_accuracy_and_follows():
    assert next_baseline(None, 0.5) == 0.5
    assert next_baseline(0.5, 1.0) == pytest.approx(0.6)


@pytest.mark.parametrize("value", [None, 0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize("name", ["mnas", "mnas-hard", "absolute", "fnas", "weighted-product-soft"])
def test_a_cost_that_is_absent_or_impossible_is_refused(name, value):
    measured = metrics()
    measured["latency_s"] = value
    if value is None:
        del measured["latency_s"]
    with pytest.raises(EvaluationError, match="positive, finite latency_s"):
        reward(name)(measured)


def test_a_target_that_is_not_set_is_the_tightest_constraint():
    constraints = [Constraint("energy_j", at_most=4.0), Constraint("energy_j", at_most=2.0)]
    made = build_reward("mnas", {"metric": "energy_j", "beta": -1}, OBJECTIVES, constraints)
    assert made({"accuracy": 0.5, "energy_j": 4.0}) == pytest.approx(0.25)


def test_a_target_that_is_set_goes_before_the_constraint():
    assert reward("mnas", target=2 * TARGET_S, beta=-1.0)(metrics(0.9, 4.0)) == pytest.approx(0.45)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("mnas", {"betta": 1}, r"reward.betta: reward 'mnas' has no such setting; did you mean 'beta'"),
        ("mnas", {"beta": "low"}, "reward.beta: must be a number, not 'low'"),
        ("mnas", {"beta": True}, "reward.beta: must be a number, not True"),
        ("mnas", {"metric": 3}, "reward.metric: must be a name, not 3"),
        ("mnas", {"beta": 0.07}, r"reward.beta: must lie in \[-10, 0\], not 0.07"),
        ("mnas", {"target": 0}, "reward.target: must be positive and finite, not 0.0"),
        ("mnas", {"metric": "energy_j"}, "reward.target: reward 'mnas' needs one; give it, or constrain energy_j"),
        ("weighted-product-soft", {"area_target_mm2": -1}, "reward.area_target_mm2: must be positive"),
        ("weighted-product-hard", {"broken": math.nan}, "reward.broken: must lie in"),
        ("convex", {"beta": 1.5}, r"reward.beta: must lie in \[0, 1\]"),
        ("objectives", {"objectives": 1}, "reward.objectives: reward 'objectives' has no such setting; known: weight"),
    ],
)
def test_illegal_settings_are_refused_by_path(name, settings, message):
    with pytest.raises(ConfigError, match=message):
        reward(name, **settings)


def test_unknown_names_give_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'mnas'"):
        reward("mnass")
    with pytest.raises(UnknownNameError, match="did you mean 'latency_s'"):
        reward("mnas", metric="latency_ms", target=1.0)
