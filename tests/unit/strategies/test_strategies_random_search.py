from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Space
from coexplore.strategies.random_search import DRAWS, RandomSearch, draw_untried
from coexplore.strategies.strategy import Observation, Stage
from coexplore.testing.strategy_contract import MIXED, ToyProblem

HUGE = Space(tuple(Decision(f"x{i}", tuple(range(10))) for i in range(60)))
LOPSIDED = Space(
    (
        Decision("root", tuple(range(1000))),
        *(Decision(f"deep{i}", tuple(range(10)), condition=Condition("root", (0,))) for i in range(20)),
    )
)
"""All points but a few lie below one of a thousand values."""


def start(space, seed=0):
    return RandomSearch().start(space, np.random.default_rng(seed), 1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 312))
def test_no_point_twice_before_the_space_is_exhausted(seed, n):
    points = [suggestion.point for suggestion in start(MIXED, seed).suggest(n)]
    assert len(set(points)) == n


def test_whole_space_is_found_then_repeats_follow():
    points = [suggestion.point for suggestion in start(MIXED).suggest(MIXED.size + 20)]
    assert set(points[: MIXED.size]) == set(MIXED.enumerate())
    assert all(point in MIXED for point in points[MIXED.size :])


def test_first_points_are_uniform():
    space = Space((Decision("a", (0, 1, 2, 3)), Decision("b", ("x", "y"))))
    counts = Counter(start(space, seed).suggest(1)[0].point for seed in range(1600))
    expected = 1600 / space.size
    chi_squared = sum((counts[point] - expected) ** 2 / expected for point in space.enumerate())
    assert chi_squared < 24.3  # 0.1 % of uniform draws exceed this with 7 degrees of freedom


def test_observed_points_are_not_drawn():
    space = Space((Decision("a", tuple(range(6))),))
    strategy, problem = start(space), ToyProblem(space, 1)
    seen = [space.point({"a": value}) for value in range(5)]
    strategy.observe([problem.answer(point, Stage.TRAIN) for point in seen])
    assert strategy.suggest(1)[0].point == space.point({"a": 5})


def test_price_that_is_not_final_does_not_rule_a_point_out():
    space = Space((Decision("a", (0, 1)),))
    strategy = start(space)
    one = space.point({"a": 1})
    strategy.observe([Observation(one, Stage.PRICE, (float("inf"),), 0.0, True, 0.0)])
    assert {suggestion.point for suggestion in strategy.suggest(2)} == set(space.enumerate())


def test_huge_space_is_no_trouble():
    assert len({suggestion.point for suggestion in start(HUGE).suggest(50)}) == 50


def test_branch_that_takes_nearly_every_draw_does_not_stall_the_search():
    shallow = [LOPSIDED.point({"root": value}) for value in range(1, 1000)]
    rng = np.random.default_rng(0)
    point = draw_untried(LOPSIDED, rng, dict.fromkeys(shallow).keys())
    assert point in LOPSIDED
    assert point["root"] == 0


@pytest.mark.parametrize("left", [0, 1, 3])
def test_last_points_are_found_by_enumeration(left):
    points = list(MIXED.enumerate())
    tried = dict.fromkeys(points[: len(points) - left])
    found = {draw_untried(MIXED, np.random.default_rng(seed), tried.keys()) for seed in range(DRAWS)}
    assert found == (set(points[len(points) - left :]) if left else {None})
