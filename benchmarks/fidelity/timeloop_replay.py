"""Does a replay equal Timeloop? Cycles and energy of DOSA's table of (layer, Gemmini-like accelerator, mapping).

Truth: `dosa_timeloop.parquet`, written by a Timeloop of 2022. Every row is replayed twice: with that tool's accounting,
where cycles must be equal and energy equal to the digits stored, and with clean physics, which is reported. The unit
energies are facts about the table's accelerators; nothing is fitted. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from coexplore import Loops, replay
from coexplore.accelerators.accelerator import (
    OPERANDS,
    Accelerator,
    Dim,
    MacUnit,
    MemoryLevel,
    Operand,
    SpatialAxis,
    VectorUnit,
)
from coexplore.core.errors import CoexploreError
from coexplore.cost.accounting import PHYSICS, Accounting
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.presets.timeloop import TIMELOOP_2022
from coexplore.workloads.op import Bits

TABLE, RTL_TABLE = "dosa_timeloop.parquet", "dosa_gemmini_rtl.parquet"
DEFAULT = Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
QUICK_ROWS = 1000
PJ = 1e-12

MAC_J = (8.63 * (8 / 32) ** 2 + 0.0857 * 8 / 32) * PJ
"""8-bit multiplier and adder at 5 ns, 40 nm: 32-bit units of Accelergy's Aladdin table, scaled."""
DRAM_J_PER_BIT = 12.5 * PJ
DRAM_BYTES_PER_CYCLE, DRAM_BLOCK_BITS = 8, 512
WORD = Bits(8, 8, 8, 8)

INPUTS = [
    *("prob.N", "prob.K", "prob.C", "prob.P", "prob.Q", "prob.R", "prob.S"),
    *("prob.Wstride", "prob.Hstride", "prob.Wdilation", "prob.Hdilation"),
    *("arch.meshX", "arch.mem1_entries", "arch.mem2_entries", "mapping.mapping"),
]
LEVEL = re.compile(r"L(\d)\[[WIO]+\]([^-]*)")
LEVELS = ("3", "2", "1", "0")


class Costs(NamedTuple):
    """Of one row."""

    cycles: float
    energy_uj: float
    fits: bool


def sram_j_per_bit(kibibytes: float) -> float:
    """1 pJ per 16 bits at 0.5 KiB and 6 pJ at 100 KiB, linear."""
    return (1 + 5 * (kibibytes - 0.5) / 99.5) / 16 * PJ


class Memory(NamedTuple):
    """What differs between the memories on the chip; reads and writes share the ports of each."""

    keeps: tuple[Operand, ...]
    size_bytes: int
    bytes_per_cycle: int | None
    word_bits: int
    block_bits: int = 1
    fanout: tuple[SpatialAxis, ...] = ()

    def level(self, name: str, overlaps: bool) -> MemoryLevel:
        """With room for a second tile where transfers overlap with work: physics asks for it, Timeloop does not."""
        j_per_bit = sram_j_per_bit(self.size_bytes / 1024)
        capacity = self.size_bytes * (2 if overlaps else 1)
        return MemoryLevel(
            name, self.keeps, capacity, self.bytes_per_cycle, None, j_per_bit, j_per_bit,
            double_buffered=overlaps, word_bits=self.word_bits, block_bits=self.block_bits, fanout=self.fanout,
        )  # fmt: skip


@lru_cache
def gemmini(side: int, accumulator_words: int, scratchpad_bytes: int, overlaps: bool) -> Accelerator:
    """Weight-stationary array of `side` columns by `side` rows, one accumulator per column, one weight per element."""
    columns, rows = SpatialAxis("columns", side, (Dim.K,)), SpatialAxis("rows", side, (Dim.C,))
    dram = MemoryLevel(
        "dram", OPERANDS, None, DRAM_BYTES_PER_CYCLE, None, DRAM_J_PER_BIT, DRAM_J_PER_BIT,
        word_bits=8, block_bits=DRAM_BLOCK_BITS,
    )  # fmt: skip
    moving = (Operand.WEIGHT, Operand.INPUT)
    memories = {
        "scratchpad": Memory(moving, scratchpad_bytes, 2 * side, 8, 8 * side, (columns,)),
        "accumulator": Memory((Operand.OUTPUT,), 4 * accumulator_words, 2 * 4, 32, 1, (rows,)),
        "register": Memory((Operand.WEIGHT,), 1, None, 8),
    }
    levels = (dram, *(memory.level(name, overlaps) for name, memory in memories.items()))
    return Accelerator("gemmini", 1e9, levels, MacUnit(8, MAC_J, 0.0), VectorUnit(1.0, 0.0))


def read_mapping(text: str) -> Mapping:
    """`L3[WIO] K8 Q28 - L2[WI] N1 K4X - ...`: loops outer to inner, X marks a spatial one."""
    found = {number: loops.split() for number, loops in LEVEL.findall(text)}
    if found.keys() != set(LEVELS):
        raise ValueError(f"mapping.mapping is {text!r}; it must have the levels L3, L2, L1 and L0")
    entries = []
    for number in LEVELS:
        temporal = tuple(Loop(Dim(word[0]), int(word[1:])) for word in found[number] if word[-1] != "X")
        axis = {"2": "columns", "1": "rows"}.get(number, "none")
        spatial = tuple(SpatialLoop(axis, Dim(word[0]), int(word[1:-1])) for word in found[number] if word[-1] == "X")
        entries.append(LevelMapping(temporal, spatial))
    return Mapping(tuple(entries))


def cost(row: tuple, accounting: Accounting) -> Costs:
    """Replay of one row."""
    n, k, c, p, q, r, s, w_stride, h_stride, w_dilation, h_dilation, *sizes = (int(value) for value in row[:-1])
    loops = Loops(n, 1, k, c, p, q, r, s, (w_stride, h_stride), (w_dilation, h_dilation), WORD)
    accelerator = gemmini(*sizes, overlaps=accounting is PHYSICS)
    result = replay(loops, accelerator, read_mapping(row[-1]), accounting)
    return Costs(result.total_cycles, result.energy_j * 1e6, result.feasible)


def read(path: Path) -> tuple[list[tuple], np.ndarray]:
    """Inputs by row, and (cycles, energy) by row.

    Raises:
        ValueError: no table, of another schema, without rows, or with empty cells.
    """
    needed = [*INPUTS, "target.cycle", "target.energy"]
    try:
        known = pq.read_schema(path).names
    except ValueError as error:
        raise ValueError(f"{path} is not a Parquet table: {error}") from error
    missing = sorted(set(needed) - set(known))
    if missing:
        raise ValueError(f"{path} lacks the columns {', '.join(missing)}; it needs those of {TABLE}")
    table = pq.read_table(path, columns=needed)
    if table.num_rows == 0:
        raise ValueError(f"{path} has no rows")
    empty = [name for name in needed if table.column(name).null_count]
    if empty:
        raise ValueError(f"{path} has empty cells in {', '.join(empty)}")
    columns = [table.column(name).to_pylist() for name in INPUTS]
    truth = np.array([table.column(name).to_pylist() for name in ("target.cycle", "target.energy")], float)
    return list(zip(*columns, strict=True)), truth


def replay_all(rows: list[tuple], accounting: Accounting) -> np.ndarray:
    """(cycles, energy, fits) by row; equal inputs are replayed once."""
    known = {row: cost(row, accounting) for row in set(rows)}
    return np.array([known[row] for row in rows], float).T


def compare(path: Path, quick: bool) -> dict[str, float]:
    """Errors on one table."""
    rows, truth = read(path)
    step = max(1, len(rows) // QUICK_ROWS) if quick else 1
    rows, truth = rows[::step], truth[:, ::step]
    begin = time.perf_counter()
    same = replay_all(rows, TIMELOOP_2022)
    seconds = time.perf_counter() - begin
    physical = replay_all(rows, PHYSICS)
    error = np.abs(same[:2] - truth)
    physical_error = np.abs(physical[:2] - truth) / truth
    return {
        "rows": len(rows),
        "distinct_inputs": len(set(rows)),
        "cycles_exact_fraction": float(np.mean(error[0] == 0)),
        "cycles_max_abs_diff": float(error[0].max()),
        "energy_max_rel_error": float((error[1] / truth[1]).max()),
        "fits_fraction": float(np.mean(same[2])),
        "physical_cycles_exact_fraction": float(np.mean(physical_error[0] == 0)),
        "physical_cycles_median_rel_error": float(np.median(physical_error[0])),
        "physical_energy_median_rel_error": float(np.median(physical_error[1])),
        "physical_energy_p99_rel_error": float(np.quantile(physical_error[1], 0.99)),
        "replays_per_s": round(len(set(rows)) / seconds),
    }


def main() -> None:
    """Compare, print, and end with one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT, help=f"a table like {TABLE}, or the folder that holds it")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    folder = options.data.is_dir()
    path = options.data / TABLE if folder else options.data
    if not path.is_file():
        parser.error(f"there is no table at {path}; set --data or COEXPLORE_DATA")
    try:
        result = compare(path, options.quick)
        if folder and (options.data / RTL_TABLE).exists():
            rows, truth = read(options.data / RTL_TABLE)
            energy = replay_all(rows, TIMELOOP_2022)[1]
            result["rtl_table_energy_max_rel_error"] = float((np.abs(energy - truth[1]) / truth[1]).max())
    except (ValueError, CoexploreError) as error:
        parser.error(str(error))
    for key, value in result.items():
        print(f"{key:36} {value:.6g}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
