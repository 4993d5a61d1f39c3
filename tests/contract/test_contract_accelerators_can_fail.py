"""The contract of accelerators notices what it promises: idle knobs, free hardware, aliases."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.family import find_accelerator
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space
from coexplore.testing.accelerator_contract import AcceleratorContract, AcceleratorFamilyContract


@dataclass(frozen=True)
class OneKnob:
    """The baseline with more or less area that serves no purpose."""

    area_counts: bool

    @property
    def space(self) -> Space:
        return Space((Decision("decoration_mm2", (1, 2), ordered=True),))

    @property
    def presets(self) -> dict[str, Point]:
        return {"baseline": self.space.point({"decoration_mm2": 1})}

    def decode(self, point: Point) -> Accelerator:
        area = float(point["decoration_mm2"]) if self.area_counts else 0.0
        return replace(find_accelerator("systolic/os-16"), other_area_mm2=(("decoration", area),))


def test_a_knob_that_brings_nothing_is_found():
    class Contract(AcceleratorFamilyContract):
        family = OneKnob(area_counts=True)

    Contract().test_every_knob_costs_something()
    with pytest.raises(AssertionError, match="decoration_mm2: 2 is no better than 1"):
        Contract().test_every_knob_brings_something()


def test_a_knob_that_costs_nothing_is_found():
    class Contract(AcceleratorFamilyContract):
        family = OneKnob(area_counts=False)

    with pytest.raises(AssertionError, match="decoration_mm2"):
        Contract().test_every_knob_costs_something()


def test_free_multiplications_and_aliases_are_found():
    accelerator = find_accelerator("systolic/os-16")
    free = replace(accelerator, mac=replace(accelerator.mac, energy_j=0.0))

    class Contract(AcceleratorContract):
        accelerators = {"one": free, "other": free}  # noqa: RUF012 - read only

    with pytest.raises(AssertionError):
        Contract().test_nothing_is_free()
    with pytest.raises(AssertionError):
        Contract().test_different_names_are_different_hardware()
