"""Which tables of trained networks meet which accelerators? What the benchmarks of joint search share.

Two tables of networks that somebody has trained, their ops counted, and the edge array, all of it or evenly spaced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.network_counts import count_networks
from coexplore.cost.network_table import CountedOps, NetworkTable
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.networks.nb201 import OPERATIONS, Nb201
from coexplore.networks.network import NetworkFamily
from coexplore.spaces.space import Point
from coexplore.workloads.graph import Workload

Floats = NDArray[np.float64]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the latencies of all networks on the baseline: the five latency targets."""
NB201_EDGES = ("e1_0", "e2_0", "e2_1", "e3_0", "e3_1", "e3_2")


@dataclass(frozen=True, slots=True, eq=False)
class TabularSpace:
    """Networks with known accuracy."""

    name: str
    accuracy: Floats
    """(n,) Fractions, of the networks trained in full."""
    choices: NDArray[np.int64]
    """(n, decisions) what each network chose, as codes from 0."""
    workloads: Callable[[], Iterator[Workload]]
    """Builds every network."""
    ops: CountedOps
    count_s: float
    """Time to build every network and count its ops, or to read the counts kept by an earlier run."""

    @property
    def macs(self) -> Floats:
        """(n,) Multiply-accumulates of every network."""
        own = np.array([loops.macs for loops in self.ops.loops], np.float64)
        return self.ops.counts[:, : len(own)] @ own


def nb201_space(data: Path, step: int) -> TabularSpace:
    """Every `step`-th cell of NAS-Bench-201; test accuracy on CIFAR-10 after 200 epochs."""
    table = pq.read_table(data / "nb201_cells.parquet", columns=[*NB201_EDGES, "cifar10_test_acc_200ep"])
    codes = np.array([table.column(edge).to_numpy() for edge in NB201_EDGES]).T.astype(np.int64)[::step]
    accuracy = table.column("cifar10_test_acc_200ep").to_numpy()[::step] / 100
    family = Nb201()
    edges, space = [f"edge{edge.removeprefix('e')}" for edge in NB201_EDGES], family.space
    points = [space.point(dict(zip(edges, (OPERATIONS[code] for code in row), strict=True))) for row in codes.tolist()]
    return _counted("nb201", accuracy, codes, family, points)


def accel_space(data: Path, step: int) -> TabularSpace:
    """Every `step`-th network of Accel-NASBench; top-1 accuracy on ImageNet after the benchmark's short training."""
    names = [f"block{stage}_{knob}" for knob in ("e", "k", "l", "se") for stage in range(7)]
    table = pq.read_table(data / "accel_nasbench.parquet", columns=[*names, "val_top1"])
    values = np.array([table.column(name).to_numpy() for name in names]).T.astype(np.int64)[::step]
    accuracy = table.column("val_top1").to_numpy()[::step] / 100
    family = AccelNasBench()
    points = [family.space.point(dict(zip(names, row, strict=True))) for row in values.tolist()]
    codes = np.array([np.unique(column, return_inverse=True)[1] for column in values.T]).T
    return _counted("accel-nasbench", accuracy, codes, family, points)


def _counted(
    name: str, accuracy: Floats, codes: NDArray[np.int64], family: NetworkFamily, points: list[Point]
) -> TabularSpace:
    def workloads() -> Iterator[Workload]:
        return (family.lower(point) for point in points)

    begin = time.perf_counter()
    ops = count_networks(family, points)
    return TabularSpace(name, accuracy, codes, workloads, ops, time.perf_counter() - begin)


def edge_points(count: int | None) -> list[Point]:
    """All points of the edge array in their order, or about so many evenly spaced ones; the baseline is among them."""
    family = EdgeArray()
    points = list(family.space.enumerate())
    if count is None or count >= len(points):
        return points
    kept = set(np.linspace(0, len(points) - 1, max(count - 1, 1)).round().astype(int).tolist())
    return [points[place] for place in sorted(kept | {points.index(family.presets["baseline"])})]


def chips_of(points: Sequence[Point]) -> list[Accelerator]:
    """The accelerators of points."""
    family = EdgeArray()
    return [family.decode(point) for point in points]


def baseline_column(points: Sequence[Point], bandwidth_gb_s: float = 20.0) -> int:
    """Where the baseline stands, with an I/O bandwidth that nobody published."""
    baseline = {**EdgeArray().presets["baseline"], "io_bandwidth_gb_s": bandwidth_gb_s}
    return points.index(EdgeArray().space.point(baseline))


def latency_targets(tables: Sequence[NetworkTable], baseline: int) -> list[float]:
    """Five latencies, quantiles over all networks on the baseline, by its place."""
    latency, _ = totals_at(tables, baseline)
    return np.quantile(latency[np.isfinite(latency)], QUANTILES).tolist()


def totals_at(tables: Sequence[NetworkTable], place: int) -> tuple[Floats, Floats]:
    """Latency and energy of all networks on one accelerator, each (n,)."""
    table = next(table for table in tables if place in table.places)
    latency, energy = table.on(np.flatnonzero(table.places == place)).totals(np.arange(len(table.counts)))
    return latency[:, 0], energy[:, 0]


def invented_table(ops: CountedOps, points: Sequence[Point], seed: int = 0) -> NetworkTable:
    """Prices of a crude roofline in place of the cost engine's, for timing alone: nothing is claimed of hardware."""
    rng = np.random.default_rng(seed)
    x, y, simd, lanes, memory_mb, file_kb, gb_s = np.array([list(point.values()) for point in points], float).T
    latency, energy = (np.empty((ops.counts.shape[1], len(points))) for _ in range(2))
    for op in range(len(latency)):
        macs, data = 10 ** rng.uniform(5, 8), 10 ** rng.uniform(3, 6)
        width, length = 2 ** rng.uniform(3, 9), 2 ** rng.uniform(4, 10)
        cycles = macs / (4 * x * y * simd * lanes) * (1 + simd / width) * (1 + x * y * lanes / length)
        traffic = data * (1 + 10 ** rng.uniform(4, 7) / (memory_mb * x * y * 2**20))
        latency[op] = np.maximum(cycles / 0.8e9, traffic / (gb_s * 1e9)) + 1e-7
        energy[op] = macs * (0.3 + 0.02 * np.sqrt(file_kb)) * 1e-12 + traffic * 64e-12 + memory_mb * x * y * 1e-8
    area = x * y * (1.1 * memory_mb + lanes * (0.01 * file_kb**0.9 + simd * 0.0024) + 0.2) + 0.1 * gb_s
    return NetworkTable(ops.counts, latency, energy, area, np.arange(len(points)))
