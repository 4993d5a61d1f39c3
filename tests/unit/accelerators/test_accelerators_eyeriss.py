"""The Eyeriss presets: sizes of the published chip, and the ratios between the costs of their levels."""

from __future__ import annotations

import pytest

from coexplore.accelerators.accelerator import Operand
from coexplore.accelerators.eyeriss import eyeriss_168, eyeriss_256


def level(accelerator, name):
    return next(level for level in accelerator.levels if level.name == name)


def test_the_chip_has_168_elements_and_33_6_gmacs_per_second():
    chip = eyeriss_168()
    assert chip.macs_per_cycle == 168
    assert chip.peak_tops == pytest.approx(2 * 168 * 200e6 / 1e12)


def test_the_variant_has_256_elements():
    assert eyeriss_256().macs_per_cycle == 256


@pytest.mark.parametrize("preset", [eyeriss_168, eyeriss_256])
def test_weights_pass_the_global_buffer_by(preset):
    assert Operand.WEIGHT not in level(preset(), "global_buffer").keeps


@pytest.mark.parametrize("preset", [eyeriss_168, eyeriss_256])
def test_every_scratchpad_keeps_one_operand(preset):
    spads = preset().levels[2:]
    assert [spad.keeps for spad in spads] == [(Operand.WEIGHT,), (Operand.INPUT,), (Operand.OUTPUT,)]
    assert not any(spad.fanout for spad in spads)


def test_an_access_costs_as_published_over_a_multiply_accumulate():
    chip = eyeriss_168()
    costs = [16 * one.read_j_per_bit / chip.mac.energy_j for one in chip.levels]
    assert costs == pytest.approx([200, 6, 1, 1, 1])


def test_the_link_moves_480_mb_per_second():
    chip = eyeriss_168()
    assert chip.levels[0].read_bytes_per_cycle * chip.clock_hz == pytest.approx(480e6)


def test_areas_add_up_and_every_memory_has_one():
    chip = eyeriss_168()
    areas = chip.area_by_component_mm2()
    assert chip.area_mm2 == pytest.approx(sum(areas.values()))
    assert all(areas[one.name] > 0 for one in chip.levels[1:])
