"""The design to take along, and a study as one document."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from report_cases import make_result, small_config

from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Objective
from coexplore.reports.summary import chosen_trial, measured, status_document
from coexplore.spaces.space import Point
from coexplore.studies.trial import SCREENED, TrialRecord, TrialState

LATENCY = Objective("latency_s", Direction.MINIMIZE)
ENERGY = Objective("energy_j", Direction.MINIMIZE)
ACCURACY = Objective("accuracy", Direction.MAXIMIZE)


def trial(number: int, **metrics: float) -> TrialRecord:
    return TrialRecord(number, TrialState.COMPLETE, Point(), metrics)


def test_the_most_accurate_design_is_chosen_wherever_accuracy_stands_among_the_objectives() -> None:
    front = [trial(0, latency_s=1.0, accuracy=0.9), trial(1, latency_s=2.0, accuracy=0.95)]
    chosen = chosen_trial(front, [LATENCY, ACCURACY])
    assert chosen is not None
    assert chosen.number == 1


def test_equal_accuracy_is_decided_by_the_other_objectives_in_order() -> None:
    front = [
        trial(0, latency_s=2.0, energy_j=1.0, accuracy=0.9),
        trial(1, latency_s=1.0, energy_j=2.0, accuracy=0.9),
    ]
    chosen = chosen_trial(front, [ACCURACY, LATENCY, ENERGY])
    assert chosen is not None
    assert chosen.number == 1


def test_without_accuracy_the_best_by_the_first_objective_is_chosen() -> None:
    front = [trial(0, latency_s=2.0, energy_j=1.0), trial(1, latency_s=1.0, energy_j=2.0)]
    chosen = chosen_trial(front, [ENERGY, LATENCY])
    assert chosen is not None
    assert chosen.number == 0


def test_nothing_is_chosen_from_an_empty_front() -> None:
    assert chosen_trial([], [LATENCY]) is None


def test_the_document_of_a_study_is_json_and_counts_what_happened(tmp_path: Path) -> None:
    result = make_result(tmp_path)
    document = json.loads(json.dumps(status_document(result, {}), allow_nan=False))
    assert document["state"] == "finished"
    assert document["trials"] == len(result.trials) == sum(document["trials_by_state"].values())
    assert document["trained_networks"] == result.trained_networks
    assert [entry["number"] for entry in document["front"]] == [trial.number for trial in result.front]
    assert document["front"][0]["point"] == dict(result.front[0].point)
    assert document["front"][0]["metrics"] == result.front[0].metrics
    assert document["closest"] is None


def test_the_test_accuracy_stands_among_the_metrics_once_it_is_known(tmp_path: Path) -> None:
    result = make_result(tmp_path)
    first = result.front[0]
    assert "test_accuracy" not in measured(first, {})
    assert measured(first, {first.network: 0.5})["test_accuracy"] == 0.5
    assert "test_accuracy" not in first.metrics


def test_a_study_without_a_feasible_design_names_the_closest(tmp_path: Path) -> None:
    result = make_result(tmp_path, small_config(at_most=1.0))
    document = status_document(result, {})
    closest = document["closest"]
    assert document["state"] == "infeasible"
    assert isinstance(closest, dict)
    assert closest["violation"] == min(trial.violation for trial in result.trials)
    assert "area_mm2" in closest["reason"]
    screened = replace(result, closest=replace(result.trials[0], number=SCREENED))
    closest = status_document(screened, {})["closest"]
    assert isinstance(closest, dict)
    assert closest["number"] is None
