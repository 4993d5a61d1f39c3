"""What do points drawn blindly give? Random search, and the fresh draw that other strategies fall back on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypedDict, cast

import numpy as np

from coexplore.spaces.space import Point, Space
from coexplore.strategies.checkpoint import load_points, load_rng, save_points, save_rng
from coexplore.strategies.strategy import STRATEGIES, Observation, Strategy, Suggestion

DRAWS = 64
"""Draws before a fresh point is looked for by enumeration, and how many fresh ones that then chooses from."""


def draw_untried(space: Space, rng: np.random.Generator, tried: Collection[Point]) -> Point | None:
    """A point of `space` not in `tried`, or None when all are; the effort is bounded by `DRAWS` and `len(tried)`.

    Drawn by `Space.sample`. Only when that repeats itself `DRAWS` times, because few points are left or one branch
    of the conditions takes nearly every draw, the point is one of the first `DRAWS` fresh ones in enumeration order.
    """
    if len(tried) >= space.size:
        return None
    for _ in range(DRAWS):
        (point,) = space.sample(rng, 1)
        if point not in tried:
            return point
    fresh = list(islice((point for point in space.enumerate() if point not in tried), DRAWS))
    return fresh[int(rng.integers(len(fresh)))] if fresh else None


@STRATEGIES.register("random")
@dataclass(frozen=True, slots=True)
class RandomSearch:
    """Uniform draws, decision by decision; no point twice before the space is exhausted."""

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh search; the number of objectives plays no part."""
        return _RandomSearch(space, rng)


class _Saved(TypedDict):
    rng: object
    tried: list[list[int]]


class _RandomSearch:
    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._space, self._rng = space, rng
        self._tried: dict[Point, None] = {}

    def suggest(self, n: int) -> list[Suggestion]:
        return [Suggestion(self._draw()) for _ in range(n)]

    def observe(self, new: Sequence[Observation]) -> None:
        self._tried.update((observation.point, None) for observation in new if observation.final)

    def state(self) -> dict[str, object]:
        return {"rng": save_rng(self._rng), "tried": save_points(self._space, self._tried)}

    def restore(self, state: Mapping[str, object]) -> None:
        saved = cast(_Saved, state)
        load_rng(self._rng, saved["rng"])
        self._tried = dict.fromkeys(load_points(self._space, saved["tried"]))

    def _draw(self) -> Point:
        point = draw_untried(self._space, self._rng, self._tried)
        if point is None:
            (point,) = self._space.sample(self._rng, 1)
        self._tried[point] = None
        return point
