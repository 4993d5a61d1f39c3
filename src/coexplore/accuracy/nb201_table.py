"""How do the official files of NAS-Bench-201 become the table that studies read? One row per cell, in Parquet."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from coexplore.accuracy.nb201_files import BUDGETS, CELLS, SETS, read_cells
from coexplore.core.errors import DataError
from coexplore.core.files import write_atomic

TABLE_VERSION = "1"
COLUMNS = tuple(f"{column}_acc_{epochs}ep" for column in SETS for epochs in BUDGETS)


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written."""

    path: Path
    cells: int
    columns: tuple[str, ...]
    """With accuracies in percent; those that a cell lacks are empty there."""


def convert_nb201(source: Path, target: Path, *, partial: bool = False) -> Converted:
    """Write the accuracies of official files as a table for `task: {tabular: TABLE, accuracy: COLUMN}`.

    Args:
        source: `NAS-Bench-201-v1_1-096897.pth`, or the folder or file of NATS-Bench's topology space.
        target: the Parquet file to write.
        partial: take what is there where cells are missing.

    Raises:
        DataError: the source cannot be read or is not whole; nothing is written.
        StoreError: the target cannot be written.
    """
    cells = list(read_cells(source))
    if not cells or (len(cells) < CELLS and not partial):
        raise DataError(
            f"{source} has results of {len(cells):,} of {CELLS:,} cells; unpack or download it again, or take what is "
            "there with `partial`"
        )
    found = [column for column in COLUMNS if any(column in cell.accuracy for cell in cells)]
    if not found:
        raise DataError(f"{source} has no accuracy of any cell; it is another version, or damaged")
    table = pa.table(
        {
            "arch_index": pa.array([cell.index for cell in cells], pa.int32()),
            "arch_str": [cell.arch_str for cell in cells],
            **{name: pa.array([cell.accuracy.get(name) for cell in cells], pa.float64()) for name in found},
        }
    )
    origin = {"coexplore.table": TABLE_VERSION, "coexplore.source": source.name}
    content = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(origin), content)
    write_atomic(target, content.getvalue())
    return Converted(target, len(cells), tuple(found))
