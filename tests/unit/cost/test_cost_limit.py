"""A search with a limit: never worse with more, never further from the optimum than it says, and replayable."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import (
    DIMS,
    Accelerator,
    MacUnit,
    MemoryLevel,
    Operand,
    SpatialAxis,
    VectorUnit,
)
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import ConfigError
from coexplore.cost.mapper import Goal, best_mapping, best_mappings, value_of
from coexplore.cost.model import price
from coexplore.cost.replay import replay
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.testing.cost_cases import residents, small_accelerators, small_ops
from coexplore.workloads.op import Bits, Loops

THOROUGH = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
ROUNDING = 1 + 4e-12
"""Costs within one part in 1e12 tie, and a tie goes by the second objective."""
EDGE = find_accelerator("edge-array")
GOALS = st.sampled_from(list(Goal))
LIMITS = st.integers(1, 600)


@st.composite
def tight_accelerators(draw) -> Accelerator:
    """Any chain, with memories that hold a few tiles or none."""
    accelerator = draw(small_accelerators())
    sizes = st.sampled_from([4, 16, 40, 100, 500, 2**20])
    inner = tuple(replace(level, capacity_bytes=draw(sizes)) for level in accelerator.levels[1:])
    return replace(accelerator, levels=(accelerator.levels[0], *inner))


def deep_chain(levels: int) -> Accelerator:
    """Memories one inside the other, four of each in the one around it, which unroll whatever there is."""
    found = [MemoryLevel("dram", tuple(Operand), None, 16.0, None, 8e-12, 8e-12)]
    for n in range(levels):
        axis = SpatialAxis(f"axis{n}", 4, DIMS)
        joule = 1e-12 / (n + 1)
        found.append(MemoryLevel(f"m{n}", tuple(Operand), 2**20 >> 3 * n, 64.0, None, joule, joule, fanout=(axis,)))
    return Accelerator("deep", 1e9, tuple(found), MacUnit(8, 1e-13, 0.0, 1e-6), VectorUnit(1.0, 0.0))


DEEP, CONV = deep_chain(2), Loops(K=24, C=20, P=14, Q=14, R=3, S=3)


@THOROUGH
@given(small_ops(), tight_accelerators(), GOALS, LIMITS)
def test_the_optimum_lies_between_the_bound_and_what_was_found(loops, accelerator, goal, limit):
    optimum, limited = (best_mapping(loops, accelerator, goal, 8, limit=most) for most in (None, limit))
    assert (limited.mapping is None) == (optimum.mapping is None)
    if optimum.mapping is None:
        assert limited == optimum
        return
    assert limited.bound <= optimum.value <= limited.value * ROUNDING
    assert 0 <= limited.gap <= 1
    assert optimum.value >= limited.value * (1 - limited.gap) / ROUNDING


@THOROUGH
@given(small_ops(), residents(), GOALS, LIMITS)
def test_pe_arrays_are_searched_to_the_end_whatever_the_limit(loops, resident, goal, limit):
    loops = replace(loops, resident=resident)
    optimum, limited = (best_mapping(loops, EDGE, goal, 8, limit=most) for most in (None, limit))
    assert limited == optimum
    assert limited.gap == 0


@THOROUGH
@given(small_ops(), tight_accelerators(), GOALS, LIMITS, LIMITS)
def test_more_limit_is_never_worse(loops, accelerator, goal, one, other):
    less, more = (best_mapping(loops, accelerator, goal, 8, limit=limit) for limit in sorted((one, other)))
    assert more.value <= less.value * ROUNDING


@THOROUGH
@given(small_ops(), tight_accelerators(), GOALS, LIMITS)
def test_what_a_limited_search_finds_is_replayed_to_the_last_bit(loops, accelerator, goal, limit):
    found = best_mapping(loops, accelerator, goal, 8, limit=limit)
    assume(found.mapping is not None)
    result = replay(loops, accelerator, found.mapping)
    assert result.feasible
    assert value_of(result.total_cycles, result.energy_j, accelerator, goal) == found.value


@THOROUGH
@given(small_ops(), tight_accelerators(), GOALS)
def test_without_a_limit_or_below_it_the_gap_is_exactly_zero(loops, accelerator, goal):
    optimum, unreached = (best_mapping(loops, accelerator, goal, 8, limit=most) for most in (None, 10**12))
    assert (optimum.gap, unreached.gap) == (0.0, 0.0)
    assert (optimum.bound, unreached.bound) == (optimum.value, unreached.value)
    if optimum.mapping is not None:
        assert optimum.value / ROUNDING <= unreached.value <= optimum.value * ROUNDING


@pytest.mark.parametrize("goal", list(Goal))
def test_a_limit_cuts_a_large_search_and_closes_as_it_grows(goal):
    optimum = best_mapping(CONV, DEEP, goal)
    steps = [best_mapping(CONV, DEEP, goal, limit=limit) for limit in (1, 100, 1000, 10**4, 10**5, 10**6)]
    assert steps[0].gap > 0
    assert steps[-1].gap == 0
    for step in steps:
        assert step.bound <= optimum.value <= step.value * ROUNDING
    for less, more in pairwise(steps):
        assert more.value <= less.value * ROUNDING


def test_a_limited_search_does_not_depend_on_what_runs_beside_it():
    ops = [CONV, Loops(K=30, C=50, P=9), Loops(G=16, P=7, Q=7, R=3, S=3)]
    together = best_mappings(ops, DEEP, Goal.EDP, limit=500)
    best_mapping.cache_clear()
    assert together == {loops: best_mapping(loops, DEEP, Goal.EDP, limit=500) for loops in ops}
    assert any(found.gap > 0 for found in together.values())


def test_a_thousand_tiles_find_a_good_mapping_where_operands_have_memories_of_their_own():
    # It was 22 times the optimum while first tiles were chosen by their bounds, of equal ones the smallest.
    loops, chip = Loops(K=64, C=64, P=56, Q=56, R=3, S=3), find_accelerator("eyeriss-168")
    assert best_mapping(loops, chip, limit=1000).value <= 1.25 * best_mapping(loops, chip).value


def test_more_unrollings_than_there_was_room_for_mappings_at_first():
    found = best_mapping(CONV, DEEP, Goal.EDP, unrollings=2000, limit=3000)
    assert found.bound <= best_mapping(CONV, DEEP, Goal.EDP).value
    assert found.gap > 0


@pytest.mark.parametrize("name", ["limit", "unrollings"])
@pytest.mark.parametrize("value", [0, -1, 1.0, 2.5, True, "3"])
def test_a_limit_that_is_none_is_refused(name, value):
    best_mapping(CONV, EDGE, **{name: 1})
    with pytest.raises(ConfigError, match=f"^{name}: is {value!r}, but .* from 1 on, or leave it out$"):
        best_mapping(CONV, EDGE, **{name: value})


def test_why_there_is_no_mapping_does_not_depend_on_the_limit():
    wide = Loops(K=8, bits=Bits(16, 8, 8, 32))
    assert best_mapping(wide, DEEP, limit=1) == best_mapping(wide, DEEP)


def test_a_workload_says_what_its_limited_searches_left_open():
    workload = mobilenet_v2((3, 32, 32))
    cost, limited = price(workload, DEEP), price(workload, DEEP, limit=50)
    assert cost.largest_gap == 0.0
    assert limited.largest_gap == max(op.gap for op in limited.ops if op.gap is not None) > 0
    assert {op.name for op in limited.ops if op.gap is not None} == {op.name for op, _ in workload.mac_ops()}
    given = price(workload, DEEP, mappings={op.name: op.mapping for op in limited.ops if op.mapping})
    assert given == limited
    assert given.largest_gap is None
