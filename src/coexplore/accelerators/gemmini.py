"""Which hardware is `gemmini-16`? The 16 x 16 weight-stationary Gemmini with 256 KB scratchpad and 64 KB accumulator.

References:
    Genc2021: Genc et al., "Gemmini: enabling systematic deep-learning architecture evaluation via full-stack
        integration", DAC 2021; array, memories, banks and bus as in the configurations of its repository.

Departures: clock, node and vector unit are ours. Commands, the DMA's latency and the processor are not described.
"""

from __future__ import annotations

from coexplore.accelerators.accelerator import Accelerator, Dim, Operand, SpatialAxis
from coexplore.accelerators.components import main_memory, registers, sram, systolic_element, vector_unit
from coexplore.accelerators.family import ACCELERATOR_PRESETS
from coexplore.accelerators.technology import load_technology

SIDE = 16
BITS, SUM_BITS = 8, 32
TRAVELLING_BITS = 8 + 20
"""An input, and a partial sum of `spatialArrayOutputType`."""
SCRATCHPAD_KIB, SCRATCHPAD_BANKS = 256, 4
ACCUMULATOR_KIB, ACCUMULATOR_BANKS = 64, 2
BUS_BYTES = 16
CLOCK_HZ = 1e9
NODE_NM = 22


@ACCELERATOR_PRESETS.register("gemmini-16")
def gemmini_16() -> Accelerator:
    """Gemmini, 16 x 16, weights at rest, 256 KB scratchpad, 64 KB accumulator, 16 bytes per cycle to memory."""
    technology = load_technology(NODE_NM)
    bandwidth = BUS_BYTES * CLOCK_HZ / 1e9
    memory = main_memory(technology, "lpddr4", bandwidth, CLOCK_HZ)
    scratchpad = sram(technology, SCRATCHPAD_KIB, SCRATCHPAD_BANKS, SIDE * BITS)
    accumulator = sram(technology, ACCUMULATOR_KIB / SIDE, ACCUMULATOR_BANKS, SUM_BITS)
    columns = SpatialAxis("column", SIDE, (Dim.K,), hop_cycles=1)
    rows = SpatialAxis("row", SIDE, (Dim.C,), hop_cycles=1)
    return Accelerator(
        name="gemmini-16",
        clock_hz=CLOCK_HZ,
        levels=(
            memory.off_chip("dram"),
            scratchpad.level("scratchpad", (columns,), (Operand.WEIGHT, Operand.INPUT)),
            accumulator.level("accumulator", (rows,), (Operand.OUTPUT,), two_ports=True),
            registers(technology, 2, BITS).level("weight_register", keeps=(Operand.WEIGHT,)),
        ),
        mac=systolic_element(technology, BITS, TRAVELLING_BITS),
        vector=vector_unit(technology, float(SIDE)),
        other_area_mm2=(("io", memory.area_mm2),),
    )
