"""Which tile engines can be built on an FPGA? Channels, side and ports of their tiles, as a searchable family.

A point is a design (`FpgaTiles.design`) for the closed form of `coexplore.cost.fpga`, which knows the limits of devices
and both sets of rules; and, as in every family, an accelerator for the loop-nest engine.

Departures: the value lists are ours; they stay within the DSP slices of the ZCU102. Tiles are square.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.family import ACCELERATOR_FAMILIES
from coexplore.accelerators.fpga import FpgaDesign, Ports
from coexplore.accelerators.fpga_chain import fpga_chain
from coexplore.accelerators.fpga_devices import fpga_device
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space


@ACCELERATOR_FAMILIES.register("fpga-tiles")
@dataclass(frozen=True, slots=True)
class FpgaTiles:
    """A grid of Tm x Tn multipliers with tiled, double-buffered operands behind three ports: six knobs, 10,000 points.

    The fields are the value lists of the knobs, and what is not a knob.
    """

    tm: tuple[int, ...] = (8, 16, 32, 64, 128)
    tn: tuple[int, ...] = (1, 2, 4, 8, 16)
    side: tuple[int, ...] = (14, 28, 56, 112)
    """Output rows and columns of a tile; below 14 a bank takes a whole block of memory all the same."""
    weight_port: tuple[int, ...] = (1, 2, 4, 8, 16)
    """Words per cycle, as the other ports."""
    input_port: tuple[int, ...] = (1, 2, 4, 8)
    output_port: tuple[int, ...] = (1, 2, 4, 8, 16)
    largest_kernel: int = 7
    device: str = "zcu102"
    node_nm: int = 16

    @property
    def space(self) -> Space:
        """The six knobs, each ordered."""
        knobs = ("tm", "tn", "side", "weight_port", "input_port", "output_port")
        return Space(tuple(Decision(name, getattr(self, name), ordered=True) for name in knobs))

    @property
    def presets(self) -> Mapping[str, Point]:
        """`baseline` (ours): 64 x 16 multipliers, tiles of 14 x 14, ports of 8 words."""
        knobs = {"tm": 64, "tn": 16, "side": 14, "weight_port": 8, "input_port": 8, "output_port": 8}
        return {"baseline": FpgaTiles().space.point(knobs)}

    def design(self, point: Point) -> FpgaDesign:
        """The tile engine of a point."""
        side = int(point["side"])
        ports = Ports(int(point["weight_port"]), int(point["input_port"]), int(point["output_port"]))
        return FpgaDesign(int(point["tm"]), int(point["tn"]), side, side, self.largest_kernel, ports)

    def decode(self, point: Point) -> Accelerator:
        """The chain of levels of a point, with room for the halo of the largest kernel at a stride of one."""
        halo = int(point["side"]) + self.largest_kernel - 1
        return fpga_chain(self.design(point), fpga_device(self.device), halo**2, self.node_nm)
