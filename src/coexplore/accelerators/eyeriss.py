"""Which hardware is Eyeriss? The published chip of 168 processing elements, and the 256-element variant of peer tools.

A row-stationary array: a processing element keeps one filter row of several filters and channels, convolves an input
row with it, and adds its sums to those of the element below. As a chain of levels: main memory, global buffer (inputs
and partial sums; weights pass it by), and three separate scratchpads per element.

References:
    Chen2017: Chen et al., "Eyeriss: An energy-efficient reconfigurable accelerator for deep convolutional neural
        networks", IEEE JSSC 52(1), 2017. Sizes and clocks are recalled from it, not looked up.
    Chen2016: Chen et al., "Eyeriss: A spatial architecture for energy-efficient dataflow for convolutional neural
        networks", ISCA 2016. Costs of an access relative to a multiply-accumulate.
    eyeriss-256: `eyeriss-256.yaml` among the mapper configurations of Timeloop.

Departures:
    The chip is 65 nm; the tables end at 45 nm, whose 16-bit multiply-accumulate is the unit of energy here. Ratios
    between levels are those of Chen2016, so absolute joules are no statement about the chip. Areas are 45 nm.
    The 8 KB of the global buffer that prefetch weights are no level: weights pass from main memory to the array.
    The network between the elements (cost 2) is part of no level and costs no energy.
"""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.accelerators.accelerator import Accelerator, Dim, MacUnit, MemoryLevel, Operand, SpatialAxis, VectorUnit
from coexplore.accelerators.technology import PJ, UM2, UW, Technology, load_technology

BITS = 16
WORD_BYTES = BITS // 8
NODE_NM = 45

DRAM_COST, BUFFER_COST, SPAD_COST = 200.0, 6.0, 1.0
"""Energy of a 16-bit access over that of a 16-bit multiply-accumulate (Chen2016)."""

CLOCK_HZ = 200e6
LINK_HZ = 60e6
LINK_BITS = 64
"""Core clock, and the link to main memory (Chen2017)."""

INPUT_NOC_WORDS, WEIGHT_NOC_WORDS, PSUM_NOC_WORDS = 1, 4, 4
"""Words per cycle that the networks carry from the global buffer to the array, and sums the same back (Chen2017)."""

PREFETCH_WORDS = 8 * 1024 // WORD_BYTES
"""Weights that wait in the global buffer for the next pass (Chen2017)."""

COLUMN_DIMS = (Dim.G, Dim.K, Dim.P)
"""Sums are not added along a row of the array."""
ROW_DIMS = (Dim.G, Dim.K, Dim.C, Dim.P, Dim.R)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What the two variants differ in."""

    name: str
    columns: int
    rows: int
    buffer_bytes: int
    weight_words: int
    input_words: int
    psum_words: int
    buffer_read_words: int
    buffer_write_words: int


def eyeriss_168() -> Accelerator:
    """The chip (Chen2017): 14 x 12 elements, 25 banks of 4 KB for inputs and sums, 200 MHz, 60 MHz link of 64 bits."""
    reads = INPUT_NOC_WORDS + PSUM_NOC_WORDS
    return _build(_Sizes("eyeriss-168", 14, 12, 25 * 4096, 224, 12, 24, reads, PSUM_NOC_WORDS))


def eyeriss_256() -> Accelerator:
    """The variant of peer tools (eyeriss-256): 16 x 16 elements, 128 KB buffer of 16 words per cycle.

    Clock and link are those of the chip: the configuration states none.
    """
    return _build(_Sizes("eyeriss-256", 16, 16, 128 * 1024, 192, 12, 16, 16, 16))


def _build(sizes: _Sizes) -> Accelerator:
    technology = load_technology(NODE_NM)
    logic = technology.logic_at(BITS)
    j_per_bit = logic.mac_pj * PJ / BITS
    link_bytes = LINK_HZ * LINK_BITS / 8 / CLOCK_HZ
    fanout = (SpatialAxis("pe_x", sizes.columns, COLUMN_DIMS), SpatialAxis("pe_y", sizes.rows, ROW_DIMS))
    dram = MemoryLevel(
        "dram", tuple(Operand), None, link_bytes, None, DRAM_COST * j_per_bit, DRAM_COST * j_per_bit, word_bits=BITS
    )
    return Accelerator(
        name=sizes.name,
        clock_hz=CLOCK_HZ,
        levels=(
            dram,
            _buffer(technology, sizes, j_per_bit, fanout),
            _spad("weight_spad", Operand.WEIGHT, sizes.weight_words, technology, j_per_bit),
            _spad("input_spad", Operand.INPUT, sizes.input_words, technology, j_per_bit),
            _spad("psum_spad", Operand.OUTPUT, sizes.psum_words, technology, j_per_bit),
        ),
        mac=MacUnit(BITS, logic.mac_pj * PJ, logic.mac_area_um2 * UM2, logic.mac_leakage_uw * UW),
        vector=VectorUnit(operations_per_cycle=PSUM_NOC_WORDS, energy_j=logic.mac_pj * PJ),
    )


def _buffer(technology: Technology, sizes: _Sizes, j_per_bit: float, fanout: tuple[SpatialAxis, ...]) -> MemoryLevel:
    """Inputs and sums; too small for second tiles on the chip's own mappings, so it is not double buffered."""
    sram = technology.sram_at(sizes.buffer_bytes / 1024)
    return MemoryLevel(
        name="global_buffer",
        keeps=(Operand.INPUT, Operand.OUTPUT),
        capacity_bytes=sizes.buffer_bytes,
        read_bytes_per_cycle=float(sizes.buffer_read_words * WORD_BYTES),
        write_bytes_per_cycle=float(sizes.buffer_write_words * WORD_BYTES),
        read_j_per_bit=BUFFER_COST * j_per_bit,
        write_j_per_bit=BUFFER_COST * j_per_bit,
        area_mm2=sram.area_um2 * UM2,
        leakage_w=sram.leakage_uw * UW,
        double_buffered=False,
        word_bits=BITS,
        fanout=fanout,
    )


def _spad(name: str, operand: Operand, words: int, technology: Technology, j_per_bit: float) -> MemoryLevel:
    """A scratchpad of one operand, two words read and two written per cycle; its area is that of registers."""
    return MemoryLevel(
        name=name,
        keeps=(operand,),
        capacity_bytes=words * WORD_BYTES,
        read_bytes_per_cycle=2.0 * WORD_BYTES,
        write_bytes_per_cycle=2.0 * WORD_BYTES,
        read_j_per_bit=SPAD_COST * j_per_bit,
        write_j_per_bit=SPAD_COST * j_per_bit,
        area_mm2=words * technology.logic_at(BITS).register_area_um2 * UM2,
        double_buffered=False,
        word_bits=BITS,
    )
