"""The closed-form counts against the step-by-step walk, and the laws of what they cost."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import OPERANDS, Dim, MemoryLevel, Operand
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import MappingError
from coexplore.cost._counts import (
    ALL,
    FIRST_SHARED,
    MOVES,
    ONE,
    ONE_PARENT,
    SHARED,
    count_moves,
)
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop, mapping_from_document
from coexplore.cost.nest import flatten, machine_of, problem_of
from coexplore.cost.replay import replay
from coexplore.testing.cost_cases import mapped_ops
from coexplore.testing.oracle import Traffic, walk
from coexplore.workloads.op import Bits, Loops

THOROUGH = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def counts(loops, accelerator, mapping):
    nest, levels = flatten(mapping, accelerator), len(accelerator.levels)
    moves, tiles = np.zeros((levels, 3, MOVES), np.int64), np.zeros((levels, 3), np.int64)
    accesses = np.zeros((3, 2), np.int64)
    problem, machine = problem_of(loops, accelerator), machine_of(accelerator)
    cycles = count_moves(problem, machine, nest, moves, tiles, accesses)
    return cycles, moves, accesses


@THOROUGH
@given(mapped_ops())
def test_every_count_equals_the_oracle(case):
    loops, accelerator, mapping = case
    cycles, moves, accesses = counts(*case)
    truth = walk(loops, accelerator, mapping)
    assert truth.macs == loops.macs
    assert cycles == truth.compute_cycles
    for index, operand in enumerate(OPERANDS):
        assert tuple(accesses[index]) == (truth.accesses[operand], truth.accesses_one[operand])
    for (child, operand), traffic in truth.traffic.items():
        assert_same_traffic(moves[child, OPERANDS.index(operand)], traffic, operand)


def assert_same_traffic(row, traffic: Traffic, operand: Operand):
    assert row[ALL] == traffic.child_in == traffic.child_evict
    assert row[SHARED] == traffic.parent_out == traffic.parent_in
    assert row[ONE] == traffic.child_in_one
    assert row[ONE_PARENT] == traffic.parent_out_one
    if operand is Operand.OUTPUT:
        assert row[SHARED] - row[FIRST_SHARED] == traffic.parent_refill


def test_the_kernels_compiled_equal_the_kernels_interpreted():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_cost_replay import fixed_cases, counts\n"
        "print([[int(v) for v in (c[0], c[1].sum(), c[2].sum())] for c in (counts(*k) for k in fixed_cases())])"
    )
    command = [sys.executable, "-c", program, os.path.dirname(__file__)]
    plain = subprocess.run(
        command, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True
    )
    compiled = [[int(v) for v in (c[0], c[1].sum(), c[2].sum())] for c in (counts(*case) for case in fixed_cases())]
    assert plain.stdout.strip() == str(compiled)


def fixed_cases():
    family = EdgeArray()
    accelerator = family.decode(family.presets["baseline"])
    empty = LevelMapping()
    for sizes in ({"K": 7, "C": 5, "P": 9, "R": 3}, {"G": 6, "P": 5, "Q": 4, "R": 3, "S": 3}):
        loops = Loops(**sizes, stride=(2, 1))
        outer = LevelMapping(tuple(Loop(Dim(d), -(-n // 2)) for d, n in sizes.items()))
        inner = LevelMapping(tuple(Loop(Dim(d), 2) for d in reversed(sizes)))
        yield loops, accelerator, Mapping((outer, inner, empty, empty))
        yield loops, accelerator, Mapping((outer, empty, inner, empty))


@QUICK
@given(mapped_ops())
def test_energy_adds_up_over_levels_and_operands(case):
    result = replay(*case)
    assert math.isclose(result.energy_j, math.fsum(joule for _, _, joule in result.energy_by), rel_tol=1e-12)


@QUICK
@given(mapped_ops(), st.integers(0, 3), st.floats(1.1, 8))
def test_more_bandwidth_never_slows(case, number, gain):
    loops, accelerator, mapping = case
    level = accelerator.levels[number % len(accelerator.levels)]
    assume(level.read_bytes_per_cycle is not None)
    wider = faster(level, gain)
    levels = tuple(wider if other is level else other for other in accelerator.levels)
    quick = replay(loops, replace(accelerator, levels=levels), mapping)
    assert quick.total_cycles <= replay(loops, accelerator, mapping).total_cycles * (1 + 1e-12)


def faster(level: MemoryLevel, gain: float) -> MemoryLevel:
    write = None if level.write_bytes_per_cycle is None else level.write_bytes_per_cycle * gain
    return replace(level, read_bytes_per_cycle=level.read_bytes_per_cycle * gain, write_bytes_per_cycle=write)


@QUICK
@given(mapped_ops())
def test_bits_scale_weight_traffic_exactly(case):
    loops, accelerator, mapping = case
    levels = tuple(replace(level, word_bits=1, block_bits=1) for level in accelerator.levels)
    accelerator = replace(accelerator, levels=levels)
    narrow = replay(replace(loops, bits=Bits(4, 4, 8, 32)), accelerator, mapping)
    wide = replay(replace(loops, bits=Bits(8, 4, 8, 32)), accelerator, mapping)
    for (_, operand, reads, writes), (_, _, wide_reads, wide_writes) in zip(
        narrow.traffic_bits, wide.traffic_bits, strict=True
    ):
        factor = 2 if operand == "weight" else 1
        assert (factor * reads, factor * writes) == (wide_reads, wide_writes)


@QUICK
@given(mapped_ops())
def test_the_op_takes_at_least_its_compute_cycles_and_its_time_splits(case):
    result = replay(*case)
    ends = result.fill_drain_cycles + result.onload_cycles + result.offload_cycles
    parts = result.compute_cycles + result.stall_cycles + ends
    assert result.stall_cycles >= 0
    assert math.isclose(result.total_cycles, parts, rel_tol=1e-12)


@QUICK
@given(mapped_ops())
def test_a_mapping_survives_its_document(case):
    assert mapping_from_document(case[2].document()) == case[2]


@QUICK
@given(mapped_ops())
def test_whole_words_and_blocks_never_move_less(case):
    loops, accelerator, mapping = case
    fine = tuple(replace(level, word_bits=1, block_bits=1) for level in accelerator.levels)
    exact = replay(loops, replace(accelerator, levels=fine), mapping)
    for rounded, row in zip(replay(*case).traffic_bits, exact.traffic_bits, strict=True):
        assert rounded[2] >= row[2]
        assert rounded[3] >= row[3]
    for name, _, reads, writes in replay(*case).traffic_bits:
        block = next(level.block_bits for level in accelerator.levels if level.name == name)
        assert reads % block == writes % block == 0


@QUICK
@given(mapped_ops())
def test_multicast_never_reads_more_than_separate_copies(case):
    loops, accelerator, mapping = case

    def read(multicast: bool) -> list[int]:
        levels = tuple(
            replace(level, fanout=tuple(replace(axis, multicast=multicast) for axis in level.fanout))
            for level in accelerator.levels
        )
        return [row[2] for row in replay(loops, replace(accelerator, levels=levels), mapping).traffic_bits]

    assert all(shared <= alone for shared, alone in zip(read(True), read(False), strict=True))


def test_data_travel_through_a_systolic_array_once():
    accelerator = find_accelerator("edge-array")
    hopping = replace(
        accelerator.levels[0], fanout=tuple(replace(axis, hop_cycles=2) for axis in accelerator.levels[0].fanout)
    )
    spread = LevelMapping((), (SpatialLoop("pe_x", Dim.K, 4), SpatialLoop("pe_y", Dim.P, 3)))
    mapping = Mapping((spread, LevelMapping(), LevelMapping(), LevelMapping()))
    systolic = replay(Loops(K=4, P=3), replace(accelerator, levels=(hopping, *accelerator.levels[1:])), mapping)
    broadcast = replay(Loops(K=4, P=3), accelerator, mapping)
    assert systolic.fill_drain_cycles == 2 * 3 + 2 * 2
    assert systolic.total_cycles == broadcast.total_cycles + systolic.fill_drain_cycles


def test_a_level_that_overflows_is_a_result_that_names_level_operand_and_need():
    family = EdgeArray()
    accelerator = family.decode(family.presets["baseline"])
    loops = Loops(K=4096, C=4096)
    empty = LevelMapping()
    result = replay(
        loops, accelerator, Mapping((empty, LevelMapping((Loop(Dim.K, 4096), Loop(Dim.C, 4096))), empty, empty))
    )
    assert not result.feasible
    assert "'local_memory' needs" in result.reason
    assert "weight" in result.reason
    assert "at least" in result.reason
    found = result.obstacle
    assert (found.level, found.operand, found.dim, found.factor) == ("local_memory", "weight", "K", 4096)
    legal = Mapping(
        (
            LevelMapping((Loop(Dim.K, -(-4096 // found.nearest)),)),
            LevelMapping((Loop(Dim.K, found.nearest), Loop(Dim.C, 4096))),
            empty,
            empty,
        )
    )
    assert replay(loops, accelerator, legal).feasible
    more = replace(legal.levels[1], temporal=(Loop(Dim.K, found.nearest + 1), Loop(Dim.C, 4096)))
    assert not replay(loops, accelerator, Mapping((legal.levels[0], more, empty, empty))).feasible


def test_operands_wider_than_the_multipliers_are_infeasible():
    family = EdgeArray()
    accelerator = family.decode(family.presets["baseline"])
    empty = LevelMapping()
    result = replay(
        Loops(K=2, bits=Bits(16, 16, 16, 32)),
        accelerator,
        Mapping((LevelMapping((Loop(Dim.K, 2),)), empty, empty, empty)),
    )
    assert not result.feasible
    assert "16 bits" in result.reason


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ((LevelMapping((Loop(Dim.K, 3),)),) + (LevelMapping(),) * 3, "factors of K multiply to 3"),
        ((LevelMapping((Loop(Dim.K, 4),)),), "mapping has 1 levels"),
        ((LevelMapping((Loop(Dim.K, 4), Loop(Dim.C, 0))),) + (LevelMapping(),) * 3, "a factor is 0, not"),
        ((LevelMapping((Loop(Dim.K, 4.0),)),) + (LevelMapping(),) * 3, "a factor is 4.0, not a whole number"),
        ((LevelMapping((Loop(Dim.K, 4), Loop(Dim.R, 2**40))),) + (LevelMapping(),) * 3, "far more than its 1"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(levels, message):
    family = EdgeArray()
    with pytest.raises(MappingError, match=message):
        replay(Loops(K=4), family.decode(family.presets["baseline"]), Mapping(levels))


@pytest.mark.parametrize(("main_memory_bytes_per_cycle", "bound"), [(0.1, "dram bandwidth"), (1e9, "compute")])
def test_the_bound_names_what_is_busiest(main_memory_bytes_per_cycle, bound):
    family = EdgeArray()
    accelerator = family.decode(family.presets["baseline"])
    memory = replace(accelerator.levels[0], read_bytes_per_cycle=main_memory_bytes_per_cycle)
    empty = LevelMapping()
    mapping = Mapping((LevelMapping((Loop(Dim.K, 16),)), empty, LevelMapping((Loop(Dim.P, 64),)), empty))
    machine = replace(accelerator, levels=(memory, *accelerator.levels[1:]))
    assert replay(Loops(K=16, P=64), machine, mapping).bound == bound
