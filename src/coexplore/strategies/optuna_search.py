"""How does an Optuna sampler become a strategy? Its study lives in memory, and its state is what happened to it.

The parameters hold every decision, also those a point leaves inactive: they are drawn silently and come back when their
condition does. A suggestion holds the active ones only. A point that was suggested or observed before is left untold
and drawn again, since its evaluation could teach nothing.

Optuna keeps its samplers' state to itself, so the state is the history of asks and tells, and restoring plays it again
on a fresh sampler with the same seed; the time this takes grows with its square.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict, cast

import numpy as np

from coexplore.core.errors import StudyError
from coexplore.spaces.conditions import INACTIVE, is_active
from coexplore.spaces.space import Point, Space
from coexplore.strategies.checkpoint import SavedObservation, load_observation, save_observation
from coexplore.strategies.random_search import draw_untried
from coexplore.strategies.strategy import Observation, Suggestion

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

LITTER = 16
"""Draws in search of an untried point before a random one takes the place."""

MakeSampler = Callable[[int], "BaseSampler"]
"""A fresh sampler of a seed."""


class _Saved(TypedDict):
    seed: int
    events: list[list[int] | SavedObservation]


class OptunaSearch:
    """Records what happens to a `_Population`, so that it can happen again.

    Args:
        name: of the strategy, for messages.
        make_sampler: the sampler of a seed.
        space: what is searched.
        seed: of the sampler.
        objectives: losses of an observation.
    """

    def __init__(self, name: str, make_sampler: MakeSampler, space: Space, seed: int, objectives: int) -> None:
        self._name, self._make_sampler, self._space, self._objectives = name, make_sampler, space, objectives
        self._begin(seed)

    def suggest(self, n: int) -> list[Suggestion]:
        """What the sampler asks for."""
        points = [self._ask() for _ in range(n)]
        return [Suggestion(point) for point in points]

    def observe(self, new: Sequence[Observation]) -> None:
        """Tell the sampler."""
        for observation in new:
            if observation.final:
                self._tell(observation)

    def state(self) -> dict[str, object]:
        """What happened so far."""
        return {"seed": self._seed, "events": list(self._events)}

    def restore(self, state: Mapping[str, object]) -> None:
        """Let it happen again.

        Raises:
            StudyError: the sampler proposes other points than before.
        """
        saved = cast(_Saved, state)
        self._begin(saved["seed"])
        for event in saved["events"]:
            if isinstance(event, list):
                if self._space.indices(self._ask()) != event:
                    raise StudyError(
                        f"the {self._name} strategy cannot continue: Optuna proposes other points than when the "
                        "checkpoint was written; install the versions the study was started with, or start it anew"
                    )
            else:
                self._tell(load_observation(self._space, event))

    def _begin(self, seed: int) -> None:
        self._seed = seed
        self._events: list[list[int] | SavedObservation] = []
        self._population = _Population(self._make_sampler(seed), self._space, seed, self._objectives)

    def _ask(self) -> Point:
        point = self._population.ask()
        self._events.append(self._space.indices(point))
        return point

    def _tell(self, observation: Observation) -> None:
        self._population.tell(observation)
        self._events.append(save_observation(self._space, observation))


class _Population:
    """An Optuna study in memory that speaks in points; a function of its seed and of what it is asked and told."""

    def __init__(self, sampler: BaseSampler, space: Space, seed: int, objectives: int) -> None:
        self._space = space
        self._rng = np.random.default_rng(seed)
        self._study = quiet_study(sampler, objectives)
        self._genes = genes_of(space)
        self._tried: set[Point] = set()
        self._open: dict[Point, deque[Trial]] = {}

    def ask(self) -> Point:
        trial, point = self._untried()
        self._tried.add(point)
        self._open.setdefault(point, deque()).append(trial)
        return point

    def tell(self, observation: Observation) -> None:
        waiting = self._open.get(observation.point)
        trial = waiting.popleft() if waiting else self._adopt(observation.point)
        self._tried.add(observation.point)
        trial.set_constraint("violation", observation.shortfall)
        self._study.tell(trial, list(observation.losses))

    def _untried(self) -> tuple[Trial, Point]:
        from optuna.trial import TrialState

        if len(self._tried) < self._space.size:
            for _ in range(LITTER):
                trial, point = self._bred()
                if point not in self._tried:
                    return trial, point
                self._study.tell(trial, state=TrialState.FAIL)
            point = cast(Point, draw_untried(self._space, self._rng, self._tried))
            return self._adopt(point), point
        return self._bred()

    def _bred(self) -> tuple[Trial, Point]:
        trial = self._study.ask(self._genes)
        row: list[int] = []
        for position, name in enumerate(self._space.names):
            row.append(trial.params[name] if is_active(self._space.links, row, position) else INACTIVE)
        return trial, self._space.at(row)

    def _adopt(self, point: Point) -> Trial:
        """A trial for a point that was not bred; Optuna fills in its inactive genes."""
        row = self._space.indices(point)
        self._study.enqueue_trial({n: index for n, index in zip(self._space.names, row, strict=True) if index >= 0})
        return self._study.ask(self._genes)


def genes_of(space: Space) -> dict[str, BaseDistribution]:
    """One distribution of value indices per decision."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    return {
        decision.name: IntDistribution(0, size - 1) if decision.ordered else CategoricalDistribution(tuple(range(size)))
        for decision, size in zip(space.decisions, space.sizes, strict=True)
    }


def quiet_study(sampler: BaseSampler, objectives: int) -> Study:
    """A study in memory that minimises and logs warnings only."""
    import optuna

    with _log_level(optuna.logging.WARNING):
        return optuna.create_study(directions=["minimize"] * objectives, sampler=sampler)


@contextlib.contextmanager
def _log_level(level: int) -> Iterator[None]:
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(max(before, level))
    try:
        yield
    finally:
        logging.set_verbosity(before)
