"""How many infeasible accelerators does a search pay for, with and without a learnt model of feasibility?

Filters that the array cannot unroll stay whole in an element, so an accelerator runs a layer only if its scratchpads
hold such a filter: 8 x 8 words for the first layer of DQN. Which accelerators can is learnt only by trying.

    python benchmarks/papers/learned_codesign/feasibility.py [--quick] [--seeds 10] [--evaluations 30]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
from _harness import Course, ahead, designs_of, search

from coexplore.strategies.feature_bo import FeatureBo
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.relax_round import RelaxAndRound
from coexplore.strategies.strategy import StrategySettings
from coexplore.studies.mapping_search import MappingSearch
from coexplore.studies.searched_pricer import SearchedPricer

MODEL = "codesign-dqn"
METHODS: dict[str, StrategySettings] = {
    "feature_bo": FeatureBo(),
    "feature_bo_without": FeatureBo(feasibility=False),
    "relax_and_round": RelaxAndRound(),
    "random": RandomSearch(),
}
OURS = "feature_bo"
TRIALS = 10
"""Mappings drawn for each layer: what is measured is the outer search."""


def main() -> None:
    """Search with every method, then one object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="not needed: the layers are in the package")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=30)
    arguments = parser.parse_args()
    seeds, evaluations = (2, 14) if arguments.quick else (arguments.seeds, arguments.evaluations)
    begun = time.perf_counter()
    designs = designs_of(MODEL)
    pricer = SearchedPricer(MappingSearch(RandomSearch(), TRIALS))
    courses = {
        name: [search(settings, designs, pricer, evaluations, seed) for seed in range(seeds)]
        for name, settings in METHODS.items()
    }
    drawn = designs.space.sample(np.random.default_rng(0), 50 if arguments.quick else 300)
    infeasible = sum(bool(pricer(designs.decode(point)).reason) for point in drawn) / len(drawn)
    paid = {name: [course.infeasible for course in runs] for name, runs in courses.items()}
    best = {name: [course.best for course in runs] for name, runs in courses.items()}
    found = {
        "model": MODEL,
        "infeasible_share": infeasible,
        "median_infeasible": {name: statistics.median(counts) for name, counts in paid.items()},
        "infeasible_per_feasible": {name: _per_feasible(runs) for name, runs in courses.items()},
        "median_best_edp_js": {name: statistics.median(values) for name, values in best.items()},
        "fewer_infeasible_than": {name: ahead(paid[OURS], paid[name]) for name in METHODS if name != OURS},
        "lower_edp_than": {name: ahead(best[OURS], best[name]) for name in METHODS if name != OURS},
        "seeds": seeds,
        "evaluations": evaluations,
        "seconds": time.perf_counter() - begun,
    }
    print(json.dumps(found))


def _per_feasible(runs: list[Course]) -> float:
    infeasible = sum(course.infeasible for course in runs)
    return infeasible / max(1, sum(len(course.losses) for course in runs) - infeasible)


if __name__ == "__main__":
    main()
