"""How many evaluations does a search need to come within 5 % of the proven optimum? Mappings, and accelerators.

Inner problem: mappings of one layer on Eyeriss, against the engine's mapper, whose optimum is proven within its
declared mapspace. Outer problem: accelerators of a part of the family that is priced whole, so its optimum is known.
Relax-and-round reads the position of a value in its list as a coordinate; it is also tried with lists in random order.
Null means that the median run does not get there within the evaluations given. Keys `closely` are for 1 %.

    python benchmarks/papers/learned_codesign/sample_efficiency.py [--quick] [--seeds 10]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from _harness import Course, ahead, designs_of, median, search, shuffled

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.eyeriss_like import SPREAD, EyerissLike
from coexplore.cost.mapper import Goal
from coexplore.cost.mapping_space import mapping_space
from coexplore.cost.replay import replay
from coexplore.cost.workload_grid import price_workload_grid
from coexplore.design import Design, DesignSpace
from coexplore.spaces.space import Point, Space
from coexplore.strategies.boosted import Boosted
from coexplore.strategies.feature_bo import FeatureBo
from coexplore.strategies.genetic import Genetic
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.relax_round import RelaxAndRound
from coexplore.strategies.strategy import StrategySettings
from coexplore.strategies.tpe import Tpe
from coexplore.studies.mapping_search import MappingSearch
from coexplore.studies.problem import Priced
from coexplore.workloads.op import Loops

WITHIN = 1.05
CLOSELY = 1.01
"""Beside the published shape: where 5 % is easy, this is not."""
INNER: dict[str, StrategySettings] = {
    "feature_bo": FeatureBo("linear", batch=10),
    "random": RandomSearch(),
    "boosted": Boosted(),
    "genetic": Genetic(),
    "relax_and_round": RelaxAndRound(),
    "tpe": Tpe(),
}
OUTER: dict[str, StrategySettings] = {
    "feature_bo": FeatureBo(),
    "random": RandomSearch(),
    "relax_and_round": RelaxAndRound(),
    "boosted": Boosted(batch=4),
    "genetic": Genetic(),
    "tpe": Tpe(),
}
LAYERS = (("codesign-mlp", "wide"), ("codesign-dqn", "conv2"))
OUTER_MODEL = "codesign-dqn"
PART = (
    ("mesh", tuple(f"{x}x{168 // x}/1x1" for x in (7, 8, 12, 14, 21, 24, 28, 42))),
    ("scratchpads", tuple(f"{i}/{w}/{s}" for i in (6, 12, 24, 48) for w in (32, 64, 128) for s in (8, 24, 48))),
    ("block_words", (2, 4, 8)),
    ("cluster", (1, 4)),
    ("filter_height", (SPREAD,)),
)
"""Of the outer space: 8 x 36 x 3 x 2 x 2 = 3,456 accelerators."""
QUICK = (
    PART[0],
    PART[1],
    ("block_words", (4,)),
    ("cluster", (1,)),
    ("filter_height", (SPREAD,)),
    ("filter_width", (SPREAD,)),
)


def main() -> None:
    """Both problems, then one object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="not needed: the layers are in the package")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    seeds = 2 if arguments.quick else arguments.seeds
    begun = time.perf_counter()
    inner = {
        f"{model}/{op}": _inner(model, op, seeds, 20 if arguments.quick else 80) for model, op in _layers(arguments)
    }
    outer = _outer(seeds, 12 if arguments.quick else 40, arguments.quick)
    found = {"inner": inner, "outer": outer, "seeds": seeds, "seconds": time.perf_counter() - begun}
    print(json.dumps(found))


def _layers(arguments: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    return LAYERS[:1] if arguments.quick else LAYERS


def _inner(model: str, name: str, seeds: int, trials: int) -> Mapping[str, object]:
    family = EyerissLike()
    chip = family.decode(family.presets["baseline"])
    workload = designs_of(model).network_family.lower(Point())
    (loops,) = (loops for op, loops in workload.mac_ops() if op.name == name)
    optimum = MappingSearch(None).find(loops, chip).loss
    courses = {}
    for method, settings in INNER.items():
        runs = []
        for seed in range(seeds):
            begun = time.perf_counter()
            losses = MappingSearch(settings, trials, whole_filters=False, seed=seed).find(loops, chip).losses
            runs.append(Course(losses, time.perf_counter() - begun))
        courses[method] = runs
    drawn = _draws(loops, chip, 30 if trials < 80 else 200)
    return {"trials": trials, "solved_edp_js": optimum, "draws": drawn, **_table(model, courses, optimum)}


def _draws(loops: Loops, chip: Accelerator, number: int) -> Mapping[str, float]:
    """How good are mappings drawn from the multipliers outwards, beside draws of the whole space that happen to fit?"""
    space = mapping_space(loops, chip)
    rng = np.random.default_rng(0)
    blind: list[Point] = []
    tried = 0
    while len(blind) < number:
        point = Space.sample(space, rng, 1)[0]
        tried += 1
        blind += [] if space.why_not(point) else [point]
    built = space.sample(rng, number)

    def edp(points: list[Point]) -> float:
        costs = [replay(loops, chip, space.decode(point)) for point in points]
        return statistics.median(cost.energy_j * cost.total_cycles for cost in costs)

    return {"blind_share_that_fits": number / tried, "median_edp_built_over_blind": edp(built) / edp(blind)}


def _outer(seeds: int, evaluations: int, quick: bool) -> Mapping[str, object]:
    designs = designs_of(OUTER_MODEL, QUICK if quick else PART)
    known = _priced_whole(designs)
    optimum = min(known.values())

    def pricer(design: Design) -> Priced:
        return Priced({"edp_js": known[design.chip.name]})

    courses = {
        method: [search(settings, designs, pricer, evaluations, seed) for seed in range(seeds)]
        for method, settings in OUTER.items()
    }
    courses["relax_and_round_shuffled"] = [
        search(OUTER["relax_and_round"], designs, pricer, evaluations, seed, shuffled(designs.space, seed))
        for seed in range(seeds)
    ]
    shape = {"model": OUTER_MODEL, "accelerators": len(known), "evaluations": evaluations, "optimum_edp_js": optimum}
    near, nearer = (sum(edp <= share * optimum for edp in known.values()) for share in (WITHIN, CLOSELY))
    shape |= {"accelerators_within": near, "accelerators_closely": nearer}
    return shape | _table(OUTER_MODEL, courses, optimum)


def _priced_whole(designs: DesignSpace) -> dict[str, float]:
    """EDP by the name of the accelerator, with solved mappings."""
    chips = [designs.decode(point).chip for point in designs.space.enumerate()]
    grid = price_workload_grid(designs.network_family.lower(Point()), chips, Goal.EDP)
    edp = np.asarray(grid.latency_s) * np.asarray(grid.energy_j)
    return dict(zip((chip.name for chip in chips), edp.tolist(), strict=True))


def _table(what: str, courses: Mapping[str, list[Course]], optimum: float) -> dict[str, object]:
    def reached_by(share: float) -> dict[str, list[int | None]]:
        return {method: [course.reaches(share * optimum) for course in runs] for method, runs in courses.items()}

    reached, closely = reached_by(WITHIN), reached_by(CLOSELY)
    best = {method: [course.best / optimum for course in runs] for method, runs in courses.items()}
    found = {
        "median_evaluations": {method: median(counts) for method, counts in reached.items()},
        "reached": {method: sum(count is not None for count in counts) for method, counts in reached.items()},
        "median_evaluations_closely": {method: median(counts) for method, counts in closely.items()},
        "reached_closely": {method: sum(count is not None for count in counts) for method, counts in closely.items()},
        "median_best_over_optimum": {method: statistics.median(values) for method, values in best.items()},
        "against_random": {
            method: ahead(values, best["random"]) for method, values in best.items() if method != "random"
        },
        "seconds": {method: statistics.mean(course.seconds for course in runs) for method, runs in courses.items()},
    }
    print(what, json.dumps(found), flush=True)
    return found


if __name__ == "__main__":
    main()
