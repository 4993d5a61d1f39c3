"""What does a memory, a multiplier or a vector unit of some size cost at a node? Parts to build accelerators from.

Registers are flip-flops. Static memories are equal single-port banks side by side; their port is as wide as all banks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from coexplore.accelerators.accelerator import OPERANDS, MacUnit, MemoryLevel, Operand, SpatialAxis, VectorUnit
from coexplore.accelerators.technology import PJ, UM2, UW, Technology
from coexplore.core.errors import AcceleratorError

VECTOR_BITS = 16
"""Operand width of a vector lane; ours: wide enough for sums of 8-bit activations."""


_remembered = lru_cache(maxsize=4096, typed=True)
"""Parts of few sizes recur in a space."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Numbers of one memory instance, as in `MemoryLevel`."""

    capacity_bytes: int | None
    bytes_per_cycle: float | None
    """Of the port; None is unlimited."""
    read_j_per_bit: float
    write_j_per_bit: float
    area_mm2: float = 0.0
    leakage_w: float = 0.0

    def level(
        self,
        name: str,
        fanout: tuple[SpatialAxis, ...] = (),
        keeps: tuple[Operand, ...] = OPERANDS,
        two_ports: bool = False,
        double_buffered: bool = True,
    ) -> MemoryLevel:
        """A memory level of such instances.

        Args:
            name: of the level.
            fanout: what lies below it.
            keeps: operands stored there.
            two_ports: halves of the width read and write at the same time instead of taking turns on all of it.
            double_buffered: as in `MemoryLevel`.
        """
        width = self.bytes_per_cycle
        if two_ports and width is not None:
            width /= 2
        return MemoryLevel(
            name=name,
            keeps=keeps,
            capacity_bytes=self.capacity_bytes,
            read_bytes_per_cycle=width,
            write_bytes_per_cycle=width if two_ports else None,
            read_j_per_bit=self.read_j_per_bit,
            write_j_per_bit=self.write_j_per_bit,
            area_mm2=self.area_mm2,
            leakage_w=self.leakage_w,
            double_buffered=double_buffered,
            fanout=fanout,
        )

    def off_chip(self, name: str, fanout: tuple[SpatialAxis, ...] = ()) -> MemoryLevel:
        """Main memory as a level; the area of its interface belongs to the chip and not to it."""
        return replace(self, area_mm2=0.0).level(name, fanout)


@_remembered
def sram(technology: Technology, size_kib: float, banks: int = 1, width_bits: int = 64) -> Storage:
    """Equal banks of `size_kib / banks`, each `width_bits` wide.

    Raises:
        AcceleratorError: a bank is outside the table, or the size is no whole number of bytes.
    """
    bank = technology.sram_at(size_kib / banks, width_bits)
    return Storage(
        capacity_bytes=_whole_bytes(size_kib * 1024),
        bytes_per_cycle=banks * width_bits / 8,
        read_j_per_bit=bank.read_pj * PJ / width_bits,
        write_j_per_bit=bank.write_pj * PJ / width_bits,
        area_mm2=banks * bank.area_um2 * UM2,
        leakage_w=banks * bank.leakage_uw * UW,
    )


@_remembered
def registers(technology: Technology, words: int, bits: int) -> Storage:
    """Flip-flops that are read and written without limit.

    Raises:
        AcceleratorError: they hold no whole number of bytes.
    """
    one = technology.logic_at(8)
    capacity = _whole_bytes(words * bits / 8)
    energy = one.register_pj * PJ / one.bits
    return Storage(capacity, None, energy, energy, capacity * one.register_area_um2 * UM2)


@_remembered
def main_memory(technology: Technology, kind: str, gb_per_s: float | None, clock_hz: float) -> Storage:
    """DRAM of unlimited size; a GB is 1e9 bytes. The area is that of its interface on the chip.

    Raises:
        AcceleratorError: the kind of DRAM is not in the table.
    """
    row = technology.dram_of(kind)
    energy = row.pj_per_bit.value * PJ
    width = None if gb_per_s is None else gb_per_s * 1e9 / clock_hz
    return Storage(None, width, energy, energy, row.io_area_mm2_per_gb_s.value * (gb_per_s or 0.0))


@_remembered
def multiplier(technology: Technology, bits: int) -> MacUnit:
    """One multiply-accumulate unit.

    Raises:
        AcceleratorError: the width is outside the table.
    """
    logic = technology.logic_at(bits)
    return MacUnit(bits, logic.mac_pj * PJ, logic.mac_area_um2 * UM2, logic.mac_leakage_uw * UW)


@_remembered
def systolic_element(technology: Technology, bits: int, travelling_bits: int) -> MacUnit:
    """A multiply-accumulate unit with the registers through which data travel from neighbour to neighbour.

    Args:
        technology: the node.
        bits: of weights and inputs.
        travelling_bits: of all that is handed on in a cycle.
    """
    bare, byte = multiplier(technology, bits), technology.logic_at(8)
    hops = travelling_bits / byte.bits
    energy, area = bare.energy_j + hops * byte.register_pj * PJ, bare.area_mm2 + hops * byte.register_area_um2 * UM2
    return MacUnit(bits, energy, area, bare.leakage_w)


@_remembered
def vector_unit(technology: Technology, operations_per_cycle: float) -> VectorUnit:
    """Lanes as costly as multiply-accumulate units of `VECTOR_BITS`."""
    lane = technology.logic_at(VECTOR_BITS)
    return VectorUnit(operations_per_cycle, lane.mac_pj * PJ, operations_per_cycle * lane.mac_area_um2 * UM2)


def _whole_bytes(size: float) -> int:
    if size != int(size):
        raise AcceleratorError(f"a memory of {size:g} bytes is none; give it a whole number of bytes")
    return int(size)
