"""Technology tables: equal to their source, interpolated between rows, refused outside."""

from __future__ import annotations

import csv
import math

import pytest

from coexplore.accelerators.technology import known_nodes_nm, load_technology
from coexplore.core.errors import AcceleratorError

NODES = [45, 28, 22, 16, 7]
IN_THE_SOURCE = [45, 28, 16, 7]


def test_the_nodes_are_those_of_the_tables():
    assert sorted(NODES) == list(known_nodes_nm())
    with pytest.raises(AcceleratorError, match="no technology table for 5 nm; known: 7, 16, 22, 28, 45"):
        load_technology(5)


def source_rows(reference, node, component):
    with (reference / "energy" / "hwcomponents_cacti_aladdin_scaled.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["tech_nm"] == str(node)]
    return [row for row in rows if row["component"].startswith(component)]


@pytest.mark.data
@pytest.mark.parametrize("node", NODES)
def test_memories_of_64_bits_equal_their_source(node, reference):
    table = {row.size_kib: row for row in dict(load_technology(node).sram)[64]}
    rows = source_rows(reference, node, "SRAM")
    assert len(rows) == len(table) == 15
    for row in rows:
        ours = table[float(row["size_KiB"])]
        expected = tuple(float(row[name]) for name in ("read_pJ", "write_pJ", "area_um2", "leak_uW"))
        assert (ours.read_pj, ours.write_pj, ours.area_um2, ours.leakage_uw) == expected


@pytest.mark.data
@pytest.mark.parametrize("node", IN_THE_SOURCE)
def test_multipliers_and_registers_equal_their_source(node, reference):
    technology = load_technology(node)
    multipliers = {int(row["bits"]): row for row in source_rows(reference, node, "INT")}
    registers = {int(row["bits"]): row for row in source_rows(reference, node, "register")}
    assert set(multipliers) == set(registers) == {row.bits for row in technology.logic}
    for row in technology.logic:
        mac, register = multipliers[int(row.bits)], registers[int(row.bits)]
        assert [row.mac_pj, row.mac_area_um2, row.mac_leakage_uw] == [
            float(mac[name]) for name in ("read_pJ", "area_um2", "leak_uW")
        ]
        assert [row.register_pj, row.register_area_um2] == [float(register[name]) for name in ("read_pJ", "area_um2")]


@pytest.mark.data
def test_22_nm_logic_lies_between_its_neighbours_as_it_says(reference):
    """Geometric interpolation over the logarithm of the node; the file keeps five digits."""
    share = math.log(22 / 16) / math.log(28 / 16)
    for row in load_technology(22).logic:
        low, high = load_technology(16).logic_at(int(row.bits)), load_technology(28).logic_at(int(row.bits))
        for field in ("mac_pj", "mac_area_um2", "mac_leakage_uw", "register_pj", "register_area_um2"):
            expected = getattr(low, field) ** (1 - share) * getattr(high, field) ** share
            assert math.isclose(getattr(row, field), expected, rel_tol=1e-4), (row.bits, field)


@pytest.mark.parametrize("node", NODES)
def test_every_constant_has_a_source(node):
    technology = load_technology(node)
    assert technology.sram_source
    assert technology.logic_source
    assert "Horowitz" in technology.logic_source
    for row in technology.dram:
        assert row.pj_per_bit.source
        assert row.io_area_mm2_per_gb_s.source


@pytest.mark.parametrize(
    ("kind", "pj_per_bit"), [("lpddr4", 8.0), ("lpddr2", 40.0), ("ddr3", 70.0), ("hbm2", 6.25), ("hbm3", 4.05)]
)
def test_main_memories_cost_what_peers_say(kind, pj_per_bit):
    assert load_technology(7).dram_of(kind).pj_per_bit.value == pj_per_bit


@pytest.mark.parametrize("node", NODES)
def test_larger_memories_cost_more(node):
    rows = dict(load_technology(node).sram)[64]
    for field in ("read_pj", "write_pj", "area_um2", "leakage_uw"):
        values = [getattr(row, field) for row in rows]
        assert values == sorted(values), field


@pytest.mark.parametrize("node", NODES)
def test_wider_accesses_cost_more_in_large_memories(node):
    """Small memories are noisy: their layout changes with the width."""
    technology = load_technology(node)
    for size in (512, 1024, 2048):
        energies = [technology.sram_at(size, width).read_pj for width in (32, 64, 128, 256, 512)]
        assert energies == sorted(energies)


def test_what_lies_between_rows_is_interpolated():
    technology = load_technology(22)
    low, middle, high = (technology.sram_at(size) for size in (128, 181.01933598375618, 256))
    assert math.isclose(middle.read_pj, math.sqrt(low.read_pj * high.read_pj))
    narrow, between, wide = (technology.sram_at(1024, width) for width in (64, 96, 128))
    assert narrow.read_pj < between.read_pj < wide.read_pj
    assert between.width_bits == 96
    eight, twelve, sixteen = (technology.logic_at(bits) for bits in (8, 12, 16))
    assert eight.mac_pj < twelve.mac_pj < sixteen.mac_pj
    assert math.isclose(twelve.register_area_um2, 1.5 * eight.register_area_um2, rel_tol=1e-3)


@pytest.mark.parametrize(
    ("size", "width", "message"),
    [
        (0.25, 64, "use registers or fewer banks"),
        (10_000, 64, "split it into banks"),
        (64, 4, "8 to 512 bits"),
        (64, 1024, "several banks side by side"),
        (0.5, 512, "4 to 8192 KiB"),
    ],
)
def test_memories_outside_the_table_are_refused(size, width, message):
    with pytest.raises(AcceleratorError, match=message):
        load_technology(22).sram_at(size, width)


def test_multipliers_and_main_memories_outside_the_table_are_refused():
    with pytest.raises(AcceleratorError, match="4 to 32 bits"):
        load_technology(22).logic_at(2)
    with pytest.raises(AcceleratorError, match="did you mean 'lpddr4'"):
        load_technology(22).dram_of("lpdr4")
