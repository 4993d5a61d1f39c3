"""One setting makes the four modes of a study, which differ in what is free and in nothing else."""

from __future__ import annotations

import pytest
from joint_cases import FROZEN, joint_config, write_table

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.errors import ConfigError
from coexplore.spaces.space import factor, part
from coexplore.studies.config import resolve
from coexplore.studies.study import StudyState, run_study

CHIPS = {
    "family": "edge-array",
    "restrict": {
        "pes_x": [4], "pes_y": [4], "simd_units": [64], "lanes": [2, 4], "local_memory_mb": [2.0],
        "register_file_kb": [32], "io_bandwidth_gb_s": [5.0, 20.0],
    },
}  # fmt: skip
MODES = ("joint", "fixed-accelerator", "hardware-only", "phase")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("data"))


def config(table, mode, **fields):
    known = {
        "mode": mode, "accelerator": CHIPS, "strategy": {"name": "random"}, "budget": {"trials": 4},
        "reward": {"name": "weighted-product-soft", "target": 1e-5, "area_target_mm2": "baseline"},
    }  # fmt: skip
    return joint_config(table, **{**known, **fields})


def sizes(config):
    problem = resolve(config).problem
    return tuple(factor(problem.space, side).size for side in ("network", "accelerator"))


def test_what_is_free(table):
    assert {mode: sizes(config(table, mode)) for mode in MODES} == {
        "joint": (25, 4), "fixed-accelerator": (25, 1), "hardware-only": (1, 4), "phase": (25, 4),
    }  # fmt: skip


def test_the_fixed_accelerator_is_the_baseline_and_the_fixed_network_the_middle_one(table):
    (point,) = [next(resolve(config(table, "fixed-accelerator")).problem.space.enumerate())]
    assert part(point, "accelerator") == EdgeArray().presets["baseline"]
    network = part(next(resolve(config(table, "hardware-only")).problem.space.enumerate()), "network")
    free = {name: value for name, value in network.items() if name not in FROZEN}
    assert set(free.values()) == {"nor_conv_1x1"}


def test_nothing_else_differs(table):
    problems = {mode: resolve(config(table, mode)).problem for mode in MODES}
    for problem in problems.values():
        assert problem.reward == problems["joint"].reward
        assert (problem.strategy, problem.seed) == (problems["joint"].strategy, problems["joint"].seed)
    assert resolve(config(table, "joint")).config == resolve(config(table, None)).config
    assert resolve(config(table, "phase")).config == resolve(config(table, None, phases={})).config
    assert all(resolve(config(table, mode)).config.mode is None for mode in MODES)


@pytest.mark.parametrize("mode", MODES)
def test_a_study_runs_in_every_mode(mode, table, tmp_path):
    result = run_study(config(table, mode), tmp_path, 0)
    assert result.state is StudyState.FINISHED
    assert run_study(config(table, mode), tmp_path, 0).trials == result.trials


@pytest.mark.parametrize(("fields", "message"), [
    ({"mode": "joint", "phases": {}}, "phases: does not go with mode: joint"),
    ({"mode": "fixed", }, "mode: is 'fixed'; input should be 'joint', 'fixed-accelerator'"),
    ({"mode": "phase", "accelerator": {"fixed": "edge-array/baseline"}}, "mode: is phase, but the accelerator is"),
    ({"mode": "fixed-accelerator", "accelerator": {"family": "edge-array", "restrict": {"pes_x": [1, 2]}}},
     "leave the family's baseline out .*pes_x"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused(fields, message, table):
    with pytest.raises(ConfigError, match=message):
        resolve(config(table, **fields))
