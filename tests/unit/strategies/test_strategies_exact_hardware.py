"""With somebody who solves the other half, every promise of a strategy still holds, and nothing is suggested twice."""

from __future__ import annotations

import json

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
from coexplore.spaces.space import Point, product
from coexplore.strategies.exact_hardware import Completed, ExactHardware, Solved
from coexplore.strategies.strategy import Observation, Stage
from coexplore.testing.strategy_contract import MIXED, THREE_POINTS

WHOLE = product(network=MIXED, accelerator=THREE_POINTS)
OTHERS = list(THREE_POINTS.enumerate())


def complete(network: Point) -> Completed:
    """Odd kernels of 7 have no legal other half."""
    return Completed(OTHERS[len(network) % 3], legal=network["kernel"] != 7)


def start(controller="evolution", seed=0, **settings):
    solved = Solved(ExactHardware(controller, **settings), complete, "network", "accelerator")
    return solved.start(WHOLE, np.random.default_rng(seed), 1)


def answer(suggestion):
    good = suggestion.point["network.kernel"] != 7
    reward = float(suggestion.point["network.bias"] is True) if good else -0.5
    return Observation(suggestion.point, suggestion.stage, (-reward,), 0.0 if good else 1.0, good, reward)


def run(strategy, n):
    asked = []
    for _ in range(n):
        suggested = strategy.suggest(1)
        if not suggested:
            break
        asked += suggested
        strategy.observe([answer(suggested[0])])
    return asked


@pytest.mark.parametrize("controller", ["random", "evolution", "ppo", "reinforce", "exhaustive", "nsga2"])
def test_every_network_comes_once_with_its_other_half(controller):
    asked = run(start(controller), 400)
    assert len({suggestion.point for suggestion in asked}) == len(asked) == MIXED.size
    for suggestion in asked:
        network = Point(tuple((n.removeprefix("network."), v) for n, v in suggestion.point.entries if "network." in n))
        assert suggestion.point in WHOLE
        assert suggestion.point["accelerator.only"] == complete(network).other["only"]


def test_what_cannot_be_legal_is_only_priced_until_it_is_all_there_is():
    asked = run(start("random", screens=3), 200)
    stages = [suggestion.stage for suggestion in asked if suggestion.point["network.kernel"] == 7]
    assert stages.count(Stage.PRICE) > stages.count(Stage.TRAIN)
    legal = [suggestion for suggestion in asked if suggestion.point["network.kernel"] != 7]
    assert all(suggestion.stage is Stage.TRAIN for suggestion in legal)


def test_of_several_drawn_the_legal_one_of_highest_promise_is_taken():
    def promising(network):
        return Completed(OTHERS[0], legal=network["kernel"] != 7, promise=float(network["kernel"]))

    solved = Solved(ExactHardware("random", among=64), promising, "network", "accelerator")
    asked = run(solved.start(WHOLE, np.random.default_rng(0), 1), 20)
    assert {suggestion.point["network.kernel"] for suggestion in asked} == {5}
    assert len({suggestion.point for suggestion in asked}) == 20


@pytest.mark.parametrize("prefer", ["macs", "learned"])
def test_a_restored_search_goes_on_alike(prefer):
    first, second = start(seed=1, among=3, prefer=prefer), start(seed=9, among=3, prefer=prefer)
    run(first, 60)
    second.restore(json.loads(json.dumps(first.state())))
    assert run(first, 40) == run(second, 40)


def test_what_is_learned_leads_to_what_pays():
    """Rewards follow `bias` alone, which no size promises."""
    learned, drawn = (run(start("random", seed=3, among=8, prefer=prefer), 60) for prefer in ("learned", "macs"))
    shares = [np.mean([s.point["network.bias"] is True for s in asked[8:]]) for asked in (learned, drawn)]
    assert shares[0] > shares[1] + 0.2


def test_the_controller_learns_from_what_comes_back():
    asked = run(start("evolution", settings={"population": 10, "tournament": 4}), 120)
    late = [suggestion.point["network.bias"] for suggestion in asked[40:120]]
    assert np.mean(late) > 0.6


@pytest.mark.parametrize("controller", ["exact-hardware", "exact", "two-level", "none"])
def test_controllers_that_do_not_search_are_refused(controller):
    with pytest.raises(Exception, match=r"controller|unknown|no strategy"):
        ExactHardware(controller)


@pytest.mark.parametrize("wrong", [{"among": 0}, {"prefer": "accuracy"}, {"screens": 0}], ids=str)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ExactHardware("random", **wrong)


def test_settings_must_be_a_mapping():
    with pytest.raises(ConfigError, match="settings"):
        ExactHardware("random", settings=[])
