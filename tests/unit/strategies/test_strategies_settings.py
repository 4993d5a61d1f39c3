from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

import coexplore.strategies  # noqa: F401
from coexplore.core.errors import ConfigError, UnknownNameError
from coexplore.strategies.evolution import Evolution
from coexplore.strategies.settings import make_settings
from coexplore.strategies.strategy import STRATEGIES
from coexplore.strategies.two_level import TwoLevel


def refused(message, name, settings):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make_settings(name, settings)


def test_settings_by_name_equal_those_from_the_class():
    assert make_settings("evolution", {"population": 10}) == Evolution(population=10)


def test_unknown_strategy_names_the_nearest():
    with pytest.raises(UnknownNameError, match="'reinforce'"):
        make_settings("reinforced", {})


def test_unknown_setting_names_path_and_nearest():
    refused(
        "strategy.populatoin: unknown setting of strategy 'evolution'; did you mean 'population'?",
        "evolution",
        {"populatoin": 4},
    )


def test_setting_of_the_controller_carries_the_whole_path():
    refused("strategy.settings.batch: is 0", "two-level", {"controller": "reinforce", "settings": {"batch": 0}})


def test_unknown_setting_of_the_controller_carries_the_whole_path():
    refused("strategy.settings.size: unknown setting", "two-level", {"settings": {"size": 0}})


@pytest.mark.parametrize(
    ("name", "settings", "field"),
    [
        ("evolution", {"population": 1}, "population"),
        ("evolution", {"population": 2.5}, "population"),
        ("evolution", {"population": True}, "population"),
        ("evolution", {"tournament": 0}, "tournament"),
        ("evolution", {"population": 4, "tournament": 5}, "tournament"),
        ("nsga2", {"population": "many"}, "population"),
        ("nsga2", {"crossover": 1.5}, "crossover"),
        ("nsga2", {"swapping": -0.1}, "swapping"),
        ("reinforce", {"hidden": 0}, "hidden"),
        ("reinforce", {"embedding": 0}, "embedding"),
        ("reinforce", {"learning_rate": float("nan")}, "learning_rate"),
        ("reinforce", {"learning_rate": "fast"}, "learning_rate"),
        ("reinforce", {"baseline_decay": 1.0}, "baseline_decay"),
        ("reinforce", {"entropy": -1}, "entropy"),
        ("two-level", {"screens": 0}, "screens"),
        ("two-level", {"controller": "two-level"}, "controller"),
        ("two-level", {"settings": 3}, "settings"),
    ],
)
def test_illegal_value_names_its_field(name, settings, field):
    refused(f"strategy.{field}: is ", name, settings)


def test_unknown_controller_names_the_nearest():
    with pytest.raises(UnknownNameError, match="'evolution'"):
        TwoLevel(controller="evolutoin")


def test_missing_setting_is_named(monkeypatch):
    @dataclass(frozen=True)
    class Needy:
        depth: int

    monkeypatch.setitem(STRATEGIES._entries, "needy", Needy)
    refused("strategy.depth: strategy 'needy' needs this setting", "needy", {})


def test_registered_thing_that_is_no_dataclass_is_a_programming_error(monkeypatch):
    monkeypatch.setitem(STRATEGIES._entries, "odd", int)
    with pytest.raises(TypeError, match="not a dataclass"):
        make_settings("odd", {})
