"""What is an accelerator family, and which accelerators have a name?

A family is a space, a way from a point to hardware, and points worth a name. A preset outside the families is hardware
that has no knobs, such as a published chip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.fpga_boards import FpgaBoards
from coexplore.core.errors import AcceleratorError, UnknownNameError
from coexplore.core.registry import Registry
from coexplore.spaces.space import Point, Space

Hardware = Accelerator | FpgaBoards
"""What may run a network: an accelerator described level by level, or FPGAs that share it."""


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

    def decode(self, point: Point) -> Hardware:
        """The hardware a point stands for."""
        ...


ACCELERATOR_FAMILIES: Registry[type[AcceleratorFamily]] = Registry("accelerator family")
ACCELERATOR_PRESETS: Registry[Callable[[], Accelerator]] = Registry("accelerator preset")
BASELINE = "baseline"


def accelerator_names() -> tuple[str, ...]:
    """Every name that `find_accelerator` takes, families alone left out."""
    families = {name: ACCELERATOR_FAMILIES.get(name)() for name in ACCELERATOR_FAMILIES}
    points = [
        f"{name}/{preset}"
        for name, family in families.items()
        for preset, point in family.presets.items()
        if isinstance(family.decode(point), Accelerator)
    ]
    return (*ACCELERATOR_PRESETS, *points)


def find_accelerator(name: str) -> Accelerator:
    """The accelerator of a name: a preset, or `family/preset`, where `family` alone means its baseline.

    Raises:
        UnknownNameError: no such name; the nearest legal one is given.
        AcceleratorError: it is a pool of FPGAs.
    """
    if name in ACCELERATOR_PRESETS:
        return ACCELERATOR_PRESETS.get(name)()
    family_name, _, preset = name.partition("/")
    if family_name in ACCELERATOR_FAMILIES:
        family = ACCELERATOR_FAMILIES.get(family_name)()
        point = family.presets.get(preset or BASELINE)
        if point is not None:
            return as_chip(family.decode(point))
    raise UnknownNameError("accelerator preset", name, [*ACCELERATOR_FAMILIES, *accelerator_names()])


def as_chip(hardware: Hardware) -> Accelerator:
    """Hardware that is described level by level.

    Raises:
        AcceleratorError: it is FPGAs that share a network, which have no such description.
    """
    if isinstance(hardware, FpgaBoards):
        raise AcceleratorError(
            f"{hardware.name} is a pipeline of FPGAs, which depends on the network and has no description of levels; "
            "use it in a study, as {family: fpga-pool}, or price a network with `coexplore cost --pool`"
        )
    return hardware
