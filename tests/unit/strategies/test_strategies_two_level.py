from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Space
from coexplore.strategies.strategy import STRATEGIES, Observation, Stage, Suggestion
from coexplore.strategies.two_level import TwoLevel
from coexplore.testing.strategy_contract import MIXED, ToyProblem, ToyStudy

LINE = Space((Decision("x", tuple(range(1, 11)), ordered=True),))


@dataclass(eq=False)
class Script:
    """A controller that suggests given points of `LINE`, the last one for ever, and notes what it is told."""

    script: list[int]
    told: list[Observation] = field(default_factory=list)

    def start(self, space, rng, objectives):
        return self

    def suggest(self, n: int) -> list[Suggestion]:
        values = [self.script.pop(0) if len(self.script) > 1 else self.script[0] for _ in range(n)]
        return [Suggestion(LINE.point({"x": value})) for value in values]

    def observe(self, new: Sequence[Observation]) -> None:
        self.told += new

    def state(self):
        return {}

    def restore(self, state) -> None: ...


@pytest.fixture
def scripted(monkeypatch):
    def start(script, limit, screens=64):
        """A toy study whose points up to 10 * limit are feasible, and its controller."""
        controller = Script(script)

        @dataclass(frozen=True)
        class Settings:
            def start(self, space, rng, objectives):
                return controller

        monkeypatch.setitem(STRATEGIES._entries, "script", Settings)
        strategy = TwoLevel("script", screens=screens).start(LINE, np.random.default_rng(0), 1)
        return ToyStudy(strategy, ToyProblem(LINE, 1, limit), width=2), controller

    return start


def steps(study, n):
    return [(suggestion.point["x"], suggestion.stage.value) for suggestion in study.run(n)]


def test_feasible_point_is_priced_then_trained(scripted):
    study, _ = scripted([3, 5, 1], limit=1.0)
    assert steps(study, 5) == [(3, "price"), (3, "train"), (5, "price"), (5, "train"), (1, "price")]


def test_infeasible_point_is_not_trained_and_the_controller_learns_it(scripted):
    study, controller = scripted([9, 8, 4], limit=0.5)
    assert steps(study, 4) == [(9, "price"), (8, "price"), (4, "price"), (4, "train")]
    assert [(told.point["x"], told.feasible) for told in controller.told] == [(9, False), (8, False)]


def test_training_reaches_the_controller_once(scripted):
    study, controller = scripted([3, 5, 1, 2], limit=1.0)
    study.run(8)
    assert [(told.point["x"], told.stage) for told in controller.told] == [(3, Stage.TRAIN), (5, Stage.TRAIN)]


def test_after_so_many_rejections_the_closest_is_handed_on(scripted):
    study, _ = scripted([9, 7, 8, 10], limit=0.5, screens=3)
    assert steps(study, 5) == [(9, "price"), (7, "price"), (8, "price"), (7, "train"), (10, "price")]


def test_controller_is_not_told_twice_of_the_closest(scripted):
    study, controller = scripted([9, 7, 8, 10], limit=0.5, screens=3)
    study.run(4)
    study.settle_oldest()
    assert [told.point["x"] for told in controller.told] == [9, 7, 8]


def test_rejections_are_counted_anew_after_each_acceptance(scripted):
    study, _ = scripted([9, 8, 4, 7, 10, 3], limit=0.5, screens=3)
    assert [x for x, stage in steps(study, 8) if stage == "train"] == [4, 3]


def test_repeat_is_replaced_by_an_untried_neighbour(scripted):
    study, _ = scripted([5], limit=1.0)
    priced = [x for x, stage in steps(study, 6) if stage == "price"]
    assert priced[0] == 5
    assert set(priced[1:]) == {4, 6}


def test_repeat_with_known_neighbours_is_replaced_by_a_random_point(scripted):
    study, _ = scripted([5], limit=1.0)
    priced = [x for x, stage in steps(study, 8) if stage == "price"]
    assert priced[3] not in {4, 5, 6}


def test_every_point_is_trained_once_then_nothing_follows(scripted):
    study, _ = scripted([5], limit=0.7, screens=2)
    trained = [x for x, stage in steps(study, 1000) if stage == "train"]
    assert sorted(trained) == list(range(1, 11))


def test_baseline_told_from_outside_is_not_trained_again(scripted):
    study, controller = scripted([5], limit=1.0)
    study.strategy.observe([study.problem.answer(LINE.point({"x": 5}), Stage.TRAIN)])
    assert steps(study, 1)[0][0] in {4, 6}
    assert [told.point["x"] for told in controller.told] == [5]


def test_batch_of_suggestions_asks_for_different_prices(scripted):
    study, _ = scripted([5, 5, 5, 2, 3], limit=1.0)
    batch = study.strategy.suggest(4)
    assert len({suggestion.point for suggestion in batch}) == 4
    assert {suggestion.stage for suggestion in batch} == {Stage.PRICE}


@pytest.mark.parametrize("controller", ["random", "evolution", "nsga2", "reinforce"])
def test_no_training_is_wasted_on_an_infeasible_point(controller):
    study = ToyStudy(TwoLevel(controller).start(MIXED, np.random.default_rng(0), 2), ToyProblem(MIXED, limit=0.6))
    study.run(150)
    assert all(observation.feasible for observation in study.trained)
    assert len({observation.point for observation in study.trained}) == len(study.trained) > 30


def test_exhaustive_controller_ends_with_the_closest_when_nothing_is_feasible():
    study = ToyStudy(TwoLevel("exhaustive").start(LINE, np.random.default_rng(0), 1), ToyProblem(LINE, 1, 0.05))
    asked = steps(study, 100)
    assert len(asked) == 11
    assert asked[-1] == (1, "train")
