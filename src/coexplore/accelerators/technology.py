"""Technology: what an action costs at a node, every constant with its source (`technology/*.toml`).

Between two tabulated sizes, widths or operand bits a value is interpolated on logarithmic axes; outside the table it is
refused. The tables are as noisy as their source: CACTI chooses another layout for every size and width.

References:
    CACTI: Balasubramonian et al., "CACTI 7: new tools for interconnect exploration in innovative off-chip memories",
        ACM TACO 2017; run through hwcomponents (Andrulis et al., MIT).
    Aladdin: Shao et al., "Aladdin: a pre-RTL, power-performance accelerator simulator", ISCA 2014.
    Stillmaker2017: Stillmaker and Baas, "Scaling equations for the accurate prediction of CMOS device performance from
        180 nm to 7 nm", Integration 2017.
    Horowitz2014: Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014.

Departures: multipliers and registers are Aladdin's, whose 32-bit multiply costs about 4 times that of Horowitz2014. The
source gives registers no leakage.
"""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache
from importlib import resources
from itertools import groupby

from coexplore.core.errors import AcceleratorError, did_you_mean

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
    """One-bank SRAM with one port; an access reads or writes the whole width."""

    size_kib: float
    width_bits: float
    read_pj: float
    write_pj: float
    area_um2: float
    leakage_uw: float


@dataclass(frozen=True, slots=True)
class LogicRow:
    """Multiply-accumulate unit and register at one operand width; the register's energy is per access."""

    bits: float
    mac_pj: float
    mac_area_um2: float
    mac_leakage_uw: float
    register_pj: float
    register_area_um2: float


@dataclass(frozen=True, slots=True)
class DramRow:
    """One type of main memory."""

    kind: str
    pj_per_bit: Sourced
    io_area_mm2_per_gb_s: Sourced


@dataclass(frozen=True, slots=True, eq=False)
class Technology:
    """Components at one node. A table is its own identity, so that what follows from it is quickly remembered."""

    node_nm: int
    sram: tuple[tuple[int, tuple[SramRow, ...]], ...]
    """By width in bits, each by size."""
    logic: tuple[LogicRow, ...]
    """By operand bits."""
    dram: tuple[DramRow, ...]
    sram_source: str
    logic_source: str

    def sram_at(self, size_kib: float, width_bits: int = 64) -> SramRow:
        """One bank.

        Raises:
            AcceleratorError: size or width are outside the table.
        """
        widths = [width for width, _ in self.sram]
        if not widths[0] <= width_bits <= widths[-1]:
            raise AcceleratorError(
                f"an SRAM of {width_bits} bits per access is outside the {self.node_nm} nm table "
                f"({widths[0]} to {widths[-1]} bits); use several banks side by side"
            )
        upper = bisect_left(widths, width_bits)
        high = self._of_width(upper, size_kib)
        if widths[upper] == width_bits:
            return high
        return SramRow(*_between(self._of_width(upper - 1, size_kib), high, 1, width_bits))

    def _of_width(self, column: int, size_kib: float) -> SramRow:
        width, rows = self.sram[column]
        if not rows[0].size_kib <= size_kib <= rows[-1].size_kib:
            advice = "use registers or fewer banks" if size_kib < rows[0].size_kib else "split it into banks"
            raise AcceleratorError(
                f"an SRAM of {size_kib:g} KiB is outside the {self.node_nm} nm table for {width} bits "
                f"({rows[0].size_kib:g} to {rows[-1].size_kib:g} KiB); {advice}"
            )
        upper = bisect_left([row.size_kib for row in rows], size_kib)
        if rows[upper].size_kib == size_kib:
            return rows[upper]
        return SramRow(*_between(rows[upper - 1], rows[upper], 0, size_kib))

    def logic_at(self, bits: int) -> LogicRow:
        """Multiplier and register of a width.

        Raises:
            AcceleratorError: the width is outside the table.
        """
        rows = self.logic
        if not rows[0].bits <= bits <= rows[-1].bits:
            raise AcceleratorError(
                f"a multiplier of {bits} bits is outside the {self.node_nm} nm table "
                f"({rows[0].bits} to {rows[-1].bits} bits)"
            )
        upper = bisect_left([row.bits for row in rows], bits)
        if rows[upper].bits == bits:
            return rows[upper]
        return LogicRow(*_between(rows[upper - 1], rows[upper], 0, bits))

    def dram_of(self, kind: str) -> DramRow:
        """One type of main memory.

        Raises:
            AcceleratorError: it is not in the table.
        """
        for row in self.dram:
            if row.kind == kind:
                return row
        raise AcceleratorError(f"unknown type of DRAM {kind!r}; {did_you_mean(kind, [row.kind for row in self.dram])}")


def _between(low: SramRow | LogicRow, high: SramRow | LogicRow, field: int, value: float) -> Sequence[float]:
    """All fields of the row whose field number `field` is `value`."""
    first, last = astuple(low), astuple(high)
    share = math.log(value / first[field]) / math.log(last[field] / first[field])
    mixed = [math.exp(math.log(a) * (1 - share) + math.log(b) * share) for a, b in zip(first, last, strict=True)]
    mixed[field] = value
    return mixed


@cache
def load_technology(node_nm: int) -> Technology:
    """The table of one node that ships with the package.

    Raises:
        AcceleratorError: no such node.
    """
    folder = resources.files("coexplore.accelerators") / "technology"
    if node_nm not in known_nodes_nm():
        known = ", ".join(map(str, known_nodes_nm()))
        raise AcceleratorError(f"no technology table for {node_nm} nm; known: {known}")
    table = tomllib.loads((folder / f"{node_nm}nm.toml").read_text())
    rows = [SramRow(*row) for row in table["sram"]["rows"]]
    dram = tomllib.loads((folder / "dram.toml").read_text())
    return Technology(
        node_nm=node_nm,
        sram=tuple((int(width), tuple(group)) for width, group in groupby(rows, key=lambda row: row.width_bits)),
        logic=tuple(LogicRow(*row) for row in table["logic"]["rows"]),
        dram=tuple(_dram_row(kind, entry) for kind, entry in dram.items()),
        sram_source=table["sram"]["source"],
        logic_source=table["logic"]["source"],
    )


@cache
def known_nodes_nm() -> tuple[int, ...]:
    """The nodes that have a table."""
    folder = resources.files("coexplore.accelerators") / "technology"
    names = [entry.name for entry in folder.iterdir()]
    return tuple(sorted(int(name.removesuffix("nm.toml")) for name in names if name.endswith("nm.toml")))


def _dram_row(kind: str, entry: dict[str, float | str]) -> DramRow:
    energy = Sourced(float(entry["pj_per_bit"]), str(entry["source"]))
    return DramRow(kind, energy, Sourced(float(entry["io_area_mm2_per_gb_s"]), str(entry["io_source"])))
