from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.objectives.pareto import dominates
from coexplore.spaces.space import Point
from coexplore.strategies.operators import best, mutate_one_decision, tournament
from coexplore.strategies.strategy import Observation, Stage
from coexplore.testing.strategy_contract import MIXED, ONE_POINT

RNG = np.random.default_rng(0)


def member(*losses, reward=0.0, violation=0.0, feasible=None):
    return Observation(
        Point(), Stage.TRAIN, losses, violation, violation == 0 if feasible is None else feasible, reward
    )


members = st.builds(
    lambda losses, violation, reward: member(*losses, violation=violation, reward=reward),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.sampled_from([0.0, 0.0, 0.1, 0.5]),
    st.integers(0, 3),
)


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_tournament_draws_members_without_replacement(herd, size, seed):
    drawn = tournament(size)([member(float(i)) for i in range(herd)], np.random.default_rng(seed))
    losses = [one.losses[0] for one in drawn]
    assert len(losses) == len(set(losses)) == min(size, herd)


def test_feasible_beats_infeasible_with_better_losses_and_reward():
    poor = member(9.0, 9.0, reward=0.1)
    assert best()([member(0.0, 0.0, reward=0.9, violation=0.01), poor], RNG) is poor


def test_of_the_infeasible_the_least_violating_wins():
    near = member(9.0, violation=0.1, reward=-5.0)
    assert best()([member(0.0, violation=0.3, reward=-0.1), near, member(0.0, violation=math.inf)], RNG) is near


def test_infeasible_without_a_measure_loses_to_any_measured_violation():
    measured = member(1.0, violation=1e9)
    assert best()([member(1.0, feasible=False), measured], RNG) is measured


def test_dominated_member_loses_whatever_its_reward():
    front = member(1.0, 1.0, reward=0.0)
    assert best()([member(1.0, 2.0, reward=9.0), front], RNG) is front


def test_reward_breaks_ties_on_the_front():
    favourite = member(2.0, 0.0, reward=0.7)
    assert best()([member(0.0, 2.0, reward=0.5), favourite, member(1.0, 1.0, reward=0.6)], RNG) is favourite


@given(st.lists(members, min_size=1, max_size=10))
def test_nobody_in_the_herd_is_better_than_the_best(herd):
    winner = best()(herd, RNG)
    for other in herd:
        assert other.shortfall >= winner.shortfall
        if other.feasible:
            assert not dominates(other.losses, winner.losses)


def test_mutation_gives_every_neighbour_and_nothing_else():
    parent = MIXED.point({"kernel": 3, "kind": "plain", "bias": True, "width": 1.0, "arrays": 1})
    mutate = mutate_one_decision(MIXED)
    rng = np.random.default_rng(1)
    observation = Observation(parent, Stage.TRAIN, (0.0,), 0.0, True, 0.0)
    assert {mutate(observation, rng) for _ in range(400)} == set(MIXED.neighbours(parent))


def test_only_point_of_a_space_mutates_into_itself():
    (point,) = ONE_POINT.enumerate()
    assert mutate_one_decision(ONE_POINT)(Observation(point, Stage.TRAIN, (0.0,), 0.0, True, 0.0), RNG) == point


@pytest.mark.parametrize("size", [1, 3])
def test_sentence_is_its_steps_one_after_the_other(size):
    herd = [Observation(point, Stage.TRAIN, (float(i),), 0.0, True, 0.0) for i, point in enumerate(MIXED.enumerate())]
    sentence = tournament(size) >> best() >> mutate_one_decision(MIXED)
    by_hand = np.random.default_rng(5)
    winner = best()(tournament(size)(herd, by_hand), by_hand)
    assert sentence(herd, np.random.default_rng(5)) == mutate_one_decision(MIXED)(winner, by_hand)
