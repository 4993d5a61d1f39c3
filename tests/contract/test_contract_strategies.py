"""Every registered strategy keeps the promises of `Strategy`, with its defaults and small, so that it learns early."""

from __future__ import annotations

import pytest

import coexplore.strategies  # noqa: F401  (fills the registry)
from coexplore.strategies.settings import make_settings
from coexplore.strategies.strategy import STRATEGIES, StrategySettings
from coexplore.testing.strategy_contract import StrategyContract

SMALL = [
    ("evolution", {"population": 4, "tournament": 2}),
    ("exact-hardware", {"controller": "evolution", "settings": {"population": 4, "tournament": 2}}),
    ("nsga2", {"population": 4}),
    ("ppo", {"batch": 3, "hidden": 5, "epochs": 2, "learning_rate": 0.1}),
    ("reinforce", {"batch": 3, "hidden": 5, "learning_rate": 0.1}),
    ("two-level", {"controller": "evolution", "settings": {"population": 4, "tournament": 2}, "screens": 5}),
    ("two-level", {"controller": "nsga2", "settings": {"population": 4}, "screens": 5}),
    ("two-level", {"controller": "reinforce", "settings": {"learning_rate": 0.3}, "screens": 5}),
    ("two-level", {"controller": "random", "screens": 1}),
    ("two-level", {"controller": "exhaustive", "screens": 5}),
]
CASES = [(name, {}) for name in sorted(STRATEGIES)] + SMALL


class TestStrategies(StrategyContract):
    @pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{'-'.join(map(str, case[1].values())) or 'default'}")
    def settings(self, request: pytest.FixtureRequest) -> StrategySettings:
        name, settings = request.param
        return make_settings(name, settings)
