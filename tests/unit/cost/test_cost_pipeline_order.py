"""With devices in a given order, the cut is the best of all cuts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coexplore.cost.pipeline import StageTable
from coexplore.cost.pipeline_order import in_order


def table_of(latency_s):
    types, layers, _ = latency_s.shape
    names = tuple(f"layer{index}" for index in range(layers))
    return StageTable(latency_s, names, tuple("abcd"[:types]), (1,) * types, (1.0,) * types)


def by_force(latency_s):
    types, layers, _ = latency_s.shape
    best = math.inf
    for cuts in itertools.combinations(range(1, layers), types - 1):
        edges = (0, *cuts, layers)
        best = min(best, max(latency_s[t, edges[t], edges[t + 1]] for t in range(types)))
    return best


@given(st.integers(1, 4), st.integers(1, 7), st.integers(0, 10**6))
@settings(max_examples=200, deadline=None)
def test_equals_trying_every_cut(types, layers, seed):
    rng = np.random.default_rng(seed)
    latency_s = rng.uniform(1.0, 9.0, (types, layers, layers + 1))
    latency_s[rng.random(latency_s.shape) < 0.2] = math.inf
    for first in range(layers):
        latency_s[:, first, : first + 1] = math.inf
    plan, best = in_order(table_of(latency_s)), by_force(latency_s)
    if plan.pipeline is None:
        assert math.isinf(best)
        assert plan.reason
        return
    assert plan.pipeline.slowest.latency_s == best
    assert [stage.device for stage in plan.pipeline.stages] == list(range(types))
    edges = [0, *(stage.end for stage in plan.pipeline.stages)]
    assert edges[-1] == layers
    assert [stage.first for stage in plan.pipeline.stages] == edges[:-1]


def test_a_throughput_out_of_reach_names_stage_and_factor():
    latency_s = np.full((2, 2, 3), math.inf)
    latency_s[0, 0, 1], latency_s[1, 1, 2] = 0.1, 0.2
    assert in_order(table_of(latency_s), 5.0).pipeline is not None
    plan = in_order(table_of(latency_s), 10.0)
    assert plan.missing_factor == pytest.approx(2)
    assert "stage 2 of 2 (layer 'layer1' on b" in plan.reason
