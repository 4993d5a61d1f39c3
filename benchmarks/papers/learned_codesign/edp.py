"""Which energy-delay product has the best accelerator found, relative to Eyeriss with its own best mappings?

For each set of layers: nested search of accelerators with features against random and relax-and-round search at equal
evaluations, over several seeds, mappings solved by the engine's mapper; the best design over all of them relative to
the Eyeriss preset of the same budget; the same with searched mappings for one set; and whether any mapping that a
search finds is better than the solved one.

    python benchmarks/papers/learned_codesign/edp.py [--quick] [--seeds 10] [--evaluations 20] [--noisy-seeds 10]
        [--models NAME ...]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from _harness import MODELS, Course, ahead, designs_of, search, seconds_each

from coexplore.accelerators.eyeriss_like import EyerissLike
from coexplore.accelerators.family import find_accelerator
from coexplore.cost.mapper import best_mapping
from coexplore.cost.mapping_space import mapping_space
from coexplore.cost.model import Goal, price
from coexplore.cost.replay import replay
from coexplore.design import DesignSpace
from coexplore.spaces.space import Point
from coexplore.strategies.feature_bo import FeatureBo
from coexplore.strategies.genetic import Genetic
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.relax_round import RelaxAndRound
from coexplore.strategies.strategy import StrategySettings
from coexplore.studies.mapping_search import MappingSearch, loss_of
from coexplore.studies.searched_pricer import SearchedPricer

BUDGETS = dict(zip(MODELS, ("eyeriss-168", "eyeriss-168", "eyeriss-168", "eyeriss-256"), strict=True))
METHODS: dict[str, StrategySettings] = {
    "feature_bo": FeatureBo(warm_up=6),
    "random": RandomSearch(),
    "relax_and_round": RelaxAndRound(warm_up=6),
}
EXACT = SearchedPricer(MappingSearch(None))
PUBLISHED = {"codesign-resnet": 0.18, "codesign-dqn": 0.40}
"""Reduction of the EDP in the abstract of Shi2020, on other layers, another tool and another space."""
MOST_RANDOM = 4
NOISY_MODEL, NOISY_EVALUATIONS, NOISY_TRIALS = "codesign-dqn", 12, 20


def main() -> None:
    """Search, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="not needed: the layers are in the package")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=20)
    parser.add_argument("--noisy-seeds", type=int, default=10, help="of the searches of mappings; 0 leaves them out")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    arguments = parser.parse_args()
    seeds, evaluations = (2, 8) if arguments.quick else (arguments.seeds, arguments.evaluations)
    noisy = 0 if arguments.quick else arguments.noisy_seeds
    models = ("codesign-mlp",) if arguments.quick else arguments.models
    begun = time.perf_counter()
    checked = [_never_worse(model, *((1, 60) if arguments.quick else (2, 160))) for model in MODELS]
    worst = min(ratio for ratio, _ in checked)
    freest = min(ratio for _, ratio in checked)
    result = {
        "models": {model: _model(model, seeds, evaluations) for model in models},
        "searched_mappings": _searched(noisy) if noisy and NOISY_MODEL in models else None,
        "never_worse": worst >= 1.0 - 1e-9,
        "least_searched_over_solved": worst,
        "least_with_shared_axes": freest,
        "seeds": seeds,
        "evaluations": evaluations,
        "seconds": time.perf_counter() - begun,
    }
    print(json.dumps(result))


def _model(model: str, seeds: int, evaluations: int) -> Mapping[str, object]:
    designs = designs_of(model, family=EyerissLike(BUDGETS[model]))
    workload = designs.network_family.lower(Point())
    preset = price(workload, find_accelerator(BUDGETS[model]), Goal.EDP).edp_js
    baseline = designs.accelerator_family.decode(designs.accelerator_family.presets["baseline"])
    courses = {
        name: [search(settings, designs, EXACT, evaluations, seed) for seed in range(seeds)]
        for name, settings in METHODS.items()
    }
    best = min(course.best for runs in courses.values() for course in runs)
    found = {
        "preset_edp_js": preset,
        "baseline_point_edp_js": price(workload, baseline, Goal.EDP).edp_js,
        "best_edp_js": best,
        "best_over_preset": best / preset,
        "published_reduction": PUBLISHED.get(model),
        **_compared(courses, preset),
        "random_at_equal_time": _random_at_equal_time(designs, courses, preset),
    }
    print(model, json.dumps(found), flush=True)
    return found


def _compared(courses: Mapping[str, list[Course]], scale: float) -> dict[str, object]:
    best = {name: [course.best for course in runs] for name, runs in courses.items()}
    return {
        "median_over_preset": {name: statistics.median(values) / scale for name, values in best.items()},
        "range_over_preset": {name: [min(values) / scale, max(values) / scale] for name, values in best.items()},
        "against": {name: ahead(best["feature_bo"], values) for name, values in best.items() if name != "feature_bo"},
        "search_seconds": {name: statistics.mean(course.seconds for course in runs) for name, runs in courses.items()},
    }


def _random_at_equal_time(designs: DesignSpace, courses: Mapping[str, list[Course]], scale: float) -> dict[str, object]:
    """Random search with the wall time of the search on features, up to `MOST_RANDOM` times its evaluations."""
    ours, drawn = courses["feature_bo"], courses["random"]
    evaluations = len(drawn[0].losses)
    factor = min(MOST_RANDOM, seconds_each(ours) / seconds_each(drawn))
    longer = [search(METHODS["random"], designs, EXACT, int(evaluations * factor), seed) for seed in range(len(ours))]
    best = [course.best for course in longer]
    return {
        "evaluations": int(evaluations * factor),
        "median_over_preset": statistics.median(best) / scale,
        **ahead([course.best for course in ours], best),
    }


def _searched(seeds: int) -> Mapping[str, object]:
    """Nested searches with the same method in both halves."""
    designs = designs_of(NOISY_MODEL, family=EyerissLike(BUDGETS[NOISY_MODEL]))
    workload = designs.network_family.lower(Point())
    preset = price(workload, find_accelerator(BUDGETS[NOISY_MODEL]), Goal.EDP).edp_js
    inner: dict[str, StrategySettings] = {
        "feature_bo": FeatureBo("linear", warm_up=10, batch=10),
        "random": RandomSearch(),
        "relax_and_round": RelaxAndRound(warm_up=10),
    }
    courses: dict[str, list[Course]] = {name: [] for name in METHODS}
    for name, settings in METHODS.items():
        for seed in range(seeds):
            pricer = SearchedPricer(MappingSearch(inner[name], NOISY_TRIALS, seed=seed))
            courses[name].append(search(settings, designs, pricer, NOISY_EVALUATIONS, seed))
    return {
        "model": NOISY_MODEL,
        "evaluations": NOISY_EVALUATIONS,
        "trials": NOISY_TRIALS,
        **_compared(courses, preset),
    }


def _never_worse(model: str, accelerators: int, trials: int) -> tuple[float, float]:
    """The least ratio of a searched to the solved EDP of any layer: axes of one dimension each, and shared axes."""
    family = EyerissLike(BUDGETS[model])
    workload = designs_of(model).network_family.lower(Point())
    points = [family.presets["baseline"], *family.space.sample(np.random.default_rng(7), accelerators - 1)]
    ratios, shared = [], []
    for chip in map(family.decode, points):
        for _, loops in workload.mac_ops():
            solved = best_mapping(loops, chip, Goal.EDP)
            assert solved.mapping is not None, solved.reason
            least = loss_of(replay(loops, chip, solved.mapping), chip.clock_hz, Goal.EDP)
            for strategy in (RandomSearch(), Genetic(), FeatureBo("linear", batch=10)):
                search_ = MappingSearch(strategy, trials if isinstance(strategy, Genetic) else trials // 4, False)
                ratios.append(search_.find(loops, chip).loss / least)
            free = mapping_space(loops, chip, shared_axes=True)
            drawn = free.sample(np.random.default_rng(0), trials // 4)
            shared += [loss_of(replay(loops, chip, free.decode(p)), chip.clock_hz, Goal.EDP) / least for p in drawn]
    return min(ratios), min(shared)


if __name__ == "__main__":
    main()
