"""Is it worth searching network and accelerator together? Joint, phase and fixed against the truth, over assumptions.

NAH-1 and NAH-2 of the fact sheet, on two tables of trained networks (NAS-Bench-201, CIFAR-10 after 200 epochs;
Accel-NASBench, ImageNet after its short training) times the edge array. No design may be larger than the baseline.

* truth: the proven optimum at five latency targets for joint, for the fixed baseline, and for phase: the accelerator
  that is best for a reference network, by latency or by energy-delay product, and then the best network on it.
  `joint >= fixed` and `joint >= phase` are theorems, and asserted. The gain is a range over what nobody published: the
  baseline's I/O bandwidth (20 or 25 GB/s) and whether activations stay on chip; no single number is claimed.
* searches: random, evolution and PPO in each mode at an equal number of samples, and exact-hardware search, which
  suggests networks alone. Regret is in points of accuracy below the proven joint optimum. A sample that breaks a limit
  is priced and not trained, as in a study of this package, which spares the others accuracies, too; violations are
  counted of PPO with the published rewards instead, under which the design of highest reward may break a limit.
* our bar: exact-hardware search is at PPO-joint's final regret (medians over seeds) after at most a tenth of the
  accuracies that PPO-joint paid for, at every target. Both searches pay for a network once, however often it comes;
  `met_trained` counts every trained sample of PPO instead, as was published.

Networks outside Accel-NASBench's table stand for the nearest one inside it. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from _joint_runs import Goal, Trace, World, exact_hardware, fixed, joint, phase
from _joint_spaces import (
    TabularSpace,
    accel_space,
    baseline_column,
    chips_of,
    latency_targets,
    nb201_space,
    totals_at,
)

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.front import undominated
from coexplore.cost.network_table import NetworkTable, price_networks
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.cost.resident_table import price_resident_networks
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.spaces.space import Point
from coexplore.strategies.exact_hardware import ExactHardware
from coexplore.studies.joint_front import JointFront, joint_front
from coexplore.studies.joint_optimum import optimum

ENERGY = Objective("energy_j", Direction.MINIMIZE)
BANDWIDTHS = (20.0, 25.0)
RESIDENCIES = (MAIN_MEMORY, Residency(0.25))
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
STRATEGIES = ("random", "evolution", "ppo")
MODES: dict[str, Callable[..., Trace]] = {"joint": joint, "fixed": fixed}
EXACT = {
    "exact-hardware evolution": ExactHardware("evolution"),
    "exact-hardware random": ExactHardware("random"),
    "exact-hardware random, 16 drawn": ExactHardware("random", among=16),
    "exact-hardware evolution, 16 drawn": ExactHardware("evolution", {"population": 160}, among=16),
}
"""Controllers over networks; of 16 drawn networks that fit, the one of most multiply-accumulates is taken. Evolution
draws its whole population first, so with 160 the first ten suggestions are of random networks."""
JUDGED = "exact-hardware evolution, 16 drawn"
"""The one that our bar is about; its population was chosen on NAS-Bench-201, three seeds, 972 accelerators."""
PUBLISHED = {
    "gain": "+0.5 to +1 % top-1 at all latency targets, about -20 % latency (ICLR 2021 abstract)",
    "samples": "2x fewer samples; violations of the latency constraint 3 in 4 -> 1 in 4 searches (ICLR 2021 abstract)",
    "energy": "up to 2x less energy at equal accuracy (arXiv abstract)",
}
BAR = 0.1


def main() -> None:
    """Truth and searches on both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data", help="folder of nb201_cells and accel_nasbench")
    parser.add_argument("--quick", action="store_true", help="NAS-Bench-201: every 125th network, 16 accelerators")
    parser.add_argument("--space", choices=FAMILIES, default="full", help="accelerators: 16, 972 or all 50,000")
    parser.add_argument("--samples", type=int, default=1000, help="of every search")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2, help="of pricing")
    parser.add_argument("--tables", nargs="+", choices=("nb201", "accel-nasbench"), default=["nb201", "accel-nasbench"])
    options = parser.parse_args()
    step = 125 if options.quick else 1
    if options.quick:
        options.space, options.samples, options.seeds, options.tables = "quick", 30, 1, ["nb201"]
    begin = time.perf_counter()
    make = {"nb201": nb201_space, "accel-nasbench": accel_space}
    found = {name: study(make[name](Path(options.data), step), options) for name in options.tables}
    gains = [
        target["joint"] - target["fixed"] for one in found.values() for a in one["truth"] for target in a["targets"]
    ]
    ratios = [target["energy_ratio"] for one in found.values() for a in one["truth"] for target in a["targets"]]
    print(
        json.dumps(
            {
                "space": options.space,
                "samples": options.samples,
                "seeds": options.seeds,
                "joint_at_least_fixed": True,
                "joint_at_least_phase": True,
                "gain_points": [min(gains), max(gains)],
                "energy_ratio": [min(ratios), max(ratios)],
                "bar_met": {name: one["bar_met"] for name, one in found.items()},
                "bar_met_trained": {name: one["bar_met_trained"] for name, one in found.items()},
                "published": PUBLISHED,
                "wall_s": round(time.perf_counter() - begin, 1),
                "tables": found,
            }
        )
    )


def study(space: TabularSpace, options: argparse.Namespace) -> dict[str, object]:
    """Truth over assumptions, and searches under the first of them."""
    family = FAMILIES[options.space]
    points = list(family.space.enumerate())
    chips = chips_of(points)
    priced: dict[str, list[NetworkTable]] = {}
    for residency in RESIDENCIES:
        if residency == MAIN_MEMORY:
            priced[residency.text] = [price_networks(space.ops, chips, threads=options.threads)]
        else:
            priced[residency.text] = price_resident_networks(
                space.workloads(), chips, residency, threads=options.threads
            )
    truths = [
        truth(space, tables, points, bandwidth, assumed)
        for assumed, tables in priced.items()
        for bandwidth in BANDWIDTHS
    ]
    for one in truths:
        print_truth(space.name, one)
    (table,) = priced[MAIN_MEMORY.text]
    world = World(space.accuracy, space.choices, space.macs, table, family.space, baseline_column(points))
    searches = [compare(space.name, world, target, options) for target in truths[0]["targets"]]
    return {
        "networks": len(space.accuracy),
        "accelerators": len(points),
        "truth": truths,
        "searches": searches,
        "bar_met": all(one["bar"]["met"] for one in searches),
        "bar_met_trained": all(one["bar"]["met_trained"] for one in searches),
    }


def truth(
    space: TabularSpace, tables: list[NetworkTable], points: list[Point], bandwidth: float, assumed: str
) -> dict[str, object]:
    """What is best at five targets, proven, under one assumption."""
    baseline = baseline_column(points, bandwidth)
    largest = next(float(t.area_mm2[t.places == baseline][0]) for t in tables if baseline in t.places)
    front = joint_front(space.accuracy, tables, largest).front
    latency, energy = totals_at(tables, baseline)
    phases = phase_columns(tables, latency, space.accuracy, largest)
    targets = []
    for target in latency_targets(tables, baseline):
        limit = Constraint("latency_s", at_most=target)
        design = optimum(front, [limit]).design
        legal = latency <= target
        accuracy = float(space.accuracy[legal].max())
        alike = legal & (space.accuracy >= accuracy)
        cheapest = optimum(front, [limit, Constraint("accuracy", at_least=accuracy)], ENERGY).design
        by_phase = {
            name: on_column(space.accuracy, totals_at(tables, place)[0], target) for name, place in phases.items()
        }
        joint_accuracy = float(front.accuracy[design])
        assert joint_accuracy >= accuracy
        assert all(joint_accuracy >= found for found in by_phase.values())
        targets.append(
            {
                "target_s": target,
                "joint": 100 * joint_accuracy,
                "fixed": 100 * accuracy,
                "phase": {name: 100 * found for name, found in by_phase.items()},
                "energy_ratio": float(energy[alike].min() / front.energy_j[cheapest]),
                "accelerator": dict(points[int(front.accelerator[design])]),
            }
        )
    return {
        "bandwidth_gb_s": bandwidth,
        "residency": assumed,
        "front": len(front),
        "targets": targets,
        "knob_ends": knob_ends(front, points, tables),
    }


def phase_columns(
    tables: Sequence[NetworkTable], latency: np.ndarray, accuracy: np.ndarray, largest: float
) -> dict[str, int]:
    """The best accelerator within the area for three reference networks, by latency and by energy-delay product."""
    order = np.argsort(latency, kind="stable")
    references = {"middle": int(order[len(order) // 2]), "fastest": int(order[0]), "best": int(accuracy.argmax())}
    found = {}
    for name, network in references.items():
        for goal in ("latency", "edp"):
            best = (np.inf, -1)
            for table in tables:
                inside = table.on(np.flatnonzero(table.area_mm2 <= largest))
                seconds, joules = (total[0] for total in inside.totals(np.array([network])))
                loss = seconds if goal == "latency" else seconds * joules
                if len(loss):
                    best = min(best, (float(loss.min()), int(inside.places[loss.argmin()])))
            found[f"{name}, {goal}"] = best[1]
    return found


def on_column(accuracy: np.ndarray, latency: np.ndarray, target: float) -> float:
    """The best accuracy on one accelerator, 0 where no network is fast enough."""
    return float(accuracy[latency <= target].max(initial=0.0))


def knob_ends(front: JointFront, points: list[Point], tables: Sequence[NetworkTable]) -> dict[str, list[float]]:
    """For each knob the shares of the front with its lowest and with its highest value."""
    chosen = [points[place] for place in front.accelerator.tolist()]
    ends = {}
    for knob in points[0]:
        values = sorted({point[knob] for point in points})
        shares = [statistics.fmean(point[knob] == end for point in chosen) for end in (values[0], values[-1])]
        ends[knob] = [round(share, 3) for share in shares]
    return ends


def print_truth(name: str, one: dict[str, object]) -> None:
    """A line for each target."""
    print(f"{name}, baseline {one['bandwidth_gb_s']:g} GB/s, {one['residency']}: front of {one['front']}")
    for target in one["targets"]:
        phases = target["phase"].values()
        print(
            f"  {target['target_s'] * 1e3:9.4f} ms: joint {target['joint']:.2f}, fixed {target['fixed']:.2f}, "
            f"phase {min(phases):.2f} to {max(phases):.2f} %, energy of fixed / joint at its accuracy "
            f"{target['energy_ratio']:.2f}"
        )
    ends = ", ".join(f"{knob} {100 * low:.0f}/{100 * high:.0f}" for knob, (low, high) in one["knob_ends"].items())
    print(f"  front at low/high end of knobs, %: {ends}", flush=True)


@dataclass(frozen=True, slots=True)
class Runs:
    """Searches of one kind with several seeds."""

    traces: list[Trace]
    optimum: float
    """Proven accuracy, fraction."""

    @property
    def regret(self) -> float:
        """Median of the points below the optimum at the end."""
        return 100 * (self.optimum - statistics.median(trace.final for trace in self.traces))

    @property
    def evaluations(self) -> float:
        """Median of the accuracies paid for."""
        return statistics.median(trace.evaluations[-1] for trace in self.traces)

    @property
    def trained(self) -> float:
        """Median of the samples that were trained, were every one trained anew."""
        return statistics.median(trace.trained for trace in self.traces)

    def evaluations_until(self, regret: float) -> int | None:
        """Accuracies paid for after which the median regret is no more than this; None where it stays above."""
        most = max(trace.evaluations[-1] for trace in self.traces)
        rows = np.array([self._by_evaluations(trace, most) for trace in self.traces])
        reached = np.flatnonzero(100 * (self.optimum - np.median(rows, axis=0)) <= regret + 1e-9)
        return int(reached[0]) + 1 if len(reached) else None

    @staticmethod
    def _by_evaluations(trace: Trace, most: int) -> np.ndarray:
        best = np.zeros(most)
        for value, count in zip(trace.best, trace.evaluations, strict=True):
            if count:
                best[count - 1 :] = max(value, float(best[count - 1]))
        return best

    def document(self) -> dict[str, object]:
        """For the JSON."""
        finals = [100 * (self.optimum - trace.final) for trace in self.traces]
        return {
            "regret_median": round(self.regret, 3),
            "regret_range": [round(min(finals), 3), round(max(finals), 3)],
            "evaluations": self.evaluations,
            "trained": self.trained,
            "nothing_legal": sum(trace.final == 0 for trace in self.traces),
        }


def compare(name: str, world: World, target: dict[str, object], options: argparse.Namespace) -> dict[str, object]:
    """All searches at one target."""
    goal, best = Goal(float(target["target_s"])), float(target["joint"]) / 100
    order = np.argsort(world.table.on(np.array([world.baseline])).totals(np.arange(len(world.accuracy)))[0][:, 0])
    reference = int(order[len(order) // 2])
    kinds: dict[str, Callable[[int], Trace]] = {}
    for strategy in STRATEGIES:
        for mode, run in MODES.items():
            kinds[f"{mode} {strategy}"] = partial(_seeded, run, world, goal, strategy, options.samples)
        kinds[f"phase {strategy}"] = partial(_seeded_phase, world, goal, reference, strategy, options.samples)
    legal_on = legal_columns(world, goal)
    for kind, settings in EXACT.items():
        kinds[kind] = partial(_seeded_exact, world, goal, legal_on, settings, options.samples)
    runs = {kind: Runs([run(seed) for seed in range(options.seeds)], best) for kind, run in kinds.items()}
    bar = judge(runs)
    document = {
        "target_s": goal.latency_s,
        "searches": {kind: each.document() for kind, each in runs.items()},
        "samples_to_phase": {s: samples_to_phase(runs[f"joint {s}"], runs[f"phase {s}"]) for s in STRATEGIES},
        "violations": violations(world, goal, reference, options),
        "bar": bar,
    }  # fmt: skip
    print_searches(name, document)
    return document


def _seeded(run: Callable[..., Trace], world: World, goal: Goal, strategy: str, samples: int, seed: int) -> Trace:
    return run(world, goal, strategy, samples, seed)


def _seeded_phase(world: World, goal: Goal, reference: int, strategy: str, samples: int, seed: int) -> Trace:
    return phase(world, goal, reference, strategy, samples, seed)


def _seeded_exact(
    world: World, goal: Goal, legal_on: Callable[[int], int | None], settings: ExactHardware, samples: int, seed: int
) -> Trace:
    return exact_hardware(world, goal, legal_on, settings, samples, seed)


def legal_columns(world: World, goal: Goal) -> Callable[[int], int | None]:
    """For a network the accelerator of least energy that holds it within target and area; None where none does."""
    inside = world.table.on(np.flatnonzero(world.table.area_mm2 <= world.largest_mm2))
    few = inside.on(undominated(inside.latency_s, inside.energy_j, np.zeros(len(inside.area_mm2))))

    @cache
    def legal_on(network: int) -> int | None:
        latency, energy = (total[0] for total in few.totals(np.array([network])))
        legal = np.flatnonzero(latency <= goal.latency_s)
        return int(few.places[legal[energy[legal].argmin()]]) if len(legal) else None

    return legal_on


def judge(runs: dict[str, Runs]) -> dict[str, object]:
    """Our bar: accuracies until PPO-joint's final regret, as a share of those that PPO-joint paid for.

    PPO repeats networks. `share` counts each of its networks once, as a study of this package pays for it;
    `share_trained` counts every sample that it had trained, as was published. Both bars are stated.
    """
    ppo = runs["joint ppo"]
    needed = {kind: runs[kind].evaluations_until(ppo.regret) for kind in EXACT}
    share, share_trained = (
        {kind: None if n is None else round(n / max(paid, 1), 4) for kind, n in needed.items()}
        for paid in (ppo.evaluations, ppo.trained)
    )
    return {
        "ppo_regret": round(ppo.regret, 3),
        "ppo_evaluations": ppo.evaluations,
        "ppo_trained": ppo.trained,
        "needed": needed,
        "share": share,
        "share_trained": share_trained,
        "met": within_bar(share[JUDGED]),
        "met_trained": within_bar(share_trained[JUDGED]),
    }


def within_bar(share: float | None) -> bool:
    """Whether PPO's regret was reached, and with so few accuracies."""
    return share is not None and share <= BAR


def samples_to_phase(joint_runs: Runs, phase_runs: Runs) -> dict[str, float | int | None]:
    """Samples of joint search, median over seeds, until the median result of phase at the same budget."""
    wanted = statistics.median(trace.final for trace in phase_runs.traces)
    reached = [trace.samples_until(wanted) for trace in joint_runs.traces]
    known = [samples for samples in reached if samples is not None]
    return {
        "phase_accuracy": 100 * wanted,
        "reached": len(known),
        "median_samples": statistics.median(known) if known else None,
    }


def violations(world: World, goal: Goal, reference: int, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Share of PPO searches under the published rewards whose best-rewarded design breaks a limit."""
    found: dict[str, dict[str, float]] = {}
    for reward in ("hard", "soft"):
        wanted = Goal(goal.latency_s, reward)
        broken = {
            "joint": [joint(world, wanted, "ppo", options.samples, s) for s in range(options.seeds)],
            "phase": [phase(world, wanted, reference, "ppo", options.samples, s) for s in range(options.seeds)],
        }
        found[reward] = {
            mode: statistics.fmean(not trace.chosen[3] for trace in traces) for mode, traces in broken.items()
        }
    return found


def print_searches(name: str, document: dict[str, object]) -> None:
    """A line for each kind of search."""
    print(f"{name}, target {document['target_s'] * 1e3:.4f} ms")
    for kind, one in document["searches"].items():
        low, high = one["regret_range"]
        print(
            f"  {kind:34s} regret {one['regret_median']:6.2f} ({low:.2f} to {high:.2f}) points after "
            f"{one['evaluations']:g} accuracies"
        )
    print(f"  bar: {document['bar']}   violations: {document['violations']}", flush=True)


if __name__ == "__main__":
    main()
