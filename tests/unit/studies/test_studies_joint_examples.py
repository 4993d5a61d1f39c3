"""The examples of NAHAS are legal as they are, and run to an end on a few networks and accelerators."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexplore.core.errors import ConfigError, DataError
from coexplore.studies.config import load_config, resolve
from coexplore.studies.study import StudyState, run_study

EXAMPLES = Path(__file__).parents[3] / "examples" / "nahas"
FEW = [
    "network.freeze={edge1_0: nor_conv_3x3, edge2_0: skip_connect, edge2_1: none, edge3_0: nor_conv_1x1}",
    "accelerator.restrict={pes_x: [2, 4], pes_y: [4], simd_units: [64], lanes: [2, 4], local_memory_mb: [0.5], "
    "register_file_kb: [32], io_bandwidth_gb_s: [20.0]}",
    "budget.trials=6",
]


CHIPS, TRIALS = FEW[1:]
SUITE = "network.suite.2.network.freeze={edge1_0: nor_conv_3x3, edge2_0: skip_connect, edge2_1: none, edge3_0: none}"
STAGES = ("block0_e: 6", "block0_k: 3", "block1_e: 4", "block2_k: 5", "block3_e: 6", "block5_e: 6", "block6_k: 3")
LISTED = "network.freeze={" + ", ".join(STAGES) + "}"


@pytest.mark.data
@pytest.mark.parametrize("mode", ["joint", "fixed-accelerator", "hardware-only", "phase"])
def test_one_file_has_all_modes(mode, data_folder, tmp_path):
    config = load_config(EXAMPLES / "modes.yaml", [TRIALS, f"mode={mode}"])
    result = run_study(config, tmp_path, 0, data_root=data_folder)
    assert result.state is StudyState.FINISHED
    assert result.config.reward.settings["area_target_mm2"] == pytest.approx(39.4, rel=0.01)


@pytest.mark.data
@pytest.mark.parametrize("reward", [
    "weighted-product-hard", "weighted-product-soft", "mnas", "mnas-hard", "absolute",
])  # fmt: skip
def test_one_file_takes_every_reward(reward, data_folder):
    overrides = [f"reward={{name: {reward}, target: 2.0e-4}}", "strategy.name=ppo"]
    assert resolve(load_config(EXAMPLES / "modes.yaml", overrides), data_folder).config.reward.name == reward


@pytest.mark.data
def test_the_example_of_a_suite_runs(data_folder, tmp_path):
    result = run_study(load_config(EXAMPLES / "suite.yaml", [SUITE, CHIPS]), tmp_path, 0, data_root=data_folder)
    assert result.state is StudyState.FINISHED
    assert [member.name for member in result.suite.front[0].members] == ["camera", "keyboard", "thumbnails"]


@pytest.mark.data
def test_the_example_of_listed_networks_runs(data_folder, tmp_path):
    config = load_config(EXAMPLES / "joint_exact_imagenet.yaml", [LISTED, CHIPS])
    result = run_study(config, tmp_path, 0, data_root=data_folder)
    assert result.state is StudyState.FINISHED
    assert 0 < result.joint.known < result.joint.networks == 4616


def test_examples_that_need_a_trained_file_name_its_command(tmp_path):
    with pytest.raises(DataError, match=r"accel\.npz: there is no such file; `coexplore train-surrogate`"):
        resolve(load_config(EXAMPLES / "surrogate.yaml"), tmp_path)
    config = load_config(EXAMPLES / "learned_cost.yaml", ["task=null", "objectives=[{minimize: latency_s}]"])
    with pytest.raises(ConfigError, match=r"cost\.learned: .*nb201-edge-array\.npz does not exist"):
        resolve(config)


@pytest.mark.data
@pytest.mark.parametrize("name", ["joint_exact", "ppo_joint", "exact_hardware"])
def test_an_example_runs(name, data_folder, tmp_path):
    path = EXAMPLES / f"{name}.yaml"
    assert resolve(load_config(path), data_folder).problem.space.size > 10**6
    result = run_study(load_config(path, FEW), tmp_path, 0, data_root=data_folder)
    assert result.state is StudyState.FINISHED
    assert result.front
    assert (result.joint is not None) is (name == "joint_exact")
