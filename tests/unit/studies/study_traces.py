"""What a study left behind, without its clocks, so that two of them can be compared."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from coexplore.studies.directory import StudyDirectory, read_manifest
from coexplore.studies.store import open_journal
from coexplore.studies.study import StudyResult
from coexplore.testing.toy import toy_problem


def trace(directory: Path) -> dict[str, Any]:
    """Trials as Optuna reads them, cache, weights and checkpoint of a study directory."""
    files = StudyDirectory(directory)
    manifest = read_manifest(files)
    assert manifest is not None
    storage = open_journal(files.journal, writable=False)
    study = storage.get_study_id_from_name(manifest.identity)
    trials = [
        (trial.number, trial.state.name, trial.params, trial.values, trial.user_attrs)
        for trial in storage.get_all_trials(study)
    ]
    checkpoint = json.loads(files.checkpoint.read_text())
    del checkpoint["seconds"]
    return {"trials": trials, "checkpoint": checkpoint, "cache": _cache(files), "weights": _weights(files)}


def result_trace(result: StudyResult) -> tuple[object, ...]:
    """A result without its directory and its clock."""
    return (result.state, result.trials, result.front, result.trained_networks, result.screened)


def _cache(files: StudyDirectory) -> dict[str, Any]:
    if not files.cache.exists():
        return {}
    with sqlite3.connect(files.cache) as database:
        return {
            key: json.loads(document) for key, document in database.execute("SELECT key, document FROM evaluations")
        }


def _weights(files: StudyDirectory) -> dict[str, dict[str, list[float]]]:
    found = {}
    for path in sorted(files.networks.glob("*")):
        with np.load(path, allow_pickle=False) as arrays:
            found[path.name] = {name: arrays[name].tolist() for name in arrays.files}
    return found


SPACE = toy_problem().space
