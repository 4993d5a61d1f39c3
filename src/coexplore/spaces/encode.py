"""How do points become arrays, and arrays points? Index rows, the unit cube, and one-hot columns.

Axes: `n` points, `d` decisions in the order of the space, `c` one-hot columns. Three encodings of the same points:

- *indices*, int64 (n, d): position of the value of each decision, -1 where the decision is inactive;
- *unit*, float64 (n, d) in [0, 1]: the middle of the bin of the value, all bins of a decision equally wide; 0.5 where
  inactive. Meant for strategies over a box; alike values are close only where a decision is ordered;
- *one-hot*, float64 (n, c): for each decision one column per value, see `one_hot_columns`; all 0 where inactive.

Going back from the unit cube or from one-hot always gives a legal point: what lies under an inactive branch is ignored,
and the largest column of a decision wins. Only the step between points and indices walks over points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import SpaceError
from coexplore.spaces.conditions import INACTIVE, deactivate, uniform_indices
from coexplore.spaces.decision import Value
from coexplore.spaces.space import Point, Space

Indices = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


def to_indices(space: Space, points: Sequence[Point]) -> Indices:
    """Indices (n, d) of points.

    Raises:
        SpaceError: a point is not of this space.
    """
    rows = [space.indices(point) for point in points]
    return np.array(rows, dtype=np.int64).reshape(len(points), len(space.decisions))


def from_indices(space: Space, indices: npt.NDArray[np.integer]) -> list[Point]:
    """The points of (n, d) indices.

    Raises:
        SpaceError: wrong shape, an index out of range, or -1 in the wrong place.
    """
    return [space.at(row) for row in _checked(space, indices).tolist()]


def to_unit(space: Space, indices: npt.NDArray[np.integer]) -> Reals:
    """Unit-cube coordinates (n, d) of indices: `(index + 0.5) / number of values`, 0.5 where inactive.

    Raises:
        SpaceError: the indices are not of this space.
    """
    checked = _checked(space, indices)
    return np.where(checked == INACTIVE, 0.5, (checked + 0.5) / np.asarray(space.sizes, dtype=np.float64))


def from_unit(space: Space, unit: npt.NDArray[np.floating]) -> Indices:
    """Indices (n, d) of the bins that coordinates (n, d) in [0, 1] fall into.

    Raises:
        SpaceError: wrong shape, or a coordinate outside [0, 1] or not a number.
    """
    box = np.asarray(unit, dtype=np.float64)
    _check_shape(box.shape, len(space.decisions), "unit-cube coordinates", "one column for each decision")
    if not bool(np.all((box >= 0.0) & (box <= 1.0))):
        raise SpaceError("unit-cube coordinates must lie in [0, 1] and be numbers; clip them first")
    return uniform_indices(space.links, space.sizes, box)


def one_hot_columns(space: Space) -> tuple[tuple[str, Value], ...]:
    """Decision and value that each of the c one-hot columns stands for, in order."""
    return tuple((decision.name, value) for decision in space.decisions for value in decision.values)


def to_one_hot(space: Space, indices: npt.NDArray[np.integer]) -> Reals:
    """One-hot rows (n, c) of indices.

    Raises:
        SpaceError: the indices are not of this space.
    """
    checked = _checked(space, indices)
    encoded = np.zeros((len(checked), sum(space.sizes)))
    point, decision = np.nonzero(checked != INACTIVE)
    encoded[point, _first_columns(space)[decision] + checked[point, decision]] = 1.0
    return encoded


def from_one_hot(space: Space, encoded: npt.NDArray[np.floating]) -> Indices:
    """Indices (n, d) of one-hot rows (n, c), or of any scores: the largest column wins, the first of equals.

    Raises:
        SpaceError: wrong shape, or a score that is not a number.
    """
    scores = np.asarray(encoded, dtype=np.float64)
    _check_shape(scores.shape, sum(space.sizes), "one-hot rows", "one column for each value")
    if bool(np.isnan(scores).any()):
        raise SpaceError("one-hot rows must be numbers; a score is NaN")
    indices = np.zeros((len(scores), len(space.decisions)), dtype=np.int64)
    for decision, (first, size) in enumerate(zip(_first_columns(space), space.sizes, strict=True)):
        indices[:, decision] = scores[:, first : first + size].argmax(axis=1)
    return deactivate(space.links, indices)


def _first_columns(space: Space) -> Indices:
    ends = np.cumsum(np.asarray(space.sizes, dtype=np.int64))
    return ends - np.asarray(space.sizes, dtype=np.int64)


def _checked(space: Space, indices: npt.NDArray[np.integer]) -> Indices:
    array = np.asarray(indices)
    if array.dtype.kind not in "iu":
        raise SpaceError(f"indices must be integers, not {array.dtype}")
    _check_shape(array.shape, len(space.decisions), "indices", "one column for each decision")
    settled = deactivate(space.links, np.clip(array, 0, np.asarray(space.sizes) - 1).astype(np.int64))
    wrong = np.argwhere(settled != array)
    if len(wrong):
        point, decision = (int(place) for place in wrong[0])
        legal = f"0 to {space.sizes[decision] - 1}" if settled[point, decision] != INACTIVE else "-1, being inactive"
        raise SpaceError(
            f"index {int(array[point, decision])} of decision {space.names[decision]!r} in row {point} is not legal; "
            f"legal is {legal}"
        )
    return settled


def _check_shape(shape: tuple[int, ...], columns: int, what: str, meaning: str) -> None:
    if len(shape) != 2 or shape[1] != columns:
        raise SpaceError(f"{what} have shape {shape}; expected (n, {columns}), {meaning}")
