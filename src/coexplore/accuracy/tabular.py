"""How good is a network that somebody has trained already? Looked up in a table of results, by the network's name.

For benchmarks such as NAS-Bench-201 and NAS-Bench-Macro, whose families give each network the name it has in the table.
Networks of equal ops have one result, that of the one that was asked for first. The table of Accel-NASBench has no
names but settings by stage; `key: stages` reads those, and of networks that were trained several times takes the mean.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from coexplore.accuracy.data import DATA_VARIABLE
from coexplore.accuracy.evaluator import Accuracy
from coexplore.accuracy.stage_settings import COLUMNS
from coexplore.core.errors import ConfigError, DataError, EvaluationError, did_you_mean
from coexplore.core.hashing import content_hash
from coexplore.networks.accel_nasbench import settings_label
from coexplore.workloads.graph import Workload

PERCENT = 100.0
STAGES = "stages"
"""Instead of a column with names: networks are told apart by the settings of their stages (`COLUMNS`)."""


@dataclass(frozen=True, slots=True)
class TableSettings:
    """A Parquet table with one row per network."""

    path: str
    """Of the file."""
    accuracy: str
    """Column with the accuracy that the search may see."""
    key: str = "arch_str"
    """Column with the names of the networks, or `stages`."""
    percent: bool = True
    """Whether the accuracies are percent instead of fractions."""

    def load(self, data_root: Path | None = None) -> Table:
        """Read and check both columns; a relative path starts from `data_root`, else from `COEXPLORE_DATA`.

        Raises:
            DataError: the file cannot be found or read, or a value is no accuracy.
            ConfigError: there is no such column.
        """
        root = data_root or (Path(os.environ[DATA_VARIABLE]) if DATA_VARIABLE in os.environ else Path())
        path = root / self.path
        known = _columns(path)
        keys = COLUMNS if self.key == STAGES else (self.key,)
        for field, column in (*(("key", key) for key in keys), ("accuracy", self.accuracy)):
            if column not in known:
                hint = did_you_mean(column, known)
                if field == "key" and set(COLUMNS) <= set(known):
                    hint = f"give `{STAGES}`, and its networks are told apart by {COLUMNS[0]} to {COLUMNS[-1]}"
                raise ConfigError(f"{field}: {path} has no column {column!r}; {hint}")
        try:
            rows = pq.read_table(path, columns=[*keys, self.accuracy])
            values = np.asarray(rows.column(self.accuracy).to_numpy(), np.float64) / (PERCENT if self.percent else 1.0)
        except (OSError, pa.ArrowException, ValueError) as error:
            raise DataError(f"{path}: column {self.accuracy!r} cannot be read as numbers: {error}") from error
        names = _stage_names(path, rows) if self.key == STAGES else [str(x) for x in rows.column(self.key).to_pylist()]
        found: dict[str, list[float]] = {}
        for name, value in zip(names, map(float, values), strict=True):
            if not 0.0 <= value <= 1.0:
                unit = "percent" if self.percent else "a fraction"
                raise DataError(f"{path}: {self.accuracy} of {name!r} is no accuracy in {unit}; set `percent` right")
            found.setdefault(name, []).append(value)
        if len(found) < len(names) and self.key != STAGES:
            raise DataError(f"{path}: column {self.key!r} has {len(names) - len(found)} names twice; take another key")
        return Table(path.name, {name: math.fsum(own) / len(own) for name, own in found.items()})


def _stage_names(path: Path, rows: pa.Table) -> list[str]:
    try:
        columns = [rows.column(column).cast(pa.int64()).to_pylist() for column in COLUMNS]
    except pa.ArrowException as error:
        raise DataError(f"{path}: a setting of a stage is no whole number: {error}") from error
    if any(None in column for column in columns):
        raise DataError(f"{path}: a setting of a stage is missing; take rows without gaps")
    return [settings_label(settings) for settings in zip(*columns, strict=True)]


def _columns(path: Path) -> list[str]:
    if not path.exists():
        raise DataError(
            f"cannot read the table {path}: there is no such file; give its full path, or the folder it lies in with "
            f"--data or {DATA_VARIABLE}"
        )
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read the table {path}: {error}; give the path of a Parquet file") from error


@dataclass(frozen=True, eq=False)
class Table:
    """Accuracies by the name of the network."""

    name: str
    accuracies: dict[str, float]
    """Fractions."""

    @property
    def identity(self) -> str:
        """Content hash: tables with the same one give the same results."""
        return content_hash(self.accuracies)

    def evaluate(self, workload: Workload) -> Accuracy:
        """The accuracy of a network, as of one epoch.

        Raises:
            EvaluationError: it is not in the table.
        """
        value = self.accuracies.get(workload.name)
        if value is None:
            example = next(iter(self.accuracies), "none")
            raise EvaluationError(f"the table {self.name} has no {workload.name!r}; its names are like {example!r}")
        return Accuracy(value, 1, (value,), 0.0)
