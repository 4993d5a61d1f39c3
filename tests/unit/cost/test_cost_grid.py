"""A grid is its pairs, one by one, however it is searched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost import grid_key
from coexplore.cost.grid import price_grid, price_in_chunks
from coexplore.cost.grid_cache import GridCache
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.model import price
from coexplore.cost.replay import replay
from coexplore.testing.cost_cases import small_accelerators, small_ops
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Linear, Loops

FAMILY = EdgeArray()
OPS = [Loops(G=48, P=14, Q=14, R=3, S=3), Loops(K=40, C=100, P=7, Q=7), Loops(K=10, C=64)]
NOWHERE = GridCache(None)


def some_accelerators():
    """Two shapes, each with several memories and bandwidths."""
    base = dict(FAMILY.presets["baseline"])
    changes = [
        {"pes_x": x, "local_memory_mb": mb, "register_file_kb": kb, "io_bandwidth_gb_s": gb}
        for x in (2, 6)
        for mb, kb, gb in ((0.5, 8, 5.0), (3.0, 8, 25.0), (0.5, 128, 10.0), (4.0, 64, 20.0))
    ]
    return [FAMILY.decode(FAMILY.space.point({**base, **change})) for change in changes]


def equal(one, other):
    return np.array_equal(one.latency_s, other.latency_s) and np.array_equal(one.energy_j, other.energy_j)


@pytest.mark.parametrize("goal", list(Goal))
def test_shapes_searched_together_give_every_accelerator_its_own_optimum(goal):
    accelerators = some_accelerators()
    grid = price_grid(OPS, accelerators, goal, cache=NOWHERE)
    for column, accelerator in enumerate(accelerators):
        for row, loops in enumerate(OPS):
            result = replay(loops, accelerator, best_mapping(loops, accelerator, goal).mapping)
            assert grid.latency_s[row, column] == result.total_cycles / accelerator.clock_hz
            assert grid.energy_j[row, column] == result.energy_j


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    st.lists(small_ops(), min_size=1, max_size=3),
    st.lists(small_accelerators(), min_size=1, max_size=4),
    st.sampled_from(list(Goal)),
    st.sampled_from([0.005, 100.0]),
)
def test_a_grid_of_any_chains_is_its_pairs_one_by_one(ops, accelerators, goal, memory_mb):
    chunks = price_in_chunks(ops, accelerators, goal, memory_mb=memory_mb + 0.01, cache=NOWHERE)
    grids = [price_grid(ops, accelerators, goal, threads=2, cache=NOWHERE), *chunks]
    latency, energy = (np.full((len(ops), len(accelerators)), np.inf) for _ in range(2))
    for row, loops in enumerate(ops):
        for column, accelerator in enumerate(accelerators):
            mapping = best_mapping(loops, accelerator, goal).mapping
            if mapping is not None:
                result = replay(loops, accelerator, mapping)
                latency[row, column] = result.total_cycles / accelerator.clock_hz
                energy[row, column] = result.energy_j
    assert np.array_equal(grids[0].latency_s, latency)
    assert np.array_equal(grids[0].energy_j, energy)
    assert np.array_equal(np.hstack([grid.latency_s for grid in grids[1:]]), latency)


def test_the_order_of_accelerators_and_the_threads_change_nothing():
    accelerators = some_accelerators()
    order = np.random.default_rng(1).permutation(len(accelerators))
    grid = price_grid(OPS, accelerators, Goal.EDP, cache=NOWHERE)
    shuffled = price_grid(OPS, [accelerators[i] for i in order], Goal.EDP, threads=2, cache=NOWHERE)
    assert np.array_equal(grid.latency_s[:, order], shuffled.latency_s)
    assert np.array_equal(grid.energy_j[:, order], shuffled.energy_j)


def test_chunks_and_the_cache_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(grid_key, "engine_version", lambda: "0" * 64)
    accelerators, cache = some_accelerators(), GridCache(tmp_path, least_s=0)
    alone = price_grid(OPS, accelerators, cache=NOWHERE)
    filled = price_grid(OPS, accelerators[1:4], cache=cache)
    assert np.array_equal(filled.latency_s, alone.latency_s[:, 1:4])
    for _ in range(2):
        assert equal(price_grid(OPS, accelerators, cache=cache), alone)
    chunks = list(price_in_chunks(OPS, iter(accelerators), memory_mb=0.03, cache=NOWHERE))
    assert len(chunks) > 2
    assert np.array_equal(np.hstack([chunk.latency_s for chunk in chunks]), alone.latency_s)
    assert np.array_equal(np.hstack([chunk.energy_j for chunk in chunks]), alone.energy_j)
    assert [a for chunk in chunks for a in chunk.accelerators] == accelerators


def test_the_totals_of_a_network_are_those_of_its_own_price():
    sizes = {"a": 64, "b": 96, "c": 96, "d": 96, "e": 10}
    before = dict(zip(sizes, ["x", *sizes], strict=False))
    layers = tuple(Linear(name, (before[name],), size) for name, size in sizes.items())
    network = Workload("layers", (("x", (3, 32)),), layers, ("e",))
    loops = [loops for _, loops in network.mac_ops()]
    ops = list(dict.fromkeys(loops))
    counts = np.array([[loops.count(op) for op in ops]])
    assert counts.max() == 2
    accelerators = some_accelerators()[:3]
    latency, energy = price_grid(ops, accelerators, cache=NOWHERE).totals(counts)
    costs = [price(network, accelerator) for accelerator in accelerators]
    assert latency[0].tolist() == [cost.latency_s for cost in costs]
    assert energy[0].tolist() == [cost.energy_j for cost in costs]
