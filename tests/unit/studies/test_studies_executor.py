"""Workers may fail, die and be closed; whoever waits hears of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path

import pytest

from coexplore.core.errors import EvaluationError, MissingExtraError, StoreError, StudyError
from coexplore.studies.executor import Executor, InProcessExecutor, ProcessExecutor


@dataclass(frozen=True)
class Prepare:
    """Tasks are words; what they do is below."""

    folder: Path

    def __call__(self) -> Callable[[str], str]:
        return self.work

    def work(self, task: str) -> str:
        word, _, rest = task.partition(" ")
        match word:
            case "die":
                mark = self.folder / rest
                if len(list(self.folder.glob(f"{rest}*"))) < int(rest):
                    (self.folder / f"{rest}.{time.monotonic_ns()}").touch()
                    os._exit(7)
                return f"survived {mark.name}"
            case "sleep":
                time.sleep(float(rest))
            case "fail":
                raise EvaluationError(rest)
            case "full":
                raise StoreError(rest)
            case "bug":
                raise ZeroDivisionError(rest)
            case "pid":
                return str(os.getpid())
            case "torch":
                return str("torch" in sys.modules)
        return task


def unusable() -> Callable[[str], str]:
    raise MissingExtraError("training", "train")


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessExecutor[str, str]]:
    executor = ProcessExecutor(Prepare(tmp_path_factory.mktemp("marks")), workers=2)
    yield executor
    executor.close()


@pytest.fixture(params=["in process", "processes"])
def executor(request: pytest.FixtureRequest, tmp_path: Path) -> Executor[str, str]:
    if request.param == "in process":
        return InProcessExecutor(Prepare(tmp_path))
    return request.getfixturevalue("processes")


def test_a_result_comes_back(executor: Executor[str, str]) -> None:
    assert executor.submit("hello").result(10) == "hello"


def test_a_failed_evaluation_keeps_its_reason(executor: Executor[str, str]) -> None:
    with pytest.raises(EvaluationError, match=r"^no luck$"):
        executor.submit("fail no luck").result(10)


def test_an_unexpected_error_is_a_failed_evaluation_that_says_where(executor: Executor[str, str]) -> None:
    with pytest.raises(EvaluationError, match=r"^ZeroDivisionError: oops \(test_studies_executor.py:\d+\)$"):
        executor.submit("bug oops").result(10)


def test_a_full_disk_is_no_failed_evaluation_but_stops_the_study(executor: Executor[str, str]) -> None:
    with pytest.raises(StoreError, match=r"^no space$"):
        executor.submit("full no space").result(10)


def test_a_task_whose_worker_dies_once_is_done_by_the_next(processes: ProcessExecutor[str, str]) -> None:
    assert processes.submit("die 1").result(20) == "survived 1"


def test_a_task_whose_worker_dies_twice_has_failed_and_the_next_task_has_not(
    processes: ProcessExecutor[str, str],
) -> None:
    with pytest.raises(EvaluationError, match=r"died 2 times during the evaluation \(exit code 7\)"):
        processes.submit("die 3").result(20)
    assert processes.submit("hello").result(20) == "hello"


def test_a_death_does_not_touch_the_neighbour(processes: ProcessExecutor[str, str]) -> None:
    neighbour, dying = processes.submit("sleep 0.5"), processes.submit("die 2")
    with pytest.raises(EvaluationError):
        dying.result(20)
    assert neighbour.result(20) == "sleep 0.5"


def test_workers_are_kept_warm(processes: ProcessExecutor[str, str]) -> None:
    assert len({processes.submit("pid").result(20) for _ in range(6)}) <= 2


@pytest.mark.parametrize("make", [InProcessExecutor, lambda prepare: ProcessExecutor(prepare, 1)])
def test_what_cannot_be_prepared_stops_the_study(make: Callable[[object], Executor[str, str]]) -> None:
    executor = make(unusable)
    with pytest.raises(StudyError, match=r"no evaluation can run: training needs.*coexplore\[train\]"):
        executor.submit("hello").result(20)
    executor.close()


def test_closing_ends_a_task_under_way_at_once(tmp_path: Path) -> None:
    executor = ProcessExecutor(Prepare(tmp_path), workers=1)
    executor.submit("hello").result(20)
    running, queued = executor.submit("sleep 60"), executor.submit("hello")
    time.sleep(0.2)
    started = time.monotonic()
    executor.close()
    assert time.monotonic() - started < 5
    with pytest.raises(CancelledError):
        running.result(1)
    with pytest.raises(CancelledError):
        queued.result(1)
