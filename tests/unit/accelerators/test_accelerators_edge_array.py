"""The edge array: its published figures, its knobs, its document, its constants."""

from __future__ import annotations

import csv
import math
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.description import from_document, read_accelerator, to_document, write_text
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.family import find_accelerator
from coexplore.accelerators.technology import load_technology
from coexplore.core.errors import AcceleratorError, UnknownNameError

FAMILY = EdgeArray()


def test_the_space_has_50000_points():
    assert FAMILY.space.size == 50_000


def test_the_baseline_reports_26_2_tops():
    assert round(find_accelerator("edge-array/baseline").peak_tops, 1) == 26.2


def test_area_adds_up_over_components():
    accelerator = find_accelerator("edge-array")
    assert math.isclose(accelerator.area_mm2, sum(accelerator.area_by_component_mm2().values()))


@pytest.mark.parametrize("knob", FAMILY.space.names)
def test_every_knob_costs_area(knob):
    point = dict(FAMILY.presets["baseline"])
    areas = [FAMILY.decode(FAMILY.space.point({**point, knob: v})).area_mm2 for v in getattr(FAMILY, knob)]
    assert areas == sorted(areas)
    assert areas[0] < areas[-1]


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_description_survives_yaml_to_the_last_bit(random):
    values = {name: random.choice(getattr(FAMILY, name)) for name in FAMILY.space.names}
    accelerator = FAMILY.decode(FAMILY.space.point(values))
    assert from_document(yaml.safe_load(write_text(accelerator))) == accelerator


def broken(**changes):
    document = to_document(find_accelerator("edge-array"))
    document.update(changes)
    return document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (3, "is a mapping, not int"),
        ({}, "format is None"),
        (broken(clock_hz=-1.0), "clock_hz is -1"),
        (broken(clock_hz="fast"), "clock_hz: "),
        (broken(clok_hz=1.0), "unknown field 'clok_hz'; did you mean 'clock_hz'"),
        (broken(levels=[]), "levels is empty"),
        (broken(clock_hz=float("nan")), "clock_hz: "),
    ],
)
def test_a_wrong_description_names_its_field(document, message):
    with pytest.raises(AcceleratorError, match=message):
        from_document(document)


def test_a_nested_wrong_field_is_named_by_its_path():
    document = to_document(find_accelerator("edge-array"))
    document["levels"][1]["capacity_bytes"] = -5
    with pytest.raises(AcceleratorError, match=r"levels\.1.*capacity_bytes is -5"):
        from_document(document)


def test_a_file_that_is_not_yaml_is_refused(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("a: [1, 2")
    with pytest.raises(AcceleratorError, match="not valid YAML"):
        read_accelerator(file)


def test_unknown_names_show_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'edge-array'"):
        find_accelerator("edge-aray")
    with pytest.raises(UnknownNameError, match="edge-array/baseline"):
        find_accelerator("edge-array/basline")


def test_the_main_memory_keeps_everything():
    accelerator = find_accelerator("edge-array")
    half = replace(accelerator.levels[0], keeps=accelerator.levels[0].keeps[:1])
    with pytest.raises(AcceleratorError, match="missing operands"):
        Accelerator(accelerator.name, 1e9, (half, *accelerator.levels[1:]), accelerator.mac, accelerator.vector)


@pytest.mark.parametrize("node", [45, 28, 22, 16, 7])
def test_larger_memories_cost_more_per_access_and_area(node):
    rows = load_technology(node).sram
    assert [row.read_pj for row in rows] == sorted(row.read_pj for row in rows)
    assert [row.area_um2 for row in rows] == sorted(row.area_um2 for row in rows)


def test_interpolated_memories_lie_between_their_neighbours():
    technology = load_technology(22)
    low, middle, high = (technology.sram_at(size) for size in (128, 192, 256))
    assert low.read_pj < middle.read_pj < high.read_pj


def test_sizes_outside_the_table_are_refused():
    with pytest.raises(AcceleratorError, match="split it into banks"):
        load_technology(22).sram_at(0.25)
    with pytest.raises(AcceleratorError, match="known: 16nm"):
        load_technology(5)


@pytest.mark.data
@pytest.mark.parametrize("node", [45, 28, 22, 16, 7])
def test_sram_constants_equal_their_source(node, reference):
    table = {row.size_kib: row for row in load_technology(node).sram}
    with (reference / "energy" / "hwcomponents_cacti_aladdin_scaled.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["component"].startswith("SRAM") and r["tech_nm"] == str(node)]
    assert len(rows) == len(table)
    for row in rows:
        ours = table[float(row["size_KiB"])]
        assert (ours.read_pj, ours.write_pj, ours.area_um2) == tuple(
            float(row[k]) for k in ("read_pJ", "write_pJ", "area_um2")
        )
