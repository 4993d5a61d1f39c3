"""How are points suggested whose order is fixed? One after the other; nothing is learnt on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypedDict, cast

from coexplore.spaces.space import Point
from coexplore.strategies.strategy import Observation, Stage, Suggestion


class _Saved(TypedDict):
    suggested: int


class InOrder:
    """The strategy of points in their order.

    Args:
        points: begins with the first of them, always in the same order.
        stage: what is wanted of each.
    """

    def __init__(self, points: Callable[[], Iterator[Point]], stage: Stage = Stage.TRAIN) -> None:
        self._begin, self._stage = points, stage
        self._points, self._suggested = points(), 0

    def suggest(self, n: int) -> list[Suggestion]:
        """The next points, none at the end."""
        found = [Suggestion(point, self._stage) for point in islice(self._points, n)]
        self._suggested += len(found)
        return found

    def observe(self, new: Sequence[Observation]) -> None:
        """Nothing to learn: the order is fixed."""

    def state(self) -> dict[str, object]:
        """How many points were suggested."""
        return {"suggested": self._suggested}

    def restore(self, state: Mapping[str, object]) -> None:
        """Go on after them."""
        self._suggested = cast(_Saved, state)["suggested"]
        self._points = islice(self._begin(), self._suggested, None)
