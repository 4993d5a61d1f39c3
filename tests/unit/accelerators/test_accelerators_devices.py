"""Devices from public facts: they add up to what their vendors state as peak."""

from __future__ import annotations

import pytest

from coexplore.accelerators import devices
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.replay import replay
from coexplore.workloads.op import Bits, Loops


def cycles(loops, accelerator):
    mapping = best_mapping(loops, accelerator, Goal.LATENCY).mapping
    return replay(loops, accelerator, mapping).compute_cycles


@pytest.mark.parametrize(
    ("accelerator", "peak_tops"),
    [
        (devices.dpu_b4096(300e6), 1.2288),
        (devices.dpu_hbm(6, 300e6), 7.373),
        (devices.dpu_versal(6, 1.25e9), 61.44),
        (devices.tpu_v2_core(), 22.9),
        (devices.tpu_v3_core(), 61.6),
        (devices.edge_tpu(), 4.0),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_peak_is_the_stated_one(accelerator, peak_tops):
    assert accelerator.peak_tops == pytest.approx(peak_tops, rel=0.02)


def test_a_depthwise_convolution_runs_at_64_multiplications_per_cycle_beside_the_dpu():
    depthwise = Loops(G=64, P=16, Q=16, R=3, S=3)
    assert depthwise.macs / cycles(depthwise, devices.dpu_depthwise(300e6)) == 64


def test_channel_augmentation_speeds_up_the_first_layer():
    first = Loops(K=64, C=3, P=112, Q=112, R=7, S=7, stride=(2, 2))
    assert first.macs / cycles(first, devices.dpu_b4096(300e6)) > 8 * 16 * 3


def test_a_depthwise_convolution_uses_most_lanes_of_the_vector_unit():
    depthwise = Loops(N=128, G=96, P=14, Q=14, R=3, S=3, bits=Bits(16, 16, 16, 32))
    assert 512 < depthwise.macs / cycles(depthwise, devices.tpu_v2_vector_unit()) <= 1024


def test_the_generic_fpga_uses_no_more_slices_than_it_has():
    assert devices.zc706().macs_per_cycle <= 900
