"""A study says how long the search for each mapping may go on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from coexplore.core.errors import ConfigError
from coexplore.cost.model import Goal, price
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.reports.findings import assumed_by
from coexplore.studies.config import build, parse_config, resolve
from coexplore.studies.limited_pricer import LimitedPricer
from coexplore.studies.suite_problem import resolve_suite

STUDY = {
    "name": "chip",
    "network": {"fixed": "mobilenet-v2", "input_shape": [3, 32, 32]},
    "accelerator": {"family": "eyeriss-like"},
    "objectives": [{"minimize": "latency_s"}],
}


@pytest.mark.parametrize(("cost", "residency"), [({}, MAIN_MEMORY), ({"residency": {}}, Residency(0.25, 0.0))])
def test_the_prices_are_those_of_limited_searches(cost, residency):
    resolved = resolve(parse_config({**STUDY, "cost": {**cost, "limit": 30}, "mapping_goal": "energy"}))
    problem = resolved.problem
    assert problem.pricer == LimitedPricer(Goal.ENERGY, residency, 30)
    assert build(parse_config(resolved.config.document())).fingerprint == problem.fingerprint
    design = problem.designs.decode(next(problem.space.enumerate()))
    cost = price(design.network.workload(), design.chip, Goal.ENERGY, residency=residency, limit=30)
    assert cost.largest_gap > 0
    assert problem.pricer(design).metrics == {**cost.metrics(), "mapping_gap": cost.largest_gap}


def test_a_limited_study_is_not_taken_for_one_that_can_be_proven():
    study = {**STUDY, "accelerator": {"family": "edge-array"}}
    assert resolve(parse_config(study)).config.strategy.name == "exact"
    assert resolve(parse_config({**study, "cost": {"limit": 30}})).config.strategy.name == "two-level"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cost": {"limit": 0}}, "cost.limit: is 0; input should be greater than or equal to 1"),
        ({"cost": {"limit": -2}}, "cost.limit: is -2; "),
        ({"cost": {"limit": 1.5}}, "cost.limit: is 1.5; input should be a valid integer"),
        ({"cost": {"limit": 9}, "strategy": {"name": "exact"}}, "cost.limit: is not for strategy.name: exact, whose"),
        (
            {"cost": {"limit": 9}, "strategy": {"name": "exact-hardware"}},
            "cost.limit: is not for strategy.name: exact-h",
        ),
        ({"cost": {"limit": 9, "mapper": {"search": "random"}}}, "cost.limit: is not for mappings that cost.mapper"),
        (
            {"cost": {"limit": 9}, "accelerator": {"family": "fpga-pool"}, "objectives": [{"minimize": "energy_j"}]},
            "cost.limit: is not for FPGAs, whose tilings are solved; leave it out",
        ),
    ],
)
def test_what_a_limit_is_not_for_is_said_with_its_path(change, message):
    with pytest.raises(ConfigError) as refused:
        resolve(parse_config({**STUDY, **change}))
    assert str(refused.value).startswith(message)


def test_what_is_reported_and_exported_is_priced_with_the_same_limit():
    resolved = resolve(parse_config({**STUDY, "cost": {"limit": 30}}))
    design = resolved.problem.designs.decode(next(resolved.problem.space.enumerate()))
    cost = assumed_by(SimpleNamespace(config=resolved.config)).price(design.network.workload(), design.chip)
    assert cost.largest_gap > 0
    assert {**cost.metrics(), "mapping_gap": cost.largest_gap} == resolved.problem.pricer(design).metrics


def test_a_suite_takes_no_limit():
    members = [{"name": name, "network": STUDY["network"]} for name in ("a", "b")]
    config = parse_config({**STUDY, "network": {"suite": members}, "cost": {"limit": 30}})
    with pytest.raises(ConfigError, match=r"^cost\.limit: a suite is solved at the engine's prices; leave it out"):
        resolve_suite(config)
