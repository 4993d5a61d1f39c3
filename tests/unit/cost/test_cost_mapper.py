"""The mapper against brute force over its declared mapspace, and the laws of its optimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost._price import settle
from coexplore.cost.grid import price_grid
from coexplore.cost.mapper import CODES, Goal, best_mapping, best_mappings, mapped
from coexplore.cost.nest import problem_of
from coexplore.cost.replay import replay
from coexplore.cost.search import lay_out, search, shapes
from coexplore.testing.cost_cases import small_accelerators, small_ops
from coexplore.workloads.op import Bits, Loops

THOROUGH = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

FAMILY = EdgeArray()
BASELINE = FAMILY.decode(FAMILY.presets["baseline"])
OPS = [
    Loops(K=32, C=3, P=28, Q=28, R=3, S=3, stride=(2, 2)),
    Loops(G=48, P=14, Q=14, R=3, S=3),
    Loops(K=40, C=100, P=7, Q=7),
    Loops(K=10, C=64),
    Loops(G=4, K=33, C=16, P=33),
]


def accelerators(n: int):
    return [FAMILY.decode(point) for point in FAMILY.space.sample(np.random.default_rng(3), n)]


def value(loops, accelerator, goal, **options):
    found = best_mapping(loops, accelerator, goal, **options)
    result = replay(loops, accelerator, found.mapping)
    assert result.feasible, result.reason
    key = {Goal.LATENCY: result.total_cycles, Goal.ENERGY: result.energy_j}
    return key.get(goal, result.energy_j * result.total_cycles), found


@pytest.mark.parametrize("goal", list(Goal))
@pytest.mark.parametrize("loops", OPS)
def test_the_pruned_search_equals_brute_force(loops, goal):
    for accelerator in accelerators(2):
        pruned = best_mapping(loops, accelerator, goal, 6)
        assert pruned.mapping == best_mapping(loops, accelerator, goal, 6, prune=False).mapping


@pytest.mark.parametrize("loops", OPS)
def test_a_freer_mapspace_never_loses(loops):
    assert value(loops, BASELINE, Goal.EDP, unrollings=16)[0] <= value(loops, BASELINE, Goal.EDP, unrollings=4)[0]


@pytest.mark.parametrize("loops", OPS)
def test_each_goal_is_best_at_what_it_minimises(loops):
    latency, energy = value(loops, BASELINE, Goal.LATENCY)[0], value(loops, BASELINE, Goal.ENERGY)[0]
    for goal in Goal:
        result = replay(loops, BASELINE, best_mapping(loops, BASELINE, goal).mapping)
        assert latency <= result.total_cycles
        assert energy <= result.energy_j


def test_depthwise_is_not_dense():
    depthwise, dense = Loops(G=64, P=28, Q=28, R=3, S=3), Loops(K=64, C=64, P=28, Q=28, R=3, S=3)
    slow, fast = value(depthwise, BASELINE, Goal.LATENCY)[0], value(dense, BASELINE, Goal.LATENCY)[0]
    assert depthwise.macs * 64 == dense.macs
    assert slow / depthwise.macs > 5 * fast / dense.macs


def test_a_matrix_vector_product_is_never_cheaper_per_mac_than_the_matrix_product():
    vector, matrix = Loops(K=256, C=256), Loops(K=256, C=256, P=64)
    for goal in (Goal.LATENCY, Goal.ENERGY):
        assert value(vector, BASELINE, goal)[0] / vector.macs >= value(matrix, BASELINE, goal)[0] / matrix.macs


def test_more_main_memory_bandwidth_never_loses_at_the_optimum():
    point = dict(FAMILY.presets["baseline"])
    for loops in OPS:
        times = [
            value(loops, FAMILY.decode(FAMILY.space.point({**point, "io_bandwidth_gb_s": v})), Goal.LATENCY)[0]
            for v in FAMILY.io_bandwidth_gb_s
        ]
        assert times == sorted(times, reverse=True)


def test_no_mapping_is_a_result_with_the_level_that_is_too_small():
    tiny = replace(BASELINE.levels[2], capacity_bytes=3)
    accelerator = replace(BASELINE, levels=(*BASELINE.levels[:2], tiny, BASELINE.levels[3]))
    found = best_mapping(OPS[0], accelerator)
    assert found.mapping is None
    assert "register_file" in found.reason
    assert "capacity_bytes" in found.reason


def test_wide_operands_are_a_result_with_a_reason():
    found = best_mapping(Loops(K=8, bits=Bits(16, 8, 8, 32)), BASELINE)
    assert found.mapping is None
    assert "16 bits" in found.reason


def test_the_grid_equals_one_by_one_whatever_the_threads():
    some = accelerators(3)
    grid = price_grid(OPS, some, Goal.EDP, threads=2)
    for column, accelerator in enumerate(some):
        for row, loops in enumerate(OPS):
            result = replay(loops, accelerator, best_mapping(loops, accelerator).mapping)
            assert grid.latency_s[row, column] == result.total_cycles / accelerator.clock_hz
            assert grid.energy_j[row, column] == result.energy_j
    again = price_grid(OPS, some, Goal.EDP, threads=1)
    assert np.array_equal(grid.latency_s, again.latency_s)


def test_totals_of_networks_are_sums_and_blocked_ops_block_their_networks():
    wide = Loops(K=8, bits=Bits(16, 8, 8, 32))
    grid = price_grid([OPS[0], OPS[1], wide], accelerators(2))
    latency, _ = grid.totals(np.array([[1, 2, 0], [1, 0, 1]]))
    assert np.allclose(latency[0], grid.latency_s[0] + 2 * grid.latency_s[1], rtol=1e-12)
    assert np.all(np.isinf(latency[1]))


def test_searching_side_by_side_changes_nothing():
    accelerator = accelerators(1)[0]
    together = best_mappings([*OPS, OPS[0]], accelerator)
    best_mapping.cache_clear()
    assert together == {loops: best_mapping(loops, accelerator) for loops in OPS}


@st.composite
def tight_accelerators(draw) -> Accelerator:
    """Any chain, with memories that hold a few tiles or none."""
    accelerator = draw(small_accelerators())
    sizes = st.sampled_from([4, 16, 40, 100, 500, 2**20])
    inner = tuple(replace(level, capacity_bytes=draw(sizes)) for level in accelerator.levels[1:])
    return replace(accelerator, levels=(accelerator.levels[0], *inner))


def worth(result, goal):
    key = {Goal.LATENCY: result.total_cycles, Goal.ENERGY: result.energy_j}
    return key.get(goal, result.energy_j * result.total_cycles)


@THOROUGH
@given(small_ops(), tight_accelerators(), st.sampled_from(list(Goal)))
def test_bounds_never_drop_the_best_mapping_of_any_chain(loops, accelerator, goal):
    lot = lay_out((accelerator,))
    quick, brute = (search(loops, lot, CODES[goal], 8, prune) for prune in (True, False))
    assert np.array_equal(quick.best.value, brute.best.value)
    assert np.array_equal(quick.best.tie, brute.best.tie)
    assert mapped(loops, quick, 0) == mapped(loops, brute, 0)


@THOROUGH
@given(small_ops(), tight_accelerators(), st.sampled_from(list(Goal)))
def test_the_replay_of_the_best_mapping_gives_its_numbers_to_the_last_bit(loops, accelerator, goal):
    outcome = search(loops, lay_out((accelerator,)), CODES[goal], 8)
    if outcome.best.mapping[0] >= 0:
        result = replay(loops, accelerator, outcome.mapping(0))
        assert result.feasible, result.reason
        assert (result.total_cycles, result.energy_j) == tuple(outcome.costs[0])
        assert worth(result, goal) == pytest.approx(outcome.best.value[0], rel=1e-12)


@THOROUGH
@given(small_ops(), tight_accelerators(), st.sampled_from(list(Goal)))
def test_every_mapping_that_was_ever_the_best_costs_what_its_replay_says(loops, accelerator, goal):
    lot = lay_out((accelerator,))
    outcome = search(loops, lot, CODES[goal], 8, prune=False)
    costs = np.full((1, 2), np.inf)
    for m in range(outcome.best.mapping[0] + 1):
        outcome.best.mapping[0] = m
        settle(problem_of(loops, accelerator), lot.machine, lot.widths, lot.energies, outcome.best, outcome.pool, costs)
        result = replay(loops, accelerator, outcome.mapping(0))
        assert result.feasible, result.reason
        assert (result.total_cycles, result.energy_j) == tuple(costs[0])


def test_mirrored_meshes_cost_the_same():
    for x, y in ((2, 6), (1, 8), (4, 6)):
        points = [{**FAMILY.presets["baseline"], "pes_x": a, "pes_y": b} for a, b in ((x, y), (y, x))]
        mirrored = [FAMILY.decode(FAMILY.space.point(point)) for point in points]
        for loops in OPS:
            first, second = (replay(loops, chip, best_mapping(loops, chip).mapping) for chip in mirrored)
            assert (first.total_cycles, first.energy_j) == (second.total_cycles, second.energy_j)


def relatives(accelerator, level) -> list[Accelerator]:
    """Accelerators of one shape: larger memories, wider ports, cheaper accesses."""
    level, found = min(level, len(accelerator.levels) - 1), []
    for factor in (1, 2, 3, 5):
        memory = accelerator.levels[level]
        wider = None if memory.read_bytes_per_cycle is None else factor * memory.read_bytes_per_cycle
        changed = replace(
            memory,
            capacity_bytes=factor * memory.capacity_bytes,
            read_bytes_per_cycle=wider,
            read_j_per_bit=memory.read_j_per_bit / factor,
        )
        levels = (*accelerator.levels[:level], changed, *accelerator.levels[level + 1 :])
        found.append(replace(accelerator, levels=levels))
    return found


@THOROUGH
@given(small_ops(), tight_accelerators(), st.sampled_from(list(Goal)), st.integers(1, 3))
def test_accelerators_of_one_shape_are_searched_together_as_one_by_one(loops, accelerator, goal, level):
    others = relatives(accelerator, level)
    assume(shapes(others).max() == 0)
    lot = lay_out(others)
    together = search(loops, lot, CODES[goal], 8)
    for v, other in enumerate(others):
        alone = search(loops, lay_out((other,)), CODES[goal], 8)
        assert together.best.value[v] == pytest.approx(alone.best.value[0], rel=1e-12)
        assert together.costs[v] == pytest.approx(alone.costs[0], rel=1e-12)


@pytest.mark.parametrize("goal", list(Goal))
@pytest.mark.parametrize("loops", OPS)
def test_more_capacity_never_loses_at_the_optimum(loops, goal):
    for level, sizes in ((1, (48, 96, 500, 1024, 1500)), (2, (3, 4, 7, 32, 100))):
        costs = []
        for kib in sizes:
            memory = replace(BASELINE.levels[level], capacity_bytes=1024 * kib)
            levels = (*BASELINE.levels[:level], memory, *BASELINE.levels[level + 1 :])
            costs.append(value(loops, replace(BASELINE, levels=levels), goal)[0])
        assert costs == sorted(costs, reverse=True)
