from __future__ import annotations

import numpy as np
import pytest

from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Space
from coexplore.strategies.evolution import Evolution
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.strategy import Observation, Stage
from coexplore.testing.strategy_contract import MIXED, ToyProblem, ToyStudy

WIDE = Space(tuple(Decision(f"x{i}", tuple(range(5)), ordered=True) for i in range(10)))


def reward_of(point):
    return sum(point.values()) / (4 * len(point))


def observed(point, *, reward=None, violation=0.0):
    value = reward_of(point) if reward is None else reward
    return Observation(point, Stage.TRAIN, (-value,), violation, violation == 0, value)


def rewards(settings, seed, trials=150):
    strategy = settings.start(WIDE, np.random.default_rng(seed), 1)
    found = []
    for _ in range(trials):
        (suggestion,) = strategy.suggest(1)
        found.append(reward_of(suggestion.point))
        strategy.observe([observed(suggestion.point)])
    return np.array(found)


def one_step_apart(point, other):
    return other in WIDE.neighbours(point)


def evolution_after(observations, **settings):
    """A population of these members only: all founders suggested, all older members aged out."""
    strategy = Evolution(**settings).start(WIDE, np.random.default_rng(0), 1)
    strategy.suggest(settings["population"])
    strategy.observe(observations)
    return strategy


@pytest.mark.parametrize("seed", range(4))
def test_late_points_are_much_better_than_random(seed):
    assert (
        rewards(Evolution(population=16, tournament=5), seed)[-30:].mean() > rewards(RandomSearch(), seed).mean() + 0.2
    )


def test_no_point_twice_before_the_space_is_exhausted():
    study = ToyStudy(Evolution(population=6, tournament=3).start(MIXED, np.random.default_rng(0), 2), ToyProblem(MIXED))
    points = [suggestion.point for suggestion in study.run(MIXED.size)]
    assert len(set(points)) == MIXED.size


def test_founders_do_not_depend_on_what_is_observed():
    told = Evolution(population=8).start(WIDE, np.random.default_rng(0), 1)
    untold = Evolution(population=8).start(WIDE, np.random.default_rng(0), 1)
    for _ in range(8):
        (suggestion,) = told.suggest(1)
        assert untold.suggest(1) == [suggestion]
        told.observe([observed(suggestion.point)])


def test_child_differs_from_the_best_member_in_one_step():
    points = WIDE.sample(np.random.default_rng(3), 4)
    strategy = evolution_after([observed(point) for point in points], population=4, tournament=4)
    parent = max(points, key=reward_of)
    assert all(one_step_apart(parent, suggestion.point) for suggestion in strategy.suggest(5))


def test_best_member_dies_of_age():
    best, *later = [WIDE.point({f"x{i}": value for i in range(10)}) for value in (4, 0, 1, 0)]
    strategy = evolution_after([observed(point) for point in (best, *later)], population=3, tournament=3)
    assert not any(one_step_apart(best, suggestion.point) for suggestion in strategy.suggest(10))


def test_infeasible_members_age_others_out_but_have_no_children():
    good, bad, ugly = [WIDE.point({f"x{i}": value for i in range(10)}) for value in (1, 4, 3)]
    members = [observed(good), observed(bad, violation=0.1), observed(ugly, violation=0.2)]
    strategy = evolution_after(members, population=3, tournament=3)
    assert all(one_step_apart(good, suggestion.point) for suggestion in strategy.suggest(5))
    strategy.observe([observed(ugly, violation=0.3)])
    assert all(one_step_apart(bad, suggestion.point) for suggestion in strategy.suggest(5))


def test_without_any_observation_random_points_go_on():
    points = [
        s.point for s in Evolution(population=4, tournament=2).start(WIDE, np.random.default_rng(0), 1).suggest(30)
    ]
    assert len(set(points)) == 30
