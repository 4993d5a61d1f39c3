from __future__ import annotations

import csv
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore import find_accelerator
from coexplore.accelerators.accelerator import (
    OPERANDS,
    Accelerator,
    Dim,
    MacUnit,
    MemoryLevel,
    Operand,
    SpatialAxis,
    VectorUnit,
)
from coexplore.core.errors import AcceleratorError, WorkloadError
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.presets.scalesim import SCALESIM, ScaleSimRules, as_matmul, scalesim
from coexplore.cost.replay import replay
from coexplore.workloads.op import Loops

size = st.integers(1, 100)
side = st.integers(1, 20)


def ceil(a, b):
    return -(-a // b)


def cycles(loops, rests, rows, columns, streams, sides, accounting=SCALESIM):
    """Total cycles of a layer that streams one dimension through folds of the two others."""
    edges = (
        SpatialAxis("rows", sides[0], (rows,), hop_cycles=1),
        SpatialAxis("columns", sides[1], (columns,), hop_cycles=1),
    )
    memory = MemoryLevel("memory", OPERANDS, None, None, None, 0.0, 0.0, fanout=edges)
    register = MemoryLevel("register", (rests,), 8, None, None, 0.0, 0.0)
    array = Accelerator("array", 1e9, (memory, register), MacUnit(8, 0.0, 0.0), VectorUnit(1.0, 0.0))
    extent = {dim: int(getattr(loops, dim.value)) for dim in (rows, columns, streams)}
    outside = (Loop(columns, ceil(extent[columns], sides[1])), Loop(rows, ceil(extent[rows], sides[0])))
    unrolled = (
        SpatialLoop("rows", rows, min(sides[0], extent[rows])),
        SpatialLoop("columns", columns, min(sides[1], extent[columns])),
    )
    mapping = Mapping((LevelMapping(outside, unrolled), LevelMapping((Loop(streams, extent[streams]),))))
    return replay(loops, array, mapping, accounting).total_cycles


def weights_rest(loops, sides, accounting=SCALESIM):
    return cycles(loops, Operand.WEIGHT, Dim.C, Dim.K, Dim.P, sides, accounting)


def outputs_rest(loops, sides, accounting=SCALESIM):
    return cycles(loops, Operand.OUTPUT, Dim.P, Dim.K, Dim.C, sides, accounting)


@given(size, size, size, side, side)
def test_weights_at_rest(p, k, c, rows, columns):
    folds = ceil(c, rows) * ceil(k, columns)
    assert weights_rest(Loops(P=p, K=k, C=c), (rows, columns)) == folds * (p + 2 * rows + columns - 2) - 1


@given(size, size, size, side, side)
def test_outputs_at_rest(p, k, c, rows, columns):
    folds = ceil(p, rows) * ceil(k, columns)
    assert outputs_rest(Loops(P=p, K=k, C=c), (rows, columns)) == folds * (c + rows + columns - 2) - 1


@given(size, size, size, side, side)
def test_inputs_at_rest(p, k, c, rows, columns):
    folds = ceil(c, rows) * ceil(p, columns)
    found = cycles(Loops(P=p, K=k, C=c), Operand.INPUT, Dim.C, Dim.P, Dim.K, (rows, columns))
    assert found == folds * (k + 2 * rows + columns - 2) - 1


@given(size, size, size, side, side)
def test_without_its_rules_an_array_fills_once_and_only_where_it_is_used(p, k, c, rows, columns):
    off = scalesim(ScaleSimRules(**{rule.name: False for rule in fields(ScaleSimRules)}))
    folds = ceil(c, rows) * ceil(k, columns)
    expected = folds * p + min(c, rows) - 1 + min(k, columns) - 1
    assert weights_rest(Loops(P=p, K=k, C=c), (rows, columns), off) == expected


@pytest.mark.parametrize(
    ("rule", "difference"),
    [
        ("every_fold_drains", 5 * (15 + 15)),  # six folds: five drains are saved
        ("whole_array", 6 * (16 - 10)),  # of 16 columns 10 are used
        ("resting_operand_waits", 6 * 16),
        ("last_cycle_lost", -1),
    ],
)
def test_what_each_rule_costs(rule, difference):
    loops = Loops(P=7, K=10, C=96)
    without = scalesim(replace(ScaleSimRules(), **{rule: False}))
    assert weights_rest(loops, (16, 16)) - weights_rest(loops, (16, 16), without) == difference


def test_outputs_round_up():
    # 230 rows, window 7, stride 2: 112 whole windows and a part of one.
    assert as_matmul((230, 230), (7, 7), (3, 64), 2) == Loops(P=113 * 113, K=64, C=147)
    exact = replace(ScaleSimRules(), outputs_round_up=False)
    assert as_matmul((230, 230), (7, 7), (3, 64), 2, exact) == Loops(P=112 * 112, K=64, C=147)
    assert as_matmul((5, 9), (5, 1), (2, 3), 4) == Loops(P=1 * 3, K=3, C=10)


@pytest.mark.parametrize(
    ("extent", "window", "channels", "stride"),
    [
        ((4, 4), (5, 1), (1, 1), 1),
        ((4, 4), (1, 1), (1, 1), 0),
        ((4, 4), (1, 1), (0, 1), 1),
        ((4, 4), (0, 1), (1, 1), 1),
    ],
)
def test_a_layer_that_cannot_be_is_refused(extent, window, channels, stride):
    with pytest.raises(WorkloadError, match="must be positive and the window must fit"):
        as_matmul(extent, window, channels, stride)


@pytest.mark.parametrize(("name", "cycle_count"), [("systolic/ws-64", 38876), ("systolic/os-64", 54599)])
def test_the_systolic_presets_give_the_published_first_layer_of_resnet(name, cycle_count):
    accelerator = find_accelerator(name)
    loops = as_matmul((230, 230), (7, 7), (3, 64), 2)
    axes = {
        axis.name: (n, axis.dims)
        for n, level in enumerate(accelerator.levels)
        for axis in level.fanout
        if axis.hop_cycles
    }
    rows = Dim.C if Dim.C in axes["row"][1] else Dim.P
    streams = Dim.P if rows is Dim.C else Dim.C
    unrolled = {"row": (rows, getattr(loops, rows.value)), "column": (Dim.K, loops.K)}
    entries = [LevelMapping() for _ in accelerator.levels]
    for axis, (dim, extent) in unrolled.items():
        entry = entries[axes[axis][0]]
        entries[axes[axis][0]] = replace(entry, spatial=(*entry.spatial, SpatialLoop(axis, dim, min(64, extent))))
    entries[0] = replace(entries[0], temporal=tuple(Loop(dim, ceil(extent, 64)) for dim, extent in unrolled.values()))
    entries[-1] = LevelMapping((Loop(streams, getattr(loops, streams.value)),))
    assert replay(loops, accelerator, Mapping(tuple(entries)), SCALESIM).total_cycles == cycle_count


def test_published_rows(reference):
    for network in ("resnet18", "bert_base_layer_s128"):
        for flow, run in (("ws", weights_rest), ("os", outputs_rest)):
            with (reference / "scalesim" / f"{network}_64x64_{flow}_CALC.csv").open() as lines:
                for row in csv.DictReader(lines):
                    h, w, r, s, c, k = (int(row[f"sim_{name}"]) for name in "HWRSCK")
                    loops = as_matmul((h, w), (r, s), (c, k), int(row["stride"]))
                    assert run(loops, (64, 64)) == int(row["compute_cycles"]), row["layer"]


def test_an_array_that_hands_nothing_on_is_refused():
    loops, accelerator = Loops(K=4, C=4), find_accelerator("edge-array")
    mapping = Mapping((LevelMapping((Loop(Dim.K, 4), Loop(Dim.C, 4))), *[LevelMapping()] * 3))
    with pytest.raises(AcceleratorError, match=r"no axis of .* has hop_cycles"):
        replay(loops, accelerator, mapping, SCALESIM)
