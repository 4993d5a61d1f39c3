"""What does looking at every point give? The truth, for spaces small enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypedDict, cast

import numpy as np

from coexplore.spaces.space import Space
from coexplore.strategies.strategy import STRATEGIES, Observation, Strategy, Suggestion


@STRATEGIES.register("exhaustive")
@dataclass(frozen=True, slots=True)
class Exhaustive:
    """Every point once, in the order of `Space.enumerate`; afterwards nothing more."""

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh enumeration; generator and number of objectives play no part."""
        return _Exhaustive(space)


class _Saved(TypedDict):
    suggested: int


class _Exhaustive:
    def __init__(self, space: Space) -> None:
        self._space = space
        self._suggested = 0
        self._points = space.enumerate()

    def suggest(self, n: int) -> list[Suggestion]:
        found = [Suggestion(point) for point in islice(self._points, n)]
        self._suggested += len(found)
        return found

    def observe(self, new: Sequence[Observation]) -> None:
        """Nothing to learn: the order is fixed."""

    def state(self) -> dict[str, object]:
        return {"suggested": self._suggested}

    def restore(self, state: Mapping[str, object]) -> None:
        self._suggested = cast(_Saved, state)["suggested"]
        self._points = islice(self._space.enumerate(), self._suggested, None)
