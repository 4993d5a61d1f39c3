"""The edge array of NAHAS: a mesh of processing elements, each with lanes of SIMD units that share a local memory.

Seven knobs, 50,000 points. As a chain of levels: main memory, local memory per processing element, register file per
lane, operand latch per SIMD unit, and below it a 4-way 8-bit dot product.

References:
    Zhou2021: Zhou et al., "Rethinking co-design of neural architectures and hardware accelerators", arXiv 2102.08619.

Departures: the value lists are recalled, not verified, and are settings for that reason; energy, area, ports and
latches are our own model on sourced tables (see `technology`); the published baseline does not state its I/O bandwidth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from coexplore.accelerators.accelerator import Accelerator, Dim, MemoryLevel, Operand, SpatialAxis, VectorUnit
from coexplore.accelerators.components import VECTOR_BITS, Storage, main_memory, multiplier, registers, sram
from coexplore.accelerators.family import ACCELERATOR_FAMILIES
from coexplore.accelerators.technology import PJ, Technology, load_technology
from coexplore.spaces.decision import Decision
from coexplore.spaces.space import Point, Space

DOT_WIDTH = 4
LOCAL_BANKS = 16
SMALLEST_BANK_KIB = 0.5
LATCH_BYTES = 16

MESH_DIMS = (Dim.G, Dim.K, Dim.C, Dim.P, Dim.Q)
LANE_DIMS = (Dim.G, Dim.K, Dim.P, Dim.Q)
SIMD_DIMS = (Dim.G, Dim.K, Dim.Q)
DOT_DIMS = (Dim.C, Dim.R, Dim.S)


@ACCELERATOR_FAMILIES.register("edge-array")
@dataclass(frozen=True, slots=True)
class EdgeArray:
    """A mesh of elements with lanes of SIMD units and local memories: seven knobs, 50,000 points.

    The fields are the value lists of the knobs, and what is not a knob.
    """

    pes_x: tuple[int, ...] = (1, 2, 4, 6, 8)
    pes_y: tuple[int, ...] = (1, 2, 4, 6, 8)
    simd_units: tuple[int, ...] = (16, 32, 64, 128)
    lanes: tuple[int, ...] = (1, 2, 4, 8)
    local_memory_mb: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 4.0)
    register_file_kb: tuple[int, ...] = (8, 16, 32, 64, 128)
    io_bandwidth_gb_s: tuple[float, ...] = (5.0, 10.0, 15.0, 20.0, 25.0)
    clock_hz: float = 0.8e9
    node_nm: int = 22
    dram: str = "lpddr4"
    io_area_mm2_per_gb_s: float | None = None
    """None: as in the technology table."""

    @property
    def space(self) -> Space:
        """The seven knobs, each ordered."""
        knobs = ("pes_x", "pes_y", "simd_units", "lanes", "local_memory_mb", "register_file_kb", "io_bandwidth_gb_s")
        return Space(tuple(Decision(name, getattr(self, name), ordered=True) for name in knobs))

    @property
    def presets(self) -> Mapping[str, Point]:
        """`baseline` (Zhou2021, recalled; bandwidth ours): 4 x 4 elements, 4 lanes, 64 units, 26.2 TOPS."""
        baseline = {
            "pes_x": 4,
            "pes_y": 4,
            "simd_units": 64,
            "lanes": 4,
            "local_memory_mb": 2.0,
            "register_file_kb": 32,
            "io_bandwidth_gb_s": 20.0,
        }
        return {"baseline": EdgeArray().space.point(baseline)}

    def decode(self, point: Point) -> Accelerator:
        """The accelerator of a point; 1 MB is 1024 KiB and a GB/s is 1e9 bytes per second."""
        technology = load_technology(self.node_nm)
        x, y, simd, lanes = (int(point[name]) for name in ("pes_x", "pes_y", "simd_units", "lanes"))
        local_kib, file_kib = 1024 * float(point["local_memory_mb"]), float(point["register_file_kb"])
        bandwidth = float(point["io_bandwidth_gb_s"])
        memory = main_memory(technology, self.dram, bandwidth, self.clock_hz)
        per_gb_s = self.io_area_mm2_per_gb_s
        return Accelerator(
            name=f"edge-array {x}x{y}x{lanes}x{simd}, {local_kib / 1024:g} MB, {file_kib:g} KB, {bandwidth:g} GB/s",
            clock_hz=self.clock_hz,
            levels=(
                _main_memory(memory, x, y),
                _local_memory(technology, local_kib, lanes),
                _register_file(technology, file_kib, simd),
                _latch(technology),
            ),
            mac=multiplier(technology, 8),
            vector=_vector_unit(technology, x * y * lanes * simd),
            other_area_mm2=(("io", memory.area_mm2 if per_gb_s is None else bandwidth * per_gb_s),),
        )


# Levels are shared by the accelerators of a space: what follows from one is then found out once.


@lru_cache(maxsize=4096)
def _main_memory(memory: Storage, x: int, y: int) -> MemoryLevel:
    return memory.off_chip("dram", (SpatialAxis("pe_x", x, MESH_DIMS), SpatialAxis("pe_y", y, MESH_DIMS)))


@lru_cache(maxsize=1024)
def _local_memory(technology: Technology, kib: float, lanes: int) -> MemoryLevel:
    return sram(technology, kib, LOCAL_BANKS).level("local_memory", (SpatialAxis("lane", lanes, LANE_DIMS),))


@lru_cache(maxsize=1024)
def _register_file(technology: Technology, kib: float, simd: int) -> MemoryLevel:
    banks = int(min(simd, kib / SMALLEST_BANK_KIB))
    return sram(technology, kib, banks).level("register_file", (SpatialAxis("simd", simd, SIMD_DIMS),))


@lru_cache
def _latch(technology: Technology) -> MemoryLevel:
    """Flip-flops of one SIMD unit: two sets of four weights and two partial sums; inputs are broadcast past it."""
    keeps = (Operand.WEIGHT, Operand.OUTPUT)
    return registers(technology, LATCH_BYTES, 8).level("latch", (SpatialAxis("dot", DOT_WIDTH, DOT_DIMS),), keeps)


@lru_cache(maxsize=4096)
def _vector_unit(technology: Technology, units: int) -> VectorUnit:
    return VectorUnit(float(units), technology.logic_at(VECTOR_BITS).mac_pj * PJ)
