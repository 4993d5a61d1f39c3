"""How does a network get its accuracy? From the cache, from a training under way, or from a new one in the executor."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coexplore.accuracy.evaluator import Accuracy
from coexplore.accuracy.halving import Rung
from coexplore.core.errors import StoreError
from coexplore.core.files import write_atomic
from coexplore.core.hashing import content_hash
from coexplore.studies.cache import EvaluationCache
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.executor import Executor
from coexplore.studies.problem import AccuracySource
from coexplore.workloads.graph import Workload


@dataclass(frozen=True, slots=True)
class TrainTask:
    """One training, as it is sent to a worker."""

    workload: Workload
    rungs: tuple[Rung, ...]
    weights: Path
    """File the weights go to."""


@dataclass(frozen=True, slots=True)
class PrepareTraining:
    """Turns a worker into one that trains; sent to each when it starts."""

    source: AccuracySource

    def __call__(self) -> Callable[[TrainTask], Accuracy]:
        """Prepare the source here."""
        train = self.source.prepare()

        def work(task: TrainTask) -> Accuracy:
            accuracy, weights = train(task.workload, task.rungs)
            if weights:
                file = io.BytesIO()
                np.savez(file, allow_pickle=False, **weights)
                write_atomic(task.weights, file.getvalue())
            return accuracy

        return work


class Trainer:
    """Trains each network once. Results are on disk, weights first, before anybody hears of them.

    A network that comes back, later or while it is in training, gets the result of its first training, also where other
    thresholds of early stopping would apply to it now.

    Args:
        source: how to train.
        executor: where to train; made with `PrepareTraining(source)`.
        directory: where weights and cache are.
    """

    def __init__(
        self, source: AccuracySource, executor: Executor[TrainTask, Accuracy], directory: StudyDirectory
    ) -> None:
        self._source, self._executor, self._directory = source, executor, directory
        self._cache = EvaluationCache(directory.cache)
        self._begun: dict[str, Future[Accuracy]] = {}

    def train(self, workload: Workload, rungs: Sequence[Rung]) -> tuple[str, Future[Accuracy]]:
        """Content hash of the network, and its accuracy when it is known.

        The future raises EvaluationError for a training that failed, StudyError when none can ever succeed.

        Raises:
            StoreError: the cache cannot be read.
        """
        network = content_hash((workload.inputs, workload.ops, workload.outputs))
        if network not in self._begun:
            self._begun[network] = self._begin(
                network, TrainTask(workload, tuple(rungs), self._directory.weights(network))
            )
        return network, self._begun[network]

    def close(self) -> None:
        """Stop at once; trainings under way are lost."""
        self._executor.close()
        self._cache.close()

    def _begin(self, network: str, task: TrainTask) -> Future[Accuracy]:
        known: Future[Accuracy] = Future()
        key = content_hash((network, self._source.identity))
        document = self._cache.get(key)
        if document is not None:
            known.set_result(_from_document(document))
            return known

        def keep(done: Future[Accuracy]) -> None:
            try:
                accuracy = done.result()
                self._cache.put(key, dataclasses.asdict(accuracy))
            except BaseException as error:  # whatever ended the training must reach the driver, cancellation too
                known.set_exception(error)
            else:
                known.set_result(accuracy)

        self._executor.submit(task).add_done_callback(keep)
        return known


def _from_document(document: Any) -> Accuracy:  # noqa: ANN401 - JSON of any shape
    try:
        return Accuracy(**{**document, "curve": tuple(document["curve"])})
    except (TypeError, KeyError) as error:
        raise StoreError(
            f"the evaluation cache is damaged ({error}); delete cache.sqlite, its networks train again"
        ) from error
