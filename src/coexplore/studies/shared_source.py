"""Where does accuracy come from when all networks of a study share one set of weights? From a supernet, trained once.

Either it is trained before the search, by the epochs of the recipe and with networks that a rule samples; or the search
trains it by its looks, one step each (`strategies/one_shot.py`). Both happen in the process of the driver, with files
in the study directory to go on from; workers only ever read the finished weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from coexplore.accuracy._torch import import_torch
from coexplore.accuracy.data import DatasetSettings
from coexplore.accuracy.dataset import Dataset
from coexplore.accuracy.evaluator import TRAINING_VERSION, Accuracy
from coexplore.accuracy.halving import Rung
from coexplore.accuracy.supernet_training import FORMAT, SharedTraining, Sharing
from coexplore.accuracy.training import Recipe
from coexplore.core.errors import DataError, StudyError
from coexplore.core.hashing import content_hash
from coexplore.networks.network import NetworkFamily
from coexplore.spaces.space import Space
from coexplore.studies.problem import Curves, Train
from coexplore.workloads.graph import Workload
from coexplore.workloads.weights import Weights


@dataclass(frozen=True)
class SharedAccuracy:
    """Measures every network with its part of shared weights; statistics of batch normalisation are its own."""

    dataset: DatasetSettings
    family: NetworkFamily
    space: Space
    """The networks that share."""
    recipe: Recipe
    sharing: Sharing
    looks: int
    """Steps in which a search trains the weights; 0 where they are trained before it."""
    identity: str
    """Content hash of all that decides the weights but the looks themselves (`identity_of`)."""
    data_root: Path | None = field(default=None, compare=False)
    """Folder that relative paths of the data start from."""
    folder: Path | None = field(default=None, compare=False)
    """Where the weights are; None before `ready`."""

    def identity_of(self, data: Dataset) -> str:
        """Content hash of the data, the networks, and how they learn."""
        settings = (self.family, self.space, self.recipe, self.sharing, self.looks)
        return content_hash((FORMAT, TRAINING_VERSION, data.content_hash, settings))

    def ready(self, folder: Path, on_step: Callable[[int, int], None]) -> SharedAccuracy:
        """This source with its weights in a folder, trained where no search trains them.

        Args:
            folder: of this study alone; what an earlier run left there is gone on with.
            on_step: told the steps done and those there are.

        Raises:
            DataError: the data cannot be read, or are not those of `identity` any more.
            EvaluationError: the networks cannot share.
            StoreError: the folder cannot be used.
            StudyError: training diverged.
            MissingExtraError: torch is not installed.
        """
        source = replace(self, folder=folder)
        if not self.looks:
            source._training().learn_all(folder, on_step)
        return source

    def looking(self) -> Looking | None:
        """What a search looks at networks with; None where the weights are trained before it."""
        return Looking(self._training(), self._folder) if self.looks else None

    def prepare(self) -> Train:
        """Load the data here; the weights are read when the first network is measured.

        Raises:
            DataError: the data cannot be read, or are not those of `identity` any more.
            MissingExtraError: torch is not installed.
        """
        training, found = self._training(), list[SharedTraining]()

        def run(workload: Workload, rungs: Sequence[Rung]) -> tuple[Accuracy, Weights]:
            if not found:
                training.resume(self._folder, training.steps)
                found.append(training)
            began = time.perf_counter()
            value, weights = training.evaluate(workload)
            seconds = time.perf_counter() - began
            if value is None:
                reason = "an output is NaN or infinite with the shared weights; lower training.learning_rate"
                return Accuracy(0.0, 0, (), seconds, True, reason), {}
            return Accuracy(value, 1, (value,), seconds), weights

        return run

    def rungs(self, curves: Curves) -> tuple[Rung, ...]:
        """None: each network has one value."""
        return ()

    @property
    def _folder(self) -> Path:
        if self.folder is None:
            raise StudyError("the shared weights have no folder; call `ready` first")
        return self.folder

    def _training(self) -> SharedTraining:
        import_torch("training shared weights")
        data = self.dataset.load(self.data_root)
        if self.identity_of(data) != self.identity:
            raise DataError(f"the data set {data.name!r} has changed since the study began; begin another study")
        return SharedTraining(self.family, self.space, data, self.recipe, self.sharing, self.looks or None)


class Looking:
    """Shared weights that learn while a search looks at networks; files in a folder to go on from.

    Args:
        training: at its beginning.
        folder: of this study alone.
    """

    def __init__(self, training: SharedTraining, folder: Path) -> None:
        self._training, self._folder = training, folder
        self._saved = 0

    @property
    def steps(self) -> int:
        """Looks there will be."""
        return self._training.steps

    @property
    def step(self) -> int:
        """Looks so far."""
        return self._training.step

    def look(self, workload: Workload) -> float:
        """Learn for one step with a network; its accuracy (fraction) on some images held out.

        Raises:
            EvaluationError: the network is not of the space.
            StudyError: training diverged, or all looks have been.
        """
        self._check_left()
        accuracy = self._training.look(workload)
        self._save_last()
        return accuracy

    def skip(self) -> None:
        """Count a look at a design that is not worth one.

        Raises:
            StudyError: all looks have been.
        """
        self._check_left()
        self._training.skip()
        self._save_last()

    def save(self) -> None:
        """Write the weights as they are, unless they are written already.

        Raises:
            StoreError: not writable, or the disk is full.
        """
        if self.step != self._saved:
            self._training.save(self._folder)
            self._saved = self.step

    def resume(self, step: int) -> None:
        """Go on from the weights that were written after so many looks.

        Raises:
            StoreError: the file is absent, damaged or of another study.
        """
        self._training.resume(self._folder, step)
        self._saved = step

    def _save_last(self) -> None:
        # Workers read the finished weights before the driver saves next.
        if self.step == self.steps:
            self.save()

    def _check_left(self) -> None:
        if self.step >= self.steps:
            raise StudyError(f"the strategy asks for more than the {self.steps} looks it announced")
