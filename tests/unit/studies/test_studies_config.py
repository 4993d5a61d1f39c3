"""A study file becomes a problem, or one message that begins with the path of what is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml

from coexplore.accelerators.description import write_text
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import ConfigError
from coexplore.studies.config import build, build_designs, build_objectives, load_config, parse_config, resolve
from coexplore.studies.problem import Problem
from coexplore.studies.sources import RealTraining
from coexplore.testing.toy import ToyNetworks
from coexplore.workloads.onnx_export import export_onnx
from coexplore.workloads.weights import weight_shapes

JOINT: dict[str, object] = {
    "name": "digits-on-edge",
    "task": {"dataset": "digits"},
    "network": {"family": "inverted-bottleneck"},
    "accelerator": {"family": "edge-array"},
    "objectives": [{"maximize": "accuracy"}, {"minimize": "latency_s"}],
    "constraints": [{"metric": "area_mm2", "at_most": 60}],
    "strategy": {"name": "two-level", "controller": "evolution"},
    "budget": {"trials": 20},
}
COST_ONLY: dict[str, object] = {
    "name": "chip",
    "network": {"fixed": "mobilenet-v2"},
    "accelerator": {"family": "edge-array"},
    "objectives": [{"minimize": "latency_s"}, {"minimize": "area_mm2"}],
}


def with_(document: Mapping[str, object], path: str = "", value: object = None) -> dict[str, object]:
    key, _, rest = path.partition(".")
    inside = document.get(key)
    return {**document, key: with_(inside if isinstance(inside, Mapping) else {}, rest, value) if rest else value}


def problem(document: Mapping[str, object]) -> Problem:
    return build(parse_config(document))


WRONG = [
    ("name", "", "name: "),
    ("objectivs", [], "objectivs: unknown field; did you mean 'objectives'"),
    ("objectives", [], "objectives: "),
    ("objectives", [{"maximise": "accuracy"}], "objectives.0.maximise: unknown field; did you mean 'maximize'"),
    (
        "objectives",
        [{"minimize": "latency"}],
        "objectives.0.minimize: unknown metric 'latency'; did you mean 'latency_s'",
    ),
    ("objectives", [{"minimize": "latency_ms"}], "objectives.0.minimize: unknown metric 'latency_ms'; did you mean"),
    ("objectives", [{"maximize": "latency_s"}], "objectives.0.maximize: latency_s is better the other way"),
    ("objectives", [{"minimize": "energy_j"}] * 2, "objectives.1.minimize: energy_j stands there twice"),
    ("objectives", [{}], "objectives.0: needs one of maximize and minimize"),
    ("constraints", [{"metric": "area", "at_most": 1}], "constraints.0.metric: unknown metric 'area'; did you mean"),
    ("constraints", [{"metric": "area_mm2"}], "constraints.0: "),
    ("constraints", [{"metric": "area_mm2", "at_most": "60 mm2"}], "constraints.0.at_most: is '60 mm2'; give a plain"),
    ("constraints", [{"metric": "accuracy", "at_least": 95}], "constraints.0: "),
    ("constraints", [{"metric": "area_mm2", "at_least": 5, "at_most": 3}], "constraints.0: "),
    ("task", None, "task: "),
    ("task", {"dataset": "digit"}, "task.dataset: unknown data set 'digit'; did you mean 'digits'"),
    ("task.limt", 5, "task.limt: unknown setting of data set 'digits'; did you mean 'limit'"),
    ("task.limit", "many", "task.limit: is 'many'"),
    ("network", {}, "network: needs family, fixed, onnx or suite"),
    (
        "network",
        {"famly": "plain-cnn"},
        "network: needs family, fixed, onnx or suite; it has 'famly', did you mean 'family'",
    ),
    ("network", {"family": "inverted"}, "network.family: unknown network family 'inverted'; did you mean 'inverted-b"),
    ("network", {"fixed": "resnet18"}, "network.fixed: unknown network preset 'resnet18'; did you mean 'resnet-18'"),
    (
        "network",
        {"fixed": "resnet-18", "clases": 3},
        "network.clases: unknown setting of network preset 'resnet-18'; did",
    ),
    ("network", {"fixed": "resnet-18", "classes": "ten"}, "network.classes: is 'ten'"),
    ("network", {"onnx": "model.onnx", "classes": 3}, "network.classes: unknown field"),
    ("network", {"onnx": "/no/model.onnx"}, "network.onnx: "),
    (
        "network.kernls",
        [3],
        "network.kernls: unknown setting of network family 'inverted-bottleneck'; did you mean 'ker",
    ),
    ("network.kernels", [3, "5"], "network.kernels.1: is '5'"),
    ("network.kernels", [4], "network.kernels: "),
    ("network.classes", 7, "network: it returns "),
    ("network.input_shape", [3, 8, 8], "network: it reads "),
    ("network.restrict", {"kernel0": []}, "network.restrict.kernel0: the restricted space is empty"),
    ("network.restrict", {"kernel0": [4]}, "network.restrict.kernel0: decision 'kernel0' cannot be 4"),
    ("network.freeze", {"kernl0": 3}, "network.freeze.kernl0: there is no decision 'kernl0' to restrict; did you mean"),
    ("network.freeze", {"kernel0": [3]}, "network.freeze.kernel0: is [3]; give true, false, a number or text"),
    (
        "accelerator",
        {"family": "edge"},
        "accelerator.family: unknown accelerator family 'edge'; did you mean 'edge-array'",
    ),
    (
        "accelerator",
        {"fixed": "edge-array/base"},
        "accelerator.fixed: unknown accelerator preset 'edge-array/base'; did",
    ),
    ("accelerator", {"file": "/no/chip.yaml"}, "accelerator.file: "),
    (
        "accelerator",
        {"family": "edge-array", "fixed": "edge-array"},
        "accelerator: has family and fixed; give only one",
    ),
    ("accelerator.pes_x", [], "accelerator"),
    ("accelerator.pes_x", "four", "accelerator.pes_x: is 'four'"),
    (
        "accelerator.freeze",
        {"pes_x": 3},
        "accelerator.freeze.pes_x: decision 'pes_x' cannot be 3; legal are 1, 2, 4, 6, 8",
    ),
    ("strategy", "random", "strategy: is 'random'"),
    ("strategy", {"name": "evolutoin"}, "strategy.name: unknown strategy 'evolutoin'; did you mean 'evolution'"),
    ("strategy", {"name": "evolution", "popsize": 3}, "strategy.popsize: "),
    ("strategy", {"name": "evolution", "population": "3"}, "strategy.population: is '3'"),
    ("strategy.controller", "renforce", "strategy.controller: unknown strategy 'renforce'; did you mean 'reinforce'"),
    ("strategy.settings", {"population": 1}, "strategy.settings.population: is 1"),
    ("reward", {"name": "mnass"}, "reward.name: unknown reward 'mnass'; did you mean 'mnas'"),
    ("reward", {"name": "mnas"}, "reward.target: reward 'mnas' needs one"),
    ("reward", {"name": "mnas", "metric": "latency", "target": 1}, "reward.metric: unknown metric 'latency'"),
    ("training.epochs", 0, "training.epochs: "),
    ("training.epoch", 3, "training.epoch: unknown setting of the training recipe; did you mean 'epochs'"),
    ("training.halving", {"eta": 1}, "training.halving.eta: "),
    ("mapping_goal", "speed", "mapping_goal: unknown goal 'speed'"),
    ("budget.trials", "many", "budget.trials: is 'many'"),
    ("budget.trials", 0, "budget.trials: is 0"),
    ("budget.trails", 3, "budget.trails: unknown field; did you mean 'trials'"),
    ("budget.hours", -1, "budget.hours: is -1"),
    ("seed", True, "seed: is True"),
    ("seed", -1, "seed: is -1"),
    ("width", 0, "width: is 0"),
    ("width", 2.5, "width: is 2.5"),
    ("phases", {"initial": {"kernl0": 3}}, "phases.initial: "),
    ("phases", {"accelerator_trials": 20}, "phases.accelerator_trials: is 20 of 20 trials"),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG, ids=[f"{path}={value}" for path, value, _ in WRONG])
def test_what_is_wrong_is_said_with_its_path(path: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        problem(with_(JOINT, path, value))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["name", "network", "accelerator", "objectives"])
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(ConfigError, match=f"^{field}: is missing"):
        parse_config({key: value for key, value in JOINT.items() if key != field})


def test_contradictory_constraints_are_both_named() -> None:
    bounds = [
        {"metric": "area_mm2", "at_most": 5},
        {"metric": "power_w", "at_most": 1},
        {"metric": "area_mm2", "at_least": 9},
    ]
    with pytest.raises(ConfigError, match=r"^constraints.*0.*2.*contradict"):
        problem({**JOINT, "constraints": bounds})


def test_one_word_is_asked_for_where_two_are_wrong() -> None:
    with pytest.raises(ConfigError, match=r"\(and 1 more\)$"):
        parse_config({**JOINT, "seed": "x", "width": "y"})


@pytest.mark.parametrize("document", [JOINT, COST_ONLY], ids=["joint", "cost only"])
def test_with_every_setting_written_out_a_study_is_the_same_study(document: Mapping[str, object]) -> None:
    first = resolve(parse_config(document))
    second = resolve(parse_config(first.config.document()))
    assert second.config == first.config
    assert second.problem.fingerprint == first.problem.fingerprint
    assert build_designs(first.config) == first.problem.designs
    assert build_objectives(first.config) == first.problem.objectives


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 1), ("width", 2), ("task.seed", 1), ("network.kernels", [3]), ("accelerator.clock_hz", 1e9),
        ("constraints", []), ("strategy.controller", "random"), ("training.epochs", 3), ("training.halving", None),
        ("reward", {"name": "objectives", "weight": 0.1}), ("mapping_goal", "latency"),
        ("network.freeze", {"kernel0": 3}),
    ],
)  # fmt: skip
def test_what_may_change_a_result_changes_the_fingerprint(path: str, value: object) -> None:
    assert problem(with_(JOINT, path, value)).fingerprint != problem(JOINT).fingerprint


@pytest.mark.parametrize(("path", "value"), [("name", "other"), ("budget.trials", 99), ("network.head", None)])
def test_what_cannot_change_a_result_does_not(path: str, value: object) -> None:
    assert problem(with_(JOINT, path, value)).fingerprint == problem(JOINT).fingerprint


def test_the_data_set_gives_shape_and_classes() -> None:
    found = resolve(parse_config(JOINT))
    assert found.config.network.settings["input_shape"] == [1, 8, 8]
    preset = {**JOINT, "network": {"fixed": "mobilenet-v2"}}
    designs = problem(preset).designs
    workload = designs.decode(next(designs.space.enumerate())).network.workload()
    assert (workload.inputs[0][1], workload.shapes[workload.outputs[0]]) == ((1, 1, 8, 8), (1, 10))


def test_restricted_and_frozen_decisions_leave_a_smaller_space() -> None:
    document = with_(JOINT, "network.restrict", {"kernel0": [3, 5]})
    document = with_(document, "accelerator.freeze", {"pes_x": 4, "pes_y": 4})
    whole, part = problem(JOINT).space, problem(document).space
    kernels = len(next(d for d in whole.decisions if d.name == "network.kernel0").values)
    assert part.size == whole.size // kernels * 2 // 25
    assert all(point in whole for point in part.sample(np.random.default_rng(0), 20))


def test_fixed_sides_have_nothing_to_decide(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(write_text(find_accelerator("edge-array")))
    from_file = problem({**JOINT, "accelerator": {"file": str(tmp_path / "chip.yaml")}})
    fixed = problem({**JOINT, "accelerator": {"fixed": "edge-array/baseline"}})
    assert from_file.designs == fixed.designs
    assert all(name.startswith("network.") for name in fixed.space.names)
    both = problem({**COST_ONLY, "accelerator": {"fixed": "edge-array"}})
    assert (both.space.size, both.accuracy) == (1, None)


def test_paths_in_a_file_start_from_its_folder_and_overrides_apply(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(write_text(find_accelerator("edge-array")))
    study = tmp_path / "study.yaml"
    study.write_text(
        "name: x\nnetwork: {fixed: mobilenet-v2}\naccelerator: {file: chip.yaml}\nobjectives: [{minimize: latency_s}]\n"
    )
    config = load_config(study, ["budget.trials=7", "strategy.name=random"])
    assert (config.accelerator.file, config.budget.trials) == (str(tmp_path / "chip.yaml"), 7)
    assert problem(config.document()).space.size == 1


def test_a_model_file_is_a_fixed_network_that_can_be_trained(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    family = ToyNetworks()
    workload = family.lower(family.space.point({"width": 2, "depth": 1}))
    weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(workload).items()}
    export_onnx(workload, weights, tmp_path / "model.onnx")
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump({**JOINT, "network": {"onnx": "model.onnx"}}))
    found = build(load_config(study))
    read = found.designs.decode(next(found.space.enumerate())).network.workload()
    assert (read.macs, read.parameters) == (workload.macs, workload.parameters)
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"^network\.onnx: "):
        build(load_config(study))


def test_the_seed_of_the_study_is_that_of_its_trainings_unless_said() -> None:
    for document, seed in ((with_(JOINT, "seed", 5), 5), (with_(with_(JOINT, "seed", 5), "training.seed", 2), 2)):
        accuracy = problem(document).accuracy
        assert isinstance(accuracy, RealTraining)
        assert accuracy.recipe.seed == seed


def test_reading_and_building_imports_no_torch_and_a_cost_only_study_no_sklearn() -> None:
    code = (
        "import sys; from coexplore.studies.config import build, parse_config;"
        f"build(parse_config({COST_ONLY!r})).fingerprint; print('sklearn' in sys.modules);"
        f"build(parse_config({JOINT!r})).fingerprint; print('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\nFalse\n"
    )
