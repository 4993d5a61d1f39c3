"""What does growing cost? Time and memory of grid pricing against ops, accelerators, shapes, cores and the mapspace.

Ops are those of MobileNetV2 at 224 px, accelerators those of the edge array. A series doubles its size until its second
or a later point takes too long or the end is reached, so a faster engine is measured further out. Beside them: what the
cache saves, and how fast networks x accelerators are added up exactly, against a bare matrix product of the same shape.

Kernels are compiled before the clock starts. Memory is the peak of resident memory above that before the point, where
the system lets it be reset (Linux); elsewhere it is null. With `--out` the curves are written there as one page.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.grid import price_grid
from coexplore.cost.grid_cache import GridCache
from coexplore.cost.mapper import CODES, UNROLLINGS, Goal
from coexplore.cost.search import lay_out, search
from coexplore.cost.totals import exact_totals
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.workloads.loops import Loops

FAMILY = EdgeArray()
SHAPE_KNOBS = ("pes_x", "pes_y", "simd_units", "lanes")
VARIANT_KNOBS = ("io_bandwidth_gb_s", "local_memory_mb", "register_file_kb")
NOWHERE = GridCache(None)
OPS = list(dict.fromkeys(loops for _, loops in mobilenet_v2().mac_ops()))
Point = dict[str, float | None]


def main() -> None:
    """Measure all series."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for a page with the curves")
    options = parser.parse_args()
    longest_s = 0.3 if options.quick else 20.0
    # A point should take milliseconds at least: the smallest ones are what begins a grid.
    base, wide = (4, 1) if options.quick else (125, 16)
    price_grid(OPS[:1], machines(1, 1), cache=NOWHERE)
    ops, cores = OPS[: 2 if options.quick else len(OPS)], os.cpu_count() or 1

    def run(what: str, most: int, work: Callable[[int], Callable[[], int]]) -> list[Point]:
        return grow(what, longest_s, work, doubled(most))

    series = {
        "ops": run("ops", len(OPS), lambda n: priced(OPS[:n], machines(wide, base))),
        "accelerators": run("accelerators of a shape", 125, lambda n: priced(ops, machines(wide, n))),
        "shapes": run("shapes", len(shapes()), lambda n: priced(ops, machines(n, base))),
        "cores": run("threads", cores, lambda n: priced(ops, machines(2 * wide, base), n)),
        "mapspace": run("unrollings", UNROLLINGS, lambda n: searched(ops, machines(1, base), n)),
    }
    result = {
        "series": series,
        "exponents": {name: exponent(points) for name, points in series.items()},
        "ops": len(ops),
        "accelerators_per_shape": base,
        "shapes": wide,
        "cache": with_cache(ops, machines(wide, base)),
        "totals": totals(2000 if options.quick else 8000, len(OPS), 5000 if options.quick else 20000),
    }
    if options.out:
        write_page(options.out / "scaling.html", series)
    print(json.dumps(result))


def doubled(most: int) -> list[int]:
    """1, 2, 4, ... and the end."""
    sizes = [2**i for i in range(most.bit_length()) if 2**i < most]
    return [*sizes, most]


@cache
def shapes() -> list[dict[str, object]]:
    """All fan-outs, those alike up to an exchange of the mesh axes once."""
    every = itertools.product(*(getattr(FAMILY, knob) for knob in SHAPE_KNOBS))
    distinct = [dict(zip(SHAPE_KNOBS, values, strict=True)) for values in every if values[0] <= values[1]]
    # In an order of no meaning, so that the first ones are as large as the last ones.
    return [distinct[i] for i in np.random.default_rng(0).permutation(len(distinct))]


@cache
def of_shape(number: int) -> list[Accelerator]:
    """All sizes of memories and widths of the interface."""
    every = itertools.product(*(getattr(FAMILY, knob) for knob in VARIANT_KNOBS))
    points = (dict(zip(VARIANT_KNOBS, values, strict=True)) for values in every)
    return [FAMILY.decode(FAMILY.space.point({**shapes()[number], **point})) for point in points]


def machines(count: int, each: int) -> list[Accelerator]:
    """So many accelerators of each of so many shapes, spread over their sizes."""
    picked = [round(i) for i in np.linspace(0, 124, each)]
    return [of_shape(number)[i] for number in range(count) for i in picked]


def grow(what: str, longest_s: float, work: Callable[[int], Callable[[], int]], sizes: Iterable[int]) -> list[Point]:
    """Measure growing sizes until one takes too long; `work` prepares a point, what it returns is timed."""
    points: list[Point] = []
    for size in sizes:
        prepared = work(size)
        before = reset_peak()
        begin = time.perf_counter()
        pairs = prepared()
        wall_s = time.perf_counter() - begin
        peak = None if before is None else round(max(status_mb("VmHWM") - before, 0.0), 2)
        rate = round(pairs / wall_s, 1)
        points.append({"size": size, "wall_s": round(wall_s, 4), "pairs_per_s": rate, "peak_mb": peak})
        print(f"{size:6d} {what:26s} {wall_s:8.3f} s {rate:12.1f} pairs/s  {peak} MB", flush=True)
        if wall_s > longest_s and len(points) > 1:
            break
    return points


def priced(ops: list[Loops], accelerators: list[Accelerator], threads: int = 1) -> Callable[[], int]:
    """Price a grid without a cache."""

    def work() -> int:
        return price_grid(ops, accelerators, Goal.EDP, threads, cache=NOWHERE).latency_s.size

    return work


def searched(ops: list[Loops], accelerators: list[Accelerator], unrollings: int) -> Callable[[], int]:
    """Search mapspaces of so many unrollings."""

    def work() -> int:
        lot = lay_out(accelerators)
        for loops in ops:
            search(loops, lot, CODES[Goal.EDP], unrollings)
        return len(ops) * len(accelerators)

    return work


def exponent(points: list[Point]) -> float | None:
    """Slope of time against size where both are logarithms: 1 is in proportion, below it growing is cheap."""
    if len(points) < 2:
        return None
    size, wall_s = (np.log([point[key] for point in points]) for key in ("size", "wall_s"))
    return round(float(np.polyfit(size, wall_s, 1)[0]), 3)


def with_cache(ops: list[Loops], accelerators: list[Accelerator]) -> dict[str, float]:
    """The same grid without a cache, filling one and from it; all to the same bits."""
    with tempfile.TemporaryDirectory() as folder:
        held = GridCache(Path(folder), least_s=0)
        times, grids = [], []
        for used in (NOWHERE, held, held):
            begin = time.perf_counter()
            grids.append(price_grid(ops, accelerators, cache=used))
            times.append(time.perf_counter() - begin)
    assert all(np.array_equal(grids[0].latency_s, grid.latency_s) for grid in grids)
    assert all(np.array_equal(grids[0].energy_j, grid.energy_j) for grid in grids)
    return dict(zip(("without_s", "filling_s", "hit_s"), (round(value, 4) for value in times), strict=True))


def totals(networks: int, ops: int, accelerators: int) -> dict[str, float]:
    """Networks x accelerators per second: exact, and as bare matrix products; best of several."""
    rng = np.random.default_rng(0)
    counts, table = rng.integers(0, 5, (networks, ops)), 10.0 ** rng.uniform(-6, -3, (ops, accelerators))
    ways = {"exact": lambda: exact_totals(counts, table)}
    for kind in (np.float64, np.float32):
        left, right = counts.astype(kind), table.astype(kind)
        ways[np.dtype(kind).name] = lambda left=left, right=right: left @ right
    rates = {}
    for name, way in ways.items():
        best = min(timed(way) for _ in range(9))
        rates[f"{name}_per_s"] = round(networks * accelerators / best)
    print(f"{networks} networks x {accelerators} accelerators x {ops} ops:", rates)
    slower = rates["float32_per_s"] / rates["exact_per_s"]
    return {"networks": networks, "accelerators": accelerators, **rates, "float32_over_exact": round(slower, 2)}


def timed(work: Callable[[], object]) -> float:
    """Wall seconds."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def reset_peak() -> float | None:
    """Forget the peak of resident memory; what is resident now, None where the system does not say."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return status_mb("VmRSS")
    except OSError:
        return None


def status_mb(field: str) -> float:
    """A size from the system's account of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def write_page(path: Path, series: dict[str, list[Point]]) -> None:
    """Time and memory against size, a picture each."""
    from coexplore.core.files import write_atomic
    from coexplore.reports.figures import axis, layout
    from coexplore.reports.page import card, drawn, page

    cards = []
    for name, points in series.items():
        x = [point["size"] for point in points]
        data = [
            {"type": "scatter", "name": label, "x": x, "y": [point[key] for point in points], "yaxis": at}
            for label, key, at in (("seconds", "wall_s", "y"), ("MB", "peak_mb", "y2"))
        ]
        axes = {
            "xaxis": axis(name, {"type": "log"}),
            "yaxis": axis("seconds", {"type": "log"}),
            "yaxis2": axis("MB above the start", {"overlaying": "y", "side": "right", "showgrid": False}),
        }
        cards.append(card(name, "", drawn(name, {"data": data, "layout": layout(360, axes)})))
    write_atomic(path, page("Scaling of grid pricing", cards))


if __name__ == "__main__":
    main()
