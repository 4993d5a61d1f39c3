"""Where do evaluations run? In this process, or in worker processes that may die without taking anything along.

Each worker process serves one slot, so its death touches one task only. A lost task is tried once more in a fresh
worker. Workers never outlive the driver: they watch its end, so that kill -9 leaves no orphan training on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Generic, Protocol, TypeVar

from coexplore.core.errors import CoexploreError, EvaluationError, StudyError

Task = TypeVar("Task")
Result = TypeVar("Result")
TaskIn = TypeVar("TaskIn", contravariant=True)

Prepare = Callable[[], Callable[[Task], Result]]
"""Run once per worker, where data is loaded and libraries are imported; returns what does the tasks. Picklable."""

ATTEMPTS = 2
"""How often a task is begun before the death of its worker counts as a failed evaluation."""


class Executor(Protocol[TaskIn, Result]):
    """The shape of `concurrent.futures`.

    A future raises EvaluationError for a task that failed, and StudyError when no task can succeed here: something is
    not installed, the data cannot be read, or the disk is full.
    """

    def submit(self, task: TaskIn) -> Future[Result]:
        """Begin a task, or queue it behind earlier ones."""
        ...

    def close(self) -> None:
        """Stop at once; tasks under way are lost."""
        ...


class InProcessExecutor(Generic[Task, Result]):
    """Runs every task at once where it is submitted: for evaluations of milliseconds, and for debugging."""

    def __init__(self, prepare: Prepare[Task, Result]) -> None:
        self._prepare = prepare
        self._work: Callable[[Task], Result] | None = None

    def submit(self, task: Task) -> Future[Result]:
        """Run the task and return a future that is done."""
        future: Future[Result] = Future()
        try:
            if self._work is None:
                self._work = self._prepare()
        except Exception as error:
            future.set_exception(_unusable(error).error())
            return future
        try:
            future.set_result(self._work(task))
        except Exception as error:
            future.set_exception(_failed(error).error())
        return future

    def close(self) -> None:
        """Nothing is under way."""


class ProcessExecutor(Generic[Task, Result]):
    """Worker processes, started when the first task needs them and kept warm.

    A program that uses this must be importable without starting again: guard its entry by `if __name__ == "__main__"`.

    Args:
        prepare: run once in each worker.
        workers: number of processes.
    """

    def __init__(self, prepare: Prepare[Task, Result], workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, "coexplore-worker")
        self._workers = [_Worker(prepare) for _ in range(workers)]
        self._idle: queue.SimpleQueue[_Worker[Task, Result]] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._closed = False

    def submit(self, task: Task) -> Future[Result]:
        """Queue a task; tasks begin in the order in which they were submitted."""
        return self._threads.submit(self._run, task)

    def close(self) -> None:
        """Kill the workers."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown(wait=True)
        for worker in self._workers:
            worker.bury()

    def _run(self, task: Task) -> Result:
        worker = self._idle.get()
        try:
            return self._attempts(worker, task)
        finally:
            self._idle.put(worker)

    def _attempts(self, worker: _Worker[Task, Result], task: Task) -> Result:
        ended = ""
        for _ in range(ATTEMPTS):
            if self._closed:
                raise CancelledError
            try:
                return worker.ask(task)
            except _WorkerDied as death:
                ended = str(death)
        if self._closed:
            raise CancelledError
        raise EvaluationError(f"the worker process died {ATTEMPTS} times during the evaluation ({ended})")


class _WorkerDied(Exception):  # noqa: N818 - internal signal, says what happened
    pass


@dataclass(frozen=True, slots=True)
class _Done(Generic[Result]):
    value: Result


@dataclass(frozen=True, slots=True)
class _Refused:
    """An error, taken apart because not every exception survives pickling."""

    kind: type[StudyError] | type[EvaluationError]
    reason: str

    def error(self) -> CoexploreError:
        return self.kind(self.reason)


class _Worker(Generic[Task, Result]):
    """One slot: a process that is started when needed and again after its death."""

    def __init__(self, prepare: Prepare[Task, Result]) -> None:
        self._prepare = prepare
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._changing = threading.Lock()
        self._killed = False

    def ask(self, task: Task) -> Result:
        """Do one task in the process.

        Raises:
            _WorkerDied: before it answered.
            EvaluationError: the task failed.
            StudyError: the worker cannot do any task.
        """
        try:
            connection = self._alive()
            connection.send(task)
            reply = connection.recv()
        except (EOFError, OSError) as error:
            raise _WorkerDied(self.bury()) from error
        if isinstance(reply, _Done):
            value: Result = reply.value
            return value
        raise reply.error()

    def kill(self) -> None:
        """End the process for good, whatever it is doing."""
        with self._changing:
            self._killed = True
            if self._process is not None:
                self._process.kill()

    def _alive(self) -> Connection:
        with self._changing:
            if self._killed:
                raise EOFError
            if self._connection is None:
                context = multiprocessing.get_context("spawn")
                ours, theirs = context.Pipe()
                self._process = context.Process(target=_serve, args=(theirs, self._prepare), daemon=True)
                _block_interrupts()
                self._process.start()
                theirs.close()
                self._connection = ours
            return self._connection

    def bury(self) -> str:
        """Let go of a process that has ended, or end it; how it ended, in words."""
        with self._changing:
            process, connection = self._process, self._connection
            self._process = self._connection = None
        if process is None or connection is None:
            return "it could not be started"
        connection.close()
        process.kill()
        process.join()
        code = process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def _serve(connection: Connection, prepare: Prepare[Task, Result]) -> None:
    threading.Thread(target=_end_with_driver, daemon=True).start()
    try:
        work = prepare()
    except Exception as error:
        connection.send(_unusable(error))
        return
    with contextlib.suppress(EOFError):
        while True:
            task = connection.recv()
            try:
                reply: _Done[Result] | _Refused = _Done(work(task))
            except Exception as error:
                reply = _failed(error)
            connection.send(reply)


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os._exit(1)


def _block_interrupts() -> None:
    # A child inherits the signal mask of the thread that starts it: Ctrl-C reaches the driver alone. The tracker comes
    # first, because starting it unblocks the signal.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _unusable(error: Exception) -> _Refused:
    return _Refused(StudyError, f"no evaluation can run: {_explain(error)}")


def _failed(error: Exception) -> _Refused:
    return _Refused(type(error) if isinstance(error, StudyError) else EvaluationError, _explain(error))


def _explain(error: Exception) -> str:
    """The message of an error raised on purpose; kind, message and place of any other."""
    if isinstance(error, CoexploreError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
