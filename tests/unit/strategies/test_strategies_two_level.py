from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
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
    def start(script, limit, screens=64, fast_steps=0):
        """A toy study whose points up to 10 * limit are feasible, and its controller."""
        controller = Script(script)

        @dataclass(frozen=True)
        class Settings:
            learns_by_decision: ClassVar[bool] = True

            def start(self, space, rng, objectives):
                return controller

        monkeypatch.setitem(STRATEGIES._entries, "script", Settings)
        strategy = TwoLevel("script", screens=screens, fast_steps=fast_steps).start(LINE, np.random.default_rng(0), 1)
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


def shared(study, point):
    """The price of a point of which every decision works on a stage as busy as the point is large."""
    answer = study.problem.answer(point, Stage.PRICE)
    return replace(answer, shares=(("x", point["x"] / 5.0),))


def explore(study, steps):
    """Run a study whose prices say how busy the stages are."""
    asked = []
    while len(asked) < steps:
        (suggestion,) = study.strategy.suggest(1)
        asked.append((suggestion.point["x"], suggestion.stage.value))
        if suggestion.stage is Stage.PRICE:
            study.strategy.observe([shared(study, suggestion.point)])
        else:
            study.training.append(suggestion.point)
            study.settle_oldest()
    return asked


def test_fast_steps_come_before_each_training_and_reward_stages(scripted):
    study, controller = scripted([1, 2, 8, 3, 4, 6, 5, 7], limit=1.0, fast_steps=3)
    assert explore(study, 9) == [
        *((1, "price"), (2, "price"), (8, "price"), (3, "price"), (3, "train")),
        *((4, "price"), (6, "price"), (5, "price"), (7, "price")),
    ]
    told = [(observation.point["x"], observation.credits) for observation in controller.told]
    assert told[:3] == [(1, (("x", 0.2),)), (2, (("x", 0.4),)), (8, (("x", pytest.approx(0.4)),))]
    assert told[3] == (3, ())


def test_without_fast_steps_shares_change_nothing(scripted):
    study, controller = scripted([9, 3], limit=0.5)
    assert explore(study, 3) == [(9, "price"), (3, "price"), (3, "train")]
    assert all(not observation.credits for observation in controller.told)


def test_prices_that_say_nothing_of_stages_are_no_fast_steps(scripted):
    study, _ = scripted([3, 5], limit=1.0, fast_steps=3)
    assert steps(study, 2) == [(3, "price"), (3, "train")]


def test_an_infeasible_price_in_a_fast_step_is_told_once(scripted):
    study, controller = scripted([9, 3, 4], limit=0.5, fast_steps=1)
    assert explore(study, 3) == [(9, "price"), (3, "price"), (3, "train")]
    assert [(told.point["x"], bool(told.credits)) for told in controller.told] == [(9, True), (3, False)]


def test_fast_steps_survive_a_restart():
    settings = TwoLevel("reinforce", fast_steps=4)
    started = [settings.start(MIXED, np.random.default_rng(0), 2) for _ in range(2)]
    problem = ToyProblem(MIXED, limit=0.8)
    for _ in range(25):
        (suggestion,) = started[0].suggest(1)
        answer = problem.answer(suggestion.point, suggestion.stage)
        shares = tuple((name, 0.5) for name in MIXED.names) if suggestion.stage is Stage.PRICE else ()
        started[0].observe([replace(answer, shares=shares)])
    started[1].restore(json.loads(json.dumps(started[0].state())))
    assert started[1].state() == json.loads(json.dumps(started[0].state()))
    assert [started[0].suggest(1) for _ in range(3)] == [started[1].suggest(1) for _ in range(3)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fast_steps": -1}, "fast_steps: is -1"),
        ({"fast_steps": 2, "controller": "evolution"}, "fast_steps: is 2, but controller 'evolution' cannot learn"),
        ({"fast_reward": {"slop": 1}}, "fast_reward.slop: unknown setting; did you mean 'slope'"),
        ({"fast_reward": {"limit": 0}}, "fast_reward.limit: is 0"),
        ({"fast_reward": 3}, "fast_reward: is 3"),
    ],
)
def test_wrong_settings_of_fast_steps_are_named(settings, message):
    with pytest.raises(ConfigError) as caught:
        TwoLevel(**settings)
    assert str(caught.value).startswith(message)
