from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from coexplore.strategies.recurrent_policy import RecurrentPolicy
from coexplore.testing.strategy_contract import MIXED

ROWS = np.array([MIXED.indices(point) for point in MIXED.enumerate()])


def policy(seed=0, spread=4.0):
    """A policy far from uniform, so that mistakes show."""
    made = RecurrentPolicy(MIXED, hidden=5, embedding=3, rng=np.random.default_rng(seed))
    for weight in made.weights.values():
        weight *= spread
    made.weights["head_bias"] += np.random.default_rng(seed).normal(size=made.weights["head_bias"].shape)
    return made


def entropy_by_definition(made, row):
    """Sum over the active decisions of -sum p log p, p from the chances of all rows that share the beginning."""
    chances = np.exp(made.log_chances(ROWS))
    total = 0.0
    for position in np.flatnonzero(row >= 0):
        alike = (ROWS[:, :position] == row[:position]).all(axis=1)
        groups = [chances[alike & (ROWS[:, position] == value)].sum() for value in set(ROWS[alike, position])]
        p = np.array(groups) / sum(groups)
        total -= float((p * np.log(p)).sum())
    return total


def test_chances_of_all_points_sum_to_one():
    assert np.exp(policy().log_chances(ROWS)).sum() == pytest.approx(1.0, abs=1e-12)


def test_chance_does_not_depend_on_the_batch():
    made = policy()
    together = made.log_chances(ROWS[:20])
    single = [made.log_chances(ROWS[i : i + 1])[0] for i in range(20)]
    np.testing.assert_allclose(together, single, rtol=1e-12)


def test_entropy_is_that_of_the_conditional_chances():
    made = policy()
    chosen = [0, 17, 100, 250, 311]
    expected = [entropy_by_definition(made, ROWS[i]) for i in chosen]
    np.testing.assert_allclose(made.entropies(ROWS[chosen]), expected, rtol=1e-9)


def test_draws_follow_the_chances():
    made, rng = policy(spread=2.0), np.random.default_rng(1)
    counts = Counter(tuple(made.draw(rng)) for _ in range(3000))
    expected = 3000 * np.exp(made.log_chances(ROWS))
    common = expected > 8
    found = np.array([counts[tuple(row)] for row in ROWS.tolist()])
    chi_squared = ((found - expected)[common] ** 2 / expected[common]).sum()
    assert sum(counts.values()) == found.sum()
    assert chi_squared < common.sum() + 4 * np.sqrt(2 * common.sum())


def test_first_chances_are_nearly_uniform_over_values():
    made = RecurrentPolicy(MIXED, hidden=32, embedding=16, rng=np.random.default_rng(0))
    plain = next(row for row in ROWS if (row[[2, 3]] == -1).all() and row[5] >= 0)
    uniform = -np.log([size for size, index in zip(MIXED.sizes, plain, strict=True) if index >= 0]).sum()
    assert made.log_chances(plain[None])[0] == pytest.approx(uniform, abs=0.5)


@pytest.mark.parametrize("name", ["embedding", "from_input", "from_hidden", "gate_bias", "head", "head_bias"])
@pytest.mark.parametrize("entropy", [0.0, 0.7])
def test_gradient_equals_finite_differences(name, entropy):
    made = policy(seed=2, spread=5.0)
    rng = np.random.default_rng(3)
    rows = ROWS[rng.choice(len(ROWS), 6, replace=False)]
    pull = rng.normal(size=6)

    def target():
        return float((pull * made.log_chances(rows) + entropy * made.entropies(rows)).mean())

    slope = made.gradient(rows, pull, entropy)[name].ravel()
    flat, step = made.weights[name].ravel(), 1e-5
    assert flat.base is made.weights[name]
    differences = []
    for i in range(flat.size):
        kept = flat[i]
        flat[i] = kept + step
        above = target()
        flat[i] = kept - step
        differences.append((above - target()) / (2 * step))
        flat[i] = kept
    np.testing.assert_allclose(slope, differences, rtol=1e-6, atol=1e-9)
    assert np.abs(slope).max() > 1e-4


@pytest.mark.parametrize("name", ["embedding", "from_hidden", "head"])
def test_pulls_of_single_choices_move_those_choices(name):
    """Finite differences of the chances of the choices, each given those before it."""
    made, rng = policy(seed=2, spread=5.0), np.random.default_rng(4)
    rows = ROWS[rng.choice(len(ROWS), 5, replace=False)]
    pulls = rng.normal(size=rows.shape)

    def target():
        return float((pulls * made.choice_log_chances(rows)).sum()) / len(rows)

    slope, flat, size = made.gradient(rows, pulls, 0.0)[name].ravel(), made.weights[name].ravel(), 1e-5
    for i in rng.choice(flat.size, 12, replace=False):
        kept = flat[i]
        flat[i] = kept + size
        above = target()
        flat[i] = kept - size
        below = target()
        flat[i] = kept
        assert slope[i] == pytest.approx((above - below) / (2 * size), rel=1e-5, abs=1e-8)


def test_one_pull_for_a_row_is_the_same_pull_for_each_of_its_choices():
    made, pull = policy(), np.array([0.5, -1.0, 2.0])
    alike = made.gradient(ROWS[:3], np.repeat(pull[:, None], ROWS.shape[1], axis=1), 0.1)
    for name, slope in made.gradient(ROWS[:3], pull, 0.1).items():
        np.testing.assert_array_equal(slope, alike[name])
