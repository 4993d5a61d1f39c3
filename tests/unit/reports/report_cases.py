"""A study made by hand: real families, real prices, invented accuracies, a few trials of each kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from coexplore.cost.model import price
from coexplore.objectives.objective import Constraint, feasibility
from coexplore.studies.config import build_designs, parse_config
from coexplore.studies.schema import StudyConfig
from coexplore.studies.study import StudyResult, StudyState
from coexplore.studies.trial import TrialRecord, TrialState

AREA_LIMIT_MM2 = 40.0


def small_config(name: str = "by-hand", at_most: float = AREA_LIMIT_MM2, **sections: object) -> StudyConfig:
    """Two convolutions on the edge array; accuracy, latency and energy are wanted."""
    return parse_config(
        {
            "name": name,
            "network": {"family": "plain-cnn", "layers": [2], "filters": [8, 16], "input_shape": [1, 8, 8]},
            "accelerator": {"family": "edge-array"},
            "objectives": [{"maximize": "accuracy"}, {"minimize": "latency_s"}, {"minimize": "energy_j"}],
            "constraints": [{"metric": "area_mm2", "at_most": at_most}],
            "seed": 3,
            **sections,
        }
    )


def make_trials(config: StudyConfig, count: int = 12) -> tuple[TrialRecord, ...]:
    """Random designs; those above the limit of area are infeasible, the others have an accuracy."""
    rng = np.random.default_rng(config.seed)
    designs = build_designs(config)
    limits = tuple(Constraint(c.metric, c.at_most, c.at_least) for c in config.constraints)
    trials = []
    for number, point in enumerate(designs.space.sample(rng, count)):
        design = designs.decode(point)
        metrics = price(design.network.workload(), design.accelerator).metrics()
        verdict = feasibility(limits, metrics)
        if verdict.feasible:
            metrics["accuracy"] = float(rng.uniform(0.8, 1.0))
        state = TrialState.COMPLETE if verdict.feasible else TrialState.INFEASIBLE
        network = f"{number:064x}" if verdict.feasible else ""
        trials.append(TrialRecord(number, state, point, metrics, verdict.reason, verdict.violation, (), network))
    return tuple(trials)


def make_result(directory: Path, config: StudyConfig | None = None, count: int = 12) -> StudyResult:
    """A finished study in a directory that need not exist."""
    config = config or small_config()
    trials = make_trials(config, count)
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    front = tuple(trial for trial in complete if not any(_beats(other, trial) for other in complete))
    state = StudyState.FINISHED if front else StudyState.INFEASIBLE
    missed = [trial for trial in trials if trial.state is TrialState.INFEASIBLE]
    closest = min(missed, key=lambda trial: trial.violation, default=None)
    return StudyResult(config, state, trials, front, len(complete), 5, directory, 12.0, closest)


def _beats(a: TrialRecord, b: TrialRecord) -> bool:
    pairs = [(-t.metrics["accuracy"], t.metrics["latency_s"], t.metrics["energy_j"]) for t in (a, b)]
    return all(x <= y for x, y in zip(*pairs, strict=True)) and pairs[0] != pairs[1]
