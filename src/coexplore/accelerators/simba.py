"""Which hardware is `simba-like`? One chiplet of Simba: 16 elements of 8 vector multipliers, each 8 channels wide.

References:
    Shao2019: Shao et al., "Simba: scaling deep-learning inference with multi-chip-module-based architecture", MICRO
        2019. Elements, vector widths, sizes of buffers and the node; recalled, and as in the configuration
        `simba-chip.cfg` of Timeloop.

Departures: clock (the chip ran at 0.5 to 2 GHz), banks, DRAM and the vector unit are ours. The chip's sums have
24 bits and take 3 KB per element; as many sums of 32 bits take 4 KB. Chiplets beyond the one, the links between them
and the RISC-V core are not described.
"""

from __future__ import annotations

from coexplore.accelerators.accelerator import Accelerator, Dim, MemoryLevel, Operand, SpatialAxis
from coexplore.accelerators.components import main_memory, multiplier, registers, sram, vector_unit
from coexplore.accelerators.family import ACCELERATOR_PRESETS
from coexplore.accelerators.technology import Technology, load_technology

MESH_SIDE = 4
LANES = 8
LANE_WIDTH = 8
BITS = 8
GLOBAL_KIB, WEIGHT_KIB, INPUT_KIB, SUM_KIB = 64, 32, 8, 4
GLOBAL_BANKS, SUM_BANKS, SUM_WIDTH_BITS = 4, 4, 128
CLOCK_HZ = 1e9
DRAM_GB_S = 20.0
NODE_NM = 16

MESH_DIMS = (Dim.G, Dim.K, Dim.C, Dim.P, Dim.Q)
"""Elements share channels, or split an image; sums of different elements are added on the network."""


@ACCELERATOR_PRESETS.register("simba-like")
def simba_like() -> Accelerator:
    """One chiplet of Simba: 4 x 4 elements of 8 vector multipliers x 8 channels, 64 KB global buffer, 16 nm."""
    technology = load_technology(NODE_NM)
    memory = main_memory(technology, "lpddr4", DRAM_GB_S, CLOCK_HZ)
    mesh = (SpatialAxis("pe_x", MESH_SIDE, MESH_DIMS), SpatialAxis("pe_y", MESH_SIDE, MESH_DIMS))
    shared = sram(technology, GLOBAL_KIB, GLOBAL_BANKS)
    return Accelerator(
        name="simba-like",
        clock_hz=CLOCK_HZ,
        levels=(
            memory.off_chip("dram"),
            shared.level("global_buffer", mesh, (Operand.INPUT, Operand.OUTPUT)),
            *_element(technology),
        ),
        mac=multiplier(technology, BITS),
        vector=vector_unit(technology, float(MESH_SIDE * MESH_SIDE)),
        other_area_mm2=(("io", memory.area_mm2),),
    )


def _element(technology: Technology) -> tuple[MemoryLevel, ...]:
    """Three buffers side by side, and a register for the weight of every multiplier."""
    weights = sram(technology, WEIGHT_KIB, LANES, LANE_WIDTH * BITS)
    inputs = sram(technology, INPUT_KIB, 1, LANE_WIDTH * BITS)
    sums = sram(technology, SUM_KIB, SUM_BANKS, SUM_WIDTH_BITS)
    vectors = (SpatialAxis("lane", LANES, (Dim.K,)), SpatialAxis("dot", LANE_WIDTH, (Dim.C,)))
    return (
        weights.level("weight_buffer", keeps=(Operand.WEIGHT,)),
        inputs.level("input_buffer", keeps=(Operand.INPUT,)),
        sums.level("accumulation_buffer", vectors, (Operand.OUTPUT,), two_ports=True),
        registers(technology, 2, BITS).level("weight_register", keeps=(Operand.WEIGHT,)),
    )
