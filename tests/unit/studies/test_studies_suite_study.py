"""A study file of a suite finds the best accelerator for all members, goes on after a kill, and refuses nonsense."""

from __future__ import annotations

import itertools
import json

import pytest
from joint_cases import FAMILY, FROZEN, SPACE, joint_config, write_table

from coexplore.core.errors import ConfigError
from coexplore.cost.mapper import Goal
from coexplore.cost.model import price
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.reports.suite_export import export_suite
from coexplore.reports.suite_page import write_suite_page
from coexplore.reports.suite_tables import suite_lines, suite_tables
from coexplore.reports.summary import status_document
from coexplore.spaces.space import factor
from coexplore.studies import op_prices
from coexplore.studies.config import resolve
from coexplore.studies.schema import parse_config
from coexplore.studies.study import StudyState, open_study, run_study
from coexplore.studies.suite_problem import resolve_suite

CELL = {**FROZEN, "edge3_1": "nor_conv_3x3", "edge3_2": "skip_connect"}


@pytest.fixture
def table(tmp_path):
    return write_table(tmp_path)


def suite_config(table, *, limits=(), weight=1.0, **fields):
    """One free member of 24 rated cells and a fixed cell of larger images, on 8 accelerators."""
    document = joint_config(table).document()
    family = {"family": "nb201", "input_shape": [3, 8, 8], "cells": 1}
    members = [
        {
            "name": "free",
            "network": {**family, "freeze": FROZEN},
            "task": {"tabular": str(table), "accuracy": "accuracy"},
            "weight": 3,
            "constraints": list(limits),
        },
        {"name": "fixed", "network": {**family, "input_shape": [3, 16, 16], "freeze": CELL}, "weight": weight},
    ]
    kept = {name: document[name] for name in ("name", "accelerator")}
    return parse_config({**kept, "network": {"suite": members}, "objectives": [{"maximize": "accuracy"}], **fields})


def by_hand(config, limit_s, first, residency=MAIN_MEMORY):
    """Every accelerator with every network, priced one by one: the best by (first, accuracy, energy, latency)."""
    problem = resolve_suite(config).problem
    free, fixed = problem.members
    table = free.problem.accuracy.read().accuracies
    found = []
    for point in factor(problem.designs.space, "accelerator").enumerate():
        chip = problem.designs.accelerator_family.decode(point)
        other = price(next_network(fixed), chip, Goal.EDP, residency=residency)
        legal = []
        for cell in SPACE.enumerate():
            cost = price(FAMILY.lower(cell), chip, Goal.EDP, residency=residency)
            accuracy = table.get(FAMILY.label(cell))
            if accuracy is not None and cost.latency_s <= limit_s:
                values = {"accuracy": -accuracy, "energy_j": cost.energy_j, "latency_s": cost.latency_s}
                legal.append((values[first], -accuracy, cost.energy_j, cost.latency_s))
        if legal:
            best = min(legal)
            energy, latency = (
                (3 * b + o) / 4 for b, o in zip(best[2:], (other.energy_j, other.latency_s), strict=True)
            )
            mean = {"accuracy": best[1], "energy_j": energy, "latency_s": latency}
            found.append((mean[first], energy, latency, best[1], dict(point)))
    return min(found, key=lambda entry: entry[:3])


def next_network(member):
    problem = member.problem
    return problem.designs.decode(next(problem.space.enumerate())).network.workload()


@pytest.mark.parametrize(("first", "wish"), [
    ("accuracy", {"maximize": "accuracy"}), ("energy_j", {"minimize": "energy_j"}),
    ("latency_s", {"minimize": "latency_s"}),
])  # fmt: skip
@pytest.mark.parametrize("limit_s", [1.0, 8e-6])
def test_the_accelerator_is_the_best_of_all(table, tmp_path, first, wish, limit_s):
    config = suite_config(table, limits=[{"metric": "latency_s", "at_most": limit_s}], objectives=[wish])
    result = run_study(config, tmp_path / "study", 0)
    assert result.state is StudyState.FINISHED
    _, energy, latency, accuracy, point = by_hand(config, limit_s, first)
    (found,) = result.suite.front
    assert found.point == point
    assert found.metrics["energy_j"] == pytest.approx(energy, rel=1e-12)
    assert found.metrics["latency_s"] == pytest.approx(latency, rel=1e-12)
    assert found.metrics["accuracy"] == -accuracy
    assert found.members[0].metrics["latency_s"] <= limit_s


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_what_stays_on_chip_is_priced_so(table, tmp_path, share):
    config = suite_config(table, objectives=[{"minimize": "energy_j"}], cost={"residency": {"activation_share": share}})
    result = run_study(config, tmp_path / "study", 0)
    _, energy, latency, _, point = by_hand(config, 1.0, "energy_j", Residency(share, 0.0))
    assert result.suite.front[0].point == point
    assert result.suite.front[0].metrics["energy_j"] == pytest.approx(energy, rel=1e-12)
    assert result.suite.front[0].metrics["latency_s"] == pytest.approx(latency, rel=1e-12)


def test_no_accelerator_of_the_front_beats_another(table, tmp_path):
    wishes = [{"maximize": "accuracy"}, {"minimize": "latency_s"}, {"minimize": "area_mm2"}]
    front = run_study(suite_config(table, objectives=wishes), tmp_path / "study", 0).suite.front
    assert len(front) > 1
    names = ("latency_s", "area_mm2")
    losses = [(-d.metrics["accuracy"], *(d.metrics[name] for name in names)) for d in front]
    for one, other in itertools.permutations(losses, 2):
        assert any(a < b for a, b in zip(one, other, strict=True))
    assert losses == sorted(losses)


def test_the_nearest_is_named_with_its_gap(table, tmp_path):
    limits = [{"metric": "latency_s", "at_most": 1e-9}]
    result = run_study(suite_config(table, limits=limits), tmp_path / "study", 0)
    assert result.state is StudyState.INFEASIBLE
    assert not result.found
    assert "latency_s <= 1e-09 of free by" in result.explanation
    assert result.suite.nearest.members[0].metrics["latency_s"] > 1e-9
    assert result.suite.nearest.point
    write_suite_page(tmp_path / "page.html", result)
    assert "Nothing feasible" in (tmp_path / "page.html").read_text()


def test_a_kill_costs_nothing_but_time(table, tmp_path, monkeypatch):
    whole = run_study(suite_config(table), tmp_path / "whole", 0)
    monkeypatch.setattr(op_prices, "CHUNK", 5)
    monkeypatch.setattr("coexplore.studies.exact_chunks.engine_version", lambda: "0" * 64)
    priced, real = [], op_prices.price_networks

    def until_the_second(ops, chips, *settings, **more):
        priced.append(len(chips))
        if len(priced) == 2:
            raise KeyboardInterrupt
        return real(ops, chips, *settings, **more)

    monkeypatch.setattr(op_prices, "price_networks", until_the_second)
    with pytest.raises(KeyboardInterrupt, match="nothing is lost"):
        run_study(suite_config(table), tmp_path / "killed", 0)
    assert open_study(tmp_path / "killed").state is StudyState.RUNNING
    resumed = run_study(suite_config(table), tmp_path / "killed", 0)
    assert priced == [5, 3, 3]
    assert resumed.suite.front == whole.suite.front
    assert open_study(tmp_path / "killed").suite == resumed.suite


def test_everything_is_written_out_and_another_study_is_refused(table, tmp_path):
    config = suite_config(table)
    result = run_study(config, tmp_path / "study", 0)
    again = parse_config(json.loads(json.dumps(result.config.document())))
    assert resolve_suite(again).problem.fingerprint == resolve_suite(config).problem.fingerprint
    assert run_study(again, tmp_path / "study", 0).suite == result.suite
    with pytest.raises(Exception, match=r"network.suite is .* holds another study|holds another study"):
        run_study(suite_config(table, weight=2.0), tmp_path / "study", 0)


def test_tables_page_document_and_bundles(table, tmp_path):
    result = run_study(suite_config(table), tmp_path / "study", 0)
    front, members = suite_tables(result)
    assert len(front.rows) == 1
    assert [row[0] for row in members.rows] == ["free", "fixed"]
    assert "24 networks" in " ".join(suite_lines(result.suite))
    document = json.loads(json.dumps(status_document(result, {})))
    assert document["suite"]["front"][0]["members"][1]["name"] == "fixed"
    assert document["state"] == "finished"
    write_suite_page(tmp_path / "page.html", result)
    assert "members on the chosen accelerator" in (tmp_path / "page.html").read_text().lower()
    pytest.importorskip("onnx")
    export_suite(result, tmp_path / "bundle")
    for member in result.suite.front[0].members:
        written = json.loads((tmp_path / "bundle" / member.name / "metrics.json").read_text())
        assert written["metrics"]["latency_s"] == member.metrics["latency_s"]


def member_fields(table, number, **fields):
    document = suite_config(table).document()
    document["network"]["suite"][number].update(fields)
    return document


@pytest.mark.parametrize(("number", "fields", "message"), [
    (0, {"weight": -1}, r"network\.suite\.0\.weight: is -1"),
    (1, {"name": "free"}, r"network\.suite\.1\.name: 'free' stands there twice"),
    (1, {"name": "../up"}, r"network\.suite\.1\.name: is '\.\./up'"),
    (1, {"wieght": 1}, r"network\.suite\.1\.wieght: unknown field; did you mean 'weight'"),
    (1, {"network": {"fixed": "mobilnet-v2"}}, r"network\.suite\.1\.network\.fixed: unknown .* 'mobilenet-v2'"),
    (0, {"network": {"family": "nb202"}}, r"network\.suite\.0\.network\.family: unknown"),
    (0, {"task": None}, r"network\.suite\.0\.task: is missing; a network that may vary"),
    (0, {"task": {"dataset": "digits"}}, r"network\.suite\.0\.task\.dataset: nothing is trained"),
    (0, {"constraints": [{"metric": "latency_s", "at_least": 2.0, "at_most": 1.0}]}, r"0\.constraints\.0: .*never"),
    (0, {"constraints": [{"metric": "accuracy", "at_least": 0.9}, {"metric": "accuracy", "at_most": 0.5}]},
     r"suite\.0\.constraints\[0\] .* contradict"),
    (0, {"constraints": [{"metric": "area_mm2", "at_most": 2.0}]}, r"0\.constraints\.0\.metric: area_mm2 is"),
    (1, {"constraints": [{"metric": "accuracy", "at_least": 0.5}]}, r"suite\.1\.task: is missing; a limit on accuracy"),
    (1, {"constraints": [{"metric": "power_w", "at_most": 0.5}]}, r"suite\.1\.constraints: a limit is power_w"),
    (1, {"network": {"suite": [{"name": "a", "network": {"fixed": "resnet-18"}}]}}, r"1\.network\.suite: a member"),
], ids=range(14))  # fmt: skip
def test_a_member_that_cannot_be_is_refused_by_its_field(table, number, fields, message):
    with pytest.raises(ConfigError, match=message):
        resolve_suite(parse_config(member_fields(table, number, **fields)))


@pytest.mark.parametrize(("fields", "message"), [
    ({"task": {"dataset": "digits"}}, "task: a suite has none"),
    ({"strategy": {"name": "evolution"}}, "strategy.name: is 'evolution'"),
    ({"strategy": {"name": "exact", "most": 3}}, "8 accelerators and at most 3"),
    ({"reward": {"name": "absolute"}}, "reward: plays no part"),
    ({"phases": {}}, "phases: plays no part"),
    ({"cost": {"learned": "model.npz"}}, "cost.learned"),
    ({"objectives": [{"minimize": "edp_js"}]}, "objectives: the product of means"),
    ({"constraints": [{"metric": "latency_s", "at_most": 1.0}]}, "constraints: .* would bind their choices together"),
    ({"accelerator": {"family": "fpga-pool"}}, "accelerator.family: a suite needs"),
    ({"network": {"suite": []}}, "network.suite: has no members"),
], ids=range(10))  # fmt: skip
def test_what_a_suite_has_no_use_for_is_refused(table, fields, message):
    with pytest.raises(ConfigError, match=message):
        resolve_suite(suite_config(table, **fields))


def test_all_weights_zero_and_accuracy_that_counts_nothing_are_refused(table):
    document = suite_config(table, weight=0.0).document()
    document["network"]["suite"][0]["weight"] = 0.0
    with pytest.raises(ConfigError, match=r"network\.suite\.0\.weight: every weight is 0"):
        resolve_suite(parse_config(document))
    document["network"]["suite"][1]["weight"] = 1.0
    with pytest.raises(ConfigError, match="objectives: accuracy is asked for, but no member that counts"):
        resolve_suite(parse_config(document))


def test_other_commands_say_that_a_suite_is_not_for_them(table):
    with pytest.raises(ConfigError, match=r"network\.suite: a suite is solved by `coexplore run` alone"):
        resolve(suite_config(table))
