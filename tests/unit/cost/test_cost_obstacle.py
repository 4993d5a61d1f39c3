"""Where no mapping fits: the capacities that are named are enough, and nothing less is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.family import find_accelerator
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.testing.cost_cases import small_accelerators, small_ops
from coexplore.workloads.op import Loops

EDGE = find_accelerator("edge-array")
OFTEN = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def short_accelerators(draw) -> Accelerator:
    """Any chain, with memories of which some are too small for anything."""
    accelerator = draw(small_accelerators())
    sizes = st.sampled_from([1, 2, 4, 8, 16, 2**20])
    inner = tuple(replace(level, capacity_bytes=draw(sizes)) for level in accelerator.levels[1:])
    return replace(accelerator, levels=(accelerator.levels[0], *inner))


def sized(accelerator: Accelerator, sizes: dict[str, int]) -> Accelerator:
    levels = (replace(lv, capacity_bytes=sizes.get(lv.name, lv.capacity_bytes)) for lv in accelerator.levels)
    return replace(accelerator, levels=tuple(levels))


def check(loops: Loops, accelerator: Accelerator) -> None:
    """The capacities are enough, and a byte less is not: with all that is further out as it is, the rest roomy."""
    blocked = best_mapping(loops, accelerator, Goal.EDP)
    assert blocked.mapping is None
    assert blocked.obstacle is not None
    assert f"level {blocked.obstacle.level!r} needs {blocked.obstacle.need_bytes} bytes" in blocked.reason
    least = dict(blocked.obstacle.least)
    assert best_mapping(loops, sized(accelerator, least), Goal.EDP).mapping is not None
    names, given_up = [level.name for level in accelerator.levels], {}
    for name, size in least.items():
        assert str(size) in blocked.reason
        inside = dict.fromkeys(names[names.index(name) + 1 :], 2**40)
        tight = sized(accelerator, {**given_up, **inside, name: size - 1})
        assert best_mapping(loops, tight, Goal.EDP).mapping is None
        given_up[name] = size


@OFTEN
@given(small_ops(), short_accelerators())
def test_the_capacities_that_are_named_are_the_least_that_help(loops, accelerator):
    assume(best_mapping(loops, accelerator, Goal.EDP).mapping is None)
    check(loops, accelerator)


@pytest.mark.parametrize("sizes", [{"register_file": 3}, {"local_memory": 5}, {"local_memory": 2, "latch": 1}])
def test_so_they_are_on_pe_arrays(sizes):
    check(Loops(K=40, C=24, P=7, Q=7, R=3, S=3), sized(EDGE, sizes))
