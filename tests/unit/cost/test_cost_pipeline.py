"""Pipelines: the dynamic programme equals trying everything, obeys its laws, and says what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coexplore.core.errors import AcceleratorError
from coexplore.cost.pipeline import StageTable, by_work, cheapest, fastest, greedy
from coexplore.testing.pipeline_oracle import cheapest_by_force, fastest_by_force


def table_of(latency_s, counts, costs=None):
    types, layers = latency_s.shape[:2]
    costs = (1.0,) * types if costs is None else costs
    return StageTable(latency_s, tuple(f"layer{i}" for i in range(layers)), tuple("abcd"[:types]), counts, costs)


def additive(times, counts, costs=None):
    """Stages as long as their layers together; `times` is (types, layers)."""
    times = np.array(times, float)
    layers = times.shape[1]
    latency_s = np.full((len(times), layers, layers + 1), np.inf)
    for i in range(layers):
        latency_s[:, i, i + 1 :] = times[:, i:].cumsum(axis=1)
    return table_of(latency_s, counts, costs)


@st.composite
def tables(draw, most_layers=6, most_devices=4):
    layers, types = draw(st.integers(1, most_layers)), draw(st.integers(1, 3))
    counts = [draw(st.integers(0, most_devices - types + 1)) for _ in range(types)]
    assume(0 < sum(counts) <= most_devices)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    latency_s = np.full((types, layers, layers + 1), np.inf)
    for i in range(layers):
        for j in range(i + 1, layers + 1):
            latency_s[:, i, j] = rng.integers(1, 30, types) * np.where(rng.random(types) < 0.8, 1.0, np.inf)
    return table_of(latency_s, tuple(counts), tuple(float(cost) for cost in rng.integers(0, 4, types)))


@settings(max_examples=150)
@given(tables(), st.sampled_from((None, 1, 2, 3)))
def test_the_fastest_pipeline_equals_brute_force(table, stages):
    assume(stages is None or stages <= min(len(table.layers), sum(table.counts)))
    plan, best = fastest(table, stages), fastest_by_force(table, stages)
    if best is None:
        assert plan.pipeline is None
        assert plan.reason
    else:
        assert (plan.pipeline.slowest.latency_s, plan.pipeline.cost) == best


@settings(max_examples=150)
@given(tables(), st.floats(0.02, 1.0))
def test_the_cheapest_pipeline_equals_brute_force(table, throughput):
    plan, cost = cheapest(table, throughput), cheapest_by_force(table, throughput)
    assert (None if plan.pipeline is None else plan.pipeline.cost) == cost
    assert bool(plan.reason) == (cost is None)


@given(tables())
def test_a_pipeline_covers_every_layer_once_with_devices_of_the_pool(table):
    plan = fastest(table)
    assume(plan.pipeline is not None)
    stages = plan.pipeline.stages
    assert [stage.first for stage in stages] == [0, *(stage.end for stage in stages[:-1])]
    assert stages[-1].end == len(table.layers)
    used = [sum(stage.device == t for stage in stages) for t in range(len(table.devices))]
    assert all(count <= limit for count, limit in zip(used, table.counts, strict=True))
    assert max(plan.pipeline.utilisation) == 1
    assert 0 < plan.pipeline.efficiency <= 1


@given(tables())
def test_a_pipeline_meets_its_own_throughput(table):
    plan = fastest(table)
    assume(plan.pipeline is not None)
    assert cheapest(table, plan.pipeline.throughput).pipeline.cost == plan.pipeline.cost


@given(tables())
def test_one_more_device_is_never_slower(table):
    plan = fastest(table)
    assume(plan.pipeline is not None)
    richer = replace(table, counts=(table.counts[0] + 1, *table.counts[1:]))
    assert fastest(richer).pipeline.throughput >= plan.pipeline.throughput


@given(tables())
def test_no_baseline_beats_the_programme(table):
    best = fastest(table).pipeline
    for plan in (greedy(table), by_work(table, [1.0] * len(table.layers))):
        if plan.pipeline is None:
            assert plan.reason
        else:
            assert plan.pipeline.throughput <= best.throughput


def test_the_greedy_walk_spends_the_good_device_too_early():
    """It gives the fast device to the first layers, where the slow one would do."""
    table = additive([[1, 1, 8], [2, 2, 99]], (1, 1))
    assert fastest(table).pipeline.slowest.latency_s == 8
    assert greedy(table).pipeline.slowest.latency_s == 10


def test_utilisation_is_latency_times_throughput():
    pipeline = cheapest(additive([[2, 3]], (2,)), 0.25).pipeline
    assert pipeline.utilisation == (0.5, 0.75)
    assert pipeline.efficiency == 0.625


def test_a_requirement_nobody_meets_names_the_bottleneck_and_the_factor():
    plan = cheapest(additive([[2, 3, 1]], (2,)), 1.0)
    assert plan.pipeline is None
    assert plan.missing_factor == pytest.approx(4)
    assert plan.reason == (
        "no pipeline of this pool takes 1 inputs per second: the fastest takes 0.25, set by stage 2 of 2 "
        "(layers 'layer1' to 'layer2' on a, 4000 ms); it is 4 times too slow"
    )


def test_a_layer_that_fits_nowhere_is_named():
    latency_s = np.full((1, 2, 3), np.inf)
    latency_s[0, 0, 1] = 1.0
    assert "layer 'layer1' fits no FPGA" in fastest(table_of(latency_s, (2,))).reason
    assert "layer 'layer1' fits no FPGA" in cheapest(table_of(latency_s, (2,)), 1.0).reason


def test_too_few_devices_for_layers_that_fit_alone():
    latency_s = np.full((1, 2, 3), np.inf)
    latency_s[0, 0, 1] = latency_s[0, 1, 2] = 1.0
    assert "too few" in fastest(table_of(latency_s, (1,))).reason


@pytest.mark.parametrize(
    ("stages", "message"),
    [(0, "stages is 0"), (4, "4 stages are more than the 3 layers"), (3, "3 stages are more than the 2 FPGAs")],
)
def test_impossible_numbers_of_stages_are_refused(stages, message):
    with pytest.raises(AcceleratorError, match=message):
        fastest(additive([[2, 3, 1]], (2,)), stages)


def test_an_empty_pool_is_refused():
    with pytest.raises(AcceleratorError, match="the pool has no FPGA"):
        additive([[1, 2]], (0,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counts": (-1,)}, "the pool has -1 of 'a'"),
        ({"costs": (-1.0,)}, r"the cost of 'a' is -1\.0"),
        ({"counts": (1, 1)}, "1 types, 2 counts"),
        ({"layers": ("one",)}, "latency_s has shape"),
    ],
)
def test_tables_that_mean_nothing_are_refused(change, message):
    with pytest.raises(AcceleratorError, match=message):
        replace(additive([[1, 2]], (1,)), **change)


def test_a_throughput_of_zero_is_refused():
    with pytest.raises(AcceleratorError, match="throughput is 0"):
        cheapest(additive([[1, 2]], (1,)), 0.0)
