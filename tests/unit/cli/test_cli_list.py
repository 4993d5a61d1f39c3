"""`list` names what a study file can use."""

from __future__ import annotations

import pytest
from command_runs import coexplore

from coexplore.objectives.metrics import METRICS
from coexplore.objectives.reward import REWARDS
from coexplore.strategies.strategy import STRATEGIES

KINDS = {
    "networks",
    "network-presets",
    "accelerators",
    "accelerator-presets",
    "fpgas",
    "strategies",
    "datasets",
    "metrics",
    "rewards",
    "systems",
    "claims",
}


def test_every_kind_is_listed_with_a_line_for_each_name() -> None:
    document = coexplore("list", "--json").document
    assert set(document) == KINDS
    assert all(entry["name"] and entry["description"] for entries in document.values() for entry in entries)


@pytest.mark.parametrize(("kind", "registry"), [("metrics", METRICS), ("rewards", REWARDS), ("strategies", STRATEGIES)])
def test_one_kind_is_the_whole_registry(kind: str, registry: object) -> None:
    document = coexplore("list", kind, "--json").document
    assert {name: [entry["name"] for entry in entries] for name, entries in document.items()} == {kind: list(registry)}  # type: ignore[call-overload]


def test_text_and_json_name_the_same() -> None:
    text = coexplore("list").out
    assert all(entry["name"] in text for entries in coexplore("list", "--json").document.values() for entry in entries)


def test_an_unknown_kind_gets_the_nearest() -> None:
    outcome = coexplore("list", "strateges")
    assert outcome.code == 2
    assert "did you mean 'strategies'" in outcome.err
