"""Technology: what an action costs at a node, every constant with its source (`technology/*.toml`).

Between two tabulated sizes a value is interpolated on logarithmic axes; outside the table it is refused.

References:
    cacti-aladdin-scaled: SRAM by CACTI, multipliers and registers by the Aladdin library, both scaled to the node as in
        Stillmaker and Baas, "Scaling equations for the accurate prediction of CMOS device performance", 2017.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from coexplore.core.errors import AcceleratorError

PJ = 1e-12
UM2 = 1e-6
"""One square micrometre in square millimetres."""
UW = 1e-6


@dataclass(frozen=True, slots=True)
class Sourced:
    """A number and where it comes from."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class SramRow:
    """One 64-bit wide, one-bank, one-port SRAM."""

    size_kib: float
    read_pj: float
    write_pj: float
    area_um2: float
    leakage_uw: float


@dataclass(frozen=True, slots=True)
class LogicRow:
    """Multiply-accumulate unit and register at one operand width."""

    bits: int
    mac_pj: float
    mac_area_um2: float
    mac_leakage_uw: float
    register_pj: float
    register_area_um2: float


@dataclass(frozen=True, slots=True)
class Technology:
    """Energy (joule), area (square millimetre) and leakage (watt) of components at one node."""

    node_nm: int
    sram_word_bits: int
    sram: tuple[SramRow, ...]
    logic: tuple[LogicRow, ...]
    dram_pj_per_bit: tuple[tuple[str, Sourced], ...]
    source: str

    def sram_at(self, size_kib: float) -> SramRow:
        """An SRAM of the given size.

        Raises:
            AcceleratorError: the size is outside the table.
        """
        rows = self.sram
        if not rows[0].size_kib <= size_kib <= rows[-1].size_kib:
            raise AcceleratorError(
                f"an SRAM of {size_kib} KiB is outside the {self.node_nm} nm table "
                f"({rows[0].size_kib} to {rows[-1].size_kib} KiB); split it into banks"
            )
        upper = next(i for i, row in enumerate(rows) if row.size_kib >= size_kib)
        if rows[upper].size_kib == size_kib:
            return rows[upper]
        low, high = rows[upper - 1], rows[upper]
        share = math.log(size_kib / low.size_kib) / math.log(high.size_kib / low.size_kib)
        return SramRow(
            size_kib,
            _between(low.read_pj, high.read_pj, share),
            _between(low.write_pj, high.write_pj, share),
            _between(low.area_um2, high.area_um2, share),
            _between(low.leakage_uw, high.leakage_uw, share),
        )

    def logic_at(self, bits: int) -> LogicRow:
        """Multiplier and register of a tabulated width.

        Raises:
            AcceleratorError: the width is not in the table.
        """
        for row in self.logic:
            if row.bits == bits:
                return row
        raise AcceleratorError(
            f"no {bits}-bit multiplier in the {self.node_nm} nm table; legal: {[r.bits for r in self.logic]}"
        )

    def dram_j_per_bit(self, kind: str) -> float:
        """Energy to move one bit to or from main memory.

        Raises:
            AcceleratorError: the kind of memory is not in the table.
        """
        table = dict(self.dram_pj_per_bit)
        if kind not in table:
            raise AcceleratorError(f"unknown DRAM type {kind!r}; known: {', '.join(table)}")
        return table[kind].value * PJ


def _between(low: float, high: float, share: float) -> float:
    return math.exp(math.log(low) * (1 - share) + math.log(high) * share)


@cache
def load_technology(node_nm: int) -> Technology:
    """The table of one node that ships with the package.

    Raises:
        AcceleratorError: no such node.
    """
    folder = resources.files("coexplore.accelerators") / "technology"
    file = folder / f"{node_nm}nm.toml"
    if not file.is_file():
        known = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith("nm.toml"))
        raise AcceleratorError(f"no technology table for {node_nm} nm; known: {', '.join(known)}")
    table = tomllib.loads(file.read_text())
    dram = tomllib.loads((folder / "dram.toml").read_text())
    return Technology(
        node_nm=node_nm,
        sram_word_bits=table["sram"]["word_bits"],
        sram=tuple(SramRow(*row) for row in table["sram"]["rows"]),
        logic=tuple(LogicRow(*row) for row in table["logic"]["rows"]),
        dram_pj_per_bit=tuple((name, Sourced(entry["pj_per_bit"], entry["source"])) for name, entry in dram.items()),
        source=table["source"],
    )
