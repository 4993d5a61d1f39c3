"""How far is the driver? What it needs, beside the trials in the store, to go on as if it had never stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coexplore.accuracy.halving import Rung
from coexplore.core.errors import StoreError
from coexplore.core.files import write_atomic
from coexplore.spaces.decision import Value
from coexplore.spaces.space import Point
from coexplore.studies.directory import SCHEMA, read_document
from coexplore.studies.trial import SCREENED, TrialRecord, TrialState


@dataclass(frozen=True, slots=True)
class Pending:
    """A trial that was suggested and that the strategy has not yet heard of."""

    number: int
    point: Mapping[str, Value]
    rungs: tuple[Rung, ...]
    """Thresholds of early stopping, fixed when the trial was suggested."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a driver between two steps."""

    strategy: Mapping[str, object]
    """State of the strategy."""
    observed: int = 0
    """Trials the strategy has heard of: numbers 0 to observed - 1."""
    pending: tuple[Pending, ...] = ()
    """The trials after those, in order."""
    screened: int = 0
    """Designs that were priced for the strategy without becoming trials."""
    looks: int = 0
    """Looks at designs through shared weights; which weights to go on with."""
    barren: int | None = 0
    """Infeasible designs, priced or observed, before the first feasible one; None once there was one."""
    closest: TrialRecord | None = None
    """Of the designs that were priced only, the one that misses the constraints by least; its number is SCREENED."""
    baseline: float | None = None
    """Moving average of the accuracies observed, for rewards that compare with it."""
    exhausted: bool = False
    """The strategy has nothing more to suggest."""
    finished: bool = False
    """The budget is spent, or the strategy exhausted, and all trials have ended."""
    seconds: float = field(default=0.0, compare=False)
    """Wall time spent by all runs so far."""

    def write(self, path: Path) -> None:
        """Replace the file at once.

        Raises:
            StoreError: not writable, or the disk is full; the file is left as it was.
        """
        pending = [
            {
                "number": trial.number,
                "point": dict(trial.point),
                "rungs": [[rung.epochs, rung.at_least] for rung in trial.rungs],
            }
            for trial in self.pending
        ]
        document = {
            "schema": SCHEMA,
            "observed": self.observed,
            "pending": pending,
            "screened": self.screened,
            "looks": self.looks,
            "barren": self.barren,
            "closest": self.closest and _closest_document(self.closest),
            "baseline": self.baseline,
            "exhausted": self.exhausted,
            "finished": self.finished,
            "seconds": self.seconds,
            "strategy": self.strategy,
        }
        write_atomic(path, json.dumps(document))


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint of a study, None before its first step.

    Raises:
        StoreError: damaged, or of another version.
    """
    if not path.exists():
        return None
    document = read_document(path)
    if document.pop("schema", None) != SCHEMA:
        raise StoreError(f"{path} was written by another version of coexplore; use that version or another directory")
    try:
        parts = {"pending": _pending(document["pending"]), "closest": _closest(document["closest"])}
        return Checkpoint(**{**document, **parts})  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{path} is damaged ({error}); delete it, and the study is played again from its trials"
        ) from error


def _pending(entries: object) -> tuple[Pending, ...]:
    if not isinstance(entries, list):
        raise TypeError("pending is not a list")
    return tuple(
        Pending(entry["number"], entry["point"], tuple(Rung(*rung) for rung in entry["rungs"])) for entry in entries
    )


def _closest_document(record: TrialRecord) -> dict[str, object]:
    return {
        "point": dict(record.point),
        "metrics": record.metrics,
        "reason": record.reason,
        "violation": record.violation,
    }


def _closest(entry: object) -> TrialRecord | None:
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise TypeError("closest is not a mapping")
    point = Point(tuple(entry["point"].items()))
    return TrialRecord(SCREENED, TrialState.INFEASIBLE, point, entry["metrics"], entry["reason"], entry["violation"])
