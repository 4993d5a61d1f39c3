"""The examples of joint studies are legal as they are, and run to an end on a few networks and accelerators."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexplore.studies.config import load_config, resolve
from coexplore.studies.study import StudyState, run_study

EXAMPLES = Path(__file__).parents[3] / "examples" / "nahas"
FEW = [
    "network.freeze={edge1_0: nor_conv_3x3, edge2_0: skip_connect, edge2_1: none, edge3_0: nor_conv_1x1}",
    "accelerator.restrict={pes_x: [2, 4], pes_y: [4], simd_units: [64], lanes: [2, 4], local_memory_mb: [0.5], "
    "register_file_kb: [32], io_bandwidth_gb_s: [20.0]}",
    "budget.trials=6",
]


@pytest.mark.data
@pytest.mark.parametrize("name", ["joint_exact", "ppo_joint", "exact_hardware"])
def test_an_example_runs(name, data_folder, tmp_path):
    path = EXAMPLES / f"{name}.yaml"
    assert resolve(load_config(path), data_folder).problem.space.size > 10**6
    result = run_study(load_config(path, FEW), tmp_path, 0, data_root=data_folder)
    assert result.state is StudyState.FINISHED
    assert result.front
    assert (result.joint is not None) is (name == "joint_exact")
