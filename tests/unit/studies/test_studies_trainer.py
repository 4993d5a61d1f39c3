"""Each network is trained once, and its result is on disk before anybody hears of it."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from coexplore.accuracy.evaluator import Accuracy
from coexplore.accuracy.halving import Rung
from coexplore.core.errors import EvaluationError, StoreError
from coexplore.studies.cache import EvaluationCache
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.executor import InProcessExecutor
from coexplore.studies.trainer import PrepareTraining, Trainer, TrainTask
from coexplore.testing.toy import ToyAccuracy, ToyNetworks
from coexplore.workloads.graph import Workload

NETWORKS = [ToyNetworks().lower(point) for point in ToyNetworks().space.enumerate()]
RESULT = Accuracy(0.75, 2, (0.5, 0.75), 1.25, reason="stopped")


class ByHand:
    """An executor whose tasks end when the test says so."""

    def __init__(self) -> None:
        self.tasks: list[tuple[TrainTask, Future[Accuracy]]] = []

    def submit(self, task: TrainTask) -> Future[Accuracy]:
        self.tasks.append((task, Future()))
        return self.tasks[-1][1]

    def close(self) -> None:
        pass


def trainer(folder: Path, executor: ByHand, accuracy: ToyAccuracy | None = None) -> Trainer:
    return Trainer(accuracy or ToyAccuracy(), executor, StudyDirectory(folder))


def renamed(workload: Workload) -> Workload:
    return Workload("another name", workload.inputs, workload.ops, workload.outputs)


def test_a_network_in_training_is_waited_for_not_trained_again(tmp_path: Path) -> None:
    executor = ByHand()
    one = trainer(tmp_path, executor)
    first_hash, first = one.train(NETWORKS[0], ())
    second_hash, second = one.train(renamed(NETWORKS[0]), (Rung(1, 0.9),))
    assert first_hash == second_hash
    assert len(executor.tasks) == 1
    assert not second.done()
    executor.tasks[0][1].set_result(RESULT)
    assert first.result(1) == second.result(1) == RESULT


def test_a_network_that_was_trained_before_comes_from_the_cache(tmp_path: Path) -> None:
    executor = ByHand()
    one = trainer(tmp_path, executor)
    _, future = one.train(NETWORKS[0], ())
    executor.tasks[0][1].set_result(RESULT)
    assert future.result(1) == RESULT
    one.close()
    again = trainer(tmp_path, ByHand())
    assert again.train(NETWORKS[0], ())[1].result(0) == RESULT


@pytest.mark.parametrize(
    ("network", "accuracy"), [(NETWORKS[1], ToyAccuracy()), (NETWORKS[0], ToyAccuracy(seconds=0.5))]
)
def test_another_network_or_another_way_to_train_is_trained(
    network: Workload, accuracy: ToyAccuracy, tmp_path: Path
) -> None:
    executor = ByHand()
    trainer(tmp_path, executor).train(NETWORKS[0], ())
    executor.tasks[0][1].set_result(RESULT)
    trainer(tmp_path, executor, accuracy).train(network, ())
    assert len(executor.tasks) == 2


def test_the_result_is_in_the_cache_before_it_is_told(tmp_path: Path) -> None:
    executor, order = ByHand(), list[str]()
    one = trainer(tmp_path, executor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EvaluationCache, "put", lambda *_: order.append("cached"))
        one.train(NETWORKS[0], ())[1].add_done_callback(lambda _: order.append("told"))
        executor.tasks[0][1].set_result(RESULT)
    assert order == ["cached", "told"]


def test_a_failed_training_is_not_cached(tmp_path: Path) -> None:
    executor = ByHand()
    one = trainer(tmp_path, executor)
    _, future = one.train(NETWORKS[0], ())
    executor.tasks[0][1].set_exception(EvaluationError("the worker died"))
    with pytest.raises(EvaluationError):
        future.result(1)
    one.close()
    trainer(tmp_path, executor).train(NETWORKS[0], ())
    assert len(executor.tasks) == 2


def test_a_cache_that_cannot_be_written_reaches_the_driver(tmp_path: Path) -> None:
    executor = ByHand()
    one = trainer(tmp_path, executor)
    _, future = one.train(NETWORKS[0], ())
    one.close()
    executor.tasks[0][1].set_result(RESULT)
    with pytest.raises(StoreError, match="cannot use the evaluation cache"):
        future.result(1)


def test_a_cached_document_of_another_form_says_what_to_do(tmp_path: Path) -> None:
    executor = ByHand()
    one = trainer(tmp_path, executor)
    one.train(NETWORKS[0], ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EvaluationCache, "get", lambda *_: {"value": 1})
        with pytest.raises(StoreError, match="delete cache"):
            one.train(NETWORKS[1], ())


def test_weights_are_arrays_without_pickles(tmp_path: Path) -> None:
    source = ToyAccuracy()
    one = Trainer(source, InProcessExecutor(PrepareTraining(source)), StudyDirectory(tmp_path))
    network, future = one.train(NETWORKS[0], ())
    assert future.result(1).curve
    with np.load(StudyDirectory(tmp_path).weights(network), allow_pickle=False) as arrays:
        assert {name: arrays[name].dtype for name in arrays.files} == {"fc.bias": np.dtype("float32")}
