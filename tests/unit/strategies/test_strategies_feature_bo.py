"""Search on features: better than chance, feasibility learnt, and data that break careless Gaussian processes."""

from __future__ import annotations

import itertools
import math
import sys

import numpy as np
import pytest

from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import ConfigError, MissingExtraError
from coexplore.cost.mapping_space import mapping_space
from coexplore.spaces.decision import Decision
from coexplore.spaces.described import describe
from coexplore.spaces.space import Space
from coexplore.strategies.boosted import Boosted
from coexplore.strategies.feature_bo import FeatureBo
from coexplore.strategies.genetic import Genetic, ranked
from coexplore.strategies.pool_search import Seen
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.relax_round import RelaxAndRound
from coexplore.strategies.strategy import Observation, Stage
from coexplore.strategies.surrogate import Kernel, learn
from coexplore.strategies.tpe import Tpe
from coexplore.workloads.op import Loops

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


def test_the_chance_of_feasibility_says_more_than_the_share_seen():
    points = list(dict.fromkeys(BOX.sample(np.random.default_rng(0), 400)))
    seen, asked = [observed(point, limit=16) for point in points[:40]], points[40:]
    ranking = FeatureBo().start(BOX, np.random.default_rng(0), 1)._ranking
    chance = ranking._feasible(Seen(describe(BOX, points[:40]), seen, np.zeros((0, 5))), describe(BOX, asked))
    truth = np.array([observed(point, limit=16).feasible for point in asked])
    share = np.mean([o.feasible for o in seen])
    assert np.mean((chance - truth) ** 2) < 0.5 * np.mean((share - truth) ** 2)


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


@pytest.mark.parametrize("kernel", [Kernel.LINEAR_MATERN, Kernel.SMOOTH])
def test_a_process_of_few_observations_knows_how_little_it_knows(kernel):
    """Of values asked for 95 % should lie within two deviations; without priors it was two fifths."""
    away = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        features = rng.integers(4, size=(212, 6)).astype(np.float64)
        curved = np.abs(features[:, 0] - 2) + np.sin(2 * features[:, 1]) + 0.3 * features[:, 2]
        seen, asked = slice(12), slice(12, None)
        belief = learn(kernel, features[seen], curved[seen], {}, True, features[asked]).believe(features[asked])
        away += [*((belief.mean - curved[asked]) / belief.deviation)]
    assert np.mean(np.abs(away) < 2) > 0.75


def test_features_alike_among_the_observations_by_chance_still_count():
    seen = np.column_stack([np.arange(6.0), np.ones(6)])
    asked = np.array([[3.0, 1.0], [3.0, 2.0]])
    belief = learn(Kernel.SMOOTH, seen, seen[:, 0], {}, True, asked).believe(asked)
    assert belief.deviation[1] > 2 * belief.deviation[0]


def test_points_under_way_are_not_suggested_again_nor_their_neighbours_first():
    features = np.arange(8.0)[:, None]
    seen = Seen(features[:4], [observed(BOX.at([n, 5, 5, 5, 5])) for n in range(4)], features[6:7])
    ranking = FeatureBo(kernel="smooth", weight=20.0).start(BOX, np.random.default_rng(0), 1)._ranking
    promise = ranking.promise(seen, features)
    alone = Seen(features[:4], [observed(BOX.at([n, 5, 5, 5, 5])) for n in range(4)], features[:0])
    assert promise[6] < 0.5 * promise.max()
    assert ranking.promise(alone, features)[6] > 0.5 * ranking.promise(alone, features).max()


def test_pools_are_drawn_around_the_best_points_too():
    found = run(FeatureBo(near=1.0, warm_up=5), 0, 12)
    for number, later in enumerate(found[5:], 5):
        best = sorted(found[:number], key=lambda o: o.losses[0])[:3]
        assert min(sum(a != b for a, b in zip(later.point.values(), o.point.values(), strict=True)) for o in best) <= 2


@pytest.mark.parametrize(
    ("settings", "module"), [(FeatureBo(), "botorch"), (RelaxAndRound(), "botorch"), (Boosted(), "sklearn.ensemble")]
)
def test_what_is_not_installed_is_said_before_anything_is_tried(settings, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'coexplore\[bo\]'"):
        settings.start(BOX, np.random.default_rng(0), 1)


def test_rounding_ends_on_mappings_that_fit():
    space = mapping_space(Loops(K=32, C=16, P=14, Q=14, R=3, S=3), find_accelerator("eyeriss-168"))
    strategy = RelaxAndRound(warm_up=3, pool=30).start(space, np.random.default_rng(0), 1)
    for trial in range(6):
        (suggestion,) = strategy.suggest(1)
        assert space.why_not(suggestion.point) == ""
        strategy.observe([Observation(suggestion.point, Stage.TRAIN, (trial + 1.0,), 0.0, True, -1.0)])


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
        (lambda: FeatureBo(near=1.5), "near: is 1.5"),
        (lambda: RelaxAndRound(warm_up=0), "warm_up: is 0"),
        (lambda: Boosted(random=2.0), "random: is 2.0"),
        (lambda: Genetic(population=1), "population: is 1"),
        (lambda: Tpe(candidates=0), "candidates: is 0"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
