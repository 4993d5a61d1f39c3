"""Nested search: the price of a design when mappings are searched, sharing, and every kind of bad input."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from coexplore.accelerators.eyeriss_like import EyerissLike
from coexplore.core.errors import ConfigError
from coexplore.cost.model import Goal, price
from coexplore.design import DesignSpace
from coexplore.networks.learned_codesign import WORDS, dqn_layers, mlp_layers
from coexplore.networks.network import FixedNetwork
from coexplore.objectives.objective import Constraint, feasibility
from coexplore.spaces.described import Described
from coexplore.spaces.space import Point
from coexplore.strategies.feature_bo import FeatureBo
from coexplore.strategies.random_search import RandomSearch
from coexplore.studies import mapping_search
from coexplore.studies.config import build, parse_config
from coexplore.studies.mapping_search import MappingSearch, sub_hardware, whole_dims
from coexplore.studies.problem import Priced
from coexplore.studies.searched_pricer import SearchedPricer
from coexplore.studies.study import StudyState, run_study
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, Loops

FAMILY = EyerissLike()
BASELINE = FAMILY.decode(FAMILY.presets["baseline"])
PRODUCT = Loops(K=64, C=96, bits=WORDS)
DRAWN = MappingSearch(RandomSearch(), trials=8)
STUDY = {
    "name": "nested",
    "network": {"fixed": "codesign-mlp"},
    "accelerator": {"family": "eyeriss-like"},
    "objectives": [{"minimize": "edp_js"}],
    "strategy": {"name": "feature-bo", "warm_up": 2, "pool": 10},
    "cost": {"mapper": {"search": "random", "trials": 4}},
    "budget": {"trials": 4},
}


def designs(workload: Workload) -> DesignSpace:
    return DesignSpace(FixedNetwork(workload), FAMILY)


def design(workload: Workload, **values: object):
    point = FAMILY.space.point({**FAMILY.presets["baseline"], **values})
    return designs(workload).decode(Point(tuple((f"accelerator.{k}", v) for k, v in point.items())))


def wide_filters() -> Workload:
    op = Conv2d("conv", ("image",), 4, (8, 8), bits=WORDS)
    return Workload("wide", (("image", (1, 2, 16, 16)),), (op,), ("conv",))


def test_the_price_is_that_of_the_found_mappings_and_the_edp_that_of_sums():
    chosen, pricer = design(mlp_layers()), SearchedPricer(DRAWN)
    priced = pricer(chosen)
    mappings = pricer.mappings(mlp_layers(), chosen.chip)
    cost = price(mlp_layers(), chosen.chip, Goal.EDP, mappings)
    assert priced.metrics == cost.metrics()
    energy, latency = (sum(getattr(op, name) for op in cost.ops) for name in ("energy_j", "latency_s"))
    assert priced.metrics["edp_js"] == pytest.approx(energy * latency)


def test_solved_mappings_cost_what_the_engine_says_and_no_searched_one_is_better():
    chosen = design(mlp_layers())
    solved = SearchedPricer(MappingSearch(None))(chosen)
    assert solved.metrics == price(mlp_layers(), chosen.chip, Goal.EDP).metrics()
    free = replace(DRAWN, trials=40, whole_filters=False)
    for search in (free, replace(free, strategy=FeatureBo("linear", batch=10))):
        assert SearchedPricer(search)(chosen).metrics["edp_js"] >= solved.metrics["edp_js"]


def test_solved_prices_do_not_depend_on_the_seed_and_searched_ones_do():
    chosen = design(mlp_layers())
    solved, searched = set(), set()
    for seed in range(4):
        solved.add(SearchedPricer(MappingSearch(None, seed=seed))(chosen).metrics["edp_js"])
        searched.add(SearchedPricer(replace(DRAWN, seed=seed))(chosen).metrics["edp_js"])
    assert len(solved) == 1
    assert len(searched) > 1


def test_equal_designs_have_equal_prices_whatever_came_before():
    chosen = design(dqn_layers(), scratchpads="64/64/8")
    first = SearchedPricer(DRAWN)(chosen)
    mapping_search._found.cache_clear()
    SearchedPricer(DRAWN)(design(dqn_layers(), scratchpads="64/128/8"))
    assert SearchedPricer(DRAWN)(chosen) == first


def test_equal_pairs_of_op_and_sub_hardware_are_searched_once():
    mapping_search._found.cache_clear()
    for width in ("whole", "spread"):
        assert DRAWN.find(PRODUCT, design(mlp_layers(), filter_width=width).chip).mapping is not None
    assert mapping_search._found.cache_info().misses == 1
    tall = Loops(K=8, C=4, P=4, Q=4, R=1, S=3, bits=WORDS)
    assert len({sub_hardware(tall, design(mlp_layers(), filter_width=w).chip) for w in ("whole", "spread")}) == 2


def test_the_best_mappings_of_the_reference_are_tried_first():
    search = replace(DRAWN, reference=BASELINE)
    other = design(mlp_layers(), scratchpads="24/160/24").chip
    known = DRAWN.find(PRODUCT, BASELINE)
    found = search.find(PRODUCT, other)
    assert len(found.losses) == DRAWN.trials
    assert found.loss <= min(found.losses[: len(known.passed_on)])
    assert whole_dims(PRODUCT, other) == ()


def test_a_layer_that_fits_nowhere_is_named_with_the_level_and_the_share_of_such_layers():
    spread = {"filter_width": "whole", "filter_height": "whole"}
    priced = SearchedPricer(DRAWN)(design(wide_filters(), **spread))
    assert priced.reason.startswith(
        "op 'conv': no mapping fits, even with the smallest tiles: level 'input_spad' needs 128"
    )
    assert priced.violation == 1.0
    half = SearchedPricer(DRAWN)(design(dqn_layers(), scratchpads="24/160/24", **spread))
    assert half.violation == 0.5
    assert "op 'conv1'" in half.reason


def test_a_study_of_a_layer_that_no_hardware_runs_ends_and_says_which_and_why(tmp_path):
    study = {
        **STUDY,
        "network": {"fixed": "codesign-dqn"},
        "accelerator": {
            "family": "eyeriss-like",
            "restrict": {"scratchpads": ["6/64/4", "6/96/4"], "filter_width": ["whole"], "filter_height": ["whole"]},
        },
        "budget": {"trials": 30, "patience": 8},
    }
    result = run_study(parse_config(study), tmp_path / "study", workers=0)
    assert result.state is StudyState.INFEASIBLE
    assert "op 'conv1'" in result.explanation
    assert "level 'input_spad' needs 128 bytes" in result.explanation


def test_a_study_runs_and_its_bundle_has_the_mappings_that_were_found(tmp_path):
    pytest.importorskip("botorch")
    from coexplore.reports.findings import find

    result = run_study(parse_config(STUDY), tmp_path / "study", workers=0)
    assert result.state is StudyState.FINISHED
    chosen = find(result).chosen
    assert chosen.cost.edp_js == pytest.approx(chosen.trial.metrics["edp_js"])


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"search": "random", "trials": 0}, "cost.mapper.trials: is 0"),
        ({"search": "rnadom"}, "cost.mapper.search: unknown strategy 'rnadom'; did you mean 'random'"),
        ({"search": "feature-bo", "pol": 3}, "cost.mapper.pol: unknown setting"),
        ({"search": "feature-bo", "kernel": "cubic"}, "cost.mapper.kernel: is 'cubic'"),
        ({"search": "two-level"}, "cost.mapper.search: is a strategy that runs another one"),
        ({"search": "exact", "pool": 3}, "cost.mapper.pool: the engine's own mapper has no settings"),
    ],
)
def test_a_wrong_mapper_is_named_with_its_path(section, message):
    with pytest.raises(ConfigError, match=message):
        build(parse_config({**STUDY, "cost": {"mapper": section}}))


def test_a_mapper_that_could_not_be_used_is_refused():
    with pytest.raises(ConfigError, match=r"cost\.mapper: is not for strategy\.name: exact"):
        build(parse_config({**STUDY, "strategy": {"name": "exact"}}))
    with pytest.raises(ConfigError, match=r"cost\.residency: is not for mappings that are searched"):
        build(parse_config({**STUDY, "cost": {**STUDY["cost"], "residency": {"activation_share": 0.25}}}))


def test_a_budget_of_0_is_refused():
    with pytest.raises(ConfigError, match=r"budget\.trials: is 0"):
        parse_config({**STUDY, "budget": {"trials": 0}})
    with pytest.raises(ConfigError, match="trials: is 0; give a whole number of at least 1"):
        MappingSearch(RandomSearch(), trials=0)


def test_a_limit_on_power_is_held_against_power_and_not_against_area():
    metrics = SearchedPricer(DRAWN)(design(mlp_layers())).metrics
    between = math.sqrt(metrics["power_w"] * metrics["area_mm2"])
    low, high = sorted((metrics["power_w"], metrics["area_mm2"]))
    assert low < between < high
    assert feasibility((Constraint("power_w", at_most=between),), metrics).feasible is (metrics["power_w"] == low)
    assert feasibility((Constraint("area_mm2", at_most=between),), metrics).feasible is (metrics["area_mm2"] == low)


def test_designs_are_described_by_the_features_of_their_accelerators():
    space = designs(mlp_layers()).space
    points = space.sample(np.random.default_rng(0), 5)
    assert isinstance(space, Described)
    assert space.features(points).shape[0] == 5
    assert isinstance(SearchedPricer(DRAWN)(designs(mlp_layers()).decode(points[0])), Priced)
