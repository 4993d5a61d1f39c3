"""Where do trials live? In an Optuna study, through which dashboards and other tools read them too.

The store is a journal file in the study directory, or any database Optuna takes by URL. The driver is its only writer
and writes in trial order, so the sequence of operations depends on the study alone.

    trial state    Optuna state    user attributes
    RUNNING        RUNNING
    COMPLETE       COMPLETE        metrics, and curve and network where something was trained
    INFEASIBLE     PRUNED          reason, violation, and metrics as far as they were known
    FAILED         FAIL            reason, and what else was known
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from coexplore.core.errors import StoreError
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Objective
from coexplore.spaces.space import Point, Space
from coexplore.studies.trial import TrialRecord, TrialState

_TO_OPTUNA = {
    TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.INFEASIBLE: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL,
}
_FROM_OPTUNA = {theirs: ours for ours, theirs in _TO_OPTUNA.items()}
_DIRECTIONS = {Direction.MAXIMIZE: StudyDirection.MAXIMIZE, Direction.MINIMIZE: StudyDirection.MINIMIZE}


def open_journal(path: Path, *, writable: bool) -> BaseStorage:
    """The storage in a journal file; the caller of a writable one holds the lock of the directory.

    A process that was killed may have left half a line at the end: a writer cuts it off, a reader skips it.

    Raises:
        StoreError: unreadable, not writable, or damaged.
    """
    with _reported(str(path)), _read_back(str(path)):
        if writable:
            _cut_half_line(path)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=_LockedAlready()))


def open_database(url: str) -> BaseStorage:
    """The storage in a database (SQLite, PostgreSQL, MySQL) by its URL.

    Raises:
        StoreError: no such database, or it cannot be used.
    """
    from sqlalchemy.exc import SQLAlchemyError  # here, because it costs every other command 0.1 s

    place = url.rsplit("@", 1)[-1]
    try:
        with _reported(place):
            return RDBStorage(url)
    except (SQLAlchemyError, ImportError, RuntimeError) as error:
        raise StoreError(f"cannot use the database ({place}): {str(error).splitlines()[0]}") from error


def read_records(storage: BaseStorage, name: str, space: Space) -> list[TrialRecord]:
    """The trials of a study, none where it is not in the storage; writes nothing.

    Raises:
        StoreError: unreadable or damaged.
    """
    with _reported(name), _read_back(name):
        try:
            study = storage.get_study_id_from_name(name)
        except KeyError:
            return []
        return [_record(trial, space) for trial in storage.get_all_trials(study, deepcopy=False)]


class TrialStore:
    """The trials of one study, for its driver.

    Args:
        storage: from `open_journal` or `open_database`.
        name: of the study in the storage; it is entered when it does not exist.
        objectives: their directions go into the store, their metrics become the values of the trials.
        space: of the points.

    Raises:
        StoreError: unreadable, not writable, or damaged.
    """

    def __init__(self, storage: BaseStorage, name: str, objectives: Sequence[Objective], space: Space) -> None:
        self._storage, self._objectives = storage, objectives
        self._distributions = {d.name: CategoricalDistribution(d.values) for d in space.decisions}
        self._records = read_records(storage, name, space)
        with _reported(name), _quiet():
            self._study = self._find(name)
            trials = storage.get_all_trials(self._study, deepcopy=False)
            self._ids = [trial._trial_id for trial in trials]

    def _find(self, name: str) -> int:
        try:
            return self._storage.get_study_id_from_name(name)
        except KeyError:
            directions = [_DIRECTIONS[objective.direction] for objective in self._objectives]
            return self._storage.create_new_study(directions, name)

    @property
    def records(self) -> Sequence[TrialRecord]:
        """All trials by number."""
        return self._records

    def create(self, point: Point) -> int:
        """Enter a running trial and return its number.

        Raises:
            StoreError: not writable, or the disk is full.
        """
        template = create_trial(
            state=OptunaState.RUNNING,
            params=dict(point),
            distributions={name: self._distributions[name] for name in point},
        )
        number = len(self._records)
        with _reported(f"trial {number}"):
            self._ids.append(self._storage.create_new_trial(self._study, template))
        self._records.append(TrialRecord(number, TrialState.RUNNING, point))
        return number

    def finish(self, record: TrialRecord) -> None:
        """Tell how a running trial ended; a second ending is refused.

        Raises:
            StoreError: not writable, the disk is full, or the trial is not running.
        """
        if self._records[record.number].state is not TrialState.RUNNING or record.state is TrialState.RUNNING:
            raise StoreError(f"trial {record.number} cannot end twice, nor end as running")
        complete = record.state is TrialState.COMPLETE
        values = [record.metrics[objective.metric] for objective in self._objectives] if complete else None
        trial = self._ids[record.number]
        with _reported(f"trial {record.number}"):
            for name, value in _attributes(record).items():
                self._storage.set_trial_user_attr(trial, name, value)
            self._storage.set_trial_state_values(trial, _TO_OPTUNA[record.state], values)
        self._records[record.number] = record


def _record(trial: FrozenTrial, space: Space) -> TrialRecord:
    state = _FROM_OPTUNA[trial.state]
    point = space.point(trial.params)
    if state is TrialState.RUNNING:
        return TrialRecord(trial.number, state, point)
    told = trial.user_attrs
    return TrialRecord(
        number=trial.number,
        state=state,
        point=point,
        metrics=dict(told.get("metrics", {})),
        reason=told.get("reason", ""),
        violation=told.get("violation", 0.0),
        curve=tuple(told.get("curve", ())),
        network=told.get("network", ""),
    )


def _attributes(record: TrialRecord) -> dict[str, object]:
    attributes: dict[str, object] = {
        "metrics": record.metrics,
        "reason": record.reason,
        "violation": record.violation,
        "curve": list(record.curve),
        "network": record.network,
    }
    return {name: value for name, value in attributes.items() if value}


class _LockedAlready(BaseJournalFileLock):
    """The lock of the study directory covers the journal: Optuna's own lock files would survive a kill -9 and block."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _cut_half_line(path: Path) -> None:
    """Drop what a killed or full-disk write left behind the last whole record."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        whole = 0
        for line in file:
            if not (line.endswith(b"\n") and _is_record(line)):
                break
            whole += len(line)
        rest = file.read()
        if rest:
            raise StoreError(f"{path} is damaged: a broken line stands before the last one; restore it from a copy")
        file.truncate(whole)
        os.fsync(file.fileno())


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


@contextmanager
def _reported(what: str) -> Iterator[None]:
    """Turn what storages raise when they cannot read or write into one error that says what to do."""
    try:
        yield
    except OSError as error:
        advice = "free some space, check the permissions, or choose another directory"
        raise StoreError(f"cannot use the store ({what}): {error.strerror or error}; {advice}") from error
    except optuna.exceptions.StorageInternalError as error:
        raise StoreError(f"cannot use the database ({what}): {str(error).splitlines()[0]}") from error


@contextmanager
def _read_back(what: str) -> Iterator[None]:
    """Turn what reading something damaged or foreign raises into one error."""
    try:
        yield
    except (LookupError, AssertionError, TypeError, ValueError) as error:
        raise StoreError(
            f"the store ({what}) is damaged or of another study: {error}; restore it from a copy"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna tells on the console that a study was created; this package prints nothing."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
