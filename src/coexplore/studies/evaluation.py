"""What is a suggested design worth? Priced first; what breaks a constraint ends there, the rest may train."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from coexplore.accuracy.evaluator import Accuracy
from coexplore.accuracy.halving import Rung
from coexplore.core.errors import AcceleratorError, EvaluationError, SpaceError, StudyError, WorkloadError
from coexplore.objectives.objective import feasibility
from coexplore.objectives.reward import penalty
from coexplore.spaces.space import Point
from coexplore.strategies.strategy import Observation, Stage
from coexplore.studies.problem import Looks, Priced, Problem
from coexplore.studies.trainer import Trainer
from coexplore.studies.trial import SCREENED, TrialRecord, TrialState

PRICES_KEPT = 4096
"""Latest prices kept in memory, so that a design that was priced is not priced again when it trains."""

Conclude = Callable[[], TrialRecord]
"""Waits for the end of an evaluation and returns the trial as it ended."""


class Evaluation:
    """Evaluates the designs of one problem.

    Args:
        problem: what is wanted.
        trainer: where accuracy comes from; None where the problem asks for none.
        looks: shared weights that learn in looks; None where there are none.
    """

    def __init__(self, problem: Problem, trainer: Trainer | None, looks: Looks | None = None) -> None:
        self._problem, self._trainer, self.looks = problem, trainer, looks
        self._prices: OrderedDict[Point, Priced] = OrderedDict()

    def price(self, number: int, point: Point) -> TrialRecord:
        """What pricing alone tells: RUNNING where training has to say more, else how the trial ends."""
        priced = self._priced(point)
        trial = TrialRecord(number, TrialState.RUNNING, point, priced.metrics)
        if priced.reason:
            return replace(trial, state=TrialState.INFEASIBLE, reason=priced.reason, violation=priced.violation)
        judged = self._judge(trial)
        return judged if self._trainer is None or judged.state is not TrialState.COMPLETE else trial

    def look(self, point: Point) -> TrialRecord:
        """What pricing and one step of shared weights tell; a design that breaks a constraint is not looked at.

        Raises:
            EvaluationError: the network is none of those that share weights.
            StudyError: this study has no shared weights that learn in looks, or they diverged.
        """
        if self.looks is None:
            raise StudyError("the strategy looks at networks that share weights; add training: {supernet: {}}")
        trial = self.price(SCREENED, point)
        if trial.state is not TrialState.RUNNING:
            self.looks.skip()
            return trial
        accuracy = self.looks.look(self._problem.designs.decode(point).network.workload())
        # A bound on accuracy is for networks that have learned; early looks would all break it.
        return replace(trial, state=TrialState.COMPLETE, metrics={**trial.metrics, "accuracy": accuracy})

    def begin(self, number: int, point: Point, rungs: Sequence[Rung]) -> Conclude:
        """Begin the whole evaluation; the gate after pricing may end it at once."""
        trial = self.price(number, point)
        if self._trainer is None or trial.state is not TrialState.RUNNING:
            return lambda: trial
        workload = self._problem.designs.decode(point).network.workload()
        network, accuracy = self._trainer.train(workload, rungs)
        return lambda: self._conclude(trial, network, accuracy)

    def _conclude(self, trial: TrialRecord, network: str, future: Future[Accuracy]) -> TrialRecord:
        try:
            accuracy = future.result()
        except EvaluationError as error:
            return replace(trial, state=TrialState.FAILED, reason=str(error))
        trained = replace(trial, curve=accuracy.curve, network=network)
        if accuracy.diverged:
            return replace(trained, state=TrialState.FAILED, reason=accuracy.reason or "training diverged")
        return self._judge(replace(trained, metrics={**trial.metrics, "accuracy": accuracy.value}))

    def _judge(self, trial: TrialRecord) -> TrialRecord:
        verdict = feasibility(self._problem.constraints, trial.metrics)
        if not verdict.feasible:
            return replace(trial, state=TrialState.INFEASIBLE, reason=verdict.reason, violation=verdict.violation)
        for objective in self._problem.objectives:
            value = trial.metrics.get(objective.metric)
            if value is not None and not math.isfinite(value):
                return replace(trial, state=TrialState.FAILED, reason=f"{objective.metric} is {value}")
        return replace(trial, state=TrialState.COMPLETE)

    def _priced(self, point: Point) -> Priced:
        found = self._prices.get(point)
        if found is None:
            found = self._prices[point] = self._price(point)
            if len(self._prices) > PRICES_KEPT:
                self._prices.popitem(last=False)
        return found

    def _price(self, point: Point) -> Priced:
        try:
            return self._problem.pricer(self._problem.designs.decode(point))
        except (SpaceError, WorkloadError, AcceleratorError) as error:
            return Priced({}, f"there is no such design: {error}")

    def observation(self, trial: TrialRecord, baseline: float) -> Observation:
        """All that the strategy may know of a trial that ended, of a look, or of a price that training could follow.

        Args:
            trial: as it ended, or from `price` or `look`.
            baseline: moving average of the accuracies observed before.
        """
        feasible = trial.state in (TrialState.COMPLETE, TrialState.RUNNING)
        screened = trial.number == SCREENED
        trained = not screened and (trial.state in (TrialState.COMPLETE, TrialState.FAILED) or bool(trial.curve))
        looked = screened and "accuracy" in trial.metrics
        return Observation(
            point=trial.point,
            stage=Stage.TRAIN if trained else Stage.LOOK if looked else Stage.PRICE,
            losses=tuple(objective.loss(trial.metrics) for objective in self._problem.objectives),
            violation=trial.violation,
            feasible=feasible,
            reward=self._problem.reward(trial.metrics, baseline) if feasible else penalty(trial.violation or math.inf),
            shares=self._priced(trial.point).shares if screened and not looked else (),
        )
