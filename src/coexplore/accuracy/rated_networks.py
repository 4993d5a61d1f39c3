"""Which networks of Accel-NASBench have been trained, and how good are they? Read from the benchmark's table.

Only the settings of a network and its accuracy are taken: times and rates in the table say nothing that is known of a
network before it is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from coexplore.accuracy.stage_settings import COLUMNS
from coexplore.core.errors import DataError, did_you_mean
from coexplore.core.hashing import content_hash

TABLE = "accel_nasbench.parquet"
"""Looked for where a folder is given."""
ACCURACY = "val_top1"
"""Column with percent."""


@dataclass(frozen=True, slots=True, eq=False)
class RatedNetworks:
    """Networks and what training them gave."""

    table: str
    """Name of the file."""
    decisions: tuple[str, ...]
    """d names."""
    settings: NDArray[np.int64]
    """(n, d)"""
    accuracy: NDArray[np.float64]
    """(n,) Fractions."""

    def __len__(self) -> int:
        return len(self.accuracy)

    @property
    def content_hash(self) -> str:
        """Of the networks and their accuracies, in their order."""
        return content_hash((self.decisions, self.settings, self.accuracy))

    def part(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> RatedNetworks:
        """Some of them."""
        return RatedNetworks(self.table, self.decisions, self.settings[rows], self.accuracy[rows])


def read_rated(path: Path) -> RatedNetworks:
    """The rows of a Parquet table, or of `accel_nasbench.parquet` or the only table in a folder.

    Raises:
        DataError: absent, unreadable, a column is missing, or a value is no setting or no accuracy.
    """
    file = _table_in(path) if path.is_dir() else path
    try:
        known = pq.read_schema(file).names
        for column in (*COLUMNS, ACCURACY):
            if column not in known:
                raise DataError(f"{file} has no column {column!r}; {did_you_mean(column, known)}")
        rows = pq.read_table(file, columns=[*COLUMNS, ACCURACY])
        columns = [np.asarray(rows.column(name).to_numpy(), np.float64) for name in (*COLUMNS, ACCURACY)]
    except (OSError, pa.ArrowException, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"cannot read the table {file}: {error}; give the path of a Parquet file") from error
    settings, percent = np.stack(columns[:-1], axis=1), columns[-1]
    whole = np.isfinite(settings).all() and (settings == np.round(settings)).all()
    if not whole:
        raise DataError(
            f"{file}: a setting is no whole number; take rows without gaps in {COLUMNS[0]} to {COLUMNS[-1]}"
        )
    if len(percent) == 0 or not ((percent >= 0) & (percent <= 100)).all():
        raise DataError(f"{file}: {ACCURACY} must be percent, from 0 to 100, in at least one row")
    return RatedNetworks(file.name, COLUMNS, settings.astype(np.int64), percent / 100)


def _table_in(folder: Path) -> Path:
    if (folder / TABLE).is_file():
        return folder / TABLE
    found = sorted(folder.glob("*.parquet"))
    if len(found) != 1:
        raise DataError(f"the folder {folder} has no {TABLE} and {len(found)} Parquet files; give the path of one file")
    return found[0]
