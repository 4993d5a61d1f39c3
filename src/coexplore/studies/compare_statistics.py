"""Is one sample of runs better than another, and how sure is that? Medians with intervals, and a rank test.

Values are losses: smaller is better, +inf is a run that found nothing. Everything here uses their order alone, so that
such runs, outliers and skewed values need no special care.

References:
    MannWhitney1947: H. B. Mann, D. R. Whitney, Annals of Mathematical Statistics 18(1), 1947.
    Holm1979: S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. of Statistics 6(2), 1979.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from coexplore.core.errors import MissingExtraError

LEVEL = 0.05
"""Chance of a false alarm that is accepted: among all pairs together, and of an interval to miss the median."""
EXACT_UP_TO = 8
"""With at most so many runs all ways to deal the values are counted, ties included; else the normal law is used."""
DEALS = math.comb(2 * EXACT_UP_TO, EXACT_UP_TO)


@dataclass(frozen=True, slots=True)
class MedianInterval:
    """A median, and between which two of the values the median of all possible runs lies."""

    median: float
    low: float
    high: float
    confidence: float
    """Chance that the interval holds the true median, whatever the distribution; 0 where there is one value."""


def median_interval(values: Sequence[float]) -> MedianInterval:
    """The median and the narrowest interval of order statistics that holds it with a confidence of at least 95 %.

    With fewer than six values no interval is that sure; then it is the whole range, with the confidence it has.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("a median needs at least one value")
    ordered, n = sorted(values), len(values)
    left_out = 0
    while 2 * (left_out + 1) < n and _confidence(n, left_out + 1) >= 1 - LEVEL:
        left_out += 1
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return MedianInterval(middle, ordered[left_out], ordered[n - 1 - left_out], _confidence(n, left_out))


def _confidence(n: int, left_out: int) -> float:
    """Chance that more than `left_out` of n values lie on each side of the true median."""
    return 1.0 - 2.0 * sum(math.comb(n, k) for k in range(left_out + 1)) / 2.0**n


@dataclass(frozen=True, slots=True)
class Versus:
    """One pair of contenders."""

    better: str
    """The one that is ahead in more pairs of runs; of equals the first."""
    worse: str
    superiority: float
    """Share of the pairs of runs in which it is better, ties as half."""
    p: float
    """Chance of at least such a difference if there were none (MannWhitney1947, two-sided)."""
    p_adjusted: float
    """The same with all pairs taken into account (Holm1979)."""

    @property
    def shown(self) -> bool:
        """Whether the difference is significant at `LEVEL`."""
        return self.p_adjusted < LEVEL


def all_pairs(samples: Sequence[tuple[str, Sequence[float]]]) -> tuple[Versus, ...]:
    """Every pair of named samples of losses, in their order; none where a sample has fewer than two values.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    if any(len(values) < 2 for _, values in samples):
        return ()
    pairs = [(a, b) for i, a in enumerate(samples) for b in samples[i + 1 :]]
    chances = [rank_test(a, b) for (_, a), (_, b) in pairs]
    return tuple(_versus(a, b, p, adjusted) for (a, b), p, adjusted in zip(pairs, chances, holm(chances), strict=True))


def _versus(a: tuple[str, Sequence[float]], b: tuple[str, Sequence[float]], p: float, adjusted: float) -> Versus:
    share = superiority(a[1], b[1])
    return Versus(a[0], b[0], share, p, adjusted) if share >= 0.5 else Versus(b[0], a[0], 1 - share, p, adjusted)


def superiority(a: Sequence[float], b: Sequence[float]) -> float:
    """Share of all pairs of a loss in `a` and one in `b` in which the first is smaller, ties as half."""
    first, second = np.asarray(a)[:, None], np.asarray(b)[None, :]
    return float(np.mean((first < second) + 0.5 * (first == second)))


def rank_test(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p of MannWhitney1947; exact for up to `EXACT_UP_TO` runs each, also with ties; 1 where all are equal.

    The runs are taken as independent: equal seeds make two searches no more alike than other seeds do.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    stats = _scipy_stats()
    ranks = stats.rankdata([*a, *b])
    if len(set(ranks)) == 1:
        return 1.0
    exact = max(len(a), len(b)) <= EXACT_UP_TO
    counted = stats.PermutationMethod(n_resamples=DEALS) if len(set(ranks)) < len(ranks) else "exact"
    method = counted if exact else "asymptotic"
    return float(stats.mannwhitneyu(ranks[: len(a)], ranks[len(a) :], method=method).pvalue)


def holm(chances: Sequence[float]) -> list[float]:
    """Each p with all others taken into account (Holm1979), in the order given."""
    adjusted, floor = [1.0] * len(chances), 0.0
    for rank, index in enumerate(sorted(range(len(chances)), key=lambda index: chances[index])):
        floor = max(floor, min(1.0, (len(chances) - rank) * chances[index]))
        adjusted[index] = floor
    return adjusted


def least_runs(pairs: int) -> int:
    """Runs per contender below which no difference can be significant, however large it is."""
    runs = 2
    while 2 * pairs / math.comb(2 * runs, runs) >= LEVEL:
        runs += 1
    return runs


def check_scipy() -> None:
    """Refuse to begin what could not be judged afterwards.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    _scipy_stats()


def _scipy_stats() -> ModuleType:
    """Imported when a comparison is judged: no other command waits for it, nor needs it."""
    try:
        return importlib.import_module("scipy.stats")
    except ImportError as error:
        raise MissingExtraError("the test of a comparison (scipy)", "train") from error
