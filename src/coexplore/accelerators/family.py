"""What is an accelerator family, and which accelerators have a name?

A family is a space, a way from a point to hardware, and points worth a name. A preset outside the families is hardware
that has no knobs, such as a published chip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import UnknownNameError
from coexplore.core.registry import Registry
from coexplore.spaces.space import Point, Space


class AcceleratorFamily(Protocol):
    """A parameterised piece of hardware; implementations are frozen dataclasses whose fields are the settings."""

    @property
    def space(self) -> Space:
        """The knobs."""
        ...

    @property
    def presets(self) -> Mapping[str, Point]:
        """Points worth a name; `baseline` always exists."""
        ...

    def decode(self, point: Point) -> Accelerator:
        """The hardware a point stands for."""
        ...


ACCELERATOR_FAMILIES: Registry[type[AcceleratorFamily]] = Registry("accelerator family")
ACCELERATOR_PRESETS: Registry[Callable[[], Accelerator]] = Registry("accelerator preset")
BASELINE = "baseline"


def accelerator_names() -> tuple[str, ...]:
    """Every name that `find_accelerator` takes, families alone left out."""
    points = [
        f"{family}/{preset}" for family in ACCELERATOR_FAMILIES for preset in ACCELERATOR_FAMILIES.get(family)().presets
    ]
    return (*ACCELERATOR_PRESETS, *points)


def find_accelerator(name: str) -> Accelerator:
    """The accelerator of a name: a preset, or `family/preset`, where `family` alone means its baseline.

    Raises:
        UnknownNameError: no such name; the nearest legal one is given.
    """
    if name in ACCELERATOR_PRESETS:
        return ACCELERATOR_PRESETS.get(name)()
    family_name, _, preset = name.partition("/")
    if family_name in ACCELERATOR_FAMILIES:
        family = ACCELERATOR_FAMILIES.get(family_name)()
        point = family.presets.get(preset or BASELINE)
        if point is not None:
            return family.decode(point)
    raise UnknownNameError("accelerator preset", name, [*ACCELERATOR_FAMILIES, *accelerator_names()])
