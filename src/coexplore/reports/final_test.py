"""How good are the networks of the front on data that no search has seen? Measured once, then kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from coexplore.accuracy.data import Dataset
from coexplore.core.errors import StoreError
from coexplore.core.files import write_atomic
from coexplore.reports.arrays import read_arrays
from coexplore.studies.config import build_designs
from coexplore.studies.directory import StudyDirectory, read_document
from coexplore.studies.study import StudyResult

SCHEMA = 1
FILE_NAME = "test_accuracy.json"


def read_tested(directory: Path) -> dict[str, float]:
    """Accuracy (fraction) on the test part by content hash of the network; empty before `measure_front`.

    Raises:
        StoreError: damaged, or of another version.
    """
    path = directory / FILE_NAME
    if not path.exists():
        return {}
    document = read_document(path)
    networks = document.get("networks")
    if document.get("schema") != SCHEMA or not isinstance(networks, dict):
        raise StoreError(f"{path} is damaged or of another version; delete it and run the study again")
    if not all(isinstance(value, float | int) and math.isfinite(value) for value in networks.values()):
        raise StoreError(f"{path} is damaged: an accuracy is not a number; delete it and run the study again")
    return {name: float(value) for name, value in networks.items()}


def measure_front(result: StudyResult, dataset: Dataset) -> Mapping[str, float]:
    """Measure the trained networks of the front that were not measured before, and keep the result.

    Args:
        result: the study.
        dataset: of its task; only the test part is read.

    Raises:
        EvaluationError: a network cannot be measured.
        MissingExtraError: torch is not installed.
        StoreError: weights are missing or damaged, or the result cannot be written.
    """
    from coexplore.accuracy.training import test_accuracy

    tested = read_tested(result.directory)
    designs, directory = build_designs(result.config), StudyDirectory(result.directory)
    waiting = {trial.network: trial for trial in result.front if trial.network and trial.network not in tested}
    for network, trial in waiting.items():
        weights = read_arrays(directory.weights(network))
        tested[network] = test_accuracy(designs.decode(trial.point).network.workload(), weights, dataset)
    if waiting:
        write_atomic(result.directory / FILE_NAME, json.dumps({"schema": SCHEMA, "networks": tested}, indent=1) + "\n")
    return tested
