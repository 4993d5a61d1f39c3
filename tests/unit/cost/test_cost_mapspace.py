"""The mapper against a plain enumeration of its declared mapspace, every candidate priced by `replay`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coexplore.cost.mapper import CODES, Goal, best_mapping
from coexplore.cost.replay import replay
from coexplore.cost.search import lay_out, search
from coexplore.testing.cost_cases import small_accelerators, small_ops
from coexplore.testing.mapspace import Mapspace

UNROLLINGS = 6


@st.composite
def small_chains(draw):
    """Any chain, with memories that hold a few tiles."""
    accelerator = draw(small_accelerators())
    sizes = st.sampled_from([8, 24, 64, 200, 2**20])
    inner = tuple(replace(level, capacity_bytes=draw(sizes)) for level in accelerator.levels[1:])
    return replace(accelerator, levels=(accelerator.levels[0], *inner))


def worth(result, goal):
    """What is minimised, and what breaks a tie."""
    cycles, joules = result.total_cycles, result.energy_j
    return {Goal.LATENCY: (cycles, joules), Goal.ENERGY: (joules, cycles), Goal.EDP: (cycles * joules, cycles)}[goal]


def check(loops, accelerator, goal):
    space = Mapspace(loops, accelerator)
    candidates, untiled = list(space.mappings(UNROLLINGS)), space.untiled(UNROLLINGS)
    if replay(loops, accelerator, untiled).feasible:
        candidates.append(untiled)
    outcome = search(loops, lay_out((accelerator,)), CODES[goal], UNROLLINGS)
    if not candidates:
        assert not outcome.is_mapped(0)
        return
    costs = [replay(loops, accelerator, mapping) for mapping in candidates]
    assert all(result.feasible for result in costs)
    found = best_mapping(loops, accelerator, goal, UNROLLINGS).mapping
    assert found in candidates
    values = [worth(result, goal) for result in costs]
    best = min(value for value, _ in values)
    mine = worth(replay(loops, accelerator, found), goal)
    assert mine[0] == pytest.approx(best, rel=4e-12)
    assert mine[1] <= min(tie for value, tie in values if value <= best * (1 + 1e-13)) * (1 + 4e-12)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_ops(), small_chains(), st.sampled_from(list(Goal)))
def test_the_best_mapping_is_the_best_of_all_that_the_declared_mapspace_holds(loops, accelerator, goal):
    check(loops, accelerator, goal)
