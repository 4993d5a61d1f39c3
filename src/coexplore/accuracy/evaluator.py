"""Who says how good a network is? The protocol, the evaluator that really trains, and how old curves answer for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from coexplore.accuracy.dataset import Dataset
from coexplore.accuracy.halving import Rung, stop_reason
from coexplore.accuracy.training import Recipe, TrainingResult, train
from coexplore.core.errors import EvaluationError
from coexplore.core.hashing import content_hash
from coexplore.workloads.graph import Workload

TRAINING_VERSION = 1
"""Raised when the same workload, data and recipe come to give other numbers; part of the identity of an evaluator."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How good a network is, as far as it was looked at."""

    value: float
    """Fraction. After the last epoch run, never the best of the curve, so that it is the accuracy of the weights; 0
    when training diverged."""
    epochs: int
    """Epochs run to the end."""
    curve: tuple[float, ...]
    """Validation accuracy after each of these epochs, fractions."""
    seconds: float
    """Wall time paid for it, 0 when it was read from a cache."""
    diverged: bool = False
    """Training ended in NaN or infinity."""
    reason: str = ""
    """Why training ended before its last epoch; empty when it did not."""


class AccuracyEvaluator(Protocol):
    """Says how good a network is."""

    def evaluate(self, workload: Workload, rungs: Sequence[Rung] = ()) -> Accuracy:
        """Quality of one network, stopping early where it does not pass a rung.

        Raises:
            EvaluationError: the network cannot be evaluated; divergence is no error but a result with a reason.
        """
        ...


@dataclass(frozen=True)
class TrainingEvaluator:
    """Trains each network from scratch and measures it on the validation part."""

    dataset: Dataset
    recipe: Recipe

    @cached_property
    def identity(self) -> str:
        """Content hash: evaluators with the same one give the same curves, so they may share a cache."""
        return content_hash((TRAINING_VERSION, self.dataset.content_hash, self.recipe))

    def evaluate(self, workload: Workload, rungs: Sequence[Rung] = ()) -> Accuracy:
        """Train the network.

        Raises:
            EvaluationError: the network does not fit the data.
            MissingExtraError: torch is not installed.
        """
        return accuracy_of(train(workload, self.dataset, self.recipe, rungs))


def accuracy_of(result: TrainingResult) -> Accuracy:
    """What a training says, without its weights."""
    return _accuracy(result.curve, result.seconds, result.diverged, result.reason)


def read_curve(curve: Sequence[float], rungs: Sequence[Rung], epochs: int, divergence: str = "") -> Accuracy | None:
    """What training under `rungs` would give, from the curve of a training of the same network by the same evaluator.

    Equal to training again in everything but `seconds`, which are 0.

    Args:
        curve: validation accuracies, of a full training or one that ended early.
        rungs: the rungs asked about, not those the curve was made under.
        epochs: epochs of the recipe.
        divergence: the reason of the training the curve is from, where that training diverged.

    Returns:
        None when the curve ends before the answer.

    Raises:
        EvaluationError: the curve is longer than the recipe.
    """
    if len(curve) > epochs:
        raise EvaluationError(f"a curve of {len(curve)} epochs cannot be from a recipe of {epochs}; clear the cache")
    for length in range(1, min(len(curve), epochs - 1) + 1):
        if reason := stop_reason(curve[:length], rungs):
            return _accuracy(curve[:length], 0.0, False, reason)
    if divergence:
        return _accuracy(curve, 0.0, True, divergence)
    return _accuracy(curve, 0.0, False, "") if len(curve) == epochs else None


def _accuracy(curve: Sequence[float], seconds: float, diverged: bool, reason: str) -> Accuracy:
    value = 0.0 if diverged else curve[-1]
    return Accuracy(value, len(curve), tuple(curve), seconds, diverged, reason)
