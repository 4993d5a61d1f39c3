"""Operands that live on chip: against the step-by-step walk, and the laws of what they cost."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import OPERANDS, Accelerator, Dim, Operand
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import ConfigError, MappingError
from coexplore.cost._assess import READ, TOTAL, WRITE, occupied_bits
from coexplore.cost._search import fits, judge, make_scratch
from coexplore.cost.batch import replay_many
from coexplore.cost.kept import NOTHING
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.mapping import LevelMapping, Loop, Mapping
from coexplore.cost.mapping_batch import random_batch, unpack
from coexplore.cost.model import mappings_document, mappings_from_document, price
from coexplore.cost.nest import flatten, machine_of, problem_of
from coexplore.cost.presets.timeloop import TIMELOOP
from coexplore.cost.replay import replay
from coexplore.cost.residency import MAIN_MEMORY, Residency, keep, storages, stored_elements, widest, with_residents
from coexplore.cost.vector import price_vector_op
from coexplore.networks.network import NETWORK_PRESETS
from coexplore.testing.cost_cases import resident_mapped_ops, residents, small_accelerators, small_ops
from coexplore.testing.oracle import accesses_by_level, walk
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import (
    ALL_IN_MAIN_MEMORY,
    BatchNorm,
    Bits,
    Concat,
    Conv2d,
    Loops,
    MatMul,
    Resident,
    Slice,
    Softmax,
)

THOROUGH = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
BASELINE = find_accelerator("edge-array")


def plain(accelerator: Accelerator) -> Accelerator:
    return replace(accelerator, levels=tuple(replace(v, word_bits=1, block_bits=1) for v in accelerator.levels))


def pool_of(accelerator: Accelerator, operand: Operand) -> int | None:
    return next((n for n, v in enumerate(accelerator.levels) if n > 0 and operand in v.keeps), None)


def instances(accelerator: Accelerator, level: int) -> int:
    return math.prod(axis.size for outer in accelerator.levels[:level] for axis in outer.fanout)


@THOROUGH
@given(resident_mapped_ops())
def test_all_traffic_equals_the_oracle(case):
    loops, accelerator, mapping = case
    loops, accelerator = replace(loops, bits=Bits(8, 8, 8, 8)), plain(accelerator)
    truth = accesses_by_level(loops, accelerator, walk(loops, accelerator, mapping))
    number = {level.name: n for n, level in enumerate(accelerator.levels)}
    rows = replay(loops, accelerator, mapping).traffic_bits
    assert len(rows) == len(truth)
    for name, operand, reads, writes in rows:
        assert (reads, writes) == tuple(8 * count for count in truth[number[name], Operand(operand)])


@THOROUGH
@given(resident_mapped_ops())
def test_main_memory_neither_reads_nor_writes_what_lives_on_chip(case):
    loops, accelerator, _ = case
    result = replay(*case)
    main = accelerator.levels[0].name
    for name, operand, reads, writes in result.traffic_bits:
        on_chip = getattr(loops.resident, operand) and pool_of(accelerator, Operand(operand)) is not None
        if name == main and on_chip:
            assert reads == writes == 0
    assert math.isclose(result.energy_j, math.fsum(joule for _, _, joule in result.energy_by), rel_tol=1e-12)


@QUICK
@given(resident_mapped_ops())
def test_only_main_memory_and_the_pool_change(case):
    loops, accelerator, mapping = case
    before = replay(replace(loops, resident=ALL_IN_MAIN_MEMORY), accelerator, mapping)
    after = replay(*case)
    assert after.compute_cycles == before.compute_cycles
    names = [level.name for level in accelerator.levels]
    for old, new in zip(before.traffic_bits, after.traffic_bits, strict=True):
        pool = pool_of(accelerator, Operand(old[1]))
        if not getattr(loops.resident, old[1]) or names.index(old[0]) not in (0, pool):
            assert old == new


@QUICK
@given(resident_mapped_ops())
def test_a_pool_of_one_instance_moves_nothing(case):
    loops, accelerator, mapping = case
    before = replay(replace(loops, resident=ALL_IN_MAIN_MEMORY), accelerator, mapping)
    after = replay(*case)
    names = [level.name for level in accelerator.levels]
    pools = {o.value: pool_of(accelerator, o) for o in OPERANDS}
    alone = [pools[o.value] is None or instances(accelerator, pools[o.value]) == 1 for o in OPERANDS]
    if not all(alone):
        return
    for old, new in zip(before.traffic_bits, after.traffic_bits, strict=True):
        if getattr(loops.resident, old[1]) and names.index(old[0]) == pools[old[1]]:
            assert new[2] <= old[2]
            assert new[3] <= old[3]
    assert after.total_cycles <= before.total_cycles * (1 + 1e-12)
    if all(level.block_bits == 1 for level in accelerator.levels):
        assert after.energy_j <= before.energy_j * (1 + 1e-12)


@QUICK
@given(resident_mapped_ops())
def test_no_port_is_busy_for_longer_than_the_op_takes(case):
    loops, accelerator, mapping = case
    problem, machine, nest = problem_of(loops, accelerator), machine_of(accelerator), flatten(mapping, accelerator)
    scratch = make_scratch(len(accelerator.levels))
    judge(problem, machine, nest, scratch)
    for n in range(len(accelerator.levels)):
        if n not in {pool_of(accelerator, o) for o in OPERANDS} or problem.resident.sum() != 3:
            continue
        reads, writes = scratch.one[n, :, READ].sum(), scratch.one[n, :, WRITE].sum()
        if machine.write_width[n] == 0.0:
            busy = (reads + writes) / machine.read_width[n]
        else:
            busy = max(reads / machine.read_width[n], writes / machine.write_width[n])
        assert busy <= scratch.summary[TOTAL] * (1 + 1e-12)


@QUICK
@given(resident_mapped_ops())
def test_the_busiest_instance_serves_its_share(case):
    loops, accelerator, mapping = case
    loops, accelerator = replace(loops, bits=Bits(8, 8, 8, 8)), plain(accelerator)
    without = replace(loops, resident=ALL_IN_MAIN_MEMORY)
    problem, machine, nest = problem_of(loops, accelerator), machine_of(accelerator), flatten(mapping, accelerator)
    before, after = make_scratch(len(accelerator.levels)), make_scratch(len(accelerator.levels))
    judge(problem_of(without, accelerator), machine, nest, before)
    judge(problem, machine, nest, after)
    for index, operand in enumerate(OPERANDS[:2]):
        pool = pool_of(accelerator, operand)
        if not problem.resident[index] or pool is None:
            continue
        count = instances(accelerator, pool)
        served = -(-(before.traffic[0, index, READ] // 8) * (count - 1) // count) * 8
        assert after.one[pool, index, READ] - before.one[pool, index, READ] == -(-served // count)
        arriving = before.one[pool, index, WRITE] // 8
        assert after.one[pool, index, WRITE] == -(-arriving * (count - 1) // count) * 8


@QUICK
@given(resident_mapped_ops())
def test_a_pool_holds_its_part_of_the_operand_beside_its_tile(case):
    """The least capacity under which a mapping fits, found by bisection, is that of a hand count."""
    loops, accelerator, mapping = case
    loops = replace(loops, resident=Resident(weight=True))
    accelerator = plain(accelerator)
    pool = pool_of(accelerator, Operand.WEIGHT)
    if pool is None:
        return
    alone = tuple(
        replace(v, keeps=(Operand.WEIGHT,) if n == pool else v.keeps, double_buffered=False)
        for n, v in enumerate(accelerator.levels)
    )
    accelerator = replace(accelerator, levels=alone)
    problem, nest = problem_of(loops, accelerator), flatten(mapping, accelerator)
    scratch = make_scratch(len(alone))
    judge(problem, machine_of(accelerator), nest, scratch)
    count, tile = instances(accelerator, pool), int(scratch.tiles[pool, 0]) * loops.bits.weight
    need = -(-loops.weight_elements * loops.bits.weight // count) + tile - tile // count
    for bits, roomy in ((need, True), (need - 1, False)):
        capacity = machine_of(accelerator).capacity_bits.copy()
        capacity[pool] = bits
        assert fits(problem, machine_of(accelerator)._replace(capacity_bits=capacity), nest, scratch) is roomy


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_ops(), small_accelerators(), residents(), st.sampled_from(list(Goal)), st.sampled_from([2**30, 64, 24]))
def test_the_best_mapping_is_that_of_a_search_without_bounds(loops, accelerator, resident, goal, capacity):
    levels = tuple(v if v.capacity_bytes is None else replace(v, capacity_bytes=capacity) for v in accelerator.levels)
    accelerator, loops = replace(accelerator, levels=levels), replace(loops, resident=resident)
    quick = best_mapping(loops, accelerator, goal, unrollings=4)
    slow = best_mapping(loops, accelerator, goal, unrollings=4, prune=False)
    assert quick.mapping == slow.mapping
    if quick.mapping is not None:
        assert replay(loops, accelerator, quick.mapping).feasible


OPS = (
    Loops(K=24, C=16, P=14, Q=14, R=3, S=3),
    Loops(G=32, P=14, Q=14, R=3, S=3, stride=(2, 2)),
    Loops(K=64, C=96, P=7, Q=7),
    Loops(G=2, K=49, C=32, P=49),
)


@pytest.mark.parametrize("loops", OPS)
@pytest.mark.parametrize("name", ["edge-array", "eyeriss-168", "simba-like", "tpu-v4i-like", "systolic"])
@pytest.mark.parametrize("goal", list(Goal))
def test_on_real_accelerators_more_on_chip_is_never_worse(loops, name, goal):
    accelerator = find_accelerator(name)
    chains = (
        (Resident(), Resident(input=True), Resident(input=True, output=True), Resident(True, True, True)),
        (Resident(), Resident(output=True), Resident(True, False, True), Resident(True, True, True)),
    )
    for chain in chains:
        values = []
        for resident in chain:
            op = replace(loops, resident=resident)
            result = replay(op, accelerator, best_mapping(op, accelerator, goal).mapping)
            energy, cycles = result.energy_j, result.total_cycles
            values.append({Goal.LATENCY: cycles, Goal.ENERGY: energy, Goal.EDP: energy * cycles}[goal])
        assert values == sorted(values, reverse=True)


def test_what_no_level_on_the_chip_keeps_stays_in_main_memory():
    levels = tuple(
        v if n == 0 else replace(v, keeps=tuple(o for o in v.keeps if o is not Operand.INPUT))
        for n, v in enumerate(BASELINE.levels)
    )
    streaming = replace(BASELINE, levels=levels)
    loops = Loops(K=8, C=8, P=8)
    for goal in Goal:
        found = best_mapping(loops, streaming, goal).mapping
        with_resident = replay(replace(loops, resident=Resident(input=True)), streaming, found)
        assert with_resident == replay(loops, streaming, found)


def test_a_batch_equals_replay_one_by_one():
    loops = Loops(K=16, C=8, P=8, resident=Resident(input=True, output=True))
    batch = random_batch(loops, BASELINE, 8, np.random.default_rng(0))
    costs = replay_many(loops, BASELINE, batch)
    assert costs.one_by_one.all()
    for index in range(8):
        result = replay(loops, BASELINE, unpack(BASELINE, batch, index))
        assert (costs.total_cycles[index], costs.energy_j[index]) == (result.total_cycles, result.energy_j)


def test_accountings_of_other_tools_refuse_operands_on_chip():
    loops = Loops(K=16, C=8, P=8)
    found = best_mapping(loops, BASELINE).mapping
    replay(loops, BASELINE, found, TIMELOOP)
    with pytest.raises(MappingError, match="knows no operands that live on chip"):
        replay(replace(loops, resident=Resident(input=True)), BASELINE, found, TIMELOOP)


def two_branches() -> Workload:
    ops = (
        Conv2d("left", ("x",), out_channels=8, kernel=(1, 1)),
        Conv2d("right", ("x",), out_channels=8, kernel=(1, 1)),
        BatchNorm("norm", ("right",)),
        Concat("both", ("left", "norm"), axis=1),
        Slice("half", ("both",), axis=1, start=0, stop=8),
        Conv2d("tail", ("half",), out_channels=4, kernel=(1, 1)),
        Softmax("soft", ("tail",), axis=1),
        Conv2d("end", ("soft",), out_channels=4, kernel=(1, 1)),
    )
    return Workload("branches", (("x", (1, 4, 10, 10)),), ops, ("end",))


def test_views_and_what_rides_along_share_a_tensor():
    workload = two_branches()
    whole = frozenset({"left", "right", "norm", "both", "half"})
    found = storages(workload)
    assert whole in found
    assert stored_elements(workload, whole) == 16 * 10 * 10
    assert widest(workload, whole) == 8
    assert sorted(name for names in found for name in names) == sorted(workload.shapes)


def test_a_tensor_stays_up_to_its_share_and_the_ends_never_do():
    workload = two_branches()
    pool = 8 * 2 * 2**20 * 16
    assert keep(workload, BASELINE, MAIN_MEMORY) == NOTHING
    assert keep(workload, BASELINE, Residency(16 * 800 / pool)).tensors == set(workload.shapes) - {"x", "end"}
    assert keep(workload, BASELINE, Residency(4 * 800 / pool)).tensors == {"tail", "soft"}
    assert keep(workload, BASELINE, Residency(1.0)).tensors == set(workload.shapes) - {"x", "end"}


def test_words_and_borders_take_room():
    ops = (
        Conv2d("a", ("x",), out_channels=8, kernel=(1, 1)),
        Conv2d("b", ("a",), out_channels=8, kernel=(3, 3), padding=(1, 1)),
    )
    workload = Workload("padded", (("x", (1, 8, 6, 6)),), ops, ("b",))
    bits = 8 * 8 * 8 * 8
    pool = 8 * 2 * 2**20 * 16
    wide = replace(BASELINE, levels=tuple(replace(v, word_bits=16) for v in BASELINE.levels))
    for accelerator, need in ((BASELINE, bits), (wide, 2 * bits)):
        assert keep(workload, accelerator, Residency(need / pool)).tensors == {"a"}
        assert not keep(workload, accelerator, Residency((need - 1) / pool)).tensors


def test_weights_stay_when_all_of_them_fit():
    workload = two_branches()
    bits = 8 * workload.parameters
    pool = 8 * 2 * 2**20 * 16
    assert keep(workload, BASELINE, Residency(0.0, bits / pool)).weights
    assert not keep(workload, BASELINE, Residency(0.0, (bits - 1) / pool)).weights


@pytest.mark.parametrize("name", ["edge-array", "eyeriss-168", "gemmini-16", "simba-like", "tpu-v4i-like"])
@pytest.mark.parametrize("network", ["mobilenet-v2", "bert-base-layer"])
def test_a_producer_and_its_readers_agree(name, network):
    workload, accelerator = NETWORK_PRESETS.get(network)(), find_accelerator(name)
    kept = keep(workload, accelerator, Residency())
    nests = {op.name: with_residents(op, loops, kept).resident for op, loops in workload.mac_ops()}
    for op, _ in workload.mac_ops():
        for reader in workload.consumers[op.name]:
            if reader.name not in nests:
                continue
            flags = [nests[reader.name].input] if reader.inputs[0] == op.name else []
            if isinstance(reader, MatMul) and reader.inputs[1] == op.name:
                flags.append(nests[reader.name].weight)
            assert all(flag == nests[op.name].output for flag in flags)
    for names in storages(workload):
        assert names <= kept.tensors or names.isdisjoint(kept.tensors)
    if name == "gemmini-16":
        assert not kept.tensors, "its inputs and outputs lie in memories of their own"


def test_a_price_without_residency_is_the_price_before():
    workload = two_branches()
    assert price(workload, BASELINE) == price(workload, BASELINE, residency=MAIN_MEMORY)
    assert price(workload, BASELINE).document()["residency"] == {"activation_share": 0.0, "weight_share": 0.0}


@pytest.mark.parametrize("goal", list(Goal))
def test_a_network_is_never_worse_with_more_on_chip(goal):
    metric = {Goal.LATENCY: "latency_s", Goal.ENERGY: "energy_j", Goal.EDP: "edp_js"}[goal]
    shares = (MAIN_MEMORY, Residency(0.001), Residency(0.25), Residency(0.25, 0.25))
    values = [price(two_branches(), BASELINE, goal, residency=share).metrics()[metric] for share in shares]
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]


def test_given_mappings_replay_to_the_same_price():
    workload, assumed = two_branches(), Residency(0.25, 0.25)
    found = price(workload, BASELINE, residency=assumed)
    mappings = mappings_from_document(mappings_document(found))
    assert price(workload, BASELINE, mappings=mappings, residency=assumed) == found


def test_a_vector_op_reads_and_writes_its_pool():
    workload = two_branches()
    op = workload.producers["soft"]
    kept = keep(workload, BASELINE, Residency())
    cost = price_vector_op(workload, op, BASELINE, kept)
    local = BASELINE.levels[1]
    joules = {(level, operand): joule for level, operand, joule in cost.energy_by}
    bits = 400 * 8
    assert joules["dram", "input"] == joules["dram", "output"] == 0
    assert math.isclose(joules[local.name, "input"], bits * local.read_j_per_bit)
    assert math.isclose(joules[local.name, "output"], bits * local.write_j_per_bit)
    wide = 8 * local.read_bytes_per_cycle * 16
    assert cost.total_cycles == max(cost.compute_cycles, 2 * bits / wide)


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_a_share_is_a_part_of_the_memory(share):
    with pytest.raises(ConfigError, match=r"residency\.weight_share: is .*; give a share"):
        Residency(0.25, share)


def test_outputs_that_come_back_lie_in_the_pool_as_partial_sums():
    """16 instances; a tile of 4 outputs of 64. Loops over C outside those over K bring every sum back, inside none."""
    loops, empty = Loops(K=64, C=8, resident=Resident(output=True)), LevelMapping()
    needs = []
    for outer in ((Loop(Dim.C, 2), Loop(Dim.K, 16)), (Loop(Dim.K, 16), Loop(Dim.C, 2))):
        mapping = Mapping((LevelMapping(outer), LevelMapping((Loop(Dim.K, 4), Loop(Dim.C, 4))), empty, empty))
        problem, machine, nest = problem_of(loops, BASELINE), machine_of(BASELINE), flatten(mapping, BASELINE)
        scratch = make_scratch(len(BASELINE.levels))
        judge(problem, machine, nest, scratch)
        needs.append(int(occupied_bits(1, 2, problem, machine, nest, scratch.moves, scratch.tiles)))
    tile = 2 * 4 * 32
    away = tile - tile // 16
    assert needs == [64 * 32 // 16 + away, 64 * 8 // 16 + away]
