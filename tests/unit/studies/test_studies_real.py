"""The real thing, small: digits are trained, an edge array is priced, in every mode."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from study_traces import result_trace, trace

from coexplore.core.errors import StoreError
from coexplore.spaces.space import part
from coexplore.studies.config import parse_config
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.phases import phase_folders
from coexplore.studies.study import StudyState, open_study, run_study
from coexplore.studies.trial import TrialState

SMALL: dict[str, object] = {
    "name": "small",
    "task": {"dataset": "digits", "limit": 200},
    "network": {"family": "inverted-bottleneck", "restrict": {"width0": [8, 16]}, "freeze": {"kernel0": 3}},
    "accelerator": {"family": "edge-array"},
    "objectives": [{"maximize": "accuracy"}, {"minimize": "latency_s"}],
    "constraints": [{"metric": "area_mm2", "at_most": 60}],
    "strategy": {"name": "two-level", "controller": "random"},
    "training": {"epochs": 2, "halving": None},
    "budget": {"trials": 3},
}
COST_ONLY: dict[str, object] = {
    "name": "chip",
    "network": {"fixed": "mobilenet-v2", "input_shape": [3, 32, 32]},
    "accelerator": {"family": "edge-array", "restrict": {"pes_x": [4], "pes_y": [4], "simd_units": [64]}},
    "objectives": [{"minimize": "latency_s"}, {"minimize": "area_mm2"}],
    "strategy": {"name": "random"},
    "budget": {"trials": 4},
}


@pytest.mark.slow
def test_a_joint_study_trains_prices_and_reads_back(tmp_path: Path) -> None:
    result = run_study(parse_config(SMALL), tmp_path, workers=1)
    assert (result.state, len(result.trials)) == (StudyState.FINISHED, 3)
    for trial in result.trials:
        assert trial.state is TrialState.COMPLETE
        assert 0.0 <= trial.metrics["accuracy"] <= 1.0
        assert len(trial.curve) == 2
        assert trial.metrics["area_mm2"] <= 60
        with np.load(StudyDirectory(tmp_path).weights(trial.network), allow_pickle=False) as weights:
            assert weights["fc.weight"].shape[0] == 10
    assert result_trace(open_study(tmp_path)) == result_trace(result)
    assert open_study(tmp_path).config == result.config


@pytest.mark.slow
def test_a_fixed_network_is_trained_once(tmp_path: Path) -> None:
    config = parse_config({**SMALL, "network": {"fixed": "mobilenet-v2"}, "training": {"epochs": 1}})
    result = run_study(config, tmp_path, workers=1)
    assert (len(result.trials), result.trained_networks) == (3, 1)
    assert len({trial.metrics["accuracy"] for trial in result.trials}) == 1


@pytest.mark.slow
def test_phases_hand_the_accelerator_on(tmp_path: Path) -> None:
    config = parse_config({**SMALL, "phases": {}, "budget": {"trials": 5}})
    result = run_study(config, tmp_path, workers=1)
    first, second = (open_study(folder) for folder in phase_folders(tmp_path, config.phases))
    assert (len(first.trials), len(second.trials)) == (2, 3)
    assert len({part(trial.point, "network") for trial in first.trials}) == 1
    (accelerator,) = {part(trial.point, "accelerator") for trial in second.trials}
    assert accelerator in {part(trial.point, "accelerator") for trial in first.trials}
    assert result.trials == second.trials
    assert result.trained_networks == first.trained_networks + second.trained_networks
    assert result_trace(open_study(tmp_path)) == result_trace(result)
    assert result_trace(run_study(config, tmp_path, workers=1)) == result_trace(result)
    with pytest.raises(StoreError, match="holds another study: phases is"):
        run_study(parse_config({**SMALL, "budget": {"trials": 5}}), tmp_path)


def test_a_cost_only_study_needs_no_task_no_torch_and_no_worker(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from coexplore.studies.config import parse_config;"
        "from coexplore.studies.study import run_study;"
        f"result = run_study(parse_config({COST_ONLY!r}), Path({str(tmp_path)!r}), workers=2);"
        "print(result.state, len(result.front) > 0, [n for n in ('torch', 'sklearn', 'onnx') if n in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "finished True []\n"
    assert not StudyDirectory(tmp_path).cache.exists()


def test_a_database_holds_the_trials_as_the_journal_does(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trials.db'}"
    journal = run_study(parse_config(COST_ONLY), tmp_path / "journal")
    database = run_study(parse_config({**COST_ONLY, "store": url}), tmp_path / "database")
    assert result_trace(database) == result_trace(journal)
    assert result_trace(open_study(tmp_path / "database")) == result_trace(journal)
    assert not StudyDirectory(tmp_path / "database").journal.exists()
    with pytest.raises(StoreError, match="holds another study: store is"):
        run_study(parse_config(COST_ONLY), tmp_path / "database")


def test_another_config_is_refused_by_the_field_that_differs(tmp_path: Path) -> None:
    run_study(parse_config(COST_ONLY), tmp_path)
    before = trace(tmp_path)
    other = {**COST_ONLY, "strategy": {"name": "evolution"}, "seed": 1}
    with pytest.raises(StoreError, match=r"seed is 0 there and 1 here; strategy\.name is 'random' there"):
        run_study(parse_config(other), tmp_path)
    renamed = run_study(parse_config({**COST_ONLY, "name": "renamed"}), tmp_path)
    assert renamed.config.name == "renamed"
    assert trace(tmp_path) == before
    assert json.loads(StudyDirectory(tmp_path).study.read_text())["config"]["name"] == "renamed"
