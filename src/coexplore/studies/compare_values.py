"""What has a run reached after each evaluation? Its best loss so far, by a metric, the reward or the hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import ConfigError, did_you_mean
from coexplore.objectives.metrics import METRICS, Direction
from coexplore.objectives.objective import Objective
from coexplore.objectives.pareto import Losses, hypervolume, non_dominated
from coexplore.objectives.reward import Reward
from coexplore.studies.trial import TrialRecord, TrialState

HYPERVOLUME, REWARD = "hypervolume", "reward"
REFERENCE = 1.1
"""Reference of the hypervolume, where 0 is the best and 1 the worst value of an objective in all runs compared."""
Trace = npt.NDArray[np.float64]
"""(n,) best loss after each of n evaluations; +inf as long as nothing feasible is found."""


class Measure(Protocol):
    """What runs are judged by."""

    def trace(self, trials: Sequence[TrialRecord]) -> Trace:
        """The best loss after each of the trials."""
        ...


def default_measure(objectives: Sequence[Objective]) -> str:
    """The metric of a single objective, else the hypervolume of all of them."""
    return objectives[0].metric if len(objectives) == 1 else HYPERVOLUME


def make_measure(
    by: str, objectives: Sequence[Objective], reward: Reward, runs: Sequence[Sequence[TrialRecord]]
) -> Measure:
    """The measure of a name.

    Args:
        by: `hypervolume`, `reward`, or a metric.
        objectives: of the study.
        reward: of the study.
        runs: the trials of all runs that will be compared.

    Raises:
        ConfigError: the metric is unknown, or was not measured in any run.
    """
    if by == REWARD:
        return BestReward(reward)
    if by == HYPERVOLUME:
        return _boxed(tuple(objectives), runs)
    check_measure(by)
    measured = {name for run in runs for trial in run for name in trial.metrics}
    if measured and by not in measured:
        raise ConfigError(f"by: {by} was not measured; {did_you_mean(by, measured | {HYPERVOLUME, REWARD})}")
    wish = {objective.metric: objective for objective in objectives}
    return BestMetric(wish.get(by) or Objective(by, METRICS.get(by).direction))


def check_measure(by: str) -> None:
    """Refuse a name that stands for no measure.

    Raises:
        ConfigError: with the nearest legal name.
    """
    known = {*METRICS, HYPERVOLUME, REWARD}
    if by not in known:
        raise ConfigError(f"by: unknown measure {by!r}; {did_you_mean(by, known)}")


def value_of(by: str, objectives: Sequence[Objective], loss: float) -> float:
    """A loss as the value that people know: rewards, volumes and what is maximised are large when good."""
    wish = {objective.metric: objective.direction for objective in objectives}
    upward = by in (HYPERVOLUME, REWARD) or (wish.get(by) or METRICS.get(by).direction) is Direction.MAXIMIZE
    return -loss if upward else loss


@dataclass(frozen=True, slots=True)
class BestMetric:
    """The best value of one metric among the complete trials."""

    objective: Objective

    def trace(self, trials: Sequence[TrialRecord]) -> Trace:
        """See `Measure`."""
        return _running([self.objective.loss(t.metrics) if _complete(t) else np.inf for t in trials])


@dataclass(frozen=True, slots=True)
class BestReward:
    """The highest reward of a complete trial, without the moving average that some rewards compare with."""

    reward: Reward

    def trace(self, trials: Sequence[TrialRecord]) -> Trace:
        """See `Measure`."""
        return _running([-self.reward(t.metrics) if _complete(t) else np.inf for t in trials])


@dataclass(frozen=True, slots=True)
class Volume:
    """The share of the box between the best values and the reference that complete trials dominate."""

    objectives: tuple[Objective, ...]
    least: tuple[float, ...]
    """Best loss of each objective in all runs."""
    span: tuple[float, ...]
    """From there to the worst one; 1 where all are equal."""

    def trace(self, trials: Sequence[TrialRecord]) -> Trace:
        """See `Measure`; the loss is the volume with a minus."""
        corner = np.full(len(self.objectives), REFERENCE)
        front: Losses = np.empty((0, len(self.objectives)))
        best, losses = np.inf, []
        for trial in trials:
            if _complete(trial):
                row = (_losses(self.objectives, trial) - self.least) / self.span
                if not (front <= row).all(axis=1).any():
                    front = np.vstack([front, row])
                    front = front[non_dominated(front)]
                    best = -hypervolume(front, corner) / REFERENCE ** len(corner)
            losses.append(best)
        return np.array(losses, dtype=np.float64)


def _boxed(objectives: tuple[Objective, ...], runs: Sequence[Sequence[TrialRecord]]) -> Volume:
    rows = [_losses(objectives, trial) for run in runs for trial in run if _complete(trial)]
    losses = np.array(rows).reshape(-1, len(objectives)) if rows else np.zeros((1, len(objectives)))
    span = np.ptp(losses, axis=0)
    return Volume(objectives, tuple(losses.min(axis=0).tolist()), tuple(np.where(span > 0, span, 1.0).tolist()))


def _losses(objectives: Sequence[Objective], trial: TrialRecord) -> Losses:
    return np.array([objective.loss(trial.metrics) for objective in objectives])


def _complete(trial: TrialRecord) -> bool:
    return trial.state is TrialState.COMPLETE


def _running(losses: Sequence[float]) -> Trace:
    return np.minimum.accumulate(np.array(losses, dtype=np.float64)) if losses else np.empty(0)
