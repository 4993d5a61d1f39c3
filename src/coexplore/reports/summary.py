"""What does a study amount to? The design to take along, and all of it as one document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Objective
from coexplore.reports.units import TEST_ACCURACY
from coexplore.studies.config import build_objectives
from coexplore.studies.exact_solution import Solution
from coexplore.studies.joint_solution import JointSolution
from coexplore.studies.study import StudyResult
from coexplore.studies.suite_solution import SuiteSolution
from coexplore.studies.trial import SCREENED, TrialRecord, TrialState

TestAccuracies = Mapping[str, float]
"""Accuracy (fraction) on the test part by content hash of the network."""


def chosen_trial(front: Sequence[TrialRecord], objectives: Sequence[Objective]) -> TrialRecord | None:
    """The design of the front to take along: the most accurate, else the best by the first objective.

    Ties go to the better design by the other objectives, in their order.
    """
    accuracy = [Objective("accuracy", Direction.MAXIMIZE)]
    order = [*(accuracy if any("accuracy" in trial.metrics for trial in front) else []), *objectives]
    return min(front, key=lambda trial: [objective.loss(trial.metrics) for objective in order], default=None)


def status_document(result: StudyResult, tested: TestAccuracies) -> dict[str, object]:
    """A study for machines: exact numbers, accuracies as fractions.

    Args:
        result: the study.
        tested: what is known of the test part; it stands among the metrics of the front as `test_accuracy`.
    """
    objectives = build_objectives(result.config)
    chosen = chosen_trial(result.front, objectives)
    closest = None if result.front else result.closest
    states = Counter(trial.state for trial in result.trials)
    return {
        "name": result.config.name,
        "directory": str(result.directory),
        "state": result.state.value,
        "trials": len(result.trials),
        "trials_by_state": {state.value: states[state] for state in TrialState},
        "trials_planned": result.planned,
        "screened": result.screened,
        "trained_networks": result.trained_networks,
        "seed": result.config.seed,
        "objectives": [{"metric": o.metric, "direction": o.direction.value} for o in objectives],
        "front": [trial_document(trial, tested) for trial in result.front],
        "chosen": None if chosen is None else chosen.number,
        "exact": None if result.solution is None else solution_document(result.solution),
        "joint": None if result.joint is None else solution_document(result.joint),
        "suite": None if result.suite is None else suite_document(result.suite),
        "closest": None if closest is None else {**trial_document(closest, tested), "reason": closest.reason},
    }


def solution_document(solution: Solution | JointSolution) -> dict[str, object]:
    """The proof of a front, all but the front itself; `equal` says how many designs each member stands for."""
    document = asdict(solution)
    for name in ("front", "nearest", "fingerprint"):
        del document[name]
    return {"proven_complete": True, "equal": [survivor.equal for survivor in solution.front], **document}


def suite_document(solution: SuiteSolution) -> dict[str, object]:
    """The best accelerators for a suite, with every member's network."""
    document = asdict(solution)
    del document["fingerprint"]
    return document


def trial_document(trial: TrialRecord, tested: TestAccuracies) -> dict[str, object]:
    """One design: its number (null where it was only priced), what was measured of it, its decisions."""
    return {
        "number": None if trial.number == SCREENED else trial.number,
        "metrics": measured(trial, tested),
        "point": dict(trial.point),
        "violation": trial.violation,
        "network": trial.network or None,
    }


def measured(trial: TrialRecord, tested: TestAccuracies) -> dict[str, float]:
    """The metrics of a trial, with the accuracy on the test part where it is known."""
    known = {TEST_ACCURACY: tested[trial.network]} if trial.network in tested else {}
    return {**trial.metrics, **known}
