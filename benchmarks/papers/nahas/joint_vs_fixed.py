"""Is it worth searching network and accelerator together? Joint, phase and fixed against the truth, over assumptions.

NAH-1 and NAH-2 of the fact sheet, on two tables of trained networks (NAS-Bench-201, CIFAR-10 after 200 epochs;
Accel-NASBench, ImageNet after its short training) times the edge array. No design may be larger than the baseline.

* truth: the proven optimum at five latency targets for joint, for the fixed baseline, and for phase: the accelerator
  that is best for a reference network, by latency or by energy-delay product, and then the best network on it.
  `joint >= fixed` and `joint >= phase` are theorems, and checked. The gain is a range over what nobody published: the
  baseline's I/O bandwidth (20 or 25 GB/s) and whether activations stay on chip; no single number is claimed.
* searches, under the first assumption: random, evolution and PPO in each mode, and one-shot search, whose looks the
  table answers as if shared weights ranked perfectly.
* exact-hardware search suggests networks alone. What each network costs on every accelerator is known before any is
  trained and counts nothing for anybody: only accuracies and samples count.

Rules for all: a sample is one suggested design; all modes have the same number of samples, but exact-hardware search
has a fifth. A sample that breaks a limit is priced and not trained, as in a study of this package. An accuracy is paid
for once however often its network comes again. Regret is in points of accuracy below the proven joint optimum. One
exception: violations are counted of PPO with the published rewards, under which everything is trained and the design of
highest reward may break a limit.

Our bar: exact-hardware search is at PPO-joint's final regret (medians over seeds) after at most a tenth of the
accuracies that PPO-joint paid for, at every target. `met_trained` counts every trained sample of PPO, as was published.

Networks outside Accel-NASBench's table stand for the nearest one inside it. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from _joint_compare import compare, print_searches
from _joint_spaces import TabularSpace, accel_space, baseline_column, chips_of, nb201_space
from _joint_truth import print_truth, truth
from _joint_world import World

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.network_table import price_networks
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.cost.resident_table import price_resident_networks

BANDWIDTHS = (20.0, 25.0)
RESIDENCY = Residency(0.25)
FAMILIES = {
    "quick": EdgeArray(
        pes_x=(2, 4), pes_y=(4,), simd_units=(64,), lanes=(2, 4), local_memory_mb=(0.5, 2.0), register_file_kb=(32,),
        io_bandwidth_gb_s=(20.0, 25.0),
    ),
    "small": EdgeArray(
        pes_x=(2, 4, 8), pes_y=(2, 4, 8), simd_units=(32, 64, 128), lanes=(2, 4, 8), local_memory_mb=(0.5, 2.0),
        register_file_kb=(8, 32), io_bandwidth_gb_s=(10.0, 20.0, 25.0),
    ),
    "full": EdgeArray(),
}  # fmt: skip
TABLES = {"nb201": nb201_space, "accel-nasbench": accel_space}
PUBLISHED = {
    "gain": "+0.5 to +1 % top-1 at all latency targets, about -20 % latency (ICLR 2021 abstract)",
    "samples": "2x fewer samples; violations of the latency constraint 3 in 4 -> 1 in 4 searches (ICLR 2021 abstract)",
    "energy": "up to 2x less energy at equal accuracy (arXiv abstract)",
}


def main() -> None:
    """Truth and searches on both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data", help="folder of nb201_cells and accel_nasbench")
    parser.add_argument("--quick", action="store_true", help="NAS-Bench-201: every 125th network, 16 accelerators")
    parser.add_argument("--space", choices=FAMILIES, default="full", help="accelerators: 16, 972 or all 50,000")
    parser.add_argument(
        "--resident-space", choices=("none", *FAMILIES), default="small", help="the same where activations stay on chip"
    )
    parser.add_argument("--samples", type=int, default=500, help="of every search")
    parser.add_argument("--seeds", type=int, default=10, help="0 leaves out the searches")
    parser.add_argument("--no-violations", action="store_true", help="leave out PPO under the published rewards")
    parser.add_argument("--bar-only", action="store_true", help="of the searches only those that our bar is about")
    parser.add_argument("--threads", type=int, default=2, help="of pricing")
    parser.add_argument("--tables", nargs="+", choices=tuple(TABLES), default=list(TABLES))
    options = parser.parse_args()
    step = 125 if options.quick else 1
    if options.quick:
        options.space, options.resident_space, options.tables = "quick", "quick", ["nb201"]
        options.samples, options.seeds = 30, 1
    begin = time.perf_counter()
    found = {name: study(TABLES[name](Path(options.data), step), options) for name in options.tables}
    print(json.dumps({**summary(found, options), "wall_s": round(time.perf_counter() - begin, 1), "tables": found}))


def summary(found: dict[str, dict[str, object]], options: argparse.Namespace) -> dict[str, object]:
    """What holds over all tables and assumptions."""
    targets = [target for one in found.values() for assumed in one["truth"] for target in assumed["targets"]]
    gains = [target["joint"] - target["fixed"] for target in targets]
    over_phase = [target["joint"] - accuracy for target in targets for accuracy in target["phase"].values()]
    ratios = [target["energy_ratio"] for target in targets]
    bars = {name: [one["bar"] for one in document["searches"]] for name, document in found.items()}
    return {
        "space": options.space,
        "resident_space": options.resident_space,
        "samples": options.samples,
        "seeds": options.seeds,
        "joint_at_least_fixed": min(gains) >= 0,
        "joint_at_least_phase": min(over_phase) >= 0,
        "gain_points": [min(gains), max(gains)],
        "energy_ratio": [min(ratios), max(ratios)],
        "bar_met": {name: bool(some) and all(bar["met"] for bar in some) for name, some in bars.items()},
        "bar_met_trained": {
            name: bool(some) and all(bar["met_trained"] for bar in some) for name, some in bars.items()
        },
        "published": PUBLISHED,
    }


def study(space: TabularSpace, options: argparse.Namespace) -> dict[str, object]:
    """Truth over assumptions, and searches under the first of them."""
    family = FAMILIES[options.space]
    points = list(family.space.enumerate())
    table = price_networks(space.ops, chips_of(points), threads=options.threads)
    truths = [truth(space, [table], points, bandwidth, MAIN_MEMORY.text) for bandwidth in BANDWIDTHS]
    for one in truths:
        print_truth(space.name, one)
    if options.resident_space != "none":
        truths += resident_truths(space, options)
    world = World(space.accuracy, space.choices, space.macs, table, family.space, baseline_column(points))
    searches = []
    for target in truths[0]["targets"] if options.seeds else ():
        wanted = {"bar_only": options.bar_only, "with_violations": not options.no_violations}
        searches.append(compare(world, target, options.samples, options.seeds, **wanted))
        print_searches(space.name, searches[-1])
    return {"networks": len(space.accuracy), "accelerators": len(points), "truth": truths, "searches": searches}


def resident_truths(space: TabularSpace, options: argparse.Namespace) -> list[dict[str, object]]:
    """Truth where activations stay on chip, on accelerators of their own number: these take longer to price."""
    points = list(FAMILIES[options.resident_space].space.enumerate())
    tables = price_resident_networks(space.workloads(), chips_of(points), RESIDENCY, threads=options.threads)
    truths = [truth(space, tables, points, bandwidth, RESIDENCY.text) for bandwidth in BANDWIDTHS]
    for one in truths:
        print_truth(space.name, one)
    return truths


if __name__ == "__main__":
    main()
