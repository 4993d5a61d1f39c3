"""Which designs does no other one beat? Dominance, fronts, and the volume that a front dominates.

Axes: `n` designs, `k` objectives. Everything is a loss: smaller is better. +inf (unknown) is legal and never beats
anything.

References:
    While2012: L. While, L. Bradstreet, L. Barone, "A fast way of calculating exact hypervolumes", TEVC 16(1), 2012.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Losses = npt.NDArray[np.float64]


def dominates(a: Sequence[float] | Losses, b: Sequence[float] | Losses) -> bool:
    """Whether losses `a` (k,) are nowhere worse than `b` (k,) and somewhere better."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return bool(np.all(first <= second) and np.any(first < second))


def non_dominated(losses: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Mask (n,) of the rows of (n, k) losses that no other row dominates; of rows exactly alike only the first is kept.

    Raises:
        ValueError: not two-dimensional, no objective, or a loss is NaN.
    """
    rows = _checked(losses)
    order = np.lexsort(rows.T[::-1])
    kept = _front_of_pairs(rows[order]) if rows.shape[1] <= 2 else _front_of_sorted(rows[order])
    mask = np.zeros(len(rows), dtype=np.bool_)
    mask[order[kept]] = True
    return mask


def hypervolume(losses: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Volume between the front of (n, k) losses and a reference point (k,), in the product of the units (While2012).

    Rows that are not better than the reference in every objective add nothing. Exact, for any k; the time grows steeply
    with k, so beyond 5 objectives keep the front short.

    Raises:
        ValueError: shapes do not fit, a loss is NaN or -inf, or the reference is not finite.
    """
    rows = _checked(losses)
    corner = np.asarray(reference, dtype=np.float64)
    if corner.shape != (rows.shape[1],):
        raise ValueError(f"the reference has shape {corner.shape}; expected ({rows.shape[1]},), one per objective")
    if not np.isfinite(corner).all() or np.isneginf(rows).any():
        raise ValueError("the reference must be finite and no loss -inf; the volume would be infinite")
    gains = corner - rows[(rows < corner).all(axis=1)]
    return _volume(gains)


def _checked(losses: npt.ArrayLike) -> Losses:
    rows = np.asarray(losses, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(f"losses have shape {rows.shape}; expected (n, k) with k >= 1")
    if np.isnan(rows).any():
        raise ValueError("a loss is NaN; use +inf for what is unknown")
    return rows


def _front_of_pairs(rows: Losses) -> npt.NDArray[np.intp]:
    """Positions of the front in lexicographically sorted rows of one or two losses: each lowers the last loss."""
    if len(rows) == 0 or rows.shape[1] == 1:
        return np.arange(min(len(rows), 1))
    lowest_before = np.minimum.accumulate(rows[:, 1])[:-1]
    return np.concatenate([[0], 1 + np.flatnonzero(rows[1:, 1] < lowest_before)])


def _front_of_sorted(rows: Losses) -> npt.NDArray[np.intp]:
    """Positions of the front in lexicographically sorted rows: the first left is on it and removes what it covers."""
    left = np.arange(len(rows))
    front = []
    while len(left):
        front.append(left[0])
        left = left[(rows[left] < rows[left[0]]).any(axis=1)]
    return np.array(front, dtype=np.intp)


def _volume(gains: Losses) -> float:
    """Volume of the union of the boxes [0, gain], by what each box adds to those with a larger last gain."""
    front = gains[non_dominated(-gains)]
    if front.shape[1] == 1 or len(front) <= 1:
        return float(front.prod(axis=1).sum())
    front = front[np.argsort(front[:, -1], kind="stable")]
    if front.shape[1] == 2:
        return float(front[:, 0] @ np.diff(front[:, 1], prepend=0.0))
    total = 0.0
    for position, (*base, height) in enumerate(front.tolist()):
        shared = np.minimum(front[position + 1 :, :-1], base)
        total += height * (float(np.prod(base)) - _volume(shared))
    return total
