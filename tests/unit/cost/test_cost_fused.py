"""Fused chains: which are found, what they cost, and that they are taken only where they win."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from coexplore.accelerators.family import find_accelerator
from coexplore.cost.chains import find_chains
from coexplore.cost.fused import price_fused
from coexplore.cost.mapper import Goal
from coexplore.cost.model import price
from coexplore.cost.replay import replay
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.networks.network import NETWORK_PRESETS
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, Elementwise, Function, Linear, MatMul, Softmax

EDGE = find_accelerator("edge-array")


def bottleneck(stride: int = 1) -> Workload:
    ops = (
        Conv2d("expand", ("x",), out_channels=48, kernel=(1, 1)),
        Elementwise("relu1", ("expand",), Function.RELU),
        Conv2d("depthwise", ("relu1",), 48, (3, 3), (stride, stride), (1, 1), groups=48),
        Elementwise("relu2", ("depthwise",), Function.RELU),
        Conv2d("project", ("relu2",), out_channels=8, kernel=(1, 1)),
    )
    return Workload("bottleneck", (("x", (1, 8, 27, 27)),), ops, ("project",))


def attention(axis: int = -1) -> Workload:
    ops = (
        MatMul("scores", ("q", "k"), transpose_second=True),
        Softmax("softmax", ("scores",), axis=axis),
        MatMul("context", ("softmax", "v")),
    )
    inputs = tuple((name, (1, 4, 64, 16)) for name in "qkv")
    return Workload("attention", inputs, ops, ("context",))


def feed_forward() -> Workload:
    ops = (Linear("up", ("x",), 64), Elementwise("gelu", ("up",), Function.GELU), Linear("down", ("gelu",), 16))
    return Workload("feed-forward", (("x", (1, 49, 16)),), ops, ("down",))


WORKLOADS = (bottleneck(), bottleneck(2), attention(), feed_forward())


def names(workload: Workload) -> set[tuple[str, ...]]:
    return {chain.names for chain in find_chains(workload)}


def test_the_chains_that_are_found():
    assert names(bottleneck()) == {
        ("expand", "relu1", "depthwise"),
        ("expand", "relu1", "depthwise", "relu2", "project"),
        ("depthwise", "relu2", "project"),
    }
    assert names(attention()) == {("scores", "softmax", "context")}
    assert names(feed_forward()) == {("up", "gelu", "down")}


def test_a_softmax_over_rows_breaks_a_chain():
    assert names(attention(axis=2)) == set()


def test_a_second_reader_or_an_output_breaks_a_chain():
    whole = feed_forward()
    assert names(Workload("two outputs", whole.inputs, whole.ops, ("gelu", "down"))) == set()
    residual = Elementwise("sum", ("down", "x"), Function.ADD)
    assert names(Workload("residual", whole.inputs, (*whole.ops, residual), ("sum",))) == names(whole)
    twice = MatMul("square", ("up", "up"), transpose_second=True)
    assert names(Workload("square", whole.inputs, (whole.ops[0], twice), ("square",))) == set()


def test_an_image_does_not_chain_into_a_matrix():
    ops = (Conv2d("conv", ("x",), 8, (1, 1)), Linear("linear", ("conv",), 8))
    assert names(Workload("mixed", (("x", (1, 8, 8, 8)),), ops, ("linear",))) == set()


def test_the_attention_of_a_transformer_is_a_chain():
    found = names(NETWORK_PRESETS.get("bert-base-layer")())
    assert any("softmax" in name for chain in found for name in chain)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: f"{w.name}-{w.shapes[w.outputs[0]][-1]}")
@pytest.mark.parametrize("goal", list(Goal))
@pytest.mark.parametrize("residency", [MAIN_MEMORY, Residency()], ids=["main-memory", "on-chip"])
def test_fused_chains(workload, goal, residency):
    cost = price_fused(workload, EDGE, goal, residency)
    never_worse(cost, price(workload, EDGE, goal, residency=residency), goal)
    for chain in cost.chains:
        rows_are_computed_once(chain, workload)
        every_slice_replays(chain)
        only_the_ends_touch_main_memory(chain, residency)


def never_worse(cost, unfused, goal):
    assert cost.unfused == unfused
    metric = {Goal.LATENCY: "latency_s", Goal.ENERGY: "energy_j", Goal.EDP: "edp_js"}[goal]
    assert getattr(cost, metric) <= getattr(unfused, metric)
    assert (getattr(cost, metric) < getattr(unfused, metric)) is bool(cost.chains)
    taken = [name for chain in cost.chains for name in chain.ops]
    assert len(taken) == len(set(taken))
    alone = math.fsum(op.energy_j for op in unfused.ops if op.name not in taken)
    assert math.isclose(cost.energy_j, alone + sum(chain.energy_j for chain in cost.chains), rel_tol=1e-12)


def rows_are_computed_once(chain, workload):
    for name in chain.ops:
        parts = [part for part in chain.slices if part.op == name]
        loops = workload.nests.get(name)
        if loops is None:
            assert [part.times for part in parts] == [1]
        else:
            assert sum(part.times * part.loops.P for part in parts) == loops.P
            assert all(part.times >= 1 for part in parts)


def every_slice_replays(chain):
    for part in chain.slices:
        if part.loops is not None:
            result = replay(part.loops, EDGE, part.mapping)
            assert result.feasible
            assert (result.total_cycles / EDGE.clock_hz, result.energy_j) == (part.latency_s, part.energy_j)


def only_the_ends_touch_main_memory(chain, residency):
    parts = [part for part in chain.slices if part.loops is not None]
    first, last = parts[0].op, parts[-1].op
    seen = set()
    for part in parts:
        on_chip = part.loops.resident
        assert on_chip.input or part.op == first
        assert on_chip.output or part.op == last
        if residency == MAIN_MEMORY:
            assert not (on_chip.input and part.op == first)
            assert not (on_chip.output and part.op == last)
            assert on_chip.weight is (chain.weights_stay and part.op in seen)
        seen.add(part.op)


def test_on_a_narrow_main_memory_fusion_wins():
    narrow = replace(EDGE.levels[0], read_bytes_per_cycle=0.5)
    starved = replace(EDGE, levels=(narrow, *EDGE.levels[1:]))
    for workload in WORKLOADS:
        cost = price_fused(workload, starved, Goal.LATENCY)
        assert cost.chains
        assert cost.latency_s < 0.7 * cost.unfused.latency_s


def test_a_small_memory_takes_more_tiles_and_none_takes_no_chain():
    small = replace(EDGE.levels[1], capacity_bytes=4096)
    little = replace(EDGE, levels=(EDGE.levels[0], small, *EDGE.levels[2:]))
    roomy, tight = (price_fused(bottleneck(), chip, Goal.ENERGY).chains for chip in (EDGE, little))
    assert roomy
    assert max(c.tiles for c in tight) > min(c.tiles for c in roomy)
    assert price_fused(bottleneck(), EDGE, Goal.ENERGY, share=0.0).chains == ()


def test_more_share_is_never_worse():
    energies = [price_fused(attention(), EDGE, Goal.ENERGY, share=share).energy_j for share in (0.0, 0.001, 0.01, 0.25)]
    assert energies == sorted(energies, reverse=True)


def test_a_workload_that_cannot_run_is_not_fused():
    none = tuple(replace(v, capacity_bytes=1) if n == 1 else v for n, v in enumerate(EDGE.levels))
    cost = price_fused(feed_forward(), replace(EDGE, levels=none))
    assert not cost.unfused.feasible
    assert cost.chains == ()
