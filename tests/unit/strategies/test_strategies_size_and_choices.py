"""The bound is that of the Gaussian process it claims to be, and finds what is good sooner than size alone."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.strategies import size_and_choices as module
from coexplore.strategies.size_and_choices import upper_bounds

RNG = np.random.default_rng(0)
ROWS = RNG.integers(0, 4, (400, 6))
SIZES = 10 ** RNG.uniform(5, 7, 400)
REWARDS = 0.6 + 0.05 * (ROWS == 2).sum(axis=1) + 0.01 * np.log(SIZES / 1e5)


def by_definition(rows, sizes, rewards, pool, pool_sizes, reach):
    """Mean plus deviation from the joint covariance, inverted in full."""
    target = -np.log(1.05 * rewards.max() - rewards)
    target = (target - target.mean()) / target.std()
    logs = np.log1p(np.concatenate([sizes, pool_sizes]))
    logs = (logs - logs.mean()) / logs.std()
    every = np.concatenate([rows, pool])
    covariance = np.array(
        [[np.exp(-(a != b).sum() / reach) + s * t for b, t in zip(every, logs, strict=True)]
         for a, s in zip(every, logs, strict=True)]
    )  # fmt: skip
    n = len(rows)
    inverse = np.linalg.inv(covariance[:n, :n] + module.NOISE * np.eye(n))
    cross = covariance[n:, :n]
    mean = cross @ inverse @ target
    variance = np.diag(covariance[n:, n:] - cross @ inverse @ cross.T)
    likelihood = -0.5 * target @ inverse @ target - 0.5 * np.linalg.slogdet(covariance[:n, :n] + 0.02 * np.eye(n))[1]
    return mean + np.sqrt(variance), likelihood


def test_bounds_are_those_of_the_process_of_highest_likelihood():
    known, asked = slice(0, 30), slice(100, 140)
    given = (ROWS[known], SIZES[known], REWARDS[known], ROWS[asked], SIZES[asked])
    bounds, likelihoods = zip(*(by_definition(*given, reach) for reach in module.REACHES), strict=True)
    expected = bounds[int(np.argmax(likelihoods))]
    np.testing.assert_allclose(upper_bounds(*given), expected, rtol=1e-6, atol=1e-6)


def test_what_was_seen_to_be_good_is_preferred_to_what_is_large():
    def found_after(choose):
        best = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            tried = rng.choice(400, 8, replace=False).tolist()
            while len(tried) < 25:
                left = np.setdiff1d(np.arange(400), tried)
                tried.append(int(choose(tried, rng.choice(left, 100, replace=False))))
            best.append(REWARDS[tried].max())
        return np.mean(best)

    def by_bound(tried, pool):
        return pool[np.argmax(upper_bounds(ROWS[tried], SIZES[tried], REWARDS[tried], ROWS[pool], SIZES[pool]))]

    def by_size(tried, pool):
        return pool[np.argmax(SIZES[pool])]

    assert found_after(by_bound) > found_after(by_size) + 0.01


@pytest.mark.parametrize("rewards", [np.zeros(5), np.full(5, -2.0), np.full(5, 0.9)], ids=["0", "below", "above"])
def test_equal_rewards_and_sizes_give_finite_bounds(rewards):
    bounds = upper_bounds(ROWS[:5], np.zeros(5), rewards, ROWS[5:9], np.zeros(4))
    assert np.isfinite(bounds).all()
