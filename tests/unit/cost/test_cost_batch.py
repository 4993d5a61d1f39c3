"""Many mappings at once cost what each of them costs alone, to the last bit."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import DIMS, Dim
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.errors import MappingError
from coexplore.cost.batch import replay_many
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop, check_mapping
from coexplore.cost.mapping_batch import LANES, pack, prime_factors, random_batch, unpack
from coexplore.cost.replay import replay
from coexplore.testing.cost_cases import mapped_ops, small_accelerators, small_ops
from coexplore.workloads.op import Loops

THOROUGH = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
BASELINE = EdgeArray().decode(EdgeArray().presets["baseline"])
OPS = (
    Loops(K=96, C=16, P=112, Q=112),
    Loops(G=96, P=56, Q=56, R=3, S=3, stride=(2, 2)),
    Loops(K=32, C=3, P=112, Q=112, R=3, S=3, stride=(2, 2), dilation=(1, 2)),
)


@st.composite
def perfect_cases(draw):
    """An op, an accelerator, and some mappings whose factors divide, one loop per dimension and level."""
    loops, accelerator = draw(small_ops()), draw(small_accelerators())
    return loops, accelerator, [draw(perfect_mappings(loops, accelerator)) for _ in range(draw(st.integers(1, 3)))]


@st.composite
def perfect_mappings(draw, loops, accelerator):
    axes = [(n, axis) for n, level in enumerate(accelerator.levels) for axis in level.fanout]
    temporal = [dict.fromkeys(DIMS, 1) for _ in accelerator.levels]
    spatial = [dict.fromkeys(DIMS, 1) for _ in axes]
    for dim in DIMS:
        for prime in prime_factors(getattr(loops, dim.value)):
            place = draw(st.integers(0, len(temporal) + len(axes) - 1)) - len(temporal)
            if place >= 0 and np.prod(list(spatial[place].values())) * prime <= axes[place][1].size:
                spatial[place][dim] *= prime
            else:
                temporal[place % len(temporal)][dim] *= prime
    levels = []
    for n in range(len(temporal)):
        order = draw(st.permutations(DIMS))
        loops_here = tuple(Loop(dim, temporal[n][dim]) for dim in order)
        unrolled = [SpatialLoop(a.name, d, spatial[i][d]) for i, (at, a) in enumerate(axes) if at == n for d in DIMS]
        levels.append(LevelMapping(loops_here, tuple(unrolled)))
    return Mapping(tuple(levels))


def assert_equal_to_replay(loops, accelerator, mappings, batch):
    costs = replay_many(loops, accelerator, batch)
    names = [f"{level.name} bandwidth" for level in accelerator.levels]
    for i, mapping in enumerate(mappings):
        alone = replay(loops, accelerator, mapping)
        assert costs.compute_cycles[i] == alone.compute_cycles
        assert costs.total_cycles[i] == alone.total_cycles
        assert costs.energy_j[i] == alone.energy_j
        assert costs.feasible[i] == alone.feasible
        assert ([*names, "compute"][costs.bound[i]]) == alone.bound
    return costs


@THOROUGH
@given(perfect_cases())
def test_perfect_mappings_cost_what_replay_says(case):
    loops, accelerator, mappings = case
    costs = assert_equal_to_replay(loops, accelerator, mappings, pack(loops, accelerator, mappings))
    assert not costs.one_by_one.any()


@THOROUGH
@given(mapped_ops())
def test_any_mapping_costs_what_replay_says(case):
    loops, accelerator, mapping = case
    try:
        batch = pack(loops, accelerator, [mapping])
    except MappingError:
        assume(False)
    costs = assert_equal_to_replay(loops, accelerator, [mapping], batch)
    perfect = all(mapping.factors(dim) == getattr(loops, dim.value) for dim in DIMS)
    assert costs.one_by_one[0] != perfect


@st.composite
def window_ops(draw):
    """Ops whose windows slide on both axes, with enough factors for several loops of each."""
    sizes = {dim: draw(st.sampled_from([1, 2, 4])) for dim in "NGKC"}
    sizes |= {dim: draw(st.sampled_from([4, 6, 12])) for dim in "PQ"}
    sizes |= {dim: draw(st.sampled_from([2, 3, 4, 6])) for dim in "RS"}
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    return Loops(**sizes, stride=draw(pair), dilation=draw(pair))


@THOROUGH
@given(window_ops(), small_accelerators(), st.integers(0, 2**31))
def test_sliding_windows_cost_what_replay_says(loops, accelerator, seed):
    batch = random_batch(loops, accelerator, LANES, seed)
    mappings = [unpack(accelerator, batch, i) for i in range(batch.size)]
    costs = assert_equal_to_replay(loops, accelerator, mappings, batch)
    assert not costs.one_by_one.any()


@THOROUGH
@given(perfect_cases(), st.floats(1, 400))
def test_small_memories_overflow_for_the_same_mappings(case, capacity):
    loops, accelerator, mappings = case
    small = tuple(replace(level, capacity_bytes=int(capacity)) for level in accelerator.levels[1:])
    accelerator = replace(accelerator, levels=(accelerator.levels[0], *small))
    assert_equal_to_replay(loops, accelerator, mappings, pack(loops, accelerator, mappings))


@pytest.mark.parametrize("loops", OPS)
def test_random_batches_are_legal_perfect_and_equal_to_replay(loops):
    batch = random_batch(loops, BASELINE, 2 * LANES + 3, seed=1)
    mappings = [unpack(BASELINE, batch, i) for i in range(batch.size)]
    for mapping in mappings:
        check_mapping(loops, BASELINE, mapping)
        assert all(mapping.factors(dim) == getattr(loops, dim.value) for dim in DIMS)
    assert len(set(mappings)) == len(mappings)
    costs = assert_equal_to_replay(loops, BASELINE, mappings, batch)
    assert costs.energy_j.shape == (batch.size,)
    assert not costs.one_by_one.any()
    assert 0 < costs.feasible.sum() < batch.size


@QUICK
@given(perfect_cases())
def test_packing_loses_nothing(case):
    loops, accelerator, mappings = case
    batch = pack(loops, accelerator, mappings)
    again = pack(loops, accelerator, [unpack(accelerator, batch, i) for i in range(batch.size)])
    for name in ("temporal", "order", "spatial"):
        assert np.array_equal(getattr(batch, name), getattr(again, name))


def test_neighbouring_loops_of_a_dimension_become_one():
    loops = Loops(K=6, P=2)
    split = mapping_of((Loop(Dim.K, 2), Loop(Dim.K, 3), Loop(Dim.P, 2)))
    batch = pack(loops, BASELINE, [split])
    assert unpack(BASELINE, batch, 0) == mapping_of((Loop(Dim.K, 6), Loop(Dim.P, 2)))
    assert_equal_to_replay(loops, BASELINE, [split], batch)


def test_factors_of_more_than_16_bits():
    loops = Loops(P=70_000, C=3)
    mapping = mapping_of((Loop(Dim.P, 70_000), Loop(Dim.C, 3)))
    costs = assert_equal_to_replay(loops, BASELINE, [mapping], pack(loops, BASELINE, [mapping]))
    assert not costs.one_by_one.any()


def test_counts_beyond_doubles_are_replayed_alone():
    loops = Loops(N=2**12, K=2**12, C=2**12, P=2**12)
    mapping = mapping_of(tuple(Loop(dim, 2**12) for dim in (Dim.N, Dim.K, Dim.C, Dim.P)))
    costs = assert_equal_to_replay(loops, BASELINE, [mapping], pack(loops, BASELINE, [mapping]))
    assert costs.one_by_one.all()


def mapping_of(outermost):
    return Mapping((LevelMapping(outermost), *(LevelMapping() for _ in BASELINE.levels[1:])))


def test_what_a_batch_has_no_room_for_is_refused():
    loops = Loops(K=6, P=2)
    with pytest.raises(MappingError, match="two separate loops over K"):
        pack(loops, BASELINE, [mapping_of((Loop(Dim.K, 2), Loop(Dim.P, 2), Loop(Dim.K, 3)))])
    with pytest.raises(MappingError, match="do not cover"):
        pack(loops, BASELINE, [mapping_of((Loop(Dim.K, 2),))])


def test_a_batch_of_another_op_or_accelerator_is_refused():
    batch = pack(Loops(K=6), BASELINE, [mapping_of((Loop(Dim.K, 6),))])
    with pytest.raises(MappingError, match="factors of K multiply to 6"):
        replay_many(Loops(K=7), BASELINE, batch)
    with pytest.raises(MappingError, match="levels"):
        replay_many(Loops(K=6), replace(BASELINE, levels=BASELINE.levels[:2]), batch)


def test_unrolling_what_an_axis_does_not_take_is_refused():
    batch = pack(Loops(C=4), BASELINE, [mapping_of((Loop(Dim.C, 4),))])
    spatial, temporal, order = batch.spatial.copy(), np.ones_like(batch.temporal), np.zeros_like(batch.order)
    spatial[:, 1, DIMS.index(Dim.C)] = 4
    with pytest.raises(MappingError, match="cannot unroll C"):
        replay_many(Loops(C=4), BASELINE, replace(batch, temporal=temporal, order=order, spatial=spatial))


def test_malformed_arrays_are_refused():
    batch = pack(Loops(K=6, C=2), BASELINE, [mapping_of((Loop(Dim.K, 6), Loop(Dim.C, 2)))])
    with pytest.raises(MappingError, match="shape"):
        replace(batch, order=batch.order[:, :1])
    with pytest.raises(MappingError, match="same position"):
        replace(batch, order=np.minimum(batch.order, 1))
    with pytest.raises(MappingError, match="order is 1 to 8"):
        replace(batch, order=np.zeros_like(batch.order))
    with pytest.raises(MappingError, match="smaller than 1"):
        replace(batch, spatial=np.zeros_like(batch.spatial))
    with pytest.raises(MappingError, match="size"):
        replace(batch, size=LANES + 1)


def test_the_kernels_compiled_equal_the_kernels_interpreted():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_cost_batch import OPS, BASELINE, replay_many, random_batch\n"
        "for op in OPS:\n"
        "    costs = replay_many(op, BASELINE, random_batch(op, BASELINE, 9, seed=3))\n"
        "    print(*(part.tolist() for part in (costs.energy_j, costs.total_cycles, costs.bound, costs.feasible)))\n"
    )
    command = [sys.executable, "-c", program, os.path.dirname(__file__)]
    plain = subprocess.run(
        command, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True
    )
    compiled = subprocess.run(command, capture_output=True, text=True, check=True)
    assert plain.stdout == compiled.stdout
    assert plain.stdout.count("\n") == len(OPS)
