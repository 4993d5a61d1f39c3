"""Killed at any instant and resumed, a study ends as if nothing had happened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.storages.journal import JournalFileBackend
from study_traces import result_trace, trace

from coexplore.core.errors import StoreError
from coexplore.objectives.objective import Constraint
from coexplore.strategies.evolution import Evolution
from coexplore.strategies.two_level import TwoLevel
from coexplore.studies import checkpoint as checkpoint_module
from coexplore.studies import directory as directory_module
from coexplore.studies import trainer as trainer_module
from coexplore.studies.cache import EvaluationCache
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.study import StudyResult, run_problem
from coexplore.testing.toy import toy_config, toy_problem

TRIALS = 8
STRATEGY = TwoLevel("evolution", {"population": 3, "tournament": 2})


def run(directory: Path, trials: int = TRIALS) -> StudyResult:
    return run_problem(toy_problem(STRATEGY), toy_config(trials), directory, workers=0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("whole") / "study"
    run(directory)
    return directory


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The directory as it is left by a process that dies after its first write, its second, and so on."""
    folder = tmp_path_factory.mktemp("snapshots")
    directory, taken = folder / "study", list[Path]()

    def and_snapshot(write: Callable[..., None]) -> Callable[..., None]:
        def both(*args: object, **options: object) -> None:
            write(*args, **options)
            taken.append(folder / str(len(taken)))
            shutil.copytree(directory, taken[-1])

        return both

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JournalFileBackend, "append_logs", and_snapshot(JournalFileBackend.append_logs))
        patch.setattr(EvaluationCache, "put", and_snapshot(EvaluationCache.put))
        for module in (checkpoint_module, directory_module, trainer_module):
            patch.setattr(module, "write_atomic", and_snapshot(module.write_atomic))
        run(directory)
    assert len(taken) > 6 * TRIALS
    return taken


def copy(snapshot: Path, tmp_path: Path) -> StudyDirectory:
    directory = tmp_path / snapshot.name
    shutil.copytree(snapshot, directory)
    return StudyDirectory(directory)


def test_dying_after_any_write_changes_nothing(whole: Path, snapshots: list[Path], tmp_path: Path) -> None:
    expected = trace(whole)
    for snapshot in snapshots:
        files = copy(snapshot, tmp_path)
        run(files.root)
        assert trace(files.root) == expected, f"died after write {snapshot.name}"


def test_dying_in_the_middle_of_a_line_changes_nothing(whole: Path, snapshots: list[Path], tmp_path: Path) -> None:
    expected = trace(whole)
    lines = StudyDirectory(whole).journal.read_bytes().splitlines(keepends=True)
    for snapshot in snapshots:
        files = copy(snapshot, tmp_path)
        written = files.journal.read_bytes() if files.journal.exists() else b""
        next_line = lines[written.count(b"\n") % len(lines)]
        files.journal.write_bytes(written + next_line[: len(next_line) // 2])
        (files.root / ".strategy.json.abcd1234").write_text("half")
        run(files.root)
        assert trace(files.root) == expected, f"died in the middle of write {snapshot.name}"
        assert not list(files.root.glob(".*"))


def test_a_finished_study_runs_to_the_same_end_at_once(whole: Path) -> None:
    before, journal = trace(whole), StudyDirectory(whole).journal.read_bytes()
    first, second = run(whole), run(whole)
    assert result_trace(first) == result_trace(second)
    assert trace(whole) == before
    assert StudyDirectory(whole).journal.read_bytes() == journal


def test_without_its_checkpoint_a_study_is_played_again_from_its_trials(
    whole: Path, snapshots: list[Path], tmp_path: Path
) -> None:
    files = copy(snapshots[len(snapshots) // 2], tmp_path)
    files.checkpoint.unlink()
    run(files.root)
    assert trace(files.root) == trace(whole)


def test_a_grown_budget_ends_like_a_study_that_had_it_from_the_start(whole: Path, tmp_path: Path) -> None:
    for trials in (3, 4, TRIALS):
        run(tmp_path / "study", trials)
    assert trace(tmp_path / "study") == trace(whole)


def test_a_smaller_budget_is_refused(whole: Path) -> None:
    with pytest.raises(StoreError, match=rf"budget\.trials: is 3.*begun with {TRIALS}"):
        run(whole, trials=3)


@pytest.mark.parametrize(
    "change",
    [{"strategy": Evolution()}, {"seed": 1}, {"width": 2}, {"constraints": (Constraint("area_mm2", at_most=7.0),)}],
    ids=lambda change: next(iter(change)),
)
def test_another_problem_in_the_same_directory_is_refused_and_nothing_is_touched(
    change: dict[str, object], whole: Path
) -> None:
    before = {path: path.read_bytes() for path in whole.iterdir() if path.is_file()}
    with pytest.raises(StoreError, match="holds another study"):
        run_problem(toy_problem(**{"strategy": STRATEGY, **change}), toy_config(TRIALS), whole, workers=0)
    assert {path: path.read_bytes() for path in whole.iterdir() if path.is_file()} == before


def test_a_trial_that_was_changed_behind_our_back_is_noticed(snapshots: list[Path], tmp_path: Path) -> None:
    files = copy(snapshots[-20], tmp_path)
    text = files.journal.read_text()
    was = text.index('"network.width":', text.index('"params"')) + len('"network.width":')
    files.journal.write_text(text[:was] + ("0" if text[was] != "0" else "1") + text[was + 1 :])
    files.checkpoint.unlink()
    with pytest.raises(StoreError, match="another design"):
        run(files.root)


def test_a_store_older_than_its_checkpoint_is_noticed(snapshots: list[Path], tmp_path: Path) -> None:
    files = copy(snapshots[-20], tmp_path)
    files.journal.write_bytes(files.journal.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(StoreError, match="the checkpoint knows"):
        run(files.root)


def test_a_broken_line_in_the_middle_of_the_journal_is_damage_not_a_half_line(
    snapshots: list[Path], tmp_path: Path
) -> None:
    files = copy(snapshots[-20], tmp_path)
    lines = files.journal.read_bytes().splitlines(keepends=True)
    files.journal.write_bytes(b"".join([*lines[:3], b"{broken\n", *lines[3:]]))
    with pytest.raises(StoreError, match="is damaged"):
        run(files.root)


def test_a_damaged_checkpoint_says_what_to_do(snapshots: list[Path], tmp_path: Path) -> None:
    files = copy(snapshots[-20], tmp_path)
    files.checkpoint.write_text('{"schema": 1, "observed": 3}')
    with pytest.raises(StoreError, match="delete it"):
        run(files.root)
