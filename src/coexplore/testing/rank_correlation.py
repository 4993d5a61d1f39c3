"""Do two lists of numbers put the same things first? Rank correlations, ties included."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def ranks(values: Sequence[float] | Values) -> Values:
    """Ranks from 0; equal values share their mean rank."""
    _, inverse, counts = np.unique(np.asarray(values, float), return_inverse=True, return_counts=True)
    shared: Values = (np.cumsum(counts) - (counts + 1) / 2)[inverse]
    return shared


def correlation(left: Values, right: Values) -> float | None:
    """Pearson's; none where one side does not vary, as with a single row."""
    return float(np.corrcoef(left, right)[0, 1]) if np.ptp(left) and np.ptp(right) else None


def spearman(left: Sequence[float] | Values, right: Sequence[float] | Values) -> float | None:
    """Pearson's correlation of the ranks; none where one side does not vary."""
    return correlation(ranks(left), ranks(right))


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float:
    """Tau-b: concordant minus discordant pairs over pairs that are tied in neither, each side on its own.

    Both sides have at least two different values.
    """
    pairs, counts = np.unique(np.array([first, second], float).T, axis=0, return_counts=True)
    x, y = pairs.T
    weights = counts.astype(float)
    agree = ties_x = ties_y = 0.0
    for i in range(len(x)):
        to_x, to_y = np.sign(x[i] - x), np.sign(y[i] - y)
        agree += weights[i] * float(weights @ (to_x * to_y))
        ties_x += weights[i] * float(weights @ (to_x != 0))
        ties_y += weights[i] * float(weights @ (to_y != 0))
    return float(agree / (ties_x * ties_y) ** 0.5)
