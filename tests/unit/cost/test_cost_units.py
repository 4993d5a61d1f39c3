"""Dimensions: the same hardware in other units has the same costs in those units, to the last bit."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coexplore.accelerators.family import find_accelerator
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.model import price
from coexplore.cost.replay import replay
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.testing.cost_cases import mapped_ops
from coexplore.testing.units import rescaled
from coexplore.workloads.op import Loops

POWERS = st.integers(-8, 8)
QUANTITIES = (
    "compute_cycles", "fill_drain_cycles", "stall_cycles", "onload_cycles", "offload_cycles", "total_cycles",
    "energy_j", "energy_by", "traffic_bits", "stall_by", "bound",
)  # fmt: skip


def in_units(loops, units):
    """The op with its bits in other units."""
    bits = loops.bits
    fields = {f.name: int(getattr(bits, f.name) * 2 ** units[3]) for f in dataclasses.fields(bits)}
    return dataclasses.replace(loops, bits=dataclasses.replace(bits, **fields))


def floored(accelerator):
    """The accelerator without energies so small that they lose digits when they are halved."""
    levels = tuple(
        dataclasses.replace(
            level,
            read_j_per_bit=max(level.read_j_per_bit, 1e-18),
            write_j_per_bit=max(level.write_j_per_bit, 1e-18),
        )
        for level in accelerator.levels
    )
    return dataclasses.replace(accelerator, levels=levels)


@settings(max_examples=200)
@given(mapped_ops(), st.tuples(POWERS, POWERS, POWERS, st.integers(0, 1)))
def test_a_replay_scales_as_its_units(case, units):
    loops, accelerator, mapping = case
    accelerator = floored(accelerator)
    result = replay(loops, accelerator, mapping)
    other = replay(in_units(loops, units), rescaled(accelerator, units), mapping)
    for name in QUANTITIES:
        assert getattr(other, name) == rescaled(getattr(result, name), units, name), name


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(["edge-array", "simba-like", "systolic/os-16", "gemmini-16"]), st.tuples(POWERS, POWERS, POWERS))
def test_a_price_scales_as_its_units(name, units):
    units = (*units, 0)
    family = PlainCnn(input_shape=(1, 8, 8), classes=10)
    workload = family.lower(next(family.space.enumerate()))
    accelerator = find_accelerator(name)
    cost, other = price(workload, accelerator), price(workload, rescaled(accelerator, units))
    for first, second in zip(cost.ops, other.ops, strict=True):
        assert second == dataclasses.replace(rescaled(first, units), mapping=first.mapping)
    assert other.metrics() == pytest.approx(rescaled(cost.metrics(), units), rel=1e-12)
    assert other.area_mm2 == rescaled(cost.area_mm2, units, "area_mm2")
    assert other.peak_macs_per_s == rescaled(cost.peak_macs_per_s, units, "peak_macs_per_s")


def test_a_clock_of_twice_the_speed_halves_time_and_leakage_and_nothing_else():
    accelerator = find_accelerator("systolic/os-16")
    fast = dataclasses.replace(accelerator, clock_hz=2 * accelerator.clock_hz)
    loops = Loops(K=32, C=32, P=14, Q=14, R=3, S=3)
    mapping = best_mapping(loops, accelerator, Goal.LATENCY).mapping
    slow_result, fast_result = replay(loops, accelerator, mapping), replay(loops, fast, mapping)
    assert fast_result.total_cycles == slow_result.total_cycles
    before, after = ({row[:2]: row[2] for row in r.energy_by} for r in (slow_result, fast_result))
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {("leakage", "all")}
    assert after["leakage", "all"] == before["leakage", "all"] / 2


def test_the_law_notices_a_wrong_dimension():
    """An energy that did not scale with its unit would differ."""
    accelerator = find_accelerator("systolic/os-16")
    loops = Loops(K=32, C=32)
    mapping = best_mapping(loops, accelerator).mapping
    result = replay(loops, accelerator, mapping)
    units = (0, 1, 0, 0)
    forgotten = dataclasses.replace(rescaled(accelerator, units), mac=accelerator.mac)
    assert replay(loops, forgotten, mapping).energy_j != rescaled(result.energy_j, units, "energy_j")
