"""Search on features: better than chance, feasibility learnt, and data that break careless Gaussian processes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Space
from coexplore.strategies.boosted import Boosted
from coexplore.strategies.feature_bo import FeatureBo
from coexplore.strategies.genetic import Genetic, ranked
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.relax_round import RelaxAndRound
from coexplore.strategies.strategy import Observation, Stage
from coexplore.strategies.surrogate import Kernel, learn
from coexplore.strategies.tpe import Tpe

pytest.importorskip("botorch")
BOX = Space(tuple(Decision(f"x{i}", tuple(range(8)), ordered=True) for i in range(5)))


def loss_of(point):
    """A bowl, positive."""
    return 1.0 + sum((value - 5) ** 2 for value in point.values())


def observed(point, limit=math.inf):
    """Infeasible where the sum of the decisions exceeds the limit."""
    excess = max(0.0, sum(point.values()) / limit - 1.0)
    if excess:
        return Observation(point, Stage.TRAIN, (math.inf,), excess, False, -excess)
    return Observation(point, Stage.TRAIN, (loss_of(point),), 0.0, True, -loss_of(point))


def run(settings, seed, trials, limit=math.inf):
    strategy = settings.start(BOX, np.random.default_rng(seed), 1)
    found = []
    for _ in range(trials):
        (suggestion,) = strategy.suggest(1)
        found.append(observed(suggestion.point, limit))
        strategy.observe([found[-1]])
    return found


@pytest.mark.parametrize(
    ("settings", "seeds"),
    [(FeatureBo(), 2), (FeatureBo(acquisition="ei"), 2), (Boosted(batch=4), 2), (Genetic(), 30), (RelaxAndRound(), 2)],
)
def test_a_search_beats_drawing_on_a_bowl(settings, seeds):
    best = [min(o.losses[0] for o in run(settings, seed, 30)) for seed in range(seeds)]
    drawn = [min(o.losses[0] for o in run(RandomSearch(), seed, 30)) for seed in range(seeds)]
    assert np.mean(best) < np.mean(drawn)


def test_learnt_feasibility_pays_for_fewer_infeasible_points():
    paid = [
        sum(not o.feasible for seed in range(2) for o in run(FeatureBo(feasibility=learnt), seed, 30, limit=14))
        for learnt in (True, False)
    ]
    assert paid[0] < paid[1]


def test_starts_of_infeasible_points_only_end_in_feasible_ones():
    found = run(FeatureBo(warm_up=8), 0, 40, limit=6)
    assert not any(o.feasible for o in found[:8])
    assert any(o.feasible for o in found)


def test_nothing_but_infeasible_points_goes_on():
    assert not any(o.feasible for o in run(FeatureBo(warm_up=3), 0, 15, limit=1e-9) if sum(o.point.values()))


@pytest.mark.parametrize("kernel", list(Kernel))
def test_constant_features_and_constant_targets_break_no_process(kernel):
    same = np.ones((6, 3))
    for features, targets in ((same, np.arange(6.0)), (same, np.ones(6)), (np.eye(6)[:, :3], np.ones(6))):
        belief = learn(kernel, features, targets, {}, fit=True).believe(np.vstack([features, 2 * features]))
        assert np.isfinite(belief.mean).all()
        assert np.isfinite(belief.deviation).all()
    assert learn(kernel, same[:1], np.ones(1), {}, fit=True).believe(same).mean == pytest.approx(np.ones(6))


def test_repeated_points_with_different_losses_break_no_process():
    features = np.repeat(np.random.default_rng(0).random((3, 2)), 10, axis=0)
    belief = learn(Kernel.LINEAR_MATERN, features, np.random.default_rng(1).random(30), {}, fit=True).believe(features)
    assert np.isfinite(belief.mean).all()


def test_a_linear_process_finds_a_plane_again():
    rng = np.random.default_rng(0)
    features, asked = rng.random((40, 3)), rng.random((20, 3))
    plane = np.array([1.0, -2.0, 0.5])
    belief = learn(Kernel.LINEAR, features, features @ plane, {}, fit=True).believe(asked)
    assert belief.mean == pytest.approx(asked @ plane, abs=0.02)


def test_hyperparameters_are_carried_on_instead_of_fitted_from_scratch():
    strategy = FeatureBo(warm_up=4, batch=1).start(BOX, np.random.default_rng(0), 1)
    fitted = []
    for _ in range(24):
        (suggestion,) = strategy.suggest(1)
        strategy.observe([observed(suggestion.point)])
        fitted.append(strategy.state()["memory"].get("loss", [0])[0])
    grown = [later for earlier, later in itertools.pairwise(fitted) if later != earlier]
    assert len(grown) < 12
    assert grown[-1] >= 16


def test_ranking_puts_feasible_before_infeasible_and_the_nearer_first():
    points = BOX.sample(np.random.default_rng(0), 30)
    order = ranked([observed(point, limit=15) for point in points])
    assert [o.feasible for o in order] == sorted((o.feasible for o in order), reverse=True)
    short = [o.shortfall for o in order if not o.feasible]
    assert short == sorted(short)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureBo(kernel="cubic"), "kernel: is 'cubic'"),
        (lambda: FeatureBo(acquisition="ucb"), "acquisition: is 'ucb'"),
        (lambda: FeatureBo(pool=0), "pool: is 0"),
        (lambda: RelaxAndRound(warm_up=0), "warm_up: is 0"),
        (lambda: Boosted(random=2.0), "random: is 2.0"),
        (lambda: Genetic(population=1), "population: is 1"),
        (lambda: Tpe(candidates=0), "candidates: is 0"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
