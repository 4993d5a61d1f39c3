"""How fast is the proven optimum of all networks times all accelerators? NAS-Bench-201 and Accel-NASBench, edge array.

For each table of trained networks: the complete front over (accuracy, latency, energy) of all pairs no larger than the
baseline accelerator, and the most accurate pair at five latency targets. `pairs` are answered, `evaluated` added up.
`wall_s` is from counts and prices to front and optima, dropping included; `matmul_s` is the bare float32 product of
counts and one table of prices over all pairs, into a small buffer, in the same run. Counting ops (`count_s`) and
pricing them (`price_s`, kept on disk: a second run reads them) come before and have times of their own.

Every front is checked against all pairs of a sub-space, each added up by `math.fsum` (`brute_force_equal`).
`--synthetic` takes a crude roofline in place of the engine's prices, to time the front alone. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "papers" / "nahas"))
from _joint_spaces import (
    TabularSpace,
    accel_space,
    baseline_column,
    chips_of,
    edge_points,
    invented_table,
    latency_targets,
    nb201_space,
)

from coexplore.cost.network_table import NetworkTable, price_networks
from coexplore.objectives.objective import Constraint
from coexplore.objectives.pareto import non_dominated
from coexplore.spaces.space import Point
from coexplore.studies.joint_front import JointFront, joint_front
from coexplore.studies.joint_optimum import Optimum, optimum
from coexplore.testing.joint_oracle import all_pairs

MATMUL_ROWS = 256
PRICING_MB = 900.0
CHECKED = (200, 1000)
"""Networks and accelerators of the sub-space that is checked pair by pair."""


def main() -> None:
    """Solve both spaces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data", help="folder of nb201_cells and accel_nasbench")
    parser.add_argument("--quick", action="store_true", help="every 25th network, 16 accelerators")
    parser.add_argument("--accelerators", type=int, help="so many of the 50,000, evenly spaced; all by default")
    parser.add_argument("--threads", type=int, default=2, help="of pricing")
    parser.add_argument("--synthetic", action="store_true", help="invented prices, to time the front alone")
    options = parser.parse_args()
    step, count = (25, 16) if options.quick else (1, options.accelerators)
    points = edge_points(count)
    data = Path(options.data)
    warm_up()
    cell = solve(nb201_space(data, step), points, options)
    accel = solve(accel_space(data, step), points, options)
    result = {
        "synthetic": options.synthetic,
        "accelerators": len(points),
        "pairs": cell["pairs"],
        "evaluated": cell["evaluated"],
        "wall_s": cell["wall_s"],
        "matmul_s": cell["matmul_s"],
        "ratio_to_matmul": cell["ratio_to_matmul"],
        "accel_ratio_to_matmul": accel["ratio_to_matmul"],
        "brute_force_equal": cell["brute_force_equal"] and accel["brute_force_equal"],
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "nb201": cell,
        "accel_nasbench": accel,
    }
    print(json.dumps(result))


def warm_up() -> None:
    """Load the compiled kernels: what is timed is the work."""
    table = NetworkTable(np.ones((3, 2), np.int64), *np.ones((2, 2, 4)), np.ones(4), np.arange(4))
    joint_front(np.array([0.1, 0.2, 0.3]), [table])


def solve(space: TabularSpace, points: list[Point], options: argparse.Namespace) -> dict[str, object]:
    """Front, optima, times and check of one table of networks."""
    begin = time.perf_counter()
    if options.synthetic:
        table = invented_table(space.ops, points)
    else:
        table = price_networks(space.ops, chips_of(points), threads=options.threads, memory_mb=PRICING_MB)
    price_s = time.perf_counter() - begin
    baseline = baseline_column(points)
    targets, largest = latency_targets([table], baseline), float(table.area_mm2[baseline])
    begin = time.perf_counter()
    proof = joint_front(space.accuracy, [table], largest)
    optima = [best(proof.front, target, points) for target in targets]
    wall_s = time.perf_counter() - begin
    matmul_s = bare_product(table)
    for optimal in optima:
        print(space.name, optimal, flush=True)
    return {
        "networks": len(space.accuracy),
        "ops": len(space.ops.loops),
        "vector_ops": len(space.ops.vector),
        "pairs": proof.pairs,
        "evaluated": proof.evaluated,
        "distinct_networks": proof.networks,
        "accelerators_left": proof.accelerators,
        "front": len(proof.front),
        "wall_s": round(wall_s, 4),
        "matmul_s": round(matmul_s, 4),
        "ratio_to_matmul": round(wall_s / matmul_s, 3),
        "count_s": round(space.count_s, 2),
        "price_s": round(price_s, 2),
        "optima": optima,
        "brute_force_equal": is_equal_to_all_pairs(space, table, largest),
    }


def best(front: JointFront, latency_s: float, points: list[Point]) -> dict[str, object]:
    """The most accurate pair at a latency target."""
    found = optimum(front, [Constraint("latency_s", at_most=latency_s)])
    assert isinstance(found, Optimum)
    design = found.design
    return {
        "target_s": latency_s,
        "accuracy": float(front.accuracy[design]),
        "latency_s": float(front.latency_s[design]),
        "energy_j": float(front.energy_j[design]),
        "network": int(front.network[design]),
        "accelerator": dict(points[int(front.accelerator[design])]),
        "equal": int(front.equal[design]),
    }


def bare_product(table: NetworkTable) -> float:
    """Seconds of the float32 product of counts and latencies over all pairs, the least of three."""
    counts, prices = table.counts.astype(np.float32), np.ascontiguousarray(table.latency_s, np.float32)
    room = np.empty((MATMUL_ROWS, prices.shape[1]), np.float32)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        for row in range(0, len(counts), MATMUL_ROWS):
            some = counts[row : row + MATMUL_ROWS]
            np.matmul(some, prices, out=room[: len(some)])
        times.append(time.perf_counter() - begin)
    return min(times)


def is_equal_to_all_pairs(space: TabularSpace, table: NetworkTable, largest: float) -> bool:
    """Whether the front of a sub-space is that of all its pairs, ties and numbers of equals included."""
    rng = np.random.default_rng(0)
    sizes = [min(most, size) for most, size in zip(CHECKED, (len(space.accuracy), len(table.area_mm2)), strict=True)]
    networks, columns = (
        np.sort(rng.choice(size, some, replace=False))
        for size, some in zip((len(space.accuracy), len(table.area_mm2)), sizes, strict=True)
    )
    part = table.on(columns).of(networks)
    accuracy = space.accuracy[networks]
    front = joint_front(accuracy, [part], largest).front
    pairs = all_pairs(accuracy.tolist(), [part], largest)
    losses = np.array([pair.losses(False) for pair in pairs])
    kept = sorted(tuple(losses[row]) for row in np.flatnonzero(non_dominated(losses)))
    like: dict[tuple[float, ...], list[tuple[float, int, int]]] = {kind: [] for kind in kept}
    for pair in pairs:
        if pair.losses(False) in like:
            like[pair.losses(False)].append((pair.area_mm2, pair.network, pair.accelerator))
    expected = [(*kind, *min(like[kind]), len(like[kind])) for kind in kept]
    found = zip(
        (-front.accuracy).tolist(), front.latency_s.tolist(), front.energy_j.tolist(), front.area_mm2.tolist(),
        front.network.tolist(), front.accelerator.tolist(), front.equal.tolist(), strict=True,
    )  # fmt: skip
    return list(found) == expected


if __name__ == "__main__":
    main()
