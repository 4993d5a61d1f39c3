"""Which hardware is `tpu-v4i-like`? A datacentre chip for inference: four systolic arrays behind two large memories.

References:
    Jouppi2021: Jouppi et al., "Ten lessons from three generations shaped Google's TPUv4i", ISCA 2021. Four 128 x 128
        arrays, 128 MB common memory, 614 GB/s of HBM, 1.05 GHz, 7 nm; vector memory of 16 MB. Recalled, and as in the
        architecture `tpu_v4i.yaml` of AccelForge.

Departures: ports of the memories, sums per column, the vector unit's width and the area of the HBM interface are ours.
A multiplier costs as much as one of 16-bit integers; the chip's computes bfloat16.
"""

from __future__ import annotations

from coexplore.accelerators.accelerator import Accelerator, Dim, Operand, SpatialAxis
from coexplore.accelerators.components import main_memory, registers, sram, systolic_element, vector_unit
from coexplore.accelerators.family import ACCELERATOR_PRESETS
from coexplore.accelerators.technology import load_technology

ARRAYS, SIDE = 4, 128
BITS, SUM_BITS = 16, 32
COMMON_KIB, COMMON_BANKS, COMMON_BITS = 128 * 1024, 128, 128
VECTOR_KIB, VECTOR_BANKS, VECTOR_BITS = 16 * 1024, 128, 256
SUMS_PER_COLUMN = 512
VECTOR_OPERATIONS = 8 * 128
HBM_GB_S = 614.0
CLOCK_HZ = 1.05e9
NODE_NM = 7

ARRAY_DIMS = (Dim.N, Dim.G, Dim.K, Dim.P, Dim.Q)


@ACCELERATOR_PRESETS.register("tpu-v4i-like")
def tpu_v4i_like() -> Accelerator:
    """Four 128 x 128 systolic arrays of 16 bits, 128 MB common and 16 MB vector memory, 614 GB/s, 1.05 GHz, 7 nm."""
    technology = load_technology(NODE_NM)
    memory = main_memory(technology, "hbm2", HBM_GB_S, CLOCK_HZ)
    common = sram(technology, COMMON_KIB, COMMON_BANKS, COMMON_BITS)
    vector = sram(technology, VECTOR_KIB, VECTOR_BANKS, VECTOR_BITS)
    sums = sram(technology, SUMS_PER_COLUMN * SUM_BITS / 8 / 1024, 2, SUM_BITS)
    arrays = SpatialAxis("array", ARRAYS, ARRAY_DIMS)
    columns = SpatialAxis("column", SIDE, (Dim.K,), hop_cycles=1)
    rows = SpatialAxis("row", SIDE, (Dim.C, Dim.R, Dim.S), hop_cycles=1)
    return Accelerator(
        name="tpu-v4i-like",
        clock_hz=CLOCK_HZ,
        levels=(
            memory.off_chip("hbm"),
            common.level("common_memory"),
            vector.level("vector_memory", (arrays, columns)),
            sums.level("sum_memory", (rows,), (Operand.OUTPUT,), two_ports=True),
            registers(technology, 2, BITS).level("weight_register", keeps=(Operand.WEIGHT,)),
        ),
        mac=systolic_element(technology, BITS, BITS + SUM_BITS),
        vector=vector_unit(technology, float(VECTOR_OPERATIONS)),
        other_area_mm2=(("io", memory.area_mm2),),
    )
