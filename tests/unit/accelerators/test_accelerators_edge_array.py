"""The edge array: its published figures, its knobs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.family import find_accelerator
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


def test_the_area_of_the_interface_is_a_setting_that_the_technology_fills_in():
    point = FAMILY.presets["baseline"]
    other = EdgeArray(io_area_mm2_per_gb_s=0.2).decode(point)
    assert math.isclose(other.area_mm2, FAMILY.decode(point).area_mm2 + 0.1 * 20)


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
