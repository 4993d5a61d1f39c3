"""Tile engines and FPGAs: what is legal, how ports are read, and whether the table of devices makes sense."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from coexplore.accelerators.fpga import FpgaDesign, FpgaPool, PoolEntry, PortOrder, Ports
from coexplore.accelerators.fpga_devices import FPGA_DEVICES, fpga_device, fpga_pool
from coexplore.core.errors import AcceleratorError

DESIGN = FpgaDesign(8, 4, 13, 13, 3, Ports(2, 2, 2))


@pytest.mark.parametrize("name", ["weight", "input", "output"])
def test_a_negative_port_is_refused_by_name(name):
    with pytest.raises(AcceleratorError, match=rf"ports\.{name} is -2"):
        replace(DESIGN.ports, **{name: -2})


def test_printed_ports_are_read_in_either_order():
    assert PortOrder.WEIGHT_INPUT_OUTPUT.read((18, 6, 2)) == Ports(weight=18, input=6, output=2)
    assert PortOrder.INPUT_OUTPUT_WEIGHT.read((18, 6, 2)) == Ports(weight=2, input=18, output=6)


@pytest.mark.parametrize("field", ["tm", "tn", "tr", "tc", "tk"])
def test_an_empty_tile_is_refused_by_name(field):
    with pytest.raises(AcceleratorError, match=rf"design\.{field} is 0"):
        replace(DESIGN, **{field: 0})


def test_a_word_is_fixed_or_floating_point():
    with pytest.raises(AcceleratorError, match=r"bits is 8; legal are 16 .* and 32"):
        replace(DESIGN, bits=8)


def test_half_a_depthwise_engine_is_refused():
    with pytest.raises(AcceleratorError, match="give both"):
        replace(DESIGN, tm_d=16)


def test_a_floating_point_multiplier_takes_five_slices():
    assert DESIGN.dsps == 32
    assert replace(DESIGN, bits=32).dsps == 160
    assert replace(DESIGN, tm_d=16, tk_d=3).dsps == 48


def test_a_device_without_dsps_is_refused():
    with pytest.raises(AcceleratorError, match=r"FPGA 'zcu102': dsp is 0; .* at least 1"):
        replace(fpga_device("zcu102"), dsp=0)


@pytest.mark.parametrize(("field", "value"), [("bram18", -1), ("clock_hz", 0.0), ("power_w", float("nan"))])
def test_impossible_numbers_of_a_device_are_refused(field, value):
    with pytest.raises(AcceleratorError, match=f"{field} is"):
        replace(fpga_device("zcu102"), **{field: value})


def test_an_unknown_device_is_answered_with_the_nearest():
    with pytest.raises(AcceleratorError, match="did you mean 'zcu102'"):
        fpga_device("zcu12")


@pytest.mark.parametrize("device", FPGA_DEVICES.values(), ids=lambda device: device.name)
def test_every_device_has_sources_and_no_more_memory_than_logic(device):
    assert device.source
    assert device.power_source
    assert device.memory_lut < device.lut
    assert 0 < device.power_uncertainty <= 1
    assert device.bits_per_cycle <= device.port_bits


def test_the_table_in_the_documentation_is_that_of_the_devices():
    page = Path(__file__).resolve().parents[3] / "docs" / "fpga.md"
    rows = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in page.read_text().splitlines()]
    written = {row[0].strip("`"): row[1:] for row in rows if row[0].strip("`") in FPGA_DEVICES}
    assert list(written) == list(FPGA_DEVICES)
    for device in FPGA_DEVICES.values():
        numbers = (device.dsp, device.bram18, device.lut, device.memory_lut, device.port_bits, device.bandwidth_gb_s)
        told = [device.board, *map(str, numbers), f"{device.clock_hz / 1e6:g}", f"{device.power_w:g}"]
        assert written[device.name] == told


def test_the_published_device_has_the_published_resources():
    device = fpga_device("zcu102")
    assert (device.dsp, device.bram18, device.port_bits) == (2520, 1824, 512)


def test_energy_is_board_power_times_time():
    assert fpga_device("pynq-z2").energy_j(2.0) == 2 * fpga_device("pynq-z2").power_w


def test_a_pool_is_read_from_names_and_counts():
    zcu102, pynq = fpga_device("zcu102"), fpga_device("pynq-z2")
    entries = (PoolEntry(zcu102, 2, zcu102.power_w), PoolEntry(pynq, 1, pynq.power_w))
    assert fpga_pool("zcu102=2, pynq-z2") == FpgaPool(entries)
    assert fpga_pool("zcu102=2,pynq-z2").size == 3


@pytest.mark.parametrize("text", ["", " , ", "zcu102=0"])
def test_a_pool_without_an_fpga_is_refused(text):
    with pytest.raises(AcceleratorError, match="the pool has no FPGA; a pipeline needs at least one"):
        fpga_pool(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zcu102,zcu102", "lists 'zcu102' twice; give one entry and its count"),
        ("zcu102=-1", "-1 of 'zcu102'; a count cannot be negative"),
        ("zcu102=two", "is 'two'; give a whole number, such as zcu102=2"),
        ("zcu12", "did you mean 'zcu102'"),
    ],
)
def test_an_illegal_pool_says_what_to_give(text, message):
    with pytest.raises(AcceleratorError, match=message):
        fpga_pool(text)


@pytest.mark.parametrize("cost", [-1.0, float("nan")])
def test_the_cost_of_an_fpga_is_a_number_from_zero(cost):
    with pytest.raises(AcceleratorError, match="cost of 'zcu102' is"):
        PoolEntry(fpga_device("zcu102"), 1, cost)
