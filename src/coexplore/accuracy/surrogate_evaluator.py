"""How good is a network of Accel-NASBench, by a surrogate in a file? The evaluator that studies use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from coexplore.accuracy.data import DATA_VARIABLE
from coexplore.accuracy.evaluator import Accuracy
from coexplore.accuracy.stage_settings import COLUMNS, stage_settings
from coexplore.accuracy.surrogate import Surrogate, load_surrogate
from coexplore.core.errors import ConfigError, DataError, EvaluationError
from coexplore.core.hashing import content_hash
from coexplore.workloads.graph import Workload


@dataclass(frozen=True)
class SurrogateEvaluator:
    """Predicts accuracies of networks of Accel-NASBench.

    Raises:
        DataError: the surrogate is of another space.
    """

    surrogate: Surrogate
    coverage: float | None = None
    """None answers with the prediction; a share with the lower end of the interval that holds such a share."""

    def __post_init__(self) -> None:
        if self.surrogate.decisions != COLUMNS:
            raise DataError(
                f"the surrogate of {self.surrogate.table} is about {', '.join(self.surrogate.decisions[:3])} ..., not "
                "about the stages of Accel-NASBench; train another"
            )

    @cached_property
    def identity(self) -> str:
        """Content hash: evaluators with the same one give the same accuracies."""
        return content_hash((self.surrogate.identity, self.coverage))

    def evaluate(self, workload: Workload) -> Accuracy:
        """The accuracy of a network, as of one epoch.

        Raises:
            EvaluationError: it is no network of that space.
        """
        settings = [stage_settings(workload)]
        if self.coverage is None:
            value = float(self.surrogate.predict(settings)[0])
        else:
            value = float(self.surrogate.interval(settings, self.coverage)[0][0])
        return Accuracy(value, 1, (value,), 0.0)


@dataclass(frozen=True, slots=True)
class PredictionSettings:
    """A trained surrogate in a file."""

    path: str
    """Of the file."""
    coverage: float | None = None
    """None takes predictions; 0.9 takes the lower ends of 90 % intervals, so that luck is not searched for."""

    def load(self, data_root: Path | None = None) -> SurrogateEvaluator:
        """Read it; a relative path starts from `data_root`, else from `COEXPLORE_DATA`.

        Raises:
            DataError: the file cannot be found or read.
            ConfigError: the surrogate cannot promise such a coverage.
        """
        root = data_root or (Path(os.environ[DATA_VARIABLE]) if DATA_VARIABLE in os.environ else Path())
        path = root / self.path
        if not path.exists():
            raise DataError(
                f"cannot read the surrogate {path}: there is no such file; `coexplore train-surrogate` makes it; give "
                f"its full path, or the folder it lies in with --data or {DATA_VARIABLE}"
            )
        evaluator = SurrogateEvaluator(load_surrogate(path), self.coverage)
        if self.coverage is not None:
            try:
                evaluator.surrogate.error_at(self.coverage)
            except EvaluationError as error:
                raise ConfigError(f"task.{error}") from error
        return evaluator
