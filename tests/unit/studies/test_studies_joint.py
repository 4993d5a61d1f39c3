"""A study over all networks of a table and all accelerators finds what trying every pair finds, kills or not."""

from __future__ import annotations

import json

import pytest
from joint_cases import joint_config, write_table

from coexplore.core.errors import ConfigError
from coexplore.objectives.pareto import dominates
from coexplore.studies import op_prices
from coexplore.studies.config import resolve
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.study import StudyState, open_study, run_study

AREA = [{"metric": "area_mm2", "at_most": 3.0}, {"metric": "latency_s", "at_most": 2e-5}]
CASES = {
    "three": {},
    "limits": {"constraints": AREA},
    "area": {"objectives": [{"maximize": "accuracy"}, {"minimize": "edp_js"}, {"minimize": "area_mm2"}]},
    "two": {"objectives": [{"minimize": "energy_j"}, {"maximize": "accuracy"}],
            "constraints": [{"metric": "accuracy", "at_least": 0.45}]},
    "resident": {"cost": {"residency": {"activation_share": 0.001}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("data"))


def values(result):
    names = [section.minimize or section.maximize for section in result.config.objectives]
    return [tuple(trial.metrics[name] for name in names) for trial in result.front]


@pytest.mark.parametrize("case", CASES)
def test_the_front_is_that_of_trying_every_pair(case, table, tmp_path):
    exact = run_study(joint_config(table, **CASES[case]), tmp_path / "exact", workers=0)
    tried = run_study(
        joint_config(table, **CASES[case], strategy={"name": "exhaustive"}), tmp_path / "tried", workers=0
    )
    assert values(exact) == values(tried)
    assert exact.state is StudyState.FINISHED
    assert len(exact.front) == len(exact.trials) == len(exact.joint.front) > 1
    assert (exact.joint.pairs, exact.joint.known) == (25 * 8, 24)
    known = {trial.point: trial for trial in tried.trials}
    assert all(known[trial.point].metrics == pytest.approx(trial.metrics, rel=1e-15) for trial in exact.trials)


def test_a_finished_study_is_read_and_run_again_alike(table, tmp_path):
    config = joint_config(table)
    first = run_study(config, tmp_path, workers=0)
    again = run_study(config, tmp_path, workers=0)
    assert values(first) == values(again) == values(open_study(tmp_path))
    assert open_study(tmp_path).joint == first.joint


def test_what_was_priced_is_not_priced_again(table, tmp_path, monkeypatch):
    whole = run_study(joint_config(table), tmp_path / "whole", workers=0)
    monkeypatch.setattr(op_prices, "CHUNK", 5)
    monkeypatch.setattr("coexplore.studies.exact_chunks.engine_version", lambda: "0" * 64)
    priced, real = [], op_prices.price_networks

    def until_the_second(ops, chips, *settings, **more):
        priced.append(len(chips))
        if len(priced) == 2:
            raise KeyboardInterrupt
        return real(ops, chips, *settings, **more)

    monkeypatch.setattr(op_prices, "price_networks", until_the_second)
    with pytest.raises(KeyboardInterrupt):
        run_study(joint_config(table), tmp_path / "killed", workers=0)
    assert open_study(tmp_path / "killed").state is StudyState.RUNNING
    resumed = run_study(joint_config(table), tmp_path / "killed", workers=0)
    assert priced == [5, 3, 3]
    assert values(resumed) == values(whole)


def test_phases_are_proven_one_after_the_other(table, tmp_path):
    both = run_study(joint_config(table), tmp_path / "both", workers=0)
    result = run_study(joint_config(table, phases={"first": "accelerator"}), tmp_path / "phases", workers=0)
    assert result.state is StudyState.FINISHED
    assert len({tuple((n, v) for n, v in t.point.items() if n.startswith("accelerator.")) for t in result.trials}) == 1
    most = [max(trial.metrics["accuracy"] for trial in study.front) for study in (both, result)]
    assert most[0] >= most[1]
    assert not any(dominates(mine, other) for mine in losses(result) for other in losses(both))


def losses(result):
    return [(-a, latency, energy) for a, latency, energy in values(result)]


def test_limits_that_no_pair_meets_name_the_closest(table, tmp_path):
    limits = [{"metric": "latency_s", "at_most": 1e-9}, {"metric": "area_mm2", "at_most": 3.0}]
    result = run_study(joint_config(table, constraints=limits), tmp_path, workers=0)
    assert result.state is StudyState.INFEASIBLE
    assert "no pair of network and accelerator meets all limits" in result.explanation
    assert "latency_s of" in result.explanation
    assert "network.edge3_2" in result.explanation
    fastest = min(trial["latency_s"] for trial in all_metrics(table, tmp_path / "tried"))
    assert result.joint.nearest.metrics["latency_s"] == fastest


def all_metrics(table, directory):
    config = joint_config(table, objectives=[{"maximize": "accuracy"}], strategy={"name": "exhaustive"})
    return [trial.metrics for trial in run_study(config, directory, workers=0).trials if trial.network]


@pytest.mark.parametrize(("fields", "message"), [
    ({"objectives": [{"maximize": "accuracy"}, {"minimize": "macs"}]}, "macs, which does not follow"),
    ({"constraints": [{"metric": "power_w", "at_most": 1.0}]}, "power_w"),
    ({"strategy": {"name": "exact", "most": 7}}, "raise strategy.most"),
], ids=lambda value: str(value)[:30])  # fmt: skip
def test_what_cannot_be_proven_is_refused_with_the_reason(fields, message, table):
    with pytest.raises(ConfigError, match=r"^strategy\.name: is exact, but") as caught:
        resolve(joint_config(table, **fields))
    assert message in str(caught.value)


def test_training_cannot_be_done_for_all(table):
    with pytest.raises(ConfigError, match="network is not fixed"):
        resolve(joint_config(table, task={"dataset": "digits"},
                             network={"family": "inverted-bottleneck"}))  # fmt: skip


def test_a_damaged_solution_is_reported(table, tmp_path):
    run_study(joint_config(table), tmp_path, workers=0)
    path = StudyDirectory(tmp_path).joint
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 2}))
    with pytest.raises(Exception, match="another version"):
        open_study(tmp_path)
