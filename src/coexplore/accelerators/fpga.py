"""What is a tile engine on an FPGA? A grid of Tm x Tn multipliers behind three ports, on a device with limits.

The engine of (Jiang2020): weights, inputs and outputs each have a port to main memory and double-buffered tiles on the
chip. Depthwise convolutions run on an engine of their own with Tm(d) multipliers that shares buffers and ports.

References:
    Jiang2020: Jiang et al., "Standing on the shoulders of giants: hardware and neural architecture co-search with hot
        start" (HotNAS), arXiv 2007.09087, Section III.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from coexplore.core.errors import AcceleratorError


@dataclass(frozen=True, slots=True)
class Ports:
    """Words per cycle between main memory and the buffers."""

    weight: int
    input: int
    output: int

    def __post_init__(self) -> None:
        for name in ("weight", "input", "output"):
            if getattr(self, name) < 1:
                value = getattr(self, name)
                raise AcceleratorError(f"ports.{name} is {value}; each port moves at least 1 word per cycle")

    @property
    def words(self) -> int:
        """All three together."""
        return self.weight + self.input + self.output


class PortOrder(enum.Enum):
    """How three printed port widths are to be read."""

    WEIGHT_INPUT_OUTPUT = (0, 1, 2)
    """What the numbers of the published table mean."""
    INPUT_OUTPUT_WEIGHT = (2, 0, 1)
    """What the header of that table says."""

    def read(self, printed: tuple[int, int, int]) -> Ports:
        """The ports of a printed triple."""
        weight, input_, output = self.value
        return Ports(printed[weight], printed[input_], printed[output])


@dataclass(frozen=True, slots=True)
class FpgaDesign:
    """One tile engine: channels, rows and columns of a tile, and the ports.

    Raises:
        AcceleratorError: a size is out of range.
    """

    tm: int
    """Output channels of a tile."""
    tn: int
    """Input channels of a tile."""
    tr: int
    """Output rows of a tile."""
    tc: int
    """Output columns of a tile."""
    tk: int
    """Largest kernel side that the weight buffers hold."""
    ports: Ports
    tm_d: int = 0
    """Channels of a tile on the depthwise engine, 0 for no such engine."""
    tk_d: int = 0
    """Largest kernel side on the depthwise engine."""
    bits: int = 16
    """Width of a word: 16 is fixed point, 32 floating point."""

    def __post_init__(self) -> None:
        for name in ("tm", "tn", "tr", "tc", "tk"):
            if getattr(self, name) < 1:
                raise AcceleratorError(f"design.{name} is {getattr(self, name)}; a tile has at least 1 of everything")
        if self.bits not in (16, 32):
            raise AcceleratorError(f"design.bits is {self.bits}; legal are 16 (fixed point) and 32 (floating point)")
        if min(self.tm_d, self.tk_d) < 0 or (self.tm_d > 0) != (self.tk_d > 0):
            raise AcceleratorError(
                f"design.tm_d is {self.tm_d} and design.tk_d {self.tk_d}; give both at least 1, or both 0 for no "
                "depthwise engine"
            )

    @property
    def dsps(self) -> int:
        """DSP slices of both engines: one per 16-bit multiplier, five per floating-point one (Jiang2020)."""
        return (self.tm * self.tn + self.tm_d) * DSPS_PER_MULTIPLIER[self.bits]


DSPS_PER_MULTIPLIER = {16: 1, 32: 5}


@dataclass(frozen=True, slots=True)
class FpgaDevice:
    """An FPGA with its board: what a tile engine may use.

    Raises:
        AcceleratorError: a number is out of range; a device without DSPs cannot hold an engine.
    """

    name: str
    dsp: int
    """DSP slices."""
    bram18: int
    """Block RAMs of 18 Kb."""
    lut: int
    """Look-up tables."""
    memory_lut: int
    """Look-up tables that can be memory."""
    port_bits: int
    """Width of all ports of the programmable logic to main memory."""
    bandwidth_gb_s: float
    """Peak of the main memory, 1e9 bytes per second."""
    clock_hz: float
    """At which the engine is assumed to run."""
    power_w: float
    """Of the board while a network runs."""
    power_source: str
    power_uncertainty: float = 0.5
    """Fraction of `power_w` by which another design may differ."""
    board: str = ""
    source: str = ""
    """Of the resources and of the memory."""

    def __post_init__(self) -> None:
        if self.dsp < 1:
            raise AcceleratorError(
                f"FPGA {self.name!r}: dsp is {self.dsp}; the tile engine multiplies in DSP slices and needs at least 1"
            )
        for field in ("bram18", "lut", "memory_lut", "port_bits"):
            if getattr(self, field) < 0:
                raise AcceleratorError(f"FPGA {self.name!r}: {field} is {getattr(self, field)}; it cannot be negative")
        for field in ("bandwidth_gb_s", "clock_hz", "power_w"):
            value = getattr(self, field)
            if not (math.isfinite(value) and value > 0):
                raise AcceleratorError(f"FPGA {self.name!r}: {field} is {value}; it must be positive")

    @property
    def bits_per_cycle(self) -> float:
        """What ports and main memory can move at the clock of the engine."""
        return min(self.port_bits, 8e9 * self.bandwidth_gb_s / self.clock_hz)

    def energy_j(self, seconds: float) -> float:
        """Board power times time; the honest figure where no energy per action is published."""
        return self.power_w * seconds


@dataclass(frozen=True, slots=True)
class PoolEntry:
    """So many FPGAs of one type.

    Raises:
        AcceleratorError: the count or the cost is out of range.
    """

    device: FpgaDevice
    count: int = 1
    cost: float = 1.0
    """Of one; price, power or anything else that adds up."""

    def __post_init__(self) -> None:
        if self.count < 0:
            raise AcceleratorError(f"the pool has {self.count} of {self.device.name!r}; a count cannot be negative")
        if not (math.isfinite(self.cost) and self.cost >= 0):
            raise AcceleratorError(
                f"the cost of {self.device.name!r} is {self.cost}; it must be finite and not negative"
            )


@dataclass(frozen=True, slots=True)
class FpgaPool:
    """The FPGAs that a pipeline may use.

    Raises:
        AcceleratorError: there is none, or one name stands for two entries.
    """

    entries: tuple[PoolEntry, ...]

    def __post_init__(self) -> None:
        if self.size == 0:
            raise AcceleratorError("the pool has no FPGA; a pipeline needs at least one")
        names = [entry.device.name for entry in self.entries]
        for name in names:
            if names.count(name) > 1:
                raise AcceleratorError(f"the pool lists {name!r} twice; give one entry and its count")

    @property
    def size(self) -> int:
        """FPGAs of all types together."""
        return sum(entry.count for entry in self.entries)
