from __future__ import annotations

import csv
import json
import math
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import (
    DIMS,
    Accelerator,
    Dim,
    MacUnit,
    MemoryLevel,
    Operand,
    SpatialAxis,
    VectorUnit,
)
from coexplore.core.errors import AcceleratorError, MappingError
from coexplore.cost.accounting import PHYSICS
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.presets.zigzag import ZIGZAG, ZigZagRules, zigzag
from coexplore.cost.presets.zigzag_files import BITS, operand_views, parse_loops, read_hardware
from coexplore.cost.replay import replay
from coexplore.workloads.op import Loops

ALL_OFF = ZigZagRules(**{rule.name: False for rule in fields(ZigZagRules)})

HARDWARE = """
name: small
memories:
  w_reg: {size: 8, r_cost: 1, w_cost: 2, operands: [I2], served_dimensions: [], ports: [
    {type: read, bandwidth_min: 8, bandwidth_max: 8, allocation: ["I2, tl"]},
    {type: write, bandwidth_min: 8, bandwidth_max: 8, allocation: ["I2, fh"]}]}
  sum_reg: {size: 32, r_cost: 3, w_cost: 4, operands: [O], served_dimensions: [D2], ports: [
    {type: read, bandwidth_min: 32, bandwidth_max: 32, allocation: ["O, tl", "O, th"]},
    {type: write, bandwidth_min: 32, bandwidth_max: 32, allocation: ["O, fl", "O, fh"]}]}
  dram: {size: 1000000, r_cost: 100, w_cost: 200, operands: [I1, I2, O], served_dimensions: [D1, D2], ports: [
    {type: read_write, bandwidth_min: 16, bandwidth_max: 64, allocation:
      ["I1, tl", "I1, fh", "I2, tl", "I2, fh", "O, tl", "O, th", "O, fl", "O, fh"]}]}
operational_array: {unit_energy: 0.5, dimensions: [D1, D2], sizes: [4, 2]}
"""
# K over the columns, C over the rows, batch over weights that stay, K outermost.
SPATIAL = "{O: [[(C, 2)], [(K, 4)], []], W: [[], [(K, 4), (C, 2)], []], I: [[(K, 4), (C, 2)], []]}"
TEMPORAL = "{O: [[], [(B, 3), (C, 2), (K, 2)]], W: [[(B, 3)], [(C, 2), (K, 2)]], I: [[(B, 3), (C, 2), (K, 2)]]}"
STRIDED = (
    Loops(P=3, K=8, C=4, stride=(2, 2), bits=BITS),
    SPATIAL.replace("(K, 4)", "(OY, 3)"),
    "{O: [[], [(C, 2), (K, 8)]], W: [[], [(C, 2), (K, 8)]], I: [[(C, 2), (K, 8)]]}",
)


@pytest.fixture
def hardware(tmp_path):
    path = tmp_path / "small.hw.yaml"
    path.write_text(HARDWARE)
    return read_hardware(path)


def energy(loops, views, accounting=ZIGZAG):
    """Picojoule by memory and operand."""
    return {
        (level, operand): joule * 1e12
        for view in views
        for level, operand, joule in replay(loops, view.accelerator, view.mapping, accounting).energy_by
        if operand in (view.operand.value, "all")
    }


def test_energies_of_a_small_matmul_by_hand(hardware):
    loops = Loops(N=3, K=8, C=4, bits=BITS)
    found = energy(loops, operand_views(hardware, loops, SPATIAL, TEMPORAL))
    # 4 different sets of 8 weights: each register is written once per set and read once, as 3 batches do not change it.
    assert found["w_reg", "weight"] == pytest.approx(4 * 8 * (1 + 2))
    # DRAM sends a set of 8 x 8 bits in one access of 64 bits.
    assert found["dram", "weight"] == pytest.approx(4 * 100)
    # 2 inputs of 8 bits are new in each of the 12 cycles (no loop leaves them): a quarter access.
    assert found["dram", "input"] == pytest.approx(12 / 4 * 100)
    # Every cycle 4 columns write and read a sum, and exchange it with DRAM both ways: B lies inside C.
    assert found["sum_reg", "output"] == pytest.approx(12 * 4 * 2 * (3 + 4))
    # 4 sums of 16 bits fill one access.
    assert found["dram", "output"] == pytest.approx(12 * (100 + 200))
    assert found["mac", "all"] == pytest.approx(0.5 * loops.macs)


def test_cycles_are_the_product_of_the_temporal_loops(hardware):
    loops = Loops(N=3, K=8, C=4, bits=BITS)
    for view in operand_views(hardware, loops, SPATIAL, TEMPORAL):
        assert replay(loops, view.accelerator, view.mapping).compute_cycles == 12


def test_a_fraction_that_was_cut_off_is_restored(hardware):
    loops = Loops(N=3, K=7, C=4, bits=BITS)  # 7 channels in 2 steps on 4 columns: 3.5, printed as 3
    text = SPATIAL.replace("(K, 4)", "(K, 3)")
    found = energy(loops, operand_views(hardware, loops, text, TEMPORAL))
    assert found["w_reg", "weight"] == pytest.approx(4 * 7 * (1 + 2))
    with pytest.raises(MappingError, match=r"K is unrolled 3 times and looped 2 times; the layer has 9"):
        operand_views(hardware, replace(loops, K=9), text, TEMPORAL)


@pytest.mark.parametrize("rule", [rule.name for rule in fields(ZigZagRules)])
def test_every_rule_can_be_switched_off_and_matters(rule, hardware):
    loops = Loops(N=3, K=7, C=4, bits=BITS)
    spatial, temporal = SPATIAL.replace("(K, 4)", "(K, 3)"), TEMPORAL
    if rule == "touched_only":
        loops, spatial, temporal = STRIDED
    views = operand_views(hardware, loops, spatial, temporal)
    variant = zigzag(replace(ZigZagRules(), **{rule: False}))
    assert energy(loops, views, variant) != pytest.approx(energy(loops, views), rel=1e-6)


def test_touched_elements_of_a_strided_window(hardware):
    loops, spatial, temporal = STRIDED
    views = operand_views(hardware, loops, spatial, temporal)
    # 16 steps send 2 channels of 3 rows: 48 bits, three blocks of 16; the box of the rows would be 5 rows.
    assert energy(loops, views)["dram", "input"] == pytest.approx(16 * 48 / 64 * 100)
    box = zigzag(replace(ZigZagRules(), touched_only=False))
    assert energy(loops, views, box)["dram", "input"] == pytest.approx(16 * 80 / 64 * 100)


factor = st.integers(1, 4)
plain_dims = (Dim.N, Dim.G, Dim.K, Dim.C, Dim.P)


@st.composite
def plain_cases(draw):
    """Three levels, a fan-out between each, exact factors and no windows: here conventions differ, physics does not."""
    outer, inner = SpatialAxis("outer", 64, DIMS), SpatialAxis("inner", 64, DIMS)
    levels = (
        MemoryLevel("dram", tuple(Operand), None, 8.0, None, 2e-12, 3e-12),
        MemoryLevel("buffer", draw(st.sampled_from([tuple(Operand), (Operand.WEIGHT,), (Operand.INPUT,)])), 10**9,
                    8.0, None, 5e-13, 7e-13, fanout=(outer,)),
        MemoryLevel("register", draw(st.sampled_from([tuple(Operand), (Operand.WEIGHT,), ()])), 10**9,
                    8.0, None, 1e-13, 2e-13, fanout=(inner,)),
    )  # fmt: skip
    entries = []
    for level in levels:
        temporal = [Loop(dim, draw(factor)) for dim in draw(st.permutations(plain_dims))[:3]]
        spatial = [SpatialLoop(axis.name, draw(st.sampled_from(plain_dims)), draw(factor)) for axis in level.fanout]
        entries.append(LevelMapping(tuple(temporal), tuple(spatial)))
    mapping = Mapping(tuple(entries))
    loops = Loops(**{dim.value: mapping.factors(dim) for dim in plain_dims}, bits=BITS)
    accelerator = Accelerator("plain", 1e9, levels, MacUnit(8, 1e-12, 0.0), VectorUnit(1.0, 0.0))
    return loops, accelerator, mapping


@given(plain_cases())
def test_without_its_rules_and_windows_zigzag_is_physics_for_weights_and_inputs(case):
    loops, accelerator, mapping = case
    ours = replay(loops, accelerator, mapping, PHYSICS).energy_by
    theirs = replay(loops, accelerator, mapping, zigzag(ALL_OFF)).energy_by
    for one, other in zip(ours, theirs, strict=True):
        assert one[:2] == other[:2]
        if one[1] != "output":
            assert other[2] == pytest.approx(one[2], rel=1e-9)


@given(plain_cases())
def test_rounding_up_and_first_sums_only_add_energy(case):
    loops, accelerator, mapping = case
    full = replay(loops, accelerator, mapping, ZIGZAG).energy_j
    for rule in ("first_sums_move", "sums_stay_wide"):
        less = replay(loops, accelerator, mapping, zigzag(replace(ZigZagRules(), **{rule: False}))).energy_j
        assert less <= full * (1 + 1e-12)


def test_energy_adds_up(hardware):
    loops = Loops(N=3, K=8, C=4, bits=BITS)
    for view in operand_views(hardware, loops, SPATIAL, TEMPORAL):
        found = replay(loops, view.accelerator, view.mapping, ZIGZAG)
        assert math.fsum(joule for _, _, joule in found.energy_by) == pytest.approx(found.energy_j)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{O: [], W: []}", "{O: [[(X, 2)]], W: [], I: []}", "{O: [[(K, 0)]], W: [], I: []}", "[" * 100_000,
     "{O: [[(K)]], W: [], I: []}", "{O: [[(K, nan)]], W: [], I: []}", "{O: 3, W: [], I: []}", "__import__('os')"],
)  # fmt: skip
def test_text_that_is_no_mapping_is_refused(text):
    with pytest.raises(MappingError, match="not loops of O, W and I"):
        parse_loops(text)


def test_a_mapping_of_other_hardware_is_refused(hardware):
    loops = Loops(N=3, K=8, C=4, bits=BITS)
    with pytest.raises(MappingError, match="operand W: the hardware has 2 memories"):
        operand_views(hardware, loops, SPATIAL, TEMPORAL.replace("W: [[(B, 3)], [", "W: [[(B, 3)], [], ["))
    with pytest.raises(MappingError, match="loops over N multiply to 3; the layer has 4"):
        operand_views(hardware, replace(loops, N=4), SPATIAL, TEMPORAL)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("r_cost: 3,", "", "memories.sum_reg.r_cost"),
        ("size: 8,", "size: 0,", "memories.w_reg.size"),
        ("name: small", "name: [", "not valid YAML"),
        ("bandwidth_min: 16", "bandwidth_min: -1", "bandwidth_min"),
    ],
)
def test_a_wrong_hardware_file_names_the_field(old, new, message, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(HARDWARE.replace(old, new))
    with pytest.raises(AcceleratorError, match=message):
        read_hardware(path)


def test_ports_that_cannot_be_expressed_are_named(tmp_path):
    path = tmp_path / "ports.yaml"
    path.write_text(HARDWARE.replace('"O, tl", "O, th"]', '"O, tl"]').replace('"O, fl", "O, fh"]', "]"))
    loops = Loops(N=3, K=8, C=4, bits=BITS)
    with pytest.raises(AcceleratorError, match="memory 'sum_reg': operand O needs ports for"):
        operand_views(read_hardware(path), loops, SPATIAL, TEMPORAL)


def test_every_level_and_operand_of_published_rows(reference):
    layers = {row["layer"]: row for row in read(reference / "layers" / "resnet18.csv")}
    for name in ("ws16", "ws64", "eyeriss12x14"):
        hardware = read_hardware(reference / "zigzag" / "configs" / f"{name}.hw.yaml")
        for row in read(reference / "zigzag" / f"resnet18__{name}__EDP_lpf6.csv")[:8]:
            layer = layers[row["layer"]]
            n, k, c, p, q, r, s = (int(layer[dim]) for dim in "NKCPQRS")
            stride = (int(layer["stride_h"]), int(layer["stride_w"]))
            loops = Loops(N=n, K=k, C=c, P=p, Q=q, R=r, S=s, stride=stride, bits=BITS)
            for view in operand_views(hardware, loops, row["spatial"], row["temporal"]):
                found = replay(loops, view.accelerator, view.mapping, ZIGZAG)
                assert found.compute_cycles == float(row["ideal_temporal"])
                own = [joule * 1e12 for _, operand, joule in found.energy_by if operand == view.operand.value]
                printed = json.loads(row["mem_breakdown"])
                expected = [printed[f"E_{view.operand.name[0]}_L{n}"] for n in reversed(range(len(own)))]
                assert own == pytest.approx(expected, rel=1e-12)


def read(path):
    with path.open() as lines:
        return list(csv.DictReader(lines))
