"""Presets: the figures that were published, and that all of them run what networks are made of."""

from __future__ import annotations

import time

import pytest

from coexplore.accelerators.accelerator import Dim, Operand
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.family import accelerator_names, find_accelerator
from coexplore.accelerators.systolic import Systolic
from coexplore.core.errors import SpaceError, UnknownNameError
from coexplore.cost.mapper import best_mapping
from coexplore.cost.model import price
from coexplore.networks.network import NETWORK_PRESETS
from coexplore.workloads.op import Loops

WANTED = (
    "edge-array/baseline", "eyeriss-168", "eyeriss-256", "gemmini-16", "simba-like", "tpu-v4i-like",
    *(f"systolic/{dataflow}-{side}" for dataflow in ("ws", "os") for side in (16, 64, 128)),
)  # fmt: skip


def test_all_names_are_there():
    assert set(WANTED) | {"systolic/baseline"} <= set(accelerator_names())


def test_a_family_alone_is_its_baseline():
    assert find_accelerator("systolic") == find_accelerator("systolic/baseline") == find_accelerator("systolic/ws-64")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("simba", "simba-like"),
        ("systolic/ws-61", "systolic/ws-64"),
        ("eyeriss-158", "eyeriss-168"),
        ("sistolic", "systolic"),
    ],
)
def test_unknown_names_show_the_nearest(name, nearest):
    with pytest.raises(UnknownNameError, match=f"did you mean '{nearest}'"):
        find_accelerator(name)


@pytest.mark.parametrize(
    ("name", "multipliers"),
    [
        ("systolic/ws-16", 256),
        ("systolic/os-128", 16384),
        ("simba-like", 1024),
        ("gemmini-16", 256),
        ("tpu-v4i-like", 65536),
    ],
)
def test_arrays_have_the_size_in_their_name(name, multipliers):
    assert find_accelerator(name).macs_per_cycle == multipliers


def test_the_datacentre_chip_reaches_its_published_peak():
    """138 TFLOPS (Jouppi2021)."""
    assert round(find_accelerator("tpu-v4i-like").peak_tops) == 138


def test_gemmini_holds_what_its_configuration_says():
    _, scratchpad, accumulator, _ = find_accelerator("gemmini-16").levels
    assert scratchpad.capacity_bytes == 256 * 1024
    assert accumulator.capacity_bytes == 64 * 1024 // 16
    assert scratchpad.keeps == (Operand.WEIGHT, Operand.INPUT)


def test_weights_rest_or_outputs_rest():
    ws, os = find_accelerator("systolic/ws-16"), find_accelerator("systolic/os-16")
    assert ws.levels[-1].keeps == (Operand.WEIGHT,)
    assert os.levels[-1].keeps == (Operand.OUTPUT,)
    assert all(axis.hop_cycles == 1 for level in (*ws.levels, *os.levels) for axis in level.fanout)
    reducing = {axis.name for level in os.levels for axis in level.fanout if {Dim.C, Dim.R, Dim.S} & set(axis.dims)}
    assert reducing == set()


def test_only_resting_weights_need_accumulators():
    family = Systolic()
    point = dict(family.presets["os-16"])
    with pytest.raises(SpaceError):
        family.space.point({**point, "accumulator_words": 512})
    assert "accumulator_words" not in Systolic(dataflow=("os",)).space.names
    with pytest.raises(UnknownNameError, match="known: os, ws"):
        Systolic(dataflow=("is",))


@pytest.mark.parametrize("name", WANTED)
def test_mobilenet_and_a_matrix_product_run_everywhere(name):
    accelerator = find_accelerator(name)
    cost = price(NETWORK_PRESETS.get("mobilenet-v2")(), accelerator)
    assert cost.feasible, cost.reason
    assert best_mapping(Loops(N=128, K=768, C=768), accelerator).mapping is not None


@pytest.mark.parametrize("family", [EdgeArray(), Systolic()])
def test_decoding_takes_some_100_microseconds(family):
    """The best of many, so that a busy machine does not count."""
    point, best = family.presets["baseline"], float("inf")
    for _ in range(50):
        start = time.perf_counter()
        family.decode(point)
        best = min(best, time.perf_counter() - start)
    assert best < 500e-6


def test_the_systolic_space_has_2016_points():
    """Accumulators only where weights rest: 6 x 8 x 6 x 6 + 6 x 8 x 6."""
    assert Systolic().space.size == 2016
