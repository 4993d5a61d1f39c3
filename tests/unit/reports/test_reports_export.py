"""Trials leave a study as bundles; only complete ones do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from report_cases import make_result

from coexplore.core.errors import StoreError, StudyError
from coexplore.cost.model import price
from coexplore.reports.bundle import read_bundle
from coexplore.reports.export import complete_trial, export_trial
from coexplore.studies.trial import TrialState


@pytest.mark.parametrize("number", [-1, 12, 10**9])
def test_a_trial_that_is_not_there_is_refused(tmp_path: Path, number: int) -> None:
    with pytest.raises(StudyError, match=r"the study has 12"):
        complete_trial(make_result(tmp_path), number)


def test_an_infeasible_trial_is_refused_with_its_reason(tmp_path: Path) -> None:
    result = make_result(tmp_path)
    number = next(trial.number for trial in result.trials if trial.state is TrialState.INFEASIBLE)
    with pytest.raises(StudyError, match=r"infeasible \(area_mm2 is"):
        complete_trial(result, number)


def test_the_bundle_of_a_trial_prices_as_the_study_did(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    result = make_result(tmp_path)
    trial = replace(result.front[0], network="")
    export_trial(result, trial, tmp_path / "bundle")
    bundle = read_bundle(tmp_path / "bundle")
    metrics = price(bundle.workload, bundle.accelerator, mappings=bundle.mappings).metrics()
    assert metrics == {name: trial.metrics[name] for name in metrics}
    assert json.loads((tmp_path / "bundle" / "metrics.json").read_text())["metrics"] == trial.metrics


def test_weights_that_are_gone_are_an_error(tmp_path: Path) -> None:
    result = make_result(tmp_path)
    with pytest.raises(StoreError, match=r"\.npz does not exist"):
        export_trial(result, result.front[0], tmp_path / "bundle")
