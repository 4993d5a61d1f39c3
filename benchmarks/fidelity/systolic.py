"""Do cycles of a systolic array equal SCALE-Sim's? Every row as a mapping on an array, replayed with its accounting.

Rows come from files `<network>_<rows>x<columns>_<dataflow>_*.csv`; compared is the column `compute_cycles`. Clean
physics runs beside it. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import statistics
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path

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
from coexplore.core.errors import CoexploreError, DataError
from coexplore.cost.accounting import PHYSICS
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.presets.scalesim import ScaleSimRules, as_matmul, scalesim

SHARED = Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")).parent
DEFAULT = SHARED / "reference" / "scalesim"
COLUMNS = {"layer", "compute_cycles", "stride", *(f"sim_{size}" for size in "HWRSCK")}
SUM_BYTES = 4
NAME = re.compile(r"_(\d+)x(\d+)_([a-z]+)_")
VARIANTS = {"scalesim": ScaleSimRules()} | {
    f"without {rule.name}": replace(ScaleSimRules(), **{rule.name: False}) for rule in fields(ScaleSimRules)
}


@dataclass(frozen=True, slots=True)
class Dataflow:
    """Which operand rests in the elements, what is unrolled over rows and columns, and what streams."""

    rests: Operand
    rows: Dim
    columns: Dim
    streams: Dim


DATAFLOWS = {
    "ws": Dataflow(Operand.WEIGHT, rows=Dim.C, columns=Dim.K, streams=Dim.P),
    "os": Dataflow(Operand.OUTPUT, rows=Dim.P, columns=Dim.K, streams=Dim.C),
    "is": Dataflow(Operand.INPUT, rows=Dim.C, columns=Dim.P, streams=Dim.K),
}


def main() -> None:
    """Replay all rows and count those that are equal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT, help="a CSV file, or a folder of them")
    parser.add_argument("--quick", action="store_true", help="the first rows of every file")
    options = parser.parse_args()
    files = sorted(options.data.glob("*.csv")) if options.data.is_dir() else [options.data]
    if not files or not files[0].is_file():
        parser.error(f"{options.data} is no CSV file and no folder of them")
    equal: dict[str, int] = dict.fromkeys(VARIANTS, 0)
    physical: list[float] = []
    rows = 0
    for file in files:
        before, begin = equal["scalesim"], rows
        for row in read(file, 3 if options.quick else None):
            rows += 1
            try:
                ratio, exact = compare(row, file)
            except (CoexploreError, ValueError) as reason:  # a cell that is no number, too
                print(f"{file.stem}, {row.get('layer')}: {reason}")
                continue
            physical.append(ratio)
            for name in exact:
                equal[name] += 1
        print(f"{file.stem:45} {equal['scalesim'] - before} of {rows - begin} rows equal")
    print(json.dumps(summary(rows, equal, physical)))


def summary(rows: int, equal: dict[str, int], physical: list[float]) -> dict[str, object]:
    """Counts of equal rows, and clean physics by SCALE-Sim."""
    return {
        "rows": rows,
        "exact": equal.pop("scalesim"),
        "physical_cycles_median_ratio": statistics.median(physical) if physical else None,
        "physical_cycles_ratio_range": [min(physical), max(physical)] if physical else None,
        "exact_if": equal,
    }


def read(file: Path, limit: int | None) -> list[dict[str, str]]:
    """Rows of a table.

    Raises:
        DataError: of another schema.
    """
    with file.open() as lines:
        rows = list(csv.DictReader(lines))[:limit]
    missing = sorted(COLUMNS - set(rows[0])) if rows else []
    if missing:
        raise DataError(f"{file} has no column {', '.join(missing)}")
    return rows


def compare(row: dict[str, str], file: Path) -> tuple[float, list[str]]:
    """Cycles of clean physics by those of the row, and the variants of SCALE-Sim's rules that give the row's number."""
    found = NAME.search(file.stem)
    if found is None or found[3] not in DATAFLOWS:
        raise DataError(f"the file name does not say rows, columns and one of {', '.join(DATAFLOWS)}: _64x64_ws_")
    rows, columns, flow = int(found[1]), int(found[2]), DATAFLOWS[found[3]]
    theirs = int(float(row["compute_cycles"]))
    exact = []
    for name, rules in VARIANTS.items():
        loops = matmul(row, rules)
        counted = replay(loops, array(rows, columns, flow), folds(loops, rows, columns, flow), scalesim(rules))
        exact += [name] if counted.total_cycles == theirs else []
    loops = matmul(row, ScaleSimRules())
    clean = replay(loops, array(rows, columns, flow), folds(loops, rows, columns, flow), PHYSICS)
    return clean.total_cycles / theirs, exact


def matmul(row: dict[str, str], rules: ScaleSimRules) -> Loops:
    """The layer of a row: one group of a grouped convolution."""
    h, w, r, s, c, k, stride = (int(row[name]) for name in (*(f"sim_{size}" for size in "HWRSCK"), "stride"))
    return as_matmul((h, w), (r, s), (c, k), stride, rules)


def array(rows: int, columns: int, flow: Dataflow) -> Accelerator:
    """Elements that hand operands on, with one register each.

    A row and a column take in one element per cycle, a column also a sum, and it gives one back.
    """
    edges = (
        SpatialAxis("rows", rows, (flow.rows,), hop_cycles=1),
        SpatialAxis("columns", columns, (flow.columns,), hop_cycles=1),
    )
    inward, outward = rows + columns + SUM_BYTES * columns, SUM_BYTES * columns
    memory = MemoryLevel("memory", OPERANDS, None, inward, outward, 0.0, 0.0, fanout=edges)
    register = MemoryLevel("register", (flow.rests,), 8, None, None, 0.0, 0.0)
    return Accelerator("array", 1e9, (memory, register), MacUnit(8, 0.0, 0.0), VectorUnit(1.0, 0.0))


def folds(loops: Loops, rows: int, columns: int, flow: Dataflow) -> Mapping:
    """The array moves over the layer in folds of its size; inside a fold one dimension streams."""
    size = {dim: int(getattr(loops, dim.value)) for dim in (flow.rows, flow.columns, flow.streams)}
    outside = tuple(Loop(dim, -(-size[dim] // side)) for dim, side in ((flow.columns, columns), (flow.rows, rows)))
    unrolled = (
        SpatialLoop("rows", flow.rows, min(rows, size[flow.rows])),
        SpatialLoop("columns", flow.columns, min(columns, size[flow.columns])),
    )
    return Mapping((LevelMapping(outside, unrolled), LevelMapping((Loop(flow.streams, size[flow.streams]),))))


if __name__ == "__main__":
    try:
        main()
    except CoexploreError as error:
        sys.exit(f"error: {error}")
