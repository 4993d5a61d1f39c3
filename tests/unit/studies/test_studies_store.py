"""Trials go into an Optuna study and come back whole, from a journal and from a database."""

from __future__ import annotations

import logging
import warnings
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage

from coexplore.core.errors import StoreError
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Objective
from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Space
from coexplore.studies.store import TrialStore, open_database, open_journal, read_records
from coexplore.studies.trial import TrialRecord, TrialState

SPACE = Space(
    (
        Decision("flag", (False, True)),
        Decision("size", (1, 2.5, 4), ordered=True),
        Decision("kind", ("a", "b"), condition=Condition("flag", (True,))),
    )
)
OBJECTIVES = (Objective("accuracy", Direction.MAXIMIZE), Objective("latency_s", Direction.MINIMIZE))
METRICS = {"accuracy": 0.1 + 0.2, "latency_s": 1e-300, "area_mm2": 3.0}
POINTS = list(SPACE.enumerate())


def storage_in(folder: Path, kind: str) -> BaseStorage:
    if kind == "journal":
        return open_journal(folder / "journal.log", writable=True)
    return open_database(f"sqlite:///{folder / 'trials.db'}")


@pytest.fixture(params=["journal", "database"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_trials_come_back_as_they_were_told(kind: str, tmp_path: Path) -> None:
    store = TrialStore(storage_in(tmp_path, kind), "study", OBJECTIVES, SPACE)
    told = [
        TrialRecord(0, TrialState.COMPLETE, POINTS[4], METRICS, curve=(0.1, 0.1 + 0.2), network="abc"),
        TrialRecord(1, TrialState.INFEASIBLE, POINTS[0], {"latency_s": 2.0}, "too slow by 1/3", 1 / 3),
        TrialRecord(2, TrialState.FAILED, POINTS[5], {"latency_s": 2.0}, "diverged", 0.0, (0.5,), "def"),
        TrialRecord(3, TrialState.RUNNING, POINTS[1]),
    ]
    assert [store.create(record.point) for record in told] == [0, 1, 2, 3]
    for record in told[:3]:
        store.finish(record)
    assert list(store.records) == told
    assert read_records(storage_in(tmp_path, kind), "study", SPACE) == told
    types = [type(value) for value in read_records(storage_in(tmp_path, kind), "study", SPACE)[2].point.values()]
    assert types == [type(value) for value in POINTS[5].values()]


def test_optuna_reads_the_study_by_itself(kind: str, tmp_path: Path) -> None:
    storage = storage_in(tmp_path, kind)
    store = TrialStore(storage, "study", OBJECTIVES, SPACE)
    for number, point in enumerate(POINTS[:3]):
        store.create(point)
        store.finish(TrialRecord(number, TrialState.COMPLETE, point, {**METRICS, "accuracy": number / 10}))
    study = optuna.load_study(study_name="study", storage=storage)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert [trial.number for trial in study.best_trials] == [2]
    assert study.trials[1].params == dict(POINTS[1])
    assert study.trials[1].values == [0.1, 1e-300]


def test_several_studies_share_a_database(tmp_path: Path) -> None:
    storage = storage_in(tmp_path, "database")
    first, second = (TrialStore(storage, name, OBJECTIVES, SPACE) for name in ("first", "second"))
    assert (first.create(POINTS[0]), second.create(POINTS[1]), first.create(POINTS[2])) == (0, 0, 1)
    assert [record.point for record in read_records(storage, "first", SPACE)] == [POINTS[0], POINTS[2]]


def test_a_study_that_is_not_there_has_no_trials_and_is_not_made_by_reading(kind: str, tmp_path: Path) -> None:
    storage = storage_in(tmp_path, kind)
    assert read_records(storage, "study", SPACE) == []
    assert storage.get_all_studies() == []


def test_a_trial_ends_once(tmp_path: Path) -> None:
    store = TrialStore(storage_in(tmp_path, "journal"), "study", OBJECTIVES, SPACE)
    store.create(POINTS[0])
    ended = TrialRecord(0, TrialState.FAILED, POINTS[0], reason="diverged")
    store.finish(ended)
    for again in (ended, replace(ended, state=TrialState.RUNNING)):
        with pytest.raises(StoreError, match="trial 0 cannot end twice"):
            store.finish(again)


def test_points_of_another_space_are_damage(tmp_path: Path) -> None:
    TrialStore(storage_in(tmp_path, "journal"), "study", OBJECTIVES, SPACE).create(POINTS[0])
    with pytest.raises(StoreError, match=r"damaged or of another study.*'flag'"):
        read_records(storage_in(tmp_path, "journal"), "study", Space((Decision("flux", (1, 2)),)))


def test_a_writer_cuts_off_half_a_line_and_a_reader_skips_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    TrialStore(storage_in(tmp_path, "journal"), "study", OBJECTIVES, SPACE).create(POINTS[0])
    good = path.read_bytes()
    for half in (b'{"op_code":4,"study', b"\0\0\0\0", b'{"op_code":4,"study\n'):
        path.write_bytes(good + half)
        assert len(read_records(open_journal(path, writable=False), "study", SPACE)) == 1
        assert path.read_bytes() == good + half
        open_journal(path, writable=True)
        assert path.read_bytes() == good


def test_a_full_disk_is_reported_and_loses_nothing(tmp_path: Path) -> None:
    store = TrialStore(storage_in(tmp_path, "journal"), "study", OBJECTIVES, SPACE)
    store.create(POINTS[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.open", lambda path, *_: Path("/dev/full").open("ab"))  # noqa: SIM115
        with pytest.raises(StoreError, match=r"trial 1\): No space left on device; free some space"):
            store.create(POINTS[1])
    assert [record.point for record in read_records(storage_in(tmp_path, "journal"), "study", SPACE)] == [POINTS[0]]


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////no/such/folder/x.db", "postgresql://nobody@localhost:1/none"])
def test_a_database_that_cannot_be_used_is_one_clear_message(url: str) -> None:
    with pytest.raises(StoreError, match="cannot use the database") as caught:
        open_database(url)
    assert "\n" not in str(caught.value)


def test_nothing_is_printed_and_optuna_keeps_its_own_log_level(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = logging.getLogger("optuna").level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TrialStore(storage_in(tmp_path, "journal"), "study", OBJECTIVES, SPACE).create(POINTS[0])
    assert logging.getLogger("optuna").level == before
    assert capsys.readouterr() == ("", "")
