from __future__ import annotations

import importlib.util
import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coexplore import Loops, replay
from coexplore.accelerators.accelerator import DIMS, OPERANDS, Accelerator, Dim, Operand
from coexplore.core.errors import MappingError
from coexplore.cost.accounting import PHYSICS
from coexplore.cost.mapping import LevelMapping, Loop, Mapping
from coexplore.cost.presets.timeloop import TIMELOOP, TIMELOOP_2022, count_accesses
from coexplore.cost.presets.timeloop_mapping import read_nest, read_problem
from coexplore.testing.cost_cases import mapped_ops
from coexplore.testing.oracle import RELEVANT
from coexplore.workloads.op import Bits

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "fidelity" / "timeloop_replay.py"
WORDS = Bits(8, 8, 8, 8)
WEIGHT, INPUT, OUTPUT = range(3)


@pytest.fixture(scope="module")
def benchmark_script():
    spec = importlib.util.spec_from_file_location("timeloop_replay", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Rows of DOSA's table, counted by hand with the published rules: layer, mapping, (side, accumulator words, scratchpad
# bytes), then per-level counts, cycles and microjoule as the table holds them.
WORKED = {
    "compute-bound": (
        "C512 K256 P28 Q28", "L3[WIO] K64 Q2 C32 - L2[WI] N1 - L1[O] K4 C16 Q14 P7 - L0[W] P4", (8, 65536, 1048576),
        (102760448, 262144, 262144, 102760448, 25690112, 200704, 200704), 102760448, 11792.84653,
    ),
    "memory-bound": (
        "C256 K512 P28 Q28", "L3[WIO] K32 C128 P4 Q14 - L2[WI] N1 K16X - L1[O] Q2 C2X - L0[W] P7", (16, 16, 2048),
        (3211264, 131072, 131072, 6422528, 6422528, 3211264, 25088), 13614081, 11306.813963,
    ),
    "accumulator-bound": (
        "C512 K2048 P128", "L3[WIO] C4 P32 K512 - L2[WI] N1 - L1[O] K4 C128 P2 - L0[W] P2", (8, 128, 2048),
        (134217728, 33554432, 33554432, 134217728, 65536, 1048576, 262144), 134610944, 4349.279404,
    ),
    "scratchpad-bound": (
        "C9216 K4096", "L3[WIO] K64 - L2[WI] N1 K2X - L1[O] K32 C1152 C8X - L0[W] N1", (8, 65536, 1048576),
        (2359296, 37748736, 37748736, 18874368, 9216, 2048, 2048), 5898816, 6569.683849,
    ),
    "stride 2": (
        "C32 K1024 P7 Q7 R3 S3 stride2", "L3[WIO] Q7 S3 C2 K64 P7 - L2[WI] N1 K4X - L1[O] K4 R3 C16X - L0[W] N1",
        (32, 64, 1024), (225792, 14450688, 2064384, 3612672, 645120, 75264, 12544), 407680, 363.046401,
    ),
    "R carries as P moves": (
        "C256 K256 P14 Q14 R2 S2", "L3[WIO] Q7 S2 K32 P7 R2 - L2[WI] N1 K8X - L1[O] C64 Q2 C4X - L0[W] P2",
        (16, 16, 4096), (1605632, 12845056, 12845056, 6422528, 3440640, 12544, 6272), 2054528, 1774.995759,
    ),
    "S carries as Q moves": (
        "C512 K512 P14 Q14 R3 S3", "L3[WIO] C256 K64 R3 Q7 S3 - L2[WI] N1 K2X - L1[O] K4 C2 Q2 - L0[W] P14",
        (2, 256, 1048576), (231211008, 16515072, 16515072, 231211008, 30277632, 38535168, 50176), 250453504,
        30351.190731,
    ),
    "stride 4": (
        "C3 K64 P55 Q55 R11 S11 stride4", "L3[WIO] C3 K16 Q5 P5 - L2[WI] N1 - L1[O] K4 S11 R11 Q11 P11 - L0[W] N1",
        (16, 512, 2097152), (70276800, 580800, 23232, 70276800, 2778480, 580800, 193600), 70470400, 4580.265958,
    ),
    "nothing outside": (
        "C128 K128 P128", "L3[WIO] N1 - L2[WI] N1 - L1[O] K128 C128 P128 - L0[W] N1", (8, 65536, 1048576),
        (2097152, 16384, 16384, 2097152, 16384, 16384, 16384), 2097152, 179.480819,
    ),
}  # fmt: skip


def layer(text):
    sizes = {word[0]: int(word[1:]) for word in text.split() if not word.startswith("stride")}
    stride = next((int(word[6:]) for word in text.split() if word.startswith("stride")), 1)
    return Loops(**sizes, stride=(stride, stride), bits=WORDS)


@pytest.mark.parametrize("name", WORKED)
def test_worked_rows_are_exact(name, benchmark_script):
    text, nest, sizes, counts, cycles, energy_uj = WORKED[name]
    loops, mapping = layer(text), benchmark_script.read_mapping(nest)
    accelerator = benchmark_script.gemmini(*sizes, overlaps=False)
    result = replay(loops, accelerator, mapping, TIMELOOP_2022)
    assert result.total_cycles == cycles
    assert result.energy_j * 1e6 == pytest.approx(energy_uj, rel=5e-10)
    assert result.feasible

    steps, into_registers, weights, read_inputs, inputs, exchanged, begun = counts
    accesses = count_accesses(loops, accelerator, mapping, fills_elided=False)
    columns = int(accesses.instances[2])
    dram, scratchpad, accumulator, register = range(4)
    assert result.compute_cycles == steps
    assert accesses.fills[register, WEIGHT] == accesses.reads[scratchpad, WEIGHT] == into_registers
    assert accesses.reads[register, WEIGHT] == loops.macs
    assert accesses.fills[scratchpad, WEIGHT] == accesses.reads[dram, WEIGHT] == weights
    assert accesses.fills[scratchpad, INPUT] == accesses.reads[dram, INPUT] == inputs
    assert accesses.reads[scratchpad, INPUT] == read_inputs
    assert accesses.updates[accumulator, OUTPUT] == steps * columns
    assert accesses.reads[accumulator, OUTPUT] == (steps - begun) * columns
    assert accesses.fills[accumulator, OUTPUT] == accesses.updates[dram, OUTPUT] == exchanged * columns
    assert accesses.reads[dram, OUTPUT] == (exchanged - begun) * columns


def test_rows_of_the_table_are_exact(benchmark_script, data_folder):
    rows, truth = benchmark_script.read(data_folder / "dosa_timeloop.parquet")
    chosen = range(0, len(rows), 400)
    found = benchmark_script.replay_all([rows[i] for i in chosen], TIMELOOP_2022)
    assert (found[0] == truth[0][chosen]).all()
    assert np.abs(found[1] / truth[1][chosen] - 1).max() < 1e-5


def test_published_cases_are_exact(data_folder):
    differing, compared = [], 0
    for name, case in json.loads((data_folder / "timeloop_reference.json").read_text()).items():
        problem = read_problem(yaml.safe_load(case["input_yaml"])["problem"])
        accelerator, mapping = read_nest(case["mapping_text"], problem)
        accesses = count_accesses(problem.loops, accelerator, mapping)
        names = [level.name for level in accelerator.levels]
        for level, tensors in case["levels"].items():
            n = names.index(level)
            for tensor, truth in tensors.items():
                o = OPERANDS.index(problem.operands[tensor])
                assert accesses.instances[n] == truth["Utilized instances (max)"]
                for key in ("reads", "fills", "updates"):
                    words = getattr(accesses, key)[n, o] / accesses.instances[n]
                    compared += 1
                    if words != truth[f"Scalar {key} (per-instance)"]:
                        differing.append((name, level, tensor, key))
    assert compared > 200
    assert differing == []


# The slow twin: tiles are boxes at real places, every loop outside a tile is visited at its first two iterations.


def corner(operand: Operand, loops: Loops, index: dict[Dim, int]) -> tuple[int, ...]:
    if operand is not Operand.INPUT:
        return tuple(index[dim] for dim in DIMS if dim in RELEVANT[operand])
    y = index[Dim.P] * loops.stride[0] + index[Dim.R] * loops.dilation[0]
    x = index[Dim.Q] * loops.stride[1] + index[Dim.S] * loops.dilation[1]
    return (index[Dim.N], index[Dim.G], index[Dim.C], y, x)


def nest_of(mapping: Mapping) -> list[tuple[Dim, int, int, int | None, str | None]]:
    """(dim, factor, elements per step, level, axis or None) of each loop, outermost first."""
    flat = [
        (loop.dim, loop.factor, n, getattr(loop, "axis", None))
        for n, e in enumerate(mapping.levels)
        for loop in e.loops
    ]
    return [
        (dim, factor, math.prod(f for d, f, _, _ in flat[i + 1 :] if d is dim), n, axis)
        for i, (dim, factor, n, axis) in enumerate(flat)
    ]


def place(steps, digits, operand, loops) -> tuple[int, ...]:
    index = dict.fromkeys(DIMS, 0)
    for step, digit in zip(steps, digits, strict=True):
        index[step[0]] += digit * step[2]
    return corner(operand, loops, index)


def walk_in(operand, loops, nest, child) -> int:
    """Words that enter one instance of level `child`, by a walk of the first two iterations of every loop."""
    far = {dim: math.prod([f for d, f, _, n, _ in nest if d is dim and n >= child]) - 1 for dim in DIMS}
    extents = [high + 1 for high in corner(operand, loops, far)]
    steps = [step for step in nest if step[3] < child and step[4] is None and step[1] > 1]
    total, previous, motion = 0, None, None
    for digits in itertools.product(range(2), repeat=len(steps)):
        weight = math.prod(step[1] - 1 for step, digit in zip(steps, digits, strict=True) if digit)
        here = place(steps, digits, operand, loops)
        cost = math.prod(extents)
        if previous is not None:
            moved = tuple(a - b for a, b in zip(here, previous, strict=True))
            if motion is None or moved == motion:
                cost -= math.prod(max(0, extent - abs(shift)) for extent, shift in zip(extents, moved, strict=True))
                motion = moved
            else:
                motion = None
        total += weight * cost
        previous = here
    return total


def tiles_apart(operand, loops, nest, accelerator: Accelerator, home, child) -> int:
    """Different tiles of instances of `child` under one instance of `home`."""
    total = 1
    for level in range(home, child):
        alone = {axis.name for axis in accelerator.levels[level].fanout if not axis.multicast}
        steps = [step for step in nest if step[3] == level and step[4] is not None]
        if operand is not Operand.OUTPUT:
            total *= math.prod(step[1] for step in steps if step[4] in alone)
            steps = [step for step in steps if step[4] not in alone]
        total *= len({place(steps, d, operand, loops) for d in itertools.product(*(range(s[1]) for s in steps))})
    return total


def sums_begun(loops, nest, level) -> int:
    """Different sums that instance 0 of a level ever holds."""
    steps = [step for step in nest if step[0] in RELEVANT[Operand.OUTPUT] and (step[3] >= level or step[4] is None)]
    return len({place(steps, d, Operand.OUTPUT, loops) for d in itertools.product(*(range(s[1]) for s in steps))})


def slow_accesses(loops, accelerator, mapping, fills_elided):
    nest, levels = nest_of(mapping), len(accelerator.levels)
    units = [math.prod(f for _, f, _, n, axis in nest if axis and n < level) for level in range(levels)]
    reads, fills, updates = (np.zeros((levels, 3), np.int64) for _ in range(3))
    for o, operand in enumerate(OPERANDS):
        homes = [n for n, level in enumerate(accelerator.levels) if operand in level.keeps]
        for home, child in zip(homes, [*homes[1:], None], strict=True):
            if child is None:
                entering = math.prod(factor for _, factor, _, _, axis in nest if axis is None)
                asked = entering * tiles_apart(operand, loops, nest, accelerator, home, levels)
            else:
                entering = walk_in(operand, loops, nest, child)
                asked = entering * tiles_apart(operand, loops, nest, accelerator, home, child)
                elided = sums_begun(loops, nest, child) if operand is Operand.OUTPUT and fills_elided else 0
                fills[child, o] = (entering - elided) * units[child]
            if operand is Operand.OUTPUT:
                updates[home, o] = asked * units[home]
                reads[home, o] = (asked - sums_begun(loops, nest, home)) * units[home]
            else:
                reads[home, o] = asked * units[home]
    return reads, fills, updates


MOST_STEPS = 3000


@st.composite
def perfectly_mapped_ops(draw):
    """As `mapped_ops`, the op as large as its factors."""
    loops, accelerator, mapping = draw(
        mapped_ops().filter(lambda c: math.prod(c[2].factors(d) for d in DIMS) <= MOST_STEPS)
    )
    sizes = {dim.value: mapping.factors(dim) for dim in DIMS}
    return replace(loops, **sizes, bits=WORDS), accelerator, mapping


@settings(max_examples=300)
@given(perfectly_mapped_ops(), st.booleans())
def test_counts_equal_the_walk(case, elided):
    loops, accelerator, mapping = case
    found = count_accesses(loops, accelerator, mapping, fills_elided=elided)
    reads, fills, updates = slow_accesses(loops, accelerator, mapping, elided)
    assert (found.reads == reads).all()
    assert (found.fills == fills).all()
    assert (found.updates == updates).all()


def words_of(result) -> dict[tuple[str, str], tuple[int, int]]:
    return {(level, operand): (reads, writes) for level, operand, reads, writes in result.traffic_bits}


def with_plain_words(accelerator: Accelerator) -> Accelerator:
    return replace(accelerator, levels=tuple(replace(v, word_bits=8, block_bits=8) for v in accelerator.levels))


@settings(max_examples=200)
@given(perfectly_mapped_ops())
def test_a_replay_moves_what_is_counted(case):
    loops, accelerator, mapping = case
    accelerator = with_plain_words(accelerator)
    for accounting, elided in ((TIMELOOP, True), (TIMELOOP_2022, False)):
        words = words_of(replay(loops, accelerator, mapping, accounting))
        accesses = count_accesses(loops, accelerator, mapping, fills_elided=elided)
        for n, level in enumerate(accelerator.levels):
            for o, operand in enumerate(OPERANDS):
                if operand in level.keeps:
                    writes = accesses.fills[n, o] + accesses.updates[n, o]
                    assert words[level.name, operand.value] == (8 * accesses.reads[n, o], 8 * writes)


@settings(max_examples=200)
@given(perfectly_mapped_ops())
def test_weights_are_counted_as_physics_counts_them(case):
    loops, accelerator, mapping = case
    tool, physics = (words_of(replay(loops, accelerator, mapping, a)) for a in (TIMELOOP, PHYSICS))
    assert {k: v for k, v in tool.items() if k[1] == "weight"} == {k: v for k, v in physics.items() if k[1] == "weight"}


@settings(max_examples=200)
@given(perfectly_mapped_ops())
def test_without_sliding_windows_inputs_are_counted_as_physics_counts_them(case):
    loops, accelerator, mapping = case
    loops = replace(loops, R=1, S=1, stride=(1, 1))
    mapping = Mapping(tuple(without(entry, {Dim.R, Dim.S}) for entry in mapping.levels))
    accelerator = with_plain_words(accelerator)
    tool, physics = (words_of(replay(loops, accelerator, mapping, a)) for a in (TIMELOOP, PHYSICS))
    assert {k: v for k, v in tool.items() if k[1] == "input"} == {k: v for k, v in physics.items() if k[1] == "input"}


def without(entry: LevelMapping, dims: set[Dim]) -> LevelMapping:
    return LevelMapping(
        tuple(loop for loop in entry.temporal if loop.dim not in dims),
        tuple(loop for loop in entry.spatial if loop.dim not in dims),
    )


@settings(max_examples=200)
@given(perfectly_mapped_ops())
def test_the_versions_differ_by_the_fills_of_new_sums(case):
    loops, accelerator, mapping = case
    new, old = (count_accesses(loops, accelerator, mapping, fills_elided=elided) for elided in (True, False))
    assert (new.reads == old.reads).all()
    assert (new.updates == old.updates).all()
    assert (new.fills <= old.fills).all()
    assert (new.fills[:, [WEIGHT, INPUT]] == old.fills[:, [WEIGHT, INPUT]]).all()


@settings(max_examples=200)
@given(perfectly_mapped_ops())
def test_time_is_that_of_the_busiest_port_and_nothing_else(case):
    loops, accelerator, mapping = case
    result = replay(loops, accelerator, mapping, TIMELOOP)
    assert result.total_cycles == math.ceil(result.total_cycles) >= result.compute_cycles
    assert result.fill_drain_cycles == result.onload_cycles == result.offload_cycles == 0
    free = tuple(replace(v, read_bytes_per_cycle=None, write_bytes_per_cycle=None) for v in accelerator.levels)
    unlimited = replay(loops, replace(accelerator, levels=free), mapping, TIMELOOP)
    assert unlimited.total_cycles == unlimited.compute_cycles == result.compute_cycles
    assert (result.bound == "compute") == (result.total_cycles == result.compute_cycles)


def test_instances_on_a_diagonal_share_a_read():
    """Output rows and filter rows over one fan-out: 3 x 4 elements touch 6 rows, each of them read once."""
    nest = "DRAM [ Weights:3 (3) Inputs:6 (6) Outputs:4 (4) ]\n"
    nest += "| for P in [0:4) (Spatial-X)\n| for R in [0:3) (Spatial-Y)\n"
    nest += "spad [ Inputs:1 (1) ]\n"
    problem = read_problem(CONV1D)
    accelerator, mapping = read_nest(nest, problem)
    accesses = count_accesses(problem.loops, accelerator, mapping)
    assert accesses.fills[1, INPUT] == 12
    assert accesses.reads[0, INPUT] == 6


CONV1D = {
    "shape": {
        "dimensions": ["R", "P"],
        "coefficients": [],
        "data_spaces": [
            {"name": "Weights", "projection": [[["R"]]]},
            {"name": "Inputs", "projection": [[["R"], ["P"]]]},
            {"name": "Outputs", "projection": [[["P"]]], "read_write": True},
        ],
    },
    "instance": {"R": 3, "P": 4},
}


def test_imperfect_factors_are_refused(benchmark_script):
    loops = Loops(K=7, C=8, P=3, bits=WORDS)
    mapping = Mapping((LevelMapping((Loop(Dim.K, 8), Loop(Dim.C, 8), Loop(Dim.P, 3))), *[LevelMapping()] * 3))
    accelerator = benchmark_script.gemmini(8, 64, 1024, overlaps=False)
    with pytest.raises(MappingError, match=r"factors of K multiply to 8, not to its 7 iterations"):
        replay(loops, accelerator, mapping, TIMELOOP)
