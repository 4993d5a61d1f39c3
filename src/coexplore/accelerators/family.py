"""What an accelerator family is: a space, a way from a point to hardware, and presets by name."""

from __future__ import annotations

from collections.abc import Mapping
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


def find_accelerator(name: str) -> Accelerator:
    """The preset `family/preset`; `family` alone means its baseline.

    Raises:
        UnknownNameError: no such family or preset; the nearest legal name is given.
    """
    family_name, _, preset = name.partition("/")
    family = ACCELERATOR_FAMILIES.get(family_name)()
    wanted = preset or "baseline"
    if wanted not in family.presets:
        raise UnknownNameError("accelerator preset", name, [f"{family_name}/{known}" for known in family.presets])
    return family.decode(family.presets[wanted])
