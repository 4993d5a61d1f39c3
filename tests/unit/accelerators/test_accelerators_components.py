"""Parts: capacity, ports, energy and area follow from size, banks and width."""

from __future__ import annotations

import math

import pytest

from coexplore.accelerators.components import main_memory, multiplier, registers, sram, systolic_element, vector_unit
from coexplore.accelerators.technology import load_technology
from coexplore.core.errors import AcceleratorError

NODE = load_technology(22)


def test_a_memory_of_banks_is_its_banks():
    one, four = sram(NODE, 32), sram(NODE, 128, banks=4)
    assert four.capacity_bytes == 4 * 32 * 1024
    assert four.bytes_per_cycle == 4 * 8
    assert four.read_j_per_bit == one.read_j_per_bit
    assert math.isclose(four.area_mm2, 4 * one.area_mm2)
    assert math.isclose(four.leakage_w, 4 * one.leakage_w)


def test_an_access_costs_the_energy_of_the_table():
    row = NODE.sram_at(64, 256)
    assert math.isclose(256 * sram(NODE, 64, width_bits=256).read_j_per_bit, row.read_pj * 1e-12)


def test_two_ports_share_the_width():
    level = sram(NODE, 64, banks=4).level("buffer", two_ports=True)
    assert (level.read_bytes_per_cycle, level.write_bytes_per_cycle) == (16, 16)


def test_registers_grow_with_their_bits():
    few, many = registers(NODE, 4, 8), registers(NODE, 8, 16)
    assert (few.capacity_bytes, many.capacity_bytes) == (4, 16)
    assert math.isclose(many.area_mm2, 4 * few.area_mm2)
    assert many.read_j_per_bit == few.read_j_per_bit


def test_main_memory_is_off_the_chip_but_not_its_interface():
    memory = main_memory(NODE, "lpddr4", 20.0, 1e9)
    assert memory.bytes_per_cycle == 20
    assert memory.read_j_per_bit == 8e-12
    assert memory.area_mm2 == 2.0
    assert memory.off_chip("dram").area_mm2 == 0


def test_what_travels_through_a_systolic_element_costs():
    bare, element = multiplier(NODE, 8), systolic_element(NODE, 8, 40)
    assert math.isclose(element.energy_j, bare.energy_j + 40 * registers(NODE, 1, 8).write_j_per_bit)
    assert element.area_mm2 > bare.area_mm2


def test_vector_lanes_add_up():
    assert math.isclose(vector_unit(NODE, 8).area_mm2, 2 * vector_unit(NODE, 4).area_mm2)
    assert vector_unit(NODE, 8).energy_j == vector_unit(NODE, 4).energy_j


def test_half_bytes_are_refused():
    with pytest.raises(AcceleratorError, match="whole number of bytes"):
        registers(NODE, 1, 12)
