"""Which decisions are active? The conditions of a space, checked once and turned into positions.

An index row holds, for each decision, the position of its value, or -1 where it is inactive. Every decision has at most
one parent and parents stand before their children, so one pass from left to right settles a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import SpaceError, did_you_mean
from coexplore.spaces.decision import Decision

INACTIVE = -1
"""Index of a decision that is not active."""


@dataclass(frozen=True, slots=True)
class Link:
    """A condition in positions: the decision is active where `parent` has one of the indices `active_at`."""

    parent: int
    active_at: frozenset[int]


Links = tuple[Link | None, ...]


def link(decisions: Sequence[Decision]) -> Links:
    """The conditions of a space in positions, None for decisions that are always active.

    Raises:
        SpaceError: a name occurs twice, a parent does not stand earlier, or a condition waits for an illegal value.
    """
    position: dict[str, int] = {}
    links: list[Link | None] = []
    for decision in decisions:
        if decision.name in position:
            raise SpaceError(f"the decision {decision.name!r} occurs twice; names must differ")
        links.append(_link(decision, decisions, position))
        position[decision.name] = len(position)
    return tuple(links)


def _link(decision: Decision, decisions: Sequence[Decision], earlier: dict[str, int]) -> Link | None:
    condition = decision.condition
    if condition is None:
        return None
    if condition.parent not in earlier:
        raise SpaceError(
            f"decision {decision.name!r} depends on {condition.parent!r}, which does not stand before it; "
            + did_you_mean(condition.parent, earlier)
        )
    parent = earlier[condition.parent]
    try:
        return Link(parent, frozenset(decisions[parent].index_of(value) for value in condition.values))
    except SpaceError as error:
        raise SpaceError(f"the condition of decision {decision.name!r} is never met: {error}") from error


def is_active(conditions: Links, row: Sequence[int], position: int) -> bool:
    """Whether the decision at `position` is active, given the indices before it."""
    condition = conditions[position]
    return condition is None or row[condition.parent] in condition.active_at


def count_points(conditions: Links, sizes: Sequence[int]) -> int:
    """Number of distinct points, exact: a decision multiplies, its values add up what stands below each of them."""
    below = [[1] * size for size in sizes]
    roots = 1
    for position in reversed(range(len(sizes))):
        total = sum(below[position])
        condition = conditions[position]
        if condition is None:
            roots *= total
            continue
        for index in condition.active_at:
            below[condition.parent][index] *= total
    return roots


def deactivate(conditions: Links, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A copy of the (n, d) indices with -1 wherever the decision is inactive."""
    settled = indices.copy()
    for position, condition in enumerate(conditions):
        if condition is not None:
            active = np.isin(settled[:, condition.parent], np.fromiter(condition.active_at, dtype=np.int64))
            settled[~active, position] = INACTIVE
    return settled


def uniform_indices(conditions: Links, sizes: Sequence[int], unit: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Indices of the bins, equally wide, that (n, d) numbers in [0, 1] fall into; -1 where inactive."""
    counts = np.asarray(sizes, dtype=np.int64)
    bins = np.minimum((unit * counts).astype(np.int64), counts - 1)
    return deactivate(conditions, bins)
