"""Each suggested network comes on its best accelerator, whatever the controller; nothing is spent on hardware."""

from __future__ import annotations

import numpy as np
import pytest
from joint_cases import FAMILY, joint_config, write_table
from study_traces import result_trace

from coexplore.core.errors import ConfigError
from coexplore.cost.model import price
from coexplore.design import ACCELERATOR
from coexplore.objectives.objective import feasibility
from coexplore.spaces.space import factor, join, part
from coexplore.strategies.exact_hardware import Completed
from coexplore.studies import solved as module
from coexplore.studies.config import resolve
from coexplore.studies.solved import Hardware
from coexplore.studies.study import StudyState, run_study
from coexplore.studies.trial import TrialState

TIGHT = [{"metric": "area_mm2", "at_most": 3.0}, {"metric": "latency_s", "at_most": 1e-5}]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("data"))


def config(table, controller="random", minimize="", trials=12, **fields):
    strategy = {"name": "exact-hardware", "controller": controller, "minimize": minimize}
    return joint_config(table, **{"strategy": strategy, "budget": {"trials": trials}, **fields})


def best_by_hand(problem, network, metric):
    """Every accelerator priced by itself; of equals least energy, area, latency, first in the space."""
    workload = problem.designs.network_family.lower(network)
    found = []
    for place, point in enumerate(factor(problem.space, ACCELERATOR).enumerate()):
        chip = problem.designs.accelerator_family.decode(point)
        cost = price(workload, chip, residency=problem.pricer.residency)
        metrics = cost.metrics()
        verdict = feasibility([c for c in problem.constraints if c.metric != "accuracy"], metrics)
        key = (metrics[metric], metrics["energy_j"], metrics["area_mm2"], metrics["latency_s"], place)
        found.append((verdict.feasible, key, point, metrics))
    legal = [entry for entry in found if entry[0]]
    return min(legal, key=lambda entry: entry[1]) if legal else None


@pytest.mark.parametrize("metric", ["latency_s", "energy_j", "edp_js", "area_mm2", "power_w"])
@pytest.mark.parametrize("first", [1, 64])
def test_the_accelerator_is_the_best_of_all(metric, first, table, monkeypatch):
    monkeypatch.setattr(module, "LOOKED_AT", first)
    problem = resolve(config(table, minimize=metric, constraints=[{"metric": "latency_s", "at_most": 2e-5}])).problem
    hardware = Hardware(problem, 1)
    for network in list(factor(problem.space, "network").enumerate())[::6]:
        expected, found = best_by_hand(problem, network, metric), hardware.complete(network)
        if expected is None:
            assert not found.legal
        else:
            macs = float(problem.designs.network_family.lower(network).macs)
            assert found == Completed(expected[2], legal=True, promise=macs)
            design = problem.designs.decode(join(network=network, accelerator=found.other))
            assert hardware.prices[network, design.chip].metrics == expected[3]


@pytest.mark.parametrize("share", [0.01, 0.25, 1.0])
@pytest.mark.parametrize("first", [1, 64])
def test_it_is_the_best_whatever_stays_on_chip(share, first, table, monkeypatch):
    monkeypatch.setattr(module, "LOOKED_AT", first)
    limits = [{"metric": "latency_s", "at_most": 2e-5}]
    fields = {"constraints": limits, "cost": {"residency": {"activation_share": share, "weight_share": share / 2}}}
    problem = resolve(config(table, minimize="energy_j", **fields)).problem
    hardware = Hardware(problem, 1)
    for network in list(factor(problem.space, "network").enumerate())[::6]:
        expected, found = best_by_hand(problem, network, "energy_j"), hardware.complete(network)
        assert found.legal is (expected is not None)
        if expected is not None:
            assert found.other == expected[2]
            design = problem.designs.decode(join(network=network, accelerator=found.other))
            assert hardware.prices[network, design.chip].metrics == expected[3]


@pytest.mark.parametrize("controller", ["random", "evolution", "reinforce", "ppo", "exhaustive"])
def test_every_trial_is_a_new_network(controller, table, tmp_path):
    result = run_study(config(table, controller), tmp_path, workers=0)
    networks = [part(trial.point, "network") for trial in result.trials]
    assert len(set(networks)) == len(networks) == 12
    assert result.state is StudyState.FINISHED


def test_networks_may_be_chosen_by_what_is_learned_of_others(table, tmp_path):
    strategy = {"name": "exact-hardware", "among": 6, "prefer": "learned"}
    result = run_study(joint_config(table, strategy=strategy, budget={"trials": 16}), tmp_path, workers=0)
    networks = [part(trial.point, "network") for trial in result.trials]
    assert len(set(networks)) == len(networks) == 16
    macs = [trial.metrics["macs"] for trial in result.trials]
    assert np.mean(macs[:8]) > np.mean(macs[8:])  # the largest come first, until something is known


def test_all_networks_give_the_proven_optimum(table, tmp_path):
    limits = [{"metric": "latency_s", "at_most": 1.5e-5}]
    fields = {"objectives": [{"maximize": "accuracy"}], "constraints": limits}
    found = run_study(config(table, trials=25, **fields), tmp_path / "found", workers=0)
    proven = run_study(joint_config(table, **fields), tmp_path / "proven", workers=0)
    assert len(found.trials) <= 25
    assert [t.metrics["accuracy"] for t in found.front] == [t.metrics["accuracy"] for t in proven.front]


def test_networks_that_no_accelerator_holds_cost_no_accuracy(table, tmp_path):
    result = run_study(config(table, trials=25, constraints=TIGHT), tmp_path, workers=0)
    assert result.screened > 0
    assert len(result.trials) + result.screened == 25
    assert all(trial.state is not TrialState.INFEASIBLE for trial in result.trials)


def test_where_no_pair_is_legal_the_study_ends_and_says_so(table, tmp_path):
    limits = [{"metric": "latency_s", "at_most": 1e-9}]
    result = run_study(config(table, constraints=limits), tmp_path, workers=0)
    assert result.state is StudyState.INFEASIBLE
    assert "latency_s" in result.explanation


def test_a_stopped_study_goes_on_alike(table, tmp_path):
    fields = {"constraints": [{"metric": "latency_s", "at_most": 2e-5}]}
    whole = run_study(config(table, "evolution", trials=14, **fields), tmp_path / "whole", workers=0)
    heard = []

    def stop(event):
        heard.append(event)
        if sum(event.trial is not None for event in heard) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(config(table, "evolution", trials=14, **fields), tmp_path / "cut", 0, stop)
    again = run_study(config(table, "evolution", trials=14, **fields), tmp_path / "cut", 0)
    assert result_trace(again) == result_trace(whole)


@pytest.mark.parametrize(("fields", "message"), [
    ({"strategy": {"name": "exact-hardware", "minimize": "accuracy"}}, "strategy.minimize"),
    ({"strategy": {"name": "exact-hardware", "most": 7}}, "strategy.most"),
    ({"strategy": {"name": "exact-hardware", "controller": "two-level"}}, "controller"),
    ({"accelerator": {"family": "fpga-pool"}}, "strategy.name: is exact-hardware, but its hardware is no accelerator"),
], ids=lambda value: str(value)[:40])  # fmt: skip
def test_wrong_settings_are_refused(fields, message, table):
    with pytest.raises(ConfigError, match=message):
        resolve(config(table, **fields))


def test_an_accelerator_is_chosen_by_the_first_cost_that_is_wanted(table):
    wanted = [{"maximize": "accuracy"}, {"minimize": "area_mm2"}, {"minimize": "energy_j"}]
    assert module.chosen_by(resolve(config(table, objectives=wanted)).problem) == "area_mm2"
    assert module.chosen_by(resolve(config(table, objectives=wanted[:1])).problem) == "energy_j"
    assert np.isclose(FAMILY.space.size, 5**6)
