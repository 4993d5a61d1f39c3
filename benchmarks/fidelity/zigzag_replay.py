"""Do cycles and energy of ZigZag's own mappings agree? Replays every mapping with the unit costs of its hardware file.

Rows come from files `<network>__<hardware>__*.csv` with `configs/<hardware>.hw.yaml` beside them and layer dimensions
in `layers/<network>.csv` one folder up. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

from coexplore import Loops, replay
from coexplore.core.errors import CoexploreError, DataError
from coexplore.cost.accounting import PHYSICS, Accounting
from coexplore.cost.presets.zigzag import ZIGZAG, ZigZagRules, zigzag
from coexplore.cost.presets.zigzag_files import BITS, Hardware, OperandView, operand_views, read_hardware

BAR = 0.02
SHARED = Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")).parent
DEFAULT = SHARED / "reference" / "zigzag"
COLUMNS = {"network", "layer", "macs", "spatial", "temporal", "ideal_temporal", "energy_pJ", "mem_breakdown"}
MATMULS = ("gemm", "fc")
ACCOUNTINGS = {"zigzag": ZIGZAG, "physics": PHYSICS} | {
    f"without {rule.name}": zigzag(replace(ZigZagRules(), **{rule.name: False})) for rule in fields(ZigZagRules)
}
"""ZigZag, clean physics, and ZigZag with each of its conventions switched off."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ours by theirs."""

    cycles: float
    energy: dict[str, float]
    """By accounting."""
    entry: float
    """Energy of the level and operand that differs most."""


def main() -> None:
    """Replay all rows and count those that agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT, help="a CSV file, or a folder of them")
    parser.add_argument("--quick", action="store_true", help="the first rows of every file")
    options = parser.parse_args()
    files = sorted(options.data.glob("*.csv")) if options.data.is_dir() else [options.data]
    if not files or not files[0].is_file():
        parser.error(f"{options.data} is no CSV file and no folder of them")
    found: list[Ratios | None] = []
    print(f"{'file':45} rows replayed | largest error: cycles, energy, one level and operand | physics, median ratio")
    for file in files:
        ratios = replay_file(file, 3 if options.quick else None)
        found += ratios
        report(file, len(ratios), [r for r in ratios if r is not None])
    print(json.dumps(summary(found)))


def report(file: Path, rows: int, good: list[Ratios]) -> None:
    """One line of the table."""
    errors = (
        largest_error(r.cycles for r in good),
        largest_error(r.energy["zigzag"] for r in good),
        largest_error(r.entry for r in good),
    )
    physical = statistics.median(r.energy["physics"] for r in good) if good else float("nan")
    print(f"{file.stem:45} {rows:4d} {len(good):8d} | {errors[0]:.1e} {errors[1]:.1e} {errors[2]:.1e} | {physical:.4f}")


def largest_error(ratios: Iterable[float]) -> float:
    """Largest relative error of some ratios."""
    return max((abs(ratio - 1) for ratio in ratios), default=float("nan"))


def summary(found: list[Ratios | None]) -> dict[str, object]:
    """A row that could not be replayed agrees in nothing."""
    good, rows = [r for r in found if r is not None], max(len(found), 1)
    near = {name: sum(abs(r.energy[name] - 1) <= BAR for r in good) / rows for name in ACCOUNTINGS}
    physical = sorted(r.energy["physics"] for r in good)
    return {
        "rows": len(found),
        "ideal_cycles_within_2pct": sum(abs(r.cycles - 1) <= BAR for r in good) / rows,
        "energy_within_2pct": near.pop("zigzag"),
        "ideal_cycles_exact": sum(r.cycles == 1 for r in good) / rows,
        "energy_max_rel_error": largest_error(r.energy["zigzag"] for r in good) if good else None,
        "breakdown_max_rel_error": largest_error(r.entry for r in good) if good else None,
        "physical_energy_within_2pct": near.pop("physics"),
        "physical_energy_median_ratio": statistics.median(physical) if physical else None,
        "physical_energy_ratio_range": [physical[0], physical[-1]] if physical else None,
        "energy_within_2pct_if": near,
    }


def replay_file(file: Path, limit: int | None) -> list[Ratios | None]:
    """One entry per row; None, and a line that says why, for a row that cannot be replayed.

    Raises:
        DataError: of another schema.
    """
    with file.open() as lines:
        rows = list(csv.DictReader(lines))[:limit]
    missing = sorted(COLUMNS - set(rows[0])) if rows else []
    if missing:
        raise DataError(f"{file} has no column {', '.join(missing)}")
    found: list[Ratios | None] = []
    for row in rows:
        try:
            found.append(replay_row(row, file))
        except (CoexploreError, ValueError) as reason:  # a cell that is no number, too
            print(f"{file.stem}, {row['layer']}: {reason}")
            found.append(None)
    return found


def replay_row(row: dict[str, str], file: Path) -> Ratios:
    """Our cycles and energy by theirs."""
    loops = layer_of(row, file)
    views = operand_views(hardware_of(file), loops, row["spatial"], row["temporal"])
    ours = {rules: entries(loops, views, accounting) for rules, accounting in ACCOUNTINGS.items()}
    theirs, total = json.loads(row["mem_breakdown"]), float(row["energy_pJ"])
    return Ratios(
        cycles=replay(loops, views[0].accelerator, views[0].mapping).compute_cycles / float(row["ideal_temporal"]),
        energy={rules: sum(found.values()) / total for rules, found in ours.items()},
        entry=max((ratio(ours["zigzag"].get(name, 0.0), theirs[name]) for name in theirs), key=lambda r: abs(r - 1)),
    )


def entries(loops: Loops, views: tuple[OperandView, ...], accounting: Accounting) -> dict[str, float]:
    """Energy in pJ of every level and operand, named as ZigZag names them, and of the multipliers."""
    found: dict[str, float] = {}
    for view in views:
        rows = replay(loops, view.accelerator, view.mapping, accounting).energy_by
        levels = [joule for _, operand, joule in rows if operand == view.operand.value]
        found |= {f"E_{view.operand.name[0]}_L{n}": joule * 1e12 for n, joule in enumerate(reversed(levels))}
        found["mac"] = next(joule for level, _, joule in rows if level == "mac") * 1e12
    return found


def ratio(ours: float, theirs: float) -> float:
    """Ours by theirs; 1 where both are nothing."""
    return ours / theirs if theirs else 1.0 + ours


@lru_cache(maxsize=64)
def hardware_of(file: Path) -> Hardware:
    """The hardware that the second part of a CSV's name says."""
    name = [*file.stem.split("__"), ""][1]
    return read_hardware(nearby(file, "configs", f"{name}.hw.yaml"))


def nearby(file: Path, *parts: str) -> Path:
    """A file of the reference folder that a CSV lies in, or of the default one."""
    folders = (file.parent, file.parent.parent, DEFAULT, DEFAULT.parent)
    paths = [folder.joinpath(*parts) for folder in folders]
    return next((path for path in paths if path.is_file()), paths[0])


@lru_cache(maxsize=64)
def layers_of(path: Path) -> dict[str, dict[str, str]]:
    """Rows of a table of layers by name."""
    if not path.is_file():
        raise DataError(f"the layer dimensions are not at {path}")
    with path.open() as lines:
        return {row["layer"]: row for row in csv.DictReader(lines)}


def layer_of(row: dict[str, str], file: Path) -> Loops:
    """The loops of a row, of which the table may hold one group or all. The rows of a matmul are batch."""
    layer = layers_of(nearby(file, "layers", f"{row['network']}.csv")).get(row["layer"])
    if layer is None:
        raise DataError(f"the layer table of {row['network']!r} has no layer {row['layer']!r}")
    n, k, c, p, q, r, s, groups = (int(layer[name]) for name in (*"NKCPQRS", "groups"))
    stride = (int(layer["stride_h"]), int(layer["stride_w"]))
    if layer["type"] in MATMULS:
        n, p, q = n * p * q, 1, 1
    group = Loops(N=n, K=k // groups, C=c // groups, P=p, Q=q, R=r, S=s, stride=stride, bits=BITS)
    return replace(group, G=int(row["macs"]) // group.macs)


if __name__ == "__main__":
    try:
        main()
    except CoexploreError as error:
        sys.exit(f"error: {error}")
