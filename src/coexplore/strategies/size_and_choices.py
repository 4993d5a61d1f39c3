"""Which of some points promises most, given those tried? A Gaussian process on their choices and one known size.

For searches of networks: a network is its choices and how large it is. Two networks are the more alike the fewer
choices differ, and on top of that the logarithm of the size has a slope. NumPy alone; some hundred points fit in
milliseconds.

References:
    Rasmussen2006: C. E. Rasmussen, C. K. I. Williams, Gaussian processes for machine learning, MIT Press 2006,
        algorithm 2.1 and section 5.4.1 (the reach is the one of highest marginal likelihood).
    Srinivas2010: N. Srinivas et al., Gaussian process optimization in the bandit setting, ICML 2010: what promises most
        is the upper confidence bound; its weight is a constant here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REACHES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Differing choices over which likeness falls to 1/e; tried in this order."""
NOISE = 0.02
"""Variance of a reward, that of all rewards being 1."""
HEADROOM = 0.05
"""Share of the best reward by which rewards may still grow. They are learnt as `-log(ceiling - reward)`, so that small
gains at the top weigh as much as large ones below."""
WEIGHT = 1.0
"""Deviations by which the bound lies above the mean."""
TINY = 1e-9


def upper_bounds(rows: Ints, sizes: Floats, rewards: Floats, pool: Ints, pool_sizes: Floats) -> Floats:
    """(m,) How good each point of a pool may be, on a scale of its own; higher is better.

    Args:
        rows: (n, d) choices of the points tried, n at least 2.
        sizes: (n,) at least 0.
        rewards: (n,) of the points tried.
        pool: (m, d) choices of those to be judged.
        pool_sizes: (m,)
    """
    target = _stretched(rewards)
    logs = np.log1p(np.concatenate([sizes, pool_sizes]))
    logs = (logs - logs.mean()) / (logs.std() + TINY)
    known, asked = logs[: len(sizes)], logs[len(sizes) :]
    differing = _differing(rows, rows)
    fits = [_fit(differing, known, target, reach) for reach in REACHES]
    best = int(np.argmax([likelihood for _, _, likelihood in fits]))
    lower, weights, _ = fits[best]
    cross = _likeness(_differing(pool, rows), asked, known, REACHES[best])
    explained = (np.linalg.solve(lower, cross.T) ** 2).sum(axis=0)
    deviation = np.sqrt(np.maximum(1.0 + asked**2 - explained, 0.0))
    bound: Floats = cross @ weights + WEIGHT * deviation
    return bound


def _stretched(rewards: Floats) -> Floats:
    """(n,) Rewards on the scale on which they are learnt, of mean 0 and variance 1."""
    best = float(rewards.max())
    room = HEADROOM * abs(best) or 1.0
    target = -np.log(best + room - rewards)
    scaled: Floats = (target - target.mean()) / (target.std() + TINY)
    return scaled


def _differing(left: Ints, right: Ints) -> Floats:
    """(n, m) In how many choices two points differ."""
    count = np.zeros((len(left), len(right)))
    for own, other in zip(left.T, right.T, strict=True):
        count += own[:, None] != other
    return count


def _likeness(differing: Floats, left: Floats, right: Floats, reach: float) -> Floats:
    likeness: Floats = np.exp(-differing / reach) + np.outer(left, right)
    return likeness


def _fit(differing: Floats, sizes: Floats, target: Floats, reach: float) -> tuple[Floats, Floats, float]:
    """Cholesky factor, weights and log marginal likelihood up to a constant (Rasmussen2006, algorithm 2.1)."""
    covariance = _likeness(differing, sizes, sizes, reach) + NOISE * np.eye(len(target))
    lower = np.asarray(np.linalg.cholesky(covariance), np.float64)
    weights = np.linalg.solve(lower.T, np.linalg.solve(lower, target))
    return lower, weights, float(-0.5 * target @ weights - np.log(np.diag(lower)).sum())
