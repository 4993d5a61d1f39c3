from __future__ import annotations

import json

import numpy as np

from coexplore.strategies.exhaustive import Exhaustive
from coexplore.testing.strategy_contract import MIXED


def start():
    return Exhaustive().start(MIXED, np.random.default_rng(0), 1)


def test_every_point_comes_once_in_the_order_of_the_space():
    strategy = start()
    found = [suggestion.point for n in (5, 0, 300, 100) for suggestion in strategy.suggest(n)]
    assert found == list(MIXED.enumerate())


def test_exhausted_search_returns_fewer_then_nothing():
    strategy = start()
    assert [len(strategy.suggest(n)) for n in (MIXED.size - 2, 10, 10)] == [MIXED.size - 2, 2, 0]


def test_exhausted_search_stays_exhausted_when_restored():
    strategy, resumed = start(), start()
    strategy.suggest(MIXED.size + 1)
    resumed.restore(json.loads(json.dumps(strategy.state())))
    assert resumed.suggest(1) == []


def test_restoring_goes_back_as_well_as_forward():
    strategy = start()
    beginning = strategy.state()
    first = strategy.suggest(3)
    strategy.restore(beginning)
    assert strategy.suggest(3) == first
