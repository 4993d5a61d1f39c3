"""What does a network cost on a tile engine? Cycles by layer, what limits each, and what the engine occupies.

The closed form of (Jiang2020) with its choices as switches. `AS_PUBLISHED` gives the published numbers, `CONSISTENT`
(the default) true shapes, one stride, halos, the pipeline's drain, and memory that is enforced.

References:
    Jiang2020: Jiang et al., "Standing on the shoulders of giants" (HotNAS), arXiv 2007.09087, equations 1-17.

Departures:
    `CONSISTENT` is ours. Logic of adders, control and interfaces is not charged: no source states it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coexplore.accelerators.fpga import DSPS_PER_MULTIPLIER, FpgaDesign, FpgaDevice
from coexplore.core.errors import AcceleratorError
from coexplore.cost._fpga import Ints, layer_cycles, occupy_for
from coexplore.cost.fpga_layers import FpgaLayer, Shapes, layer_rows, without_depthwise


@dataclass(frozen=True, slots=True)
class MemoryRules:
    """How buffers turn into block RAM."""

    block_bits: int
    """Data bits of a block RAM."""
    weight_copies: int
    """Copies of a kernel in one weight bank of a fixed-point engine."""
    layer_tiles: bool
    """Buffers hold the largest tile the layers need, halo included, instead of Tr x Tc."""
    depthwise_banks: bool
    """The shared buffers have enough banks for the depthwise engine."""
    lut_share: float
    """Of the look-up tables that can be memory, how many may hold weight banks for which no block RAM is left."""


PUBLISHED_MEMORY = MemoryRules(18_000, 4, layer_tiles=False, depthwise_banks=False, lut_share=0.0)
CONSISTENT_MEMORY = MemoryRules(16_384, 2, layer_tiles=True, depthwise_banks=True, lut_share=0.5)
"""A block RAM keeps 16 Kb of 16- or 32-bit words, its parity bits beside (AMD, UG473 and UG573); weights are double
buffered in one bank; half of the look-up tables that can be memory may be (ours)."""


@dataclass(frozen=True, slots=True)
class FpgaRules:
    """The choices of the closed form; the defaults are the consistent ones."""

    shapes: Shapes = Shapes.TRUE
    """Trap 1; for whoever makes the list of layers."""
    stride_twice: bool = False
    """Trap 2: output rows and columns of a tile are divided by the stride once more."""
    memory: MemoryRules = CONSISTENT_MEMORY
    enforce_memory: bool = True
    """Trap 4: without it, block RAM limits nothing."""
    channel_tiles_twice: bool = False
    """Trap 5: tiles of depthwise channels count as input and as output tiles."""
    halo: bool = True
    """An input tile covers all that its outputs read."""
    drain: bool = True
    """The last tile of a layer is computed and stored with nothing beside it."""
    clipped: bool = True
    """Tiles end at the edge of the layer, where they are never full."""
    enforce_bandwidth: bool = True
    """Ports together move no more than main memory does."""

    @property
    def row(self) -> Ints:
        """As the kernels want it."""
        flags = (self.stride_twice, self.channel_tiles_twice, self.halo, self.drain, self.clipped)
        return np.array(flags, np.int64)


CONSISTENT = FpgaRules()
AS_PUBLISHED = FpgaRules(
    shapes=Shapes.REGISTRATION,
    stride_twice=True,
    memory=PUBLISHED_MEMORY,
    enforce_memory=False,
    channel_tiles_twice=True,
    halo=False,
    drain=False,
    enforce_bandwidth=False,
)
RULES = {"consistent": CONSISTENT, "as-published": AS_PUBLISHED}


class Bottleneck(enum.Enum):
    """What sets the pace of a layer."""

    COMPUTE = "C"
    INPUT = "I"
    WEIGHT = "W"
    OUTPUT = "O"


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Cycles of a layer; the busy cycles of the four engines overlap."""

    name: str
    cycles: float
    compute_cycles: float
    input_cycles: float
    weight_cycles: float
    output_cycles: float
    bottleneck: Bottleneck


@dataclass(frozen=True, slots=True)
class Shortage:
    """One limit that a design breaks."""

    resource: str
    """"dsp", "bram18", "memory_lut", "port_bits", "bandwidth" or "kernel"."""
    needed: float
    available: float

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.resource}: needs {self.needed:g}, {self.needed - self.available:g} more than {self.available:g}"


@dataclass(frozen=True, slots=True)
class Usage:
    """What an engine occupies."""

    dsp: int
    input_bram18: int
    output_bram18: int
    weight_bram18: int
    weight_lut: int
    """Look-up tables used as weight memory."""
    port_bits: int

    @property
    def bram18(self) -> int:
        """Block RAMs of all buffers."""
        return self.input_bram18 + self.output_bram18 + self.weight_bram18


@dataclass(frozen=True, slots=True)
class FpgaCost:
    """A layer set on a design on a device."""

    design: FpgaDesign
    device: FpgaDevice
    layers: tuple[LayerCost, ...]
    usage: Usage
    shortages: tuple[Shortage, ...]
    macs: int

    @property
    def cycles(self) -> float:
        """Of all layers, one after the other."""
        return math.fsum(layer.cycles for layer in self.layers)

    @property
    def bottleneck(self) -> Bottleneck:
        """What sets the pace for the most cycles; of equal ones the first in C, I, W, O."""
        return max(Bottleneck, key=lambda kind: math.fsum(row.cycles for row in self.layers if row.bottleneck is kind))

    @property
    def latency_s(self) -> float:
        """At the clock of the device."""
        return self.cycles / self.device.clock_hz

    @property
    def feasible(self) -> bool:
        """Whether the design fits the device."""
        return not self.shortages

    @property
    def reason(self) -> str:
        """Which limits are broken, and by how much; empty where none is."""
        return "; ".join(shortage.text for shortage in self.shortages)

    @property
    def energy_j(self) -> float:
        """Board power times latency; see `FpgaDevice.power_uncertainty`."""
        return self.device.energy_j(self.latency_s)

    @property
    def gops(self) -> float:
        """Giga-operations per second, two per multiply-accumulate."""
        return 2e-9 * self.macs / self.latency_s


def price_on_fpga(
    layers: Sequence[FpgaLayer], design: FpgaDesign, device: FpgaDevice, rules: FpgaRules = CONSISTENT
) -> FpgaCost:
    """Cost of layers on one design; a design that does not fit is a result with its shortages.

    Raises:
        AcceleratorError: there are no layers.
    """
    if not layers:
        raise AcceleratorError("no layers to price; give at least one")
    runs = layers if design.tm_d else without_depthwise(layers)
    rows, row, flags = layer_rows(runs), design_row(design), rules.row
    return FpgaCost(
        design=design,
        device=device,
        layers=tuple(_layer_cost(layer, cells, row, flags) for layer, cells in zip(runs, rows, strict=True)),
        usage=(usage := _usage(rows, design, device, rules)),
        shortages=tuple(_shortages(runs, design, device, rules, usage)),
        macs=sum(layer.macs for layer in layers),
    )


def design_row(design: FpgaDesign) -> Ints:
    """Array (8,) of a design."""
    ports = (design.ports.weight, design.ports.input, design.ports.output)
    return np.array((design.tm, design.tn, design.tr, design.tc, *ports, design.tm_d), np.int64)


def memory_row(device: FpgaDevice, rules: FpgaRules, bits: int) -> Ints:
    """Array (10,) of memory rules and limits; a limit that is not enforced is out of reach."""
    memory, far = rules.memory, 2**62
    luts = int(memory.lut_share * device.memory_lut)
    split = bits == 32
    limits = (device.bram18, luts) if rules.enforce_memory else (far, 0)
    flags = (memory.weight_copies, split, memory.layer_tiles, memory.depthwise_banks)
    return np.array((bits, memory.block_bits, *flags, *limits, device.dsp, DSPS_PER_MULTIPLIER[bits]), np.int64)


def port_limit(device: FpgaDevice, rules: FpgaRules) -> float:
    """Bits per cycle that the three ports may have together."""
    return device.bits_per_cycle if rules.enforce_bandwidth else float(device.port_bits)


def _layer_cost(layer: FpgaLayer, cells: Ints, design: Ints, rules: Ints) -> LayerCost:
    cycles, compute, load_in, load_weight, store = layer_cycles(cells, design, rules)
    label = Bottleneck.COMPUTE
    first = max(compute, load_in, load_weight)
    if store > first:
        label = Bottleneck.OUTPUT
    elif load_in == first:
        label = Bottleneck.INPUT
    elif load_weight == first:
        label = Bottleneck.WEIGHT
    return LayerCost(layer.name, cycles, compute, load_in, load_weight, store, label)


def _usage(rows: Ints, design: FpgaDesign, device: FpgaDevice, rules: FpgaRules) -> Usage:
    used = np.zeros(5, np.int64)
    area = max(design.tk, design.tk_d) ** 2
    occupy_for(rows, design_row(design), area, memory_row(device, rules, design.bits), used)
    dsp, blocks_in, blocks_out, blocks_weight, luts = (int(value) for value in used)
    return Usage(dsp, blocks_in, blocks_out, blocks_weight, luts, design.bits * design.ports.words)


def _shortages(
    layers: Sequence[FpgaLayer], design: FpgaDesign, device: FpgaDevice, rules: FpgaRules, usage: Usage
) -> list[Shortage]:
    limits: list[tuple[str, float, float]] = [
        ("dsp", usage.dsp, device.dsp),
        ("port_bits", usage.port_bits, device.port_bits),
    ]
    if rules.enforce_bandwidth:
        limits.append(("bandwidth", usage.port_bits, 8e9 * device.bandwidth_gb_s / device.clock_hz))
    if rules.enforce_memory:
        limits += [
            ("bram18", usage.bram18, device.bram18),
            ("memory_lut", usage.weight_lut, int(rules.memory.lut_share * device.memory_lut)),
        ]
    for alone, side in ((False, design.tk), (True, design.tk_d)):
        largest = max((max(layer.kernel) for layer in layers if layer.depthwise is alone), default=0)
        limits.append(("kernel", largest, side))
    return [Shortage(name, needed, available) for name, needed, available in limits if needed > available]
