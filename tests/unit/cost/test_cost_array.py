"""The search over PE arrays against a plain enumeration, against itself without bounds, and against replays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import Accelerator, Dim, MacUnit, MemoryLevel, Operand, SpatialAxis, VectorUnit
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost._price import settle
from coexplore.cost.mapper import CODES, Goal, mapped
from coexplore.cost.nest import problem_of
from coexplore.cost.replay import replay
from coexplore.cost.search import lay_out, search
from coexplore.testing.array_mapspace import ArrayMapspace
from coexplore.testing.cost_cases import residents, small_ops
from coexplore.workloads.op import Loops

UNROLLINGS = 6
FAMILY = EdgeArray()
BASELINE = FAMILY.decode(FAMILY.presets["baseline"])
OPS = [
    Loops(K=32, C=3, P=14, Q=14, R=3, S=3, stride=(2, 2)),
    Loops(G=48, P=7, Q=7, R=5, S=5),
    Loops(K=40, C=100, P=7, Q=7),
    Loops(N=3, K=1000, C=640),
    Loops(G=4, K=33, C=16, P=33),
    Loops(K=24, C=24, P=9, Q=9, stride=(2, 2)),
]
THOROUGH = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
SLOW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
PIXELS, CHANNELS, SUMS = (Dim.N, Dim.P, Dim.Q), (Dim.G, Dim.K), (Dim.C, Dim.R, Dim.S)


@st.composite
def any_ops(draw) -> Loops:
    """Small ops, some operands of which may live on the chip."""
    return replace(draw(small_ops()), resident=draw(residents()))


@st.composite
def small_arrays(draw) -> Accelerator:
    """PE arrays of any small size, with memories that hold a few tiles or none."""

    def dims(*among: Dim) -> tuple[Dim, ...]:
        return tuple(draw(st.lists(st.sampled_from(among), unique=True)))

    def level(number: int, keeps: tuple[Operand, ...], axes: tuple[SpatialAxis, ...]) -> MemoryLevel:
        width = st.one_of(st.none(), st.floats(0.5, 64))
        read = draw(width)
        return MemoryLevel(
            name=f"level{number}",
            keeps=keeps,
            capacity_bytes=draw(st.sampled_from([8, 24, 64, 200, 2**20])) if number else None,
            read_bytes_per_cycle=read,
            write_bytes_per_cycle=draw(width) if read is not None else None,
            read_j_per_bit=draw(st.floats(0, 1e-11)),
            write_j_per_bit=draw(st.floats(0, 1e-11)),
            fanout=axes,
        )

    def axis(name: str, *among: Dim) -> SpatialAxis:
        return SpatialAxis(name, draw(st.integers(1, 4)), dims(*among))

    mesh = [axis("x", *PIXELS, *CHANNELS, Dim.C)]
    if draw(st.booleans()):
        mesh.append(draw(st.sampled_from([replace(mesh[0], name="y"), axis("y", *PIXELS, *CHANNELS, Dim.C)])))
    levels = (
        level(0, tuple(Operand), tuple(mesh)),
        level(1, tuple(Operand), (axis("lane", *PIXELS, *CHANNELS),)),
        level(2, tuple(Operand), (axis("unit", *PIXELS, *CHANNELS),)),
        level(3, (Operand.WEIGHT, Operand.OUTPUT), (axis("dot", *SUMS),)),
    )
    return Accelerator("random", 1e9, levels, MacUnit(8, 1e-13, 0.0, 1e-6), VectorUnit(1.0, 0.0))


def worth(result, goal):
    """What is minimised, and what breaks a tie."""
    cycles, joules = result.total_cycles, result.energy_j
    return {Goal.LATENCY: (cycles, joules), Goal.ENERGY: (joules, cycles), Goal.EDP: (cycles * joules, cycles)}[goal]


def check(loops, accelerator, goal, limit):
    outcome = search(loops, lay_out((accelerator,)), CODES[goal], limit)
    candidates = list(dict.fromkeys(ArrayMapspace(loops, accelerator).mappings(limit)))
    results = [(mapping, replay(loops, accelerator, mapping)) for mapping in candidates]
    fitting = {mapping: result for mapping, result in results if result.feasible}
    if not fitting:
        assert not outcome.is_mapped(0)
        return
    assert outcome.is_mapped(0)
    assert outcome.mapping(0) in fitting
    values = [worth(result, goal) for result in fitting.values()]
    best = min(value for value, _ in values)
    mine = worth(fitting[outcome.mapping(0)], goal)
    assert mine[0] == pytest.approx(best, rel=4e-12)
    assert mine[1] <= min(tie for value, tie in values if value <= best * (1 + 1e-13)) * (1 + 4e-12)


@SLOW
@given(any_ops(), small_arrays(), st.sampled_from(list(Goal)))
def test_the_best_mapping_is_the_best_of_all_that_the_declared_mapspace_holds(loops, accelerator, goal):
    assert lay_out((accelerator,)).is_array
    check(loops, accelerator, goal, UNROLLINGS)


@pytest.mark.parametrize("loops", OPS)
def test_it_is_so_on_the_edge_array(loops):
    check(loops, BASELINE, Goal.EDP, 1)


@THOROUGH
@given(any_ops(), small_arrays(), st.sampled_from(list(Goal)))
def test_bounds_never_drop_the_best_mapping(loops, accelerator, goal):
    lot = lay_out((accelerator,))
    quick, brute = (search(loops, lot, CODES[goal], UNROLLINGS, prune) for prune in (True, False))
    assert np.array_equal(quick.best.value, brute.best.value)
    assert np.array_equal(quick.best.tie, brute.best.tie)
    assert mapped(loops, quick, 0) == mapped(loops, brute, 0)


@THOROUGH
@given(any_ops(), small_arrays(), st.sampled_from(list(Goal)))
def test_every_mapping_that_was_ever_the_best_costs_what_its_replay_says(loops, accelerator, goal):
    lot = lay_out((accelerator,))
    outcome = search(loops, lot, CODES[goal], UNROLLINGS, prune=False)
    costs = np.full((1, 2), np.inf)
    for m in range(outcome.best.mapping[0] + 1):
        outcome.best.mapping[0] = m
        settle(problem_of(loops, accelerator), lot.machine, lot.widths, lot.energies, outcome.best, outcome.pool, costs)
        result = replay(loops, accelerator, outcome.mapping(0))
        assert result.feasible, result.reason
        assert (result.total_cycles, result.energy_j) == tuple(costs[0])


@THOROUGH
@given(any_ops(), small_arrays(), st.sampled_from(list(Goal)), st.integers(1, 3))
def test_more_capacity_never_loses(loops, accelerator, goal, level):
    before = np.inf
    for factor in (1, 2, 3, 5):
        memory = accelerator.levels[level]
        larger = replace(memory, capacity_bytes=factor * memory.capacity_bytes)
        levels = (*accelerator.levels[:level], larger, *accelerator.levels[level + 1 :])
        outcome = search(loops, lay_out((replace(accelerator, levels=levels),)), CODES[goal], UNROLLINGS)
        cycles, joules = outcome.costs[0]
        value = {Goal.LATENCY: cycles, Goal.ENERGY: joules, Goal.EDP: cycles * joules}[goal]
        assert value <= before * (1 + 4e-12)
        before = value
