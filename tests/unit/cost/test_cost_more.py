"""More capacity or bandwidth is never worse at the optimum; on more instances every mapping is as fast as before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import Accelerator, MemoryLevel
from coexplore.accelerators.family import find_accelerator
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.replay import replay
from coexplore.testing.cost_cases import mapped_ops, small_accelerators, small_ops
from coexplore.workloads.op import Loops

OFTEN = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
ROUNDING = 1 + 1e-11
"""Costs within one part in 1e12 tie."""
EDGE = find_accelerator("edge-array")
GOALS = st.sampled_from(list(Goal))
FACTORS = st.sampled_from([1.25, 2, 3, 7])


@st.composite
def tight_chains(draw) -> Accelerator:
    """Any chain, with memories that hold a few tiles or none."""
    accelerator = draw(small_accelerators())
    sizes = st.sampled_from([4, 16, 40, 100, 500, 2**20])
    inner = tuple(replace(level, capacity_bytes=draw(sizes)) for level in accelerator.levels[1:])
    return replace(accelerator, levels=(accelerator.levels[0], *inner))


@st.composite
def edge_arrays(draw) -> Accelerator:
    """PE arrays with memories of any size and a narrow link."""
    sizes = {"local_memory": [64, 700, 9000, 2**20], "register_file": [24, 200, 4000], "latch": [8, 16, 64]}
    levels = [replace(EDGE.levels[0], read_bytes_per_cycle=draw(st.sampled_from([0.5, 4.0, 25.0])))]
    for level in EDGE.levels[1:]:
        levels.append(replace(level, capacity_bytes=draw(st.sampled_from(sizes[level.name]))))
    return replace(EDGE, levels=tuple(levels))


def with_level(accelerator: Accelerator, number: int, level: MemoryLevel) -> Accelerator:
    return replace(accelerator, levels=(*accelerator.levels[:number], level, *accelerator.levels[number + 1 :]))


def never_worse(loops: Loops, less: Accelerator, more: Accelerator, goal: Goal) -> None:
    before, after = (best_mapping(loops, chip, goal, 8) for chip in (less, more))
    assert after.value <= before.value * ROUNDING


def larger(draw, accelerator: Accelerator) -> Accelerator:
    number = draw(st.integers(1, len(accelerator.levels) - 1))
    level = accelerator.levels[number]
    return with_level(accelerator, number, replace(level, capacity_bytes=int(draw(FACTORS) * level.capacity_bytes) + 1))


def wider(draw, accelerator: Accelerator) -> Accelerator:
    """A wider port to read, and to write where that is a port of its own, or one of both."""
    number = draw(st.integers(0, len(accelerator.levels) - 1))
    level, read, write = accelerator.levels[number], draw(FACTORS), draw(FACTORS)
    assume(level.read_bytes_per_cycle is not None)
    ports = {"read_bytes_per_cycle": read * level.read_bytes_per_cycle}
    if level.write_bytes_per_cycle is not None:
        ports["write_bytes_per_cycle"] = write * level.write_bytes_per_cycle
    return with_level(accelerator, number, replace(level, **ports))


@pytest.mark.parametrize("change", [larger, wider])
@OFTEN
@given(st.data(), small_ops(), tight_chains(), GOALS)
def test_more_capacity_or_bandwidth_is_never_worse_on_any_chain(change, data, loops, accelerator, goal):
    never_worse(loops, accelerator, change(data.draw, accelerator), goal)


@pytest.mark.parametrize("change", [larger, wider])
@OFTEN
@given(st.data(), small_ops(), edge_arrays(), GOALS)
def test_so_it_is_on_pe_arrays(change, data, loops, accelerator, goal):
    never_worse(loops, accelerator, change(data.draw, accelerator), goal)


def more_instances(draw, accelerator: Accelerator) -> Accelerator:
    places = [(n, a) for n, level in enumerate(accelerator.levels) for a in range(len(level.fanout))]
    assume(places)
    number, place = draw(st.sampled_from(places))
    level = accelerator.levels[number]
    axis = replace(level.fanout[place], size=level.fanout[place].size + draw(st.integers(1, 9)))
    fanout = (*level.fanout[:place], axis, *level.fanout[place + 1 :])
    return with_level(accelerator, number, replace(level, fanout=fanout))


@settings(OFTEN, max_examples=300)
@given(st.data(), mapped_ops())
def test_a_mapping_costs_the_same_on_a_larger_array_except_for_leakage(data, case):
    """Unrolling need not use all instances: every mapping of an array is one of any larger array, and as fast."""
    loops, accelerator, mapping = case
    larger_array = more_instances(data.draw, accelerator)
    before, after = (replay(loops, chip, mapping) for chip in (accelerator, larger_array))
    assert after.feasible == before.feasible
    assert after.total_cycles == before.total_cycles
    assert after.traffic_bits == before.traffic_bits
    assert after.energy_j >= before.energy_j
    silent = [replace(chip, mac=replace(chip.mac, leakage_w=0.0)) for chip in (accelerator, larger_array)]
    assert replay(loops, silent[1], mapping).energy_j == replay(loops, silent[0], mapping).energy_j
