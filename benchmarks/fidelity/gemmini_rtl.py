"""How close is Gemmini's modelled time to RTL? DOSA's table of (layer, mapping, cycles of a FireSim simulation).

Truth: `dosa_gemmini_rtl.parquet`, random mappings. Three comparisons: constants guessed before any measurement;
constants fitted on some layer shapes and judged on others (the `calibrated` keys, for the default table); and the
constants kept in the package, which were fitted on the whole default table (the `calibrated` keys, for any other table
given with `--data`). `--calibrate` fits them anew and prints them. The last line is one JSON object.

What ran on the RTL is not quite what a row says. These facts, except for the last two, which are deduced from the data,
are those of the program that the table's authors publish (ucb-bar/gemmini-rocc-tests, `gemmini-data-collection`):

- The array is as small as the mapping's spatial factors allow, a power of two from 4 to 64; `arch.meshX`, 128 in
  every row, is only an upper limit.
- Images are square: P sets both extents, so a layer of 480 x 48 outputs ran as 480 x 480. The input has P * stride rows
  and the padding is half the kernel; even kernels therefore have one output more per axis.
- A matrix product's tile is counted in blocks of 16, rounded down but at least 1, whatever the size of the array.
- Layers were simulated one after another, so caches usually hold what a layer needs. The keys `cold` tell how the
  constants of the package would fare if they held nothing.
- Arrays of convolutions start 8 bytes off a multiple of 16 in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Callable
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from coexplore.accelerators.accelerator import Dim
from coexplore.cost.presets.gemmini import CALIBRATED, GUESSED, GemminiConstants
from coexplore.cost.presets.gemmini_layer import Axis, GemminiLayer, Tile
from coexplore.cost.presets.gemmini_work import Work, work_of
from coexplore.testing.rank_correlation import spearman

TABLE = "dosa_gemmini_rtl.parquet"
DEFAULT = Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
QUICK_ROWS, FOLDS, SEED = 400, 10, 0
SHAPE = [f"prob.{name}" for name in ("C", "K", "N", "P", "Q", "R", "S", "Wstride", "Hstride", "Wdilation", "Hdilation")]
REQUIRED = ("mapping.mapping", "prob.C", "prob.K", "prob.P", "prob.Q", "prob.R", "prob.S")
CYCLES = ("target.gemmini_cycle", "target.cycle")
NOMINAL_SIDE, LEAST_SIDE, MATMUL_BLOCK, OFFSET_BYTES = 128, 4, 16, 8
LOOP = re.compile(r"([KCPQRSN])(\d+)([XY]?)")
DIMS = (Dim.K, Dim.C, Dim.P, Dim.Q, Dim.R, Dim.S)

Values = np.ndarray


class Row(NamedTuple):
    """One row of the table."""

    shape: tuple[int, ...]
    layer: GemminiLayer
    ideal_cycles: int
    """Product of the temporal factors."""
    cycles: float


class Table(NamedTuple):
    """The table as arrays."""

    work: Values
    """(rows, 7) As in `Work`."""
    cold: Values
    """(rows, 7) The same with empty caches."""
    matmul: Values
    cycles: Values
    ideal: Values
    group: Values
    """Number of the row's shape."""


def read_row(values: dict[str, object], cycles: float) -> Row:
    """A row as its program ran it."""
    shape = tuple(int(values.get(name, 1)) for name in SHAPE)  # type: ignore[call-overload]
    outer, *inner = str(values["mapping.mapping"]).split(" - ")
    tile, spatial, ideal = dict.fromkeys(Dim, 1), [1], 1
    for level in inner:
        for name, factor, is_spatial in LOOP.findall(level.partition("]")[2]):
            tile[Dim(name)] *= int(factor)
            spatial += [int(factor)] if is_spatial else []
            ideal *= 1 if is_spatial else int(factor)
    outside = [(Dim(name), int(factor)) for name, factor, _ in LOOP.findall(outer.partition("]")[2])]
    order = tuple(dim for dim, factor in reversed(outside) if factor > 1 and dim is not Dim.N)
    order += tuple(dim for dim in DIMS if dim not in order)
    side = int(values.get("arch.meshX", NOMINAL_SIDE))  # type: ignore[call-overload]
    if side == NOMINAL_SIDE:
        side = max(LEAST_SIDE, 1 << (max(spatial) - 1).bit_length())
    layer = program(dict(zip(SHAPE, shape, strict=True)), tile, order, side)
    return Row(shape, layer, ideal * int(np.prod([factor for _, factor in outside])), cycles)


def program(problem: dict[str, int], tile: dict[Dim, int], order: tuple[Dim, ...], side: int) -> GemminiLayer:
    """The layer that ran, see above."""
    k, c, p, images = (problem[f"prob.{name}"] for name in "KCPN")
    kernel, stride, dilation = problem["prob.R"], problem["prob.Wstride"], problem["prob.Wdilation"]
    if problem["prob.Q"] == kernel == problem["prob.S"] == 1:
        blocks = {dim: max(1, tile[dim] // MATMUL_BLOCK) * side for dim in (Dim.K, Dim.C, Dim.P)}
        cut = Tile(min(k, blocks[Dim.K]), min(c, blocks[Dim.C]), min(p, blocks[Dim.P]))
        return GemminiLayer(k, c, Axis(p), Axis(1), cut, order, side, images)
    size, padding = p * stride, kernel // 2
    axis = Axis((size - kernel + 2 * padding) // stride + 1, kernel, stride, dilation, padding, size)
    return GemminiLayer(k, c, axis, axis, Tile(*(tile[dim] for dim in DIMS)), order, side, images, OFFSET_BYTES)


def read(path: Path) -> Table:
    """All rows of a table or of every table in a folder."""
    rows: list[Row] = []
    for file in [path] if path.is_file() else sorted(path.glob("*.parquet")):
        columns = pq.read_table(file).to_pydict()
        target = next((name for name in CYCLES if name in columns), None)
        missing = [name for name in REQUIRED if name not in columns]
        if target is None or missing:
            raise ValueError(f"{file} has no column {', '.join(missing) or ' or '.join(CYCLES)}")
        wanted = [name for name in columns if name in {*SHAPE, "arch.meshX", "mapping.mapping"}]
        empty = [name for name in wanted if None in columns[name]]
        if empty:
            raise ValueError(f"{file} has empty cells in {', '.join(empty)}")
        for number, cycles in enumerate(columns[target]):
            if cycles is not None and cycles > 0:
                rows.append(read_row({name: columns[name][number] for name in wanted}, float(cycles)))
    if not rows:
        raise ValueError(f"{path} has no rows with measured cycles")
    return tabulate(rows)


def tabulate(rows: list[Row]) -> Table:
    """Work and truth of all rows."""
    shapes = {shape: number for number, shape in enumerate(sorted({row.shape for row in rows}))}
    return Table(
        work=np.array([work_of(row.layer) for row in rows]),
        cold=np.array([work_of(replace(row.layer, warm=False)) for row in rows]),
        matmul=np.array([row.layer.is_matmul for row in rows]),
        cycles=np.array([row.cycles for row in rows]),
        ideal=np.array([row.ideal_cycles for row in rows], float),
        group=np.array([shapes[row.shape] for row in rows]),
    )


def pick(table: Table, chosen: Values) -> Table:
    """Some of the rows."""
    return Table(*(column[chosen] for column in table))


def predict(table: Table, constants: GemminiConstants) -> Values:
    """Cycles of all rows."""
    pairs = zip(table.work, table.matmul, strict=True)
    return np.array([constants.cycles(Work(*work), matmul) for work, matmul in pairs])


def fit(table: Table) -> GemminiConstants:
    """Constants that fit the rows best: least squares of log errors, where large ones count linearly beyond 1.

    Levenberg and Marquardt's method on the logarithms of the constants, which therefore stay positive.
    """
    start = GemminiConstants(1000.0, *astuple(GUESSED)[1:-1], 0.1)

    def residuals(logs: Values) -> Values:
        return np.log(predict(table, GemminiConstants(*np.exp(logs))) / table.cycles)

    logs, damping = np.log(astuple(start)), 1.0
    error = residuals(logs)
    for _ in range(40):
        step = _step(residuals, logs, error, damping)
        trial = residuals(logs + step)
        better = _loss(trial) < _loss(error)
        logs, error = (logs + step, trial) if better else (logs, error)
        damping *= 0.3 if better else 4.0
        if better and np.abs(step).max() < 1e-4:
            break
    return GemminiConstants(*(float(value) for value in np.exp(logs)))


def _loss(error: Values) -> float:
    return float(np.sum(np.sqrt(1 + error**2) - 1))


def _step(residuals: Callable[[Values], Values], logs: Values, error: Values, damping: float) -> Values:
    size = 1e-4
    slopes = np.array([(residuals(logs + size * unit) - error) / size for unit in np.eye(len(logs))]).T
    weights = 1 / np.sqrt(1 + error**2)
    normal = slopes.T @ (slopes * weights[:, None])
    return np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -slopes.T @ (weights * error))


def cross_validate(table: Table) -> Values:
    """Cycles of every row by constants that were fitted without its layer shape."""
    folds = np.random.default_rng(SEED).permutation(int(table.group.max()) + 1) % FOLDS
    predicted = np.empty_like(table.cycles)
    for fold in range(FOLDS):
        held = folds[table.group] == fold
        if held.any():
            predicted[held] = predict(pick(table, held), fit(pick(table, ~held)))
    return predicted


def errors(predicted: Values, table: Table) -> dict[str, float | None]:
    """Rank correlation, and errors relative to the truth."""
    relative = np.abs(predicted - table.cycles) / table.cycles
    return {
        "spearman": spearman(predicted, table.cycles),
        "mape": float(relative.mean()),
        "median_error": float(np.median(relative)),
    }


def report(table: Table, predicted: Values) -> None:
    """Errors of the parts of the table in which different things take the time."""
    ratio = table.cycles / table.ideal
    parts = {
        "all": ratio > 0,
        "convolutions": ~table.matmul,
        "matrix products": table.matmul,
        "cycles / product of factors < 1.2": ratio < 1.2,
        "... 1.2 to 3": (ratio >= 1.2) & (ratio < 3),
        "... 3 to 10": (ratio >= 3) & (ratio < 10),
        "... above 10": ratio >= 10,
    }
    print(f"{'rows of':36} {'number':>6} {'spearman':>9} {'mape':>6} {'median':>7}")
    for name, chosen in parts.items():
        if chosen.sum() > 2:
            rank, mean, median = errors(predicted[chosen], pick(table, chosen)).values()
            shown = "-" if rank is None else f"{rank:.4f}"
            print(f"{name:36} {chosen.sum():6} {shown:>9} {mean:6.3f} {median:7.3f}")


def compare(table: Table, default: bool) -> dict[str, float | None]:
    """All keys."""
    predicted = cross_validate(table) if default else predict(table, CALIBRATED)
    report(table, predicted)
    result = {"rows": len(table.cycles), "shapes": len(set(table.group)), **errors(predict(table, GUESSED), table)}
    result |= {f"calibrated_{key}": value for key, value in errors(predicted, table).items()}
    cold = predict(table._replace(work=table.cold), CALIBRATED)
    result |= {f"cold_{key}": value for key, value in errors(cold, table).items()}
    return result | {f"product_{key}": value for key, value in errors(table.ideal, table).items()}


def main() -> None:
    """Compare, print, and end with one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT, help=f"a table like {TABLE}, or the folder that holds it")
    parser.add_argument("--calibrate", action="store_true", help="fit the constants on all rows and print them")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    path = options.data / TABLE if (options.data / TABLE).is_file() else options.data
    if not path.is_file() and not list(path.glob("*.parquet")):
        parser.error(f"there is no table at {path}; set --data or COEXPLORE_DATA")
    try:
        table = read(path)
    except ValueError as error:
        parser.error(str(error))
    if options.quick:
        table = pick(table, np.arange(0, len(table.cycles), max(1, len(table.cycles) // QUICK_ROWS)))
    if options.calibrate:
        constants = fit(table)
        for field in fields(constants):
            print(f"    {field.name}={getattr(constants, field.name):.3g},")
    result = compare(table, default=path.resolve() == (DEFAULT / TABLE).resolve())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
