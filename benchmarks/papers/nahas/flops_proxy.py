"""How badly do multiply-accumulates predict latency over the joint space of networks and accelerators?

NAHAS (its third version) says that FLOPs and parameter counts predict real efficiency poorly. Here the truth is the
engine's price under the best mapping: random networks of NAS-Bench-201 and of Accel-NASBench on accelerators of the
edge array, namely some random combinations of elements, lanes and SIMD units with some memories, register files and
bandwidths each. Kendall tau with latency of

* `macs` and `parameters` over all pairs (the joint space), and over networks on one accelerator: the median, the least
  and the largest over accelerators;
* `ideal`, the multiply-accumulates divided by those the accelerator does per second at best, over all pairs: what a
  proxy that knows the hardware's peak reaches;
* `macs` for accelerators of one network: none, since it says nothing of hardware (0 by definition).

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.network_table import count_ops, price_networks
from coexplore.networks.accel_nasbench import AccelNasBench
from coexplore.networks.nb201 import Nb201
from coexplore.networks.network import NetworkFamily
from coexplore.spaces.space import Point
from coexplore.testing.rank_correlation import kendall_tau

SHAPE = ("pes_x", "pes_y", "simd_units", "lanes")
PAIRS = 2_000


def accelerators(shapes: int, variants: int, rng: np.random.Generator) -> list[Point]:
    """So many variants of so many shapes of the edge array."""
    by_shape: dict[tuple[object, ...], list[Point]] = {}
    for point in EdgeArray().space.enumerate():
        by_shape.setdefault(tuple(point[name] for name in SHAPE), []).append(point)
    found = list(by_shape.values())
    chosen = [found[row] for row in rng.choice(len(found), shapes, replace=False)]
    return [points[row] for points in chosen for row in rng.choice(len(points), variants, replace=False)]


def compare(family: NetworkFamily, networks: int, points: list[Point], rng: np.random.Generator) -> dict[str, object]:
    """Proxies beside prices."""
    begin = time.perf_counter()
    workloads = [family.lower(point) for point in family.space.sample(rng, networks)]
    chips = [EdgeArray().decode(point) for point in points]
    table = price_networks(count_ops(workloads), chips)
    latency, energy = table.totals(np.arange(networks))
    macs = np.array([workload.macs for workload in workloads], float)
    parameters = np.array([workload.parameters for workload in workloads], float)
    peak = np.array([chip.macs_per_cycle * chip.clock_hz for chip in chips], float)
    chosen = rng.choice(latency.size, min(PAIRS, latency.size), replace=False)
    network, accelerator = np.unravel_index(chosen, latency.shape)
    truth = latency[network, accelerator]
    per_chip = [kendall_tau(macs, column) for column in latency.T]
    ideal = macs[network] / peak[accelerator]
    return {
        "networks": networks,
        "accelerators": len(points),
        "pairs": len(chosen),
        "price_s": round(time.perf_counter() - begin, 1),
        "joint": {
            "macs": round(kendall_tau(macs[network], truth), 3),
            "parameters": round(kendall_tau(parameters[network], truth), 3),
            "ideal": round(kendall_tau(ideal, truth), 3),
            "macs_energy": round(kendall_tau(macs[network], energy[network, accelerator]), 3),
        },
        "one_accelerator": {
            "median": round(float(np.median(per_chip)), 3),
            "least": round(min(per_chip), 3),
            "largest": round(max(per_chip), 3),
            "parameters_median": round(float(np.median([kendall_tau(parameters, row) for row in latency.T])), 3),
        },
        "latency_over_ideal": {
            name: round(float(np.quantile(truth / ideal, share)), 2)
            for name, share in (("median", 0.5), ("p05", 0.05), ("p95", 0.95))
        },
    }


def main() -> None:
    """Compare for both spaces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="unused: networks are drawn from their spaces")
    parser.add_argument("--quick", action="store_true", help="few networks and accelerators")
    options = parser.parse_args()
    sizes = {"nb201": (40, 2, 2), "accel-nasbench": (3, 1, 2)} if options.quick else {
        "nb201": (400, 24, 10), "accel-nasbench": (150, 12, 8)
    }  # fmt: skip
    result = {}
    for name, family in (("nb201", Nb201()), ("accel-nasbench", AccelNasBench())):
        networks, shapes, variants = sizes[name]
        rng = np.random.default_rng(0)
        result[name] = compare(family, networks, accelerators(shapes, variants, rng), rng)
        print(name, result[name], flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
