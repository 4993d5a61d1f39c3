"""Does a replay equal a Timeloop of late 2023? Cycles and energy by level on two accelerators of other shapes.

Truth: `reference/timeloop/`, networks mapped by the tool (v3.0.3) on a 16 x 16 weight-stationary array and an
Eyeriss-like one. Unit energies come from the sizes of the memories; nothing is fitted. Cycles must be equal, energies
equal to the two decimals printed. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from dataclasses import replace
from pathlib import Path

from coexplore import Loops, replay
from coexplore.accelerators.accelerator import DIMS, Accelerator, MemoryLevel, Operand
from coexplore.cost.presets.timeloop import TIMELOOP
from coexplore.cost.presets.timeloop_mapping import TimeloopProblem, read_nest
from coexplore.workloads.op import Bits

DEFAULT = Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
SPACES = {"Weights": Operand.WEIGHT, "Inputs": Operand.INPUT, "Outputs": Operand.OUTPUT}
WORD = Bits(8, 8, 8, 8)
"""An operand fills one word of each level, as wide as the level says."""
ROUNDING = 0.005 + 1e-9
"""Energies are printed to two decimals, in thousandths of a 16-bit multiplication, per multiplication."""
DRAM_PER_BIT = 200 / 16


def sram_per_bit(kibibytes: float) -> float:
    """Energy of a bit: 1/16 of a 16-bit multiplication at 0.5 KiB, 6/16 at 100 KiB, linear."""
    return (1 + 5 * (kibibytes - 0.5) / 99.5) / 16


def layers(folder: Path) -> dict[tuple[str, str], Loops]:
    """Shapes of all layers, by network and name."""
    found = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open() as file:
            for row in csv.DictReader(file):
                sizes = {name: int(row[name]) for name in ("N", "K", "C", "P", "Q", "R", "S")}
                stride = (int(row["stride_h"]), int(row["stride_w"]))
                found[row["network"], row["layer"]] = Loops(**sizes, stride=stride, bits=WORD)
    return found


def sized(level: MemoryLevel, spec: dict) -> MemoryLevel:
    """A level of the nest with the width, ports, size and energy of its storage."""
    word_bits = spec["word-bits"]
    size = int(1024 * spec["sizeKB"]) if "sizeKB" in spec else spec.get("entries", 0) * word_bits // 8
    per_bit = DRAM_PER_BIT if spec.get("technology") == "DRAM" else sram_per_bit(size / 1024)
    read, write = (
        None if words is None else words * word_bits / 8
        for words in (spec.get("read_bandwidth"), spec.get("write_bandwidth"))
    )
    return replace(
        level, capacity_bytes=size or None, read_bytes_per_cycle=read, write_bytes_per_cycle=write,
        read_j_per_bit=per_bit, write_j_per_bit=per_bit, word_bits=word_bits, double_buffered=False,
    )  # fmt: skip


def described(accelerator: Accelerator, storage: list[dict]) -> Accelerator:
    """The levels of a nest with what the tool's configuration says of them; energy in 16-bit multiplications."""
    specs = {entry["name"]: entry for entry in storage}
    return replace(accelerator, levels=tuple(sized(level, specs[level.name]) for level in accelerator.levels))


def compare(row: dict[str, str], loops: Loops, storage: list[dict]) -> tuple[bool, bool, dict[str, float]]:
    """Whether a row fits, whether its cycles are equal, and by level the difference of its energy."""
    problem = TimeloopProblem(loops, {dim.value: dim for dim in DIMS}, SPACES)
    bare, mapping = read_nest(row["mapping"].replace("|", "\n"), problem)
    result = replay(loops, described(bare, storage), mapping, TIMELOOP)
    printed = json.loads(row["per_component"])
    found = {level.name: 0.0 for level in bare.levels}
    for level, _, energy in result.energy_by:
        if level in found:
            found[level] += energy / loops.macs * 1000
    return (
        result.feasible,
        result.total_cycles == float(row["cycles"]),
        {level: energy - printed[level] for level, energy in found.items()},
    )


def main() -> None:
    """Compare, print, and end with one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=DEFAULT.parent / "reference", help="folder with timeloop/, layers/"
    )
    parser.add_argument("--quick", action="store_true", help="the same; it takes seconds")
    options = parser.parse_args()
    if not (options.data / "timeloop").is_dir():
        parser.error(f"there is no folder {options.data / 'timeloop'}; set --data or COEXPLORE_DATA")
    shapes = layers(options.data / "layers")
    rows = fitting = equal = 0
    differences: list[float] = []
    for path in sorted((options.data / "timeloop").glob("*.csv")):
        storage = json.loads(path.with_suffix(".json").read_text())["arch"]["storage"]
        with path.open() as file:
            for row in csv.DictReader(file):
                fits, same, by_level = compare(row, shapes[row["network"], row["layer"]], storage)
                rows, fitting, equal = rows + 1, fitting + fits, equal + same
                differences += [abs(value) for value in by_level.values()]
                if not same or max(map(abs, by_level.values())) > ROUNDING:
                    print(f"{path.stem} {row['layer']}: cycles equal: {same}; energy differs by {by_level}")
    result = {
        "rows": rows,
        "rows_that_fit": fitting,
        "cycles_equal": equal,
        "energies_compared": len(differences),
        "energies_equal": sum(value <= ROUNDING for value in differences),
        "energy_max_abs_diff_of_rounded": max(differences),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
