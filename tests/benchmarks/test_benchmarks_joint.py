"""What the comparison of joint, phase and fixed search counts, on worlds small enough to look at every pair."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from coexplore.cost.network_table import NetworkTable
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Space
from coexplore.strategies.exact_hardware import ExactHardware

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "papers" / "nahas"
SIZES = (3, 3, 2)


@pytest.fixture(scope="module")
def modules():
    sys.path.insert(0, str(FOLDER))
    names = ("_joint_world", "_joint_runs", "_joint_truth", "_joint_compare")
    yield {name: importlib.import_module(name) for name in names}
    sys.path.remove(str(FOLDER))


def make_world(modules, seed=0, gaps=0):
    """Networks on 12 accelerators; `gaps` networks are missing from the table."""
    rng = np.random.default_rng(seed)
    choices = np.stack(np.unravel_index(np.arange(int(np.prod(SIZES))), SIZES), axis=1)
    choices = choices[np.sort(rng.permutation(len(choices))[gaps:])]
    counts = rng.integers(0, 4, (len(choices), 3)) + 1
    latency, energy = rng.uniform(1, 9, (2, 3, 12))
    table = NetworkTable(counts, latency, energy, rng.permutation(12).astype(float), np.arange(12))
    chips = Space((Decision("a", (1, 2, 3)), Decision("b", (1, 2, 3, 4), ordered=True)))
    baseline = int(np.argsort(table.area_mm2)[8])
    accuracy = rng.uniform(0.5, 0.9, len(choices))
    return modules["_joint_world"].World(accuracy, choices, rng.uniform(1, 9, len(choices)), table, chips, baseline)


def pairs(world, target):
    """(n, a) Whether a pair is legal, and its energy."""
    latency, energy = world.table.totals(np.arange(len(world.accuracy)))
    return (latency <= target) & (world.table.area_mm2 <= world.largest_mm2), energy


@pytest.mark.parametrize("seed", range(5))
def test_each_network_gets_the_accelerator_of_least_energy_that_holds_it(modules, seed):
    world = make_world(modules, seed)
    target = float(np.median(world.table.totals(np.arange(len(world.accuracy)))[0]))
    legal, energy = pairs(world, target)
    found = world.columns_within(target)
    for network, column in enumerate(found.tolist()):
        if column < 0:
            assert not legal[network].any()
        else:
            assert legal[network, column]
            assert energy[network, column] == energy[network][legal[network]].min()
    assert (found < 0).any() or legal.any(axis=1).all()


def test_points_stand_for_networks_and_accelerators(modules):
    world = make_world(modules, gaps=4)
    for point in world.networks.enumerate():
        away = np.abs(world.choices - list(point.values())).sum(axis=1)
        assert world.network_of(point) == away.argmin()
    assert [world.column_of(point) for point in world.accelerators.enumerate()] == list(range(12))


@pytest.mark.parametrize("settings", [ExactHardware("random"), ExactHardware("random", among=6, prefer="learned")])
def test_exact_hardware_pays_for_new_legal_networks_alone_and_finds_the_optimum(modules, settings):
    world, runs = make_world(modules), modules["_joint_runs"]
    target = float(np.quantile(world.table.totals(np.arange(len(world.accuracy)))[0], 0.2))
    legal, _ = pairs(world, target)
    trace = runs.exact_hardware(world, runs.Goal(target), settings, len(world.accuracy), 0)
    assert trace.evaluations[-1] == trace.trained == legal.any(axis=1).sum() < len(world.accuracy)
    assert trace.final == world.accuracy[legal.any(axis=1)].max()


@pytest.mark.parametrize("strategy", ["random", "evolution", "ppo", "one-shot"])
def test_no_search_beats_the_truth_and_a_network_is_paid_for_once(modules, strategy):
    world, runs = make_world(modules), modules["_joint_runs"]
    target = float(np.median(world.table.totals(np.arange(len(world.accuracy)))[0]))
    legal, _ = pairs(world, target)
    trace = runs.joint(world, runs.Goal(target), strategy, 120, 0)
    assert len(trace.best) == len(trace.evaluations) == 120
    assert 0 < trace.final <= world.accuracy[legal.any(axis=1)].max()
    assert trace.evaluations[-1] <= min(trace.trained, len(world.accuracy))
    if strategy == "one-shot":
        assert trace.trained <= runs.TRAINED_LAST
    on_baseline = runs.fixed(world, runs.Goal(target), strategy, 120, 0)
    assert on_baseline.final <= world.accuracy[legal[:, world.baseline]].max(initial=0.0)


def test_a_joint_optimum_below_fixed_or_phase_is_refused(modules):
    check = modules["_joint_truth"].check_theorems
    check(0.9, 0.9, {"some": 0.9})
    with pytest.raises(ArithmeticError, match="fixed"):
        check(0.9, 0.91, {})
    with pytest.raises(ArithmeticError, match="other"):
        check(0.9, 0.9, {"some": 0.8, "other": 0.95})


def test_the_bar_counts_accuracies_until_the_median_is_as_good_as_ppo(modules):
    compare, trace = modules["_joint_compare"], modules["_joint_runs"].Trace
    ppo = compare.Runs([trace([0.1, 0.8, 0.8], [20, 40, 60], 100)] * 3, 0.9)
    quick = [trace([0.5, 0.85], [1, 2], 2), trace([0.5, 0.5, 0.5, 0.8], [1, 2, 3, 4], 4)]
    found = compare.Runs([quick[0], quick[1], quick[1]], 0.9)
    runs = {"joint ppo": ppo, **dict.fromkeys(compare.EXACT, found)}
    judged = compare.judge(runs)
    assert judged["ppo_regret"] == pytest.approx(10.0)
    assert set(judged["needed"].values()) == {4}
    assert (judged["met"], judged["met_trained"]) == (True, True)
    assert not compare.within_bar(
        compare.judge({**runs, "joint ppo": compare.Runs(quick[:1], 0.9)})["share"]["exact-hardware random"]
    )
