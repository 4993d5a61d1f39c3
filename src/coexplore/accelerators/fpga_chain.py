"""What is a tile engine in the general description? Main memory, three buffers side by side, and a grid of multipliers.

With it the loop-nest engine prices what the closed form of `coexplore.cost.fpga` prices. Each buffer is filled through
its port; outputs leave through main memory's write port. Energy and area are those of a 16 or 28 nm chip times the gap
between FPGAs and chips, so they are estimates, of use for orders of magnitude only.

References:
    Kuon2007: Kuon & Rose, Measuring the gap between FPGAs and ASICs, TCAD 26(2), 2007: dynamic power 14 times, area 35
        times that of standard cells at 90 nm, both lower where hard multipliers and memories are used.

Departures:
    The gaps are those of plain logic at 90 nm, applied to everything on the chip: an upper estimate. Tiles in a buffer
    are what the design holds; the depthwise engine is not described. A port is as large as an interface to main memory
    of its bandwidth.
"""

from __future__ import annotations

import math
from dataclasses import replace

from coexplore.accelerators.accelerator import Accelerator, Dim, MemoryLevel, Operand, SpatialAxis
from coexplore.accelerators.components import main_memory, multiplier, sram, vector_unit
from coexplore.accelerators.fpga import FpgaDesign, FpgaDevice
from coexplore.accelerators.technology import load_technology
from coexplore.core.errors import AcceleratorError

POWER_GAP, AREA_GAP = 14.0, 35.0
BLOCK_KIB = 2.0
"""Data of a block RAM."""
DRAM = "lpddr4"
FREE_BYTES_PER_CYCLE = 1e9


def fpga_chain(design: FpgaDesign, device: FpgaDevice, input_words: int, node_nm: int = 16) -> Accelerator:
    """The convolution engine of a design as a chain of levels.

    Args:
        design: without a depthwise engine.
        device: its clock.
        input_words: of the input tile per channel; with a halo it is larger than Tr x Tc.
        node_nm: of the technology table; UltraScale+ is made at 16 nm, the 7 series at 28.

    Raises:
        AcceleratorError: the design has a depthwise engine, floating point, or the node is unknown.
    """
    if design.tm_d or design.bits != 16:
        raise AcceleratorError("only a fixed-point design without a depthwise engine is one chain of levels")
    technology, word, ports = load_technology(node_nm), design.bits // 8, design.ports
    memory = main_memory(technology, DRAM, device.bandwidth_gb_s, device.clock_hz)
    port_mm2_per_gb_s = technology.dram_of(DRAM).io_area_mm2_per_gb_s.value
    kernel, tile = design.tk**2, design.tr * design.tc
    axes = (SpatialAxis("tm", design.tm, (Dim.K,)), SpatialAxis("tn", design.tn, (Dim.C,)))
    pairs = design.tm * design.tn
    mac = multiplier(technology, design.bits)

    def buffer(
        operand: Operand, words: int, width: int, port: int, fanout: tuple[SpatialAxis, ...] = ()
    ) -> MemoryLevel:
        """`words` of a tile in banks that feed `width` words per cycle to the array; outputs also leave by `port`."""
        block = sram(technology, BLOCK_KIB)
        blocks = width * max(1, math.ceil(2 * words * word / width / (1024 * BLOCK_KIB)))
        return MemoryLevel(
            name=f"{operand.value}_buffer",
            keeps=(operand,),
            capacity_bytes=2 * words * word,
            read_bytes_per_cycle=float((width + port if fanout else width) * word),
            write_bytes_per_cycle=float((width if fanout else port) * word),
            read_j_per_bit=POWER_GAP * block.read_j_per_bit,
            write_j_per_bit=POWER_GAP * block.write_j_per_bit,
            area_mm2=AREA_GAP * blocks * block.area_mm2,
            word_bits=design.bits,
            fanout=fanout,
        )

    return Accelerator(
        name=f"tile engine {design.tm}x{design.tn}, tiles {design.tr}x{design.tc}x{design.tk}, ports "
        f"{ports.weight}/{ports.input}/{ports.output}",
        clock_hz=device.clock_hz,
        levels=(
            # Loads are limited by the ports of the buffers they fill, stores by the port of main memory.
            replace(
                memory.off_chip("dram"),
                read_bytes_per_cycle=FREE_BYTES_PER_CYCLE,
                write_bytes_per_cycle=float(word * ports.output),
                word_bits=design.bits,
            ),
            buffer(Operand.WEIGHT, pairs * kernel, pairs, ports.weight),
            buffer(Operand.INPUT, design.tn * input_words, design.tn, ports.input),
            buffer(Operand.OUTPUT, design.tm * tile, design.tm, ports.output, axes),
        ),
        mac=replace(mac, energy_j=POWER_GAP * mac.energy_j, area_mm2=AREA_GAP * mac.area_mm2),
        vector=vector_unit(technology, float(design.tm)),
        other_area_mm2=(("ports", AREA_GAP * ports.words * word * device.clock_hz / 1e9 * port_mm2_per_gb_s),),
    )
