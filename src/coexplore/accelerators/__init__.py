"""Hardware: one general description, and what is data over it. Importing it registers families and presets."""

from coexplore.accelerators import edge_array, eyeriss_like, fpga_pipeline, fpga_tiles, gemmini, simba, systolic, tpu
from coexplore.accelerators.eyeriss import eyeriss_168, eyeriss_256
from coexplore.accelerators.family import ACCELERATOR_PRESETS

__all__ = ["edge_array", "eyeriss_like", "fpga_pipeline", "fpga_tiles", "gemmini", "simba", "systolic", "tpu"]

ACCELERATOR_PRESETS.register("eyeriss-168")(eyeriss_168)
ACCELERATOR_PRESETS.register("eyeriss-256")(eyeriss_256)
