"""How is a pool of untried points searched by a surrogate? Draw, rank, try the best, learn, draw again.

Searches that differ only in how they rank share this: `feature-bo` and `boosted`. Points come from `Space.sample`, so a
space that draws only what meets its known constraints is searched within them. Part of a pool may be drawn around the
best points seen: in a large space hardly any draw is near one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol, TypedDict, cast

import numpy as np
import numpy.typing as npt

from coexplore.spaces.conditions import INACTIVE, deactivate
from coexplore.spaces.described import Constrained, describe
from coexplore.spaces.space import Point, Space
from coexplore.strategies.checkpoint import (
    SavedObservation,
    load_observation,
    load_points,
    load_rng,
    save_observation,
    save_points,
    save_rng,
)
from coexplore.strategies.random_search import draw_untried
from coexplore.strategies.strategy import Observation, Suggestion

Reals = npt.NDArray[np.float64]
PARENTS = 3
"""Best points around which a pool is drawn."""


class Ranking(Protocol):
    """Says which points of a pool look best; keeps what it has learnt between calls as JSON in `memory`."""

    memory: dict[str, object]

    def promise(self, seen: Seen, pool: Reals) -> Reals:
        """(m,) Higher is better, for the features (m, f) of a pool; called with at least one observation."""
        ...


class Seen:
    """What was observed, as arrays.

    Args:
        features: (n, f) of the observed points.
        observations: of them, in order.
        pending: (k, f) features of points that were suggested and not yet observed.
    """

    def __init__(self, features: Reals, observations: Sequence[Observation], pending: Reals) -> None:
        self.features, self.pending = features, pending
        self.feasible = np.array([o.feasible for o in observations], np.bool_)
        self.loss = np.array([_loss(o) for o in observations], np.float64)
        """(n,) To be minimised; +inf where unknown."""
        self.met = np.array([_met(o) for o in observations], np.float64)
        """(n,) 1 where feasible, else below: 1 / (1 + violation), 0 where nobody can say how far it is."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(n,) Feasible observations of a finite loss."""
        return self.feasible & np.isfinite(self.loss)


def _loss(observation: Observation) -> float:
    """One number: of a single positive loss the logarithm, as costs differ by factors; of several minus the reward."""
    if len(observation.losses) != 1:
        return -observation.reward
    loss = observation.losses[0]
    return math.log(loss) if loss > 0 else loss


def _met(observation: Observation) -> float:
    """Falls with the violation: a design that runs most ops says more than one that runs none."""
    return 1.0 / (1.0 + observation.shortfall)


class _Saved(TypedDict):
    rng: object
    suggested: int
    tried: list[list[int]]
    queue: list[list[int]]
    seen: list[SavedObservation]
    memory: dict[str, object]


class PoolSearch:
    """A search that ranks pools.

    Args:
        space: what is searched.
        rng: draws the pools.
        ranking: says what looks best.
        warm_up: points drawn before the first ranking.
        pool: points ranked at a time.
        batch: points taken from a pool before the next is drawn.
        near: share of a pool that is drawn around the best points.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        ranking: Ranking,
        warm_up: int,
        pool: int,
        batch: int,
        near: float = 0.0,
    ) -> None:
        self._space, self._rng, self._ranking = space, rng, ranking
        self._warm_up, self._pool, self._batch, self._near = warm_up, pool, batch, near
        self._suggested = 0
        self._tried: dict[Point, None] = {}
        self._queue: list[Point] = []
        self._seen: dict[Point, Observation] = {}
        self._features: dict[Point, Reals] = {}

    def suggest(self, n: int) -> list[Suggestion]:
        """The best of the pool; drawn points as long as too little is known."""
        return [Suggestion(self._next()) for _ in range(n)]

    def observe(self, new: Sequence[Observation]) -> None:
        """Keep the latest observation of every point."""
        for observation in new:
            if observation.final:
                self._seen[observation.point] = observation
                self._tried[observation.point] = None

    def state(self) -> dict[str, object]:
        """Everything but the features, which follow from the points."""
        return {
            "rng": save_rng(self._rng),
            "suggested": self._suggested,
            "tried": save_points(self._space, self._tried),
            "queue": save_points(self._space, self._queue),
            "seen": [save_observation(self._space, observation) for observation in self._seen.values()],
            "memory": dict(self._ranking.memory),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Go on from a state."""
        saved = cast(_Saved, state)
        load_rng(self._rng, saved["rng"])
        self._suggested = saved["suggested"]
        self._tried = dict.fromkeys(load_points(self._space, saved["tried"]))
        self._queue = load_points(self._space, saved["queue"])
        observations = [load_observation(self._space, entry) for entry in saved["seen"]]
        self._seen = {observation.point: observation for observation in observations}
        self._ranking.memory = dict(saved["memory"])

    def _next(self) -> Point:
        point = self._fresh()
        self._suggested += 1
        self._tried[point] = None
        return point

    def _fresh(self) -> Point:
        if self._suggested >= self._warm_up and self._seen:
            self._queue = [point for point in self._queue if point not in self._tried]
            if not self._queue:
                self._queue = self._best_of_pool()
            if self._queue:
                return self._queue.pop(0)
        drawn = draw_untried(self._space, self._rng, self._tried)
        return drawn if drawn is not None else self._space.sample(self._rng, 1)[0]

    def _best_of_pool(self) -> list[Point]:
        near = self._around_the_best(round(self._near * self._pool))
        drawn = dict.fromkeys((*near, *self._space.sample(self._rng, self._pool - len(near))))
        pool = [point for point in drawn if point not in self._tried]
        if not pool:
            return []
        pending = [point for point in self._tried if point not in self._seen]
        known = self._described([*self._seen, *pending])
        seen = Seen(known[: len(self._seen)], list(self._seen.values()), known[len(self._seen) :])
        promise = self._ranking.promise(seen, describe(self._space, pool))
        order = np.argsort(-promise, kind="stable")[: self._batch]
        return [pool[int(index)] for index in order]

    def _around_the_best(self, wanted: int) -> list[Point]:
        """Points that differ from one of the best in one decision or two, and break no constraint that is known."""
        feasible = [observation for observation in self._seen.values() if observation.feasible]
        parents = sorted(feasible, key=_loss)[:PARENTS]
        if not parents or not self._space.decisions:
            return []
        children = [self._changed(parents[int(self._rng.integers(len(parents)))].point) for _ in range(wanted)]
        knows = self._space if isinstance(self._space, Constrained) else None
        return [child for child in children if knows is None or not knows.why_not(child)]

    def _changed(self, parent: Point) -> Point:
        """A decision or two take a fresh value, and so do those that this switches on."""
        sizes = np.asarray(self._space.sizes, np.int64)
        fresh = np.minimum((self._rng.random(len(sizes)) * sizes).astype(np.int64), sizes - 1)
        row = np.array(self._space.indices(parent), np.int64)
        changed = row == INACTIVE
        changed[self._rng.integers(len(sizes), size=1 + int(self._rng.integers(2)))] = True
        row = np.where(changed, fresh, row)
        return self._space.at(deactivate(self._space.links, row[None])[0].tolist())

    def _described(self, points: list[Point]) -> Reals:
        """Features of points; each point is described once."""
        missing = [point for point in points if point not in self._features]
        if missing:
            self._features.update(zip(missing, describe(self._space, missing), strict=True))
        return np.array([self._features[point] for point in points], np.float64).reshape(len(points), -1)
