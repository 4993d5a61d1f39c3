from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.reinforce import Adam, Reinforce, learning_reward
from coexplore.strategies.strategy import Observation, Stage
from coexplore.testing.strategy_contract import MIXED, ToyProblem

SEPARABLE = Space(tuple(Decision(f"x{i}", tuple(range(4))) for i in range(12)))
VALUES = np.random.default_rng(7).permuted(np.tile([0.0, 0.3, 0.6, 1.0], (12, 1)), axis=1)


def separable(point):
    """Each decision adds its own value; the mean over all points is 0.475, the best point has 1."""
    return float(VALUES[np.arange(12), SEPARABLE.indices(point)].mean())


def rewards(settings, seed, trials=250, unit=1.0, offset=0.0):
    strategy = settings.start(SEPARABLE, np.random.default_rng(seed), 1)
    found, pending = [], []
    for _ in range(trials):
        if len(pending) == 4:
            strategy.observe([pending.pop(0)])
        (suggestion,) = strategy.suggest(1)
        found.append(separable(suggestion.point))
        reward = unit * found[-1] + offset
        pending.append(Observation(suggestion.point, Stage.TRAIN, (-reward,), 0.0, True, reward))
    return np.array(found)


def observed(point, reward, *, feasible=True):
    return Observation(point, Stage.TRAIN, (-reward,), 0.0 if feasible else 1.0, feasible, reward)


@pytest.mark.parametrize("seed", range(4))
def test_learns_a_separable_problem_far_better_than_random(seed):
    learnt, blind = rewards(Reinforce(), seed), rewards(RandomSearch(), seed)
    assert learnt[-50:].mean() > 0.85
    assert blind[-50:].mean() < 0.55


@pytest.mark.parametrize(("unit", "offset"), [(1e-7, 0.0), (1e6, -3e6)])
def test_learns_in_any_unit_of_reward(unit, offset):
    assert rewards(Reinforce(), 0, unit=unit, offset=offset)[-50:].mean() > 0.85


def test_learns_from_infeasible_observations_what_to_avoid():
    problem = ToyProblem(MIXED, limit=0.5)
    blind = np.mean([problem.answer(point, Stage.PRICE).feasible for point in MIXED.enumerate()])
    strategy, feasible = Reinforce().start(MIXED, np.random.default_rng(0), 2), []
    for _ in range(200):
        answer = problem.answer(strategy.suggest(1)[0].point, Stage.TRAIN)
        strategy.observe([replace(answer, reward=0.0) if answer.feasible else answer])
        feasible.append(answer.feasible)
    assert blind < 0.5
    assert np.mean(feasible[-50:]) > 0.85


def test_better_point_becomes_likelier_and_worse_point_rarer():
    good, bad = (SEPARABLE.at([value] * 12) for value in (1, 2))
    strategy = Reinforce(batch=2, entropy=0.0).start(SEPARABLE, np.random.default_rng(0), 1)
    rows = np.array([SEPARABLE.indices(point) for point in (good, bad)])
    strategy.observe([observed(good, 0.5)])
    before = strategy._policy.log_chances(rows)
    strategy.observe([observed(bad, 0.1)])
    middle = strategy._policy.log_chances(rows)
    strategy.observe([observed(good, 0.9), observed(good, 0.9)])
    after = strategy._policy.log_chances(rows)
    assert middle[1] < before[1]
    assert after[0] > middle[0]


def test_baseline_weights_the_newest_reward_most():
    point = SEPARABLE.at([0] * 12)
    final = []
    for order in ([0.0, 0.0, 1.0], [0.0, 1.0, 0.0]):
        strategy = Reinforce(baseline_decay=0.8).start(SEPARABLE, np.random.default_rng(0), 1)
        strategy.observe([observed(point, reward) for reward in order])
        final.append(strategy.state()["usual"]["mean"])
    assert final == pytest.approx([0.2, 0.16])


def test_weights_move_once_per_batch():
    strategy = Reinforce(batch=3).start(SEPARABLE, np.random.default_rng(0), 1)
    steps = []
    for i, point in enumerate(SEPARABLE.sample(np.random.default_rng(1), 7)):
        strategy.observe([observed(point, float(i))])
        steps.append(strategy.state()["steps"])
    assert steps == [0, 0, 1, 1, 1, 2, 2]


def test_entropy_delays_settling():
    kept = [Reinforce(entropy=entropy).start(SEPARABLE, np.random.default_rng(0), 1) for entropy in (0.0, 3.0)]
    point = SEPARABLE.at([0] * 12)
    others = SEPARABLE.sample(np.random.default_rng(0), 100)
    for strategy in kept:
        for other in others:
            strategy.observe([observed(point, 1.0), observed(other, 0.0)])
    row = np.array([SEPARABLE.indices(point)])
    low, high = (strategy._policy.entropies(row)[0] for strategy in kept)
    assert high > low + 1.0


@given(st.lists(st.floats(-1e12, 0.0), min_size=2, max_size=5))
def test_bent_reward_keeps_the_order_of_violations(all_rewards):
    bent = [learning_reward(observed(Point(), reward, feasible=False)) for reward in sorted(all_rewards)]
    assert bent == sorted(bent)
    assert all(-1.0 <= reward <= 0.0 for reward in bent)


def test_bent_reward_tells_slight_from_gross():
    slight, gross, worst = (learning_reward(observed(Point(), r, feasible=False)) for r in (-0.05, -20.0, -math.inf))
    assert slight == pytest.approx(-0.05, abs=0.003)
    assert slight > gross > worst == -1.0


@given(st.floats(allow_nan=False))
def test_feasible_reward_is_not_bent(reward):
    assert learning_reward(observed(Point(), reward)) == reward


def test_adam_takes_steps_of_the_learning_rate_on_a_constant_slope():
    weights = {"w": np.zeros(2)}
    adam = Adam(weights, 0.1)
    for _ in range(5):
        adam.climb({"w": np.array([3.0, -1e-3])})
    np.testing.assert_allclose(weights["w"], [0.5, -0.5], rtol=1e-4)


def test_adam_equals_the_published_recursion():
    rng, weights = np.random.default_rng(0), {"w": np.zeros(3)}
    adam, m, v, w = Adam(weights, 0.01), np.zeros(3), np.zeros(3), np.zeros(3)
    for t in range(1, 8):
        g = rng.normal(size=3)
        adam.climb({"w": g})
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w += 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(weights["w"], w, rtol=1e-12)


def credited(point, credits):
    return replace(observed(point, 0.0), stage=Stage.PRICE, losses=(math.inf,), credits=credits)


@pytest.mark.parametrize("seed", range(3))
def test_credits_teach_each_decision_for_itself_without_any_training(seed):
    strategy, found = Reinforce().start(SEPARABLE, np.random.default_rng(seed), 1), []
    for _ in range(120):
        (suggestion,) = strategy.suggest(1)
        found.append(separable(suggestion.point))
        own = VALUES[np.arange(12), SEPARABLE.indices(suggestion.point)]
        strategy.observe([credited(suggestion.point, tuple(zip(SEPARABLE.names, map(float, own), strict=True)))])
    assert np.mean(found[-20:]) > 0.85


def test_a_decision_without_a_credit_has_the_mean_of_the_others():
    strategy = Reinforce(batch=100).start(SEPARABLE, np.random.default_rng(0), 1)
    point = SEPARABLE.at([0] * 12)
    strategy.observe([credited(point, (("x0", 0.0), ("x1", 0.0))), credited(point, (("x0", 0.2), ("x1", 0.6)))])
    first, second, *others = strategy.state()["pulls"][1]
    assert 0 < first < second
    assert np.allclose(others, (first + second) / 2)


def test_credits_have_a_usual_of_their_own():
    strategy = Reinforce().start(SEPARABLE, np.random.default_rng(0), 1)
    point = SEPARABLE.at([0] * 12)
    strategy.observe([observed(point, 0.9), credited(point, (("x0", 0.2),))])
    assert strategy.state()["usual"]["mean"] == 0.9
    assert strategy.state()["usual_credit"]["mean"] == pytest.approx(0.2)


def test_a_discount_weakens_early_choices_most():
    strategy = Reinforce(discount=0.5, batch=100).start(SEPARABLE, np.random.default_rng(0), 1)
    strategy.observe([observed(SEPARABLE.at([0] * 12), reward) for reward in (0.0, 1.0)])
    pulls = strategy.state()["pulls"][1]
    assert pulls[-1] > 0
    assert np.allclose(np.array(pulls[1:]) / np.array(pulls[:-1]), 2.0)


def test_the_learning_rate_falls_by_steps():
    moved = []
    for decay in (1.0, 0.5):
        weights = {"w": np.zeros(1)}
        adam = Adam(weights, 1.0, decay, every=2)
        path = []
        for _ in range(4):
            before = float(weights["w"][0])
            adam.climb({"w": np.ones(1)})
            path.append(float(weights["w"][0]) - before)
        moved.append(path)
    assert np.allclose(np.array(moved[1]) / np.array(moved[0]), [1.0, 1.0, 0.5, 0.5])
