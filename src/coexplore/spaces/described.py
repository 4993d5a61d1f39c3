"""What is known of the points of a space beyond their decisions? Numbers that a surrogate can learn from.

A space may say more than which values are legal: what its points mean as a few numbers (a ratio of buffers, say), and,
by overriding `Space.sample`, how to draw points that obey constraints which its decisions cannot express.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from coexplore.spaces.encode import to_indices, to_one_hot, to_unit
from coexplore.spaces.space import Point, Space

Reals = npt.NDArray[np.float64]


@runtime_checkable
class Described(Protocol):
    """A space, or a family, that describes its points."""

    def features(self, points: Sequence[Point]) -> Reals:
        """(n, f) finite numbers; the same columns for all points."""
        ...


def encoded(space: Space, points: Sequence[Point]) -> Reals:
    """(n, c) Points as a surrogate may read any of them: ordered decisions as positions, all others as one-hot columns.

    A category is never a number, so no order or distance is made up.
    """
    indices = to_indices(space, points)
    unit, one_hot = to_unit(space, indices), to_one_hot(space, indices)
    columns: list[Reals] = []
    first = 0
    for position, decision in enumerate(space.decisions):
        after = first + len(decision.values)
        columns.append(unit[:, position : position + 1] if decision.ordered else one_hot[:, first:after])
        first = after
    return np.hstack(columns) if columns else np.zeros((len(points), 0))


def describe(space: Space, points: Sequence[Point]) -> Reals:
    """(n, f) The features of a space that has some, else its encoding."""
    return space.features(points) if isinstance(space, Described) else encoded(space, points)


@runtime_checkable
class Constrained(Protocol):
    """A space with constraints that its decisions cannot express, known before anything is evaluated."""

    def why_not(self, point: Point) -> str:
        """Which constraint a point breaks, in words; empty where none."""
        ...
