"""Studies on pools of FPGAs: what they refuse, what they never train, and the modes they are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from coexplore.core.errors import ConfigError
from coexplore.cost.boards import price_on_boards
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.objectives.reward import ConvexReward
from coexplore.spaces.space import Point
from coexplore.studies.config import build, load_config, parse_config
from coexplore.studies.evaluation import Evaluation
from coexplore.studies.phases import phase_folders
from coexplore.studies.study import StudyState, open_study, run_study
from coexplore.studies.trial import SCREENED, TrialState

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples" / "fpga").glob("*.yaml"))
ENGINE = {"tm": 12, "tn": 8, "tr": 8, "tc": 8, "tk": 3, "ports": {"weight": 3, "input": 3, "output": 2}}
ENGINES = [{"device": "7a50t", "design": ENGINE}, {"device": "7a50t", "design": ENGINE}]
POOL: dict[str, object] = {"family": "fpga-pool", "pool": ["pynq-z2", "7a50t"], "throughput_per_s": 20000}
STUDY: dict[str, object] = {
    "name": "pool",
    "network": {"family": "plain-cnn", "layers": [2], "filters": [8, 24, 48], "kernels": [1, 3]},
    "accelerator": POOL,
    "objectives": [{"maximize": "pipeline_efficiency"}, {"maximize": "gops_per_w"}],
    "strategy": {"name": "random"},
    "budget": {"trials": 12},
}
"""Nothing is trained."""


def pool(**changes: object) -> dict[str, object]:
    return {**STUDY, "accelerator": {**POOL, **changes}}


@pytest.fixture
def tabular(tmp_path: Path) -> dict[str, object]:
    """A study on a table: the more and the larger blocks, the more accurate."""
    names = [np.base_repr(number, 3).zfill(8) for number in range(3**8)]
    accuracies = [50.0 + 2.5 * sum(map(int, name)) for name in names]
    pq.write_table(pa.table({"arch": names, "acc": accuracies}), tmp_path / "table.parquet")
    frozen = {f"block{index}": 0 for index in (1, 3, 4, 6, 7)}
    return {
        **STUDY,
        "task": {"tabular": str(tmp_path / "table.parquet"), "key": "arch", "accuracy": "acc"},
        "network": {"family": "nas-bench-macro", "freeze": frozen},
        "accelerator": {"family": "fpga-pool", "pool": ["7a50t", "7a50t"], "throughput_per_s": 440},
        "objectives": [{"maximize": "accuracy"}, {"maximize": "pipeline_efficiency"}],
        "strategy": {"name": "two-level"},
        "reward": {"name": "convex", "metric": "pipeline_efficiency"},
    }


WRONG = [
    ({"pool": []}, "accelerator.pool: has no FPGA; name at least one"),
    ({"pool": ["zcu103"]}, "accelerator: unknown FPGA 'zcu103'; did you mean"),
    ({"pool": "zcu102"}, "accelerator.pool: "),
    ({"throughput_per_s": -1}, "accelerator.throughput_per_s: is -1"),
    ({"stages": 3}, "accelerator.stages: is 3; the pool has 2 FPGAs"),
    ({"stage": 2}, "accelerator.stage: unknown setting of accelerator family 'fpga-pool'; did you mean 'stages'"),
    ({"engines": [{"device": "7a50t", "design": {**ENGINE, "ports": {"weight": -1, "input": 1, "output": 1}}}]},
     "accelerator: ports.weight is -1; each port moves at least 1 word per cycle"),
    ({"engines": [{"device": "7a50t", "design": {**ENGINE, "tm": 0}}]}, "accelerator: design.tm is 0"),
    ({"boards": [{"name": "none", "dsp": 0, "bram18": 9, "lut": 9, "memory_lut": 9, "port_bits": 64,
                  "bandwidth_gb_s": 1.0, "clock_hz": 1e8, "power_w": 1.0}]},
     "accelerator: FPGA 'none': dsp is 0; the tile engine multiplies in DSP slices"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_a_wrong_pool_is_one_message(changes: Mapping[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(parse_config(pool(**changes)))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_what_fpgas_do_not_have_cannot_be_asked_for_and_the_other_way_round() -> None:
    with pytest.raises(ConfigError, match=r"^constraints\.0\.metric: area_mm2 is not measured of FPGAs"):
        build(parse_config({**STUDY, "constraints": [{"metric": "area_mm2", "at_most": 3}]}))
    with pytest.raises(ConfigError, match=r"^objectives\.0: pipeline_efficiency is not measured of accelerators"):
        build(parse_config({**STUDY, "accelerator": {"family": "edge-array"}}))


def test_every_metric_is_that_of_the_pipeline_solved_for_the_network(tmp_path: Path) -> None:
    result = run_study(parse_config(STUDY), tmp_path, workers=0)
    problem = build(result.config)
    for trial in result.trials:
        design = problem.designs.decode(trial.point)
        cost = price_on_boards(design.network.workload(), design.accelerator)
        assert trial.metrics == cost.metrics()
        assert (trial.state is TrialState.COMPLETE) is (not cost.reason)
        assert trial.reason == cost.reason
        assert trial.violation == cost.violation
    assert {trial.state for trial in result.trials} == {TrialState.COMPLETE, TrialState.INFEASIBLE}


def test_where_nothing_is_trained_two_levels_still_make_trials(tmp_path: Path) -> None:
    study = {**STUDY, "strategy": {"name": "two-level"}, "budget": {"trials": 3}}
    result = run_study(parse_config(study), tmp_path / "many", workers=0)
    assert [trial.state for trial in result.trials] == [TrialState.COMPLETE] * 3
    alone = {**STUDY, "network": {"fixed": "resnet-18", "input_shape": [3, 32, 32], "classes": 10}}
    one = parse_config({**alone, "accelerator": {"family": "fpga-pool"}, "strategy": {"name": "two-level"}})
    assert len(run_study(one, tmp_path / "one", workers=0).front) == 1


def test_a_requirement_out_of_reach_ends_with_the_stage_and_the_factor(tmp_path: Path) -> None:
    result = run_study(parse_config(pool(throughput_per_s=1e7)), tmp_path, workers=0)
    assert result.state is StudyState.INFEASIBLE
    assert "set by stage" in result.explanation
    assert "times too slow" in result.explanation
    violations = [trial.violation for trial in result.trials]
    assert len(set(violations)) > 3
    assert f"{1 + min(violations):.4g} times too slow" in result.explanation


def test_more_stages_than_layers_end_with_that_reason(tmp_path: Path) -> None:
    three = pool(pool=["7a50t"] * 4, stages=4)
    result = run_study(parse_config(three), tmp_path, workers=0)
    assert result.state is StudyState.INFEASIBLE
    assert "4 stages are more than the 3 layers" in result.explanation


def test_infeasible_networks_are_never_trained(tmp_path: Path, tabular: dict[str, object]) -> None:
    result = run_study(parse_config(tabular), tmp_path / "study", workers=0)
    assert result.screened > len(result.trials)
    assert all(trial.metrics["throughput_per_s"] >= 440 for trial in result.trials)
    assert all("accuracy" not in trial.metrics for trial in result.trials if trial.state is TrialState.INFEASIBLE)
    assert result.trained_networks == len([trial for trial in result.trials if trial.network])


@pytest.mark.parametrize("fast_steps", [0, 3])
def test_fast_steps_price_more_and_train_as_much(tmp_path: Path, tabular: dict[str, object], fast_steps: int) -> None:
    study = {**tabular, "strategy": {"name": "two-level", "fast_steps": fast_steps}}
    result = run_study(parse_config(study), tmp_path / "study", workers=0)
    assert result.trained_networks == len(result.trials) == 12
    assert result.screened >= 12 * (1 + fast_steps)


def test_a_price_says_how_busy_the_stage_of_each_decision_is() -> None:
    problem = build(parse_config(pool(throughput_per_s=5000)))
    point = problem.space.point({f"network.{k}{i}": v for i in (0, 1) for k, v in (("kernel", 3), ("filters", 48))})
    evaluation = Evaluation(problem, None)
    shares = dict(evaluation.observation(evaluation.price(SCREENED, point), 0.0).shares)
    design = problem.designs.decode(point)
    cost = price_on_boards(design.network.workload(), design.accelerator)
    expected = {f"network.{k}{i}": cost.utilisation_of(f"conv{i}") for i in (0, 1) for k in ("kernel", "filters")}
    assert shares == pytest.approx(expected)
    assert evaluation.observation(evaluation.price(3, point), 0.0).shares == ()


def test_with_a_beta_of_one_the_reward_is_accuracy_alone() -> None:
    metrics = {"accuracy": 0.9, "pipeline_efficiency": 0.3}
    assert ConvexReward(1.0, "pipeline_efficiency")(metrics) == 0.9
    assert ConvexReward(0.0, "pipeline_efficiency")(metrics) == 0.3


def test_frozen_to_the_fixed_boards_a_study_is_a_search_on_fixed_hardware(tmp_path: Path) -> None:
    document = pool(engines=ENGINES, freeze={"pipeline": "fixed"}, throughput_per_s=3000)
    result = run_study(parse_config(document), tmp_path, workers=0)
    complete = [trial for trial in result.trials if trial.state is TrialState.COMPLETE]
    assert complete
    assert {trial.metrics["devices"] for trial in complete} == {2.0}
    assert len({trial.metrics["power_w"] for trial in complete}) == 1


def test_the_network_may_come_first_and_its_best_hardware_after(tmp_path: Path) -> None:
    document = pool(engines=ENGINES, throughput_per_s=3000)
    phases = {"first": "network", "initial": {"pipeline": "fixed"}, "accelerator_trials": 2}
    config = parse_config({**document, "phases": phases, "budget": {"trials": 8}})
    result = run_study(config, tmp_path, workers=0)
    first, second = (open_study(folder) for folder in phase_folders(tmp_path, config.phases))
    assert {trial.point["accelerator.pipeline"] for trial in first.trials} == {"fixed"}
    assert [len(first.trials), len(second.trials)] == [6, 2]
    networks = {tuple(v for k, v in trial.point.items() if k.startswith("network.")) for trial in second.trials}
    assert len(networks) == 1
    fixed, solved = sorted(second.trials, key=lambda trial: str(trial.point["accelerator.pipeline"]))
    assert solved.metrics["hardware_cost"] <= fixed.metrics["hardware_cost"]
    assert open_study(tmp_path).front == result.front == second.front


def test_an_unknown_first_phase_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^phases\.first: is 'hardware'"):
        parse_config({**STUDY, "phases": {"first": "hardware"}})


def test_a_table_needs_its_column_its_names_and_no_data_set(tabular: dict[str, object]) -> None:
    task = tabular["task"]
    assert isinstance(task, dict)
    for wrong, message in (
        ({"tabular": task["tabular"]}, r"^task\.accuracy: is missing"),
        ({**task, "accuracy": "ac"}, r"^task\.accuracy: .*has no column 'ac'"),
        ({**task, "dataset": "digits"}, r"^task: has dataset and tabular"),
        ({**task, "acuracy": 1}, r"^task\.acuracy: unknown setting of a table of accuracies"),
        ({}, r"^task: needs dataset, tabular or surrogate"),
    ):
        with pytest.raises(ConfigError, match=message):
            build(parse_config({**tabular, "task": wrong}))
    with pytest.raises(ConfigError, match=r"^network: .*names are like '00000000'; take the family of the table"):
        build(parse_config({**tabular, "network": STUDY["network"]}))


def test_a_resolved_study_poses_the_same_problem(tabular: dict[str, object]) -> None:
    problem = build(parse_config({**tabular, "strategy": {"name": "two-level", "fast_steps": 2}}))
    again = build(
        parse_config(parse_config({**tabular, "strategy": {"name": "two-level", "fast_steps": 2}}).document())
    )
    assert again.fingerprint == problem.fingerprint


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_the_examples_are_legal_and_their_fixed_boards_run_the_middle_network(path: Path) -> None:
    config = load_config(path)
    build(config)
    document = yaml.safe_load(path.read_text())
    assert document["name"].replace("-", "_") == f"fpga_{path.stem}"
    middle = PlainCnn(layers=(4,)).assemble([(3, 24, 1)] * 4)
    family = build(config).designs.accelerator_family
    cost = price_on_boards(middle, family.decode(family.presets["baseline"] or Point()))
    assert not cost.reason


def test_there_is_one_example_for_each_mode() -> None:
    assert [path.stem for path in EXAMPLES] == ["accuracy_only", "co_exploration", "fixed_hardware", "sequential"]
