"""What is the most accurate design at a latency target, proven? For joint, phases and the fixed baseline.

`joint >= fixed` and `joint >= phase` are theorems, because the baseline and what a phase chooses are accelerators of
the joint space; `truth` raises where its own numbers break one.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np
from _joint_spaces import TabularSpace, baseline_column, latency_targets, totals_at
from numpy.typing import NDArray

from coexplore.cost.network_table import NetworkTable
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.spaces.space import Point
from coexplore.studies.joint_front import joint_front
from coexplore.studies.joint_optimum import optimum

Floats = NDArray[np.float64]
ENERGY = Objective("energy_j", Direction.MINIMIZE)


def truth(
    space: TabularSpace, tables: Sequence[NetworkTable], points: list[Point], bandwidth: float, assumed: str
) -> dict[str, object]:
    """What is best at five targets, proven, under one assumption.

    Raises:
        ArithmeticError: a theorem does not hold of the numbers found.
    """
    baseline = baseline_column(points, bandwidth)
    largest = next(float(t.area_mm2[t.places == baseline][0]) for t in tables if baseline in t.places)
    front = joint_front(space.accuracy, tables, largest).front
    with_area = joint_front(space.accuracy, tables, largest, with_area=True).front
    latency, energy = totals_at(tables, baseline)
    phases = phase_columns(tables, latency, space.accuracy, largest)
    on_phases = {name: totals_at(tables, place)[0] for name, place in phases.items()}
    targets = []
    for target in latency_targets(tables, baseline):
        limit = Constraint("latency_s", at_most=target)
        design = optimum(front, [limit]).design
        legal = latency <= target
        accuracy = float(space.accuracy[legal].max())
        alike = legal & (space.accuracy >= accuracy)
        cheapest = optimum(front, [limit, Constraint("accuracy", at_least=accuracy)], ENERGY).design
        by_phase = {name: on_column(space.accuracy, seconds, target) for name, seconds in on_phases.items()}
        joint_accuracy = float(front.accuracy[design])
        check_theorems(joint_accuracy, accuracy, by_phase)
        targets.append(
            {
                "target_s": target,
                "joint": 100 * joint_accuracy,
                "fixed": 100 * accuracy,
                "phase": {name: 100 * found for name, found in by_phase.items()},
                "energy_ratio": float(energy[alike].min() / front.energy_j[cheapest]),
                "accelerator": dict(points[int(front.accelerator[design])]),
                "area_mm2": float(front.area_mm2[design]),
            }
        )
    return {
        "bandwidth_gb_s": bandwidth,
        "residency": assumed,
        "accelerators": len(points),
        "largest_mm2": largest,
        "front": len(front),
        "targets": targets,
        "knob_ends": knob_ends([points[place] for place in front.accelerator.tolist()], points),
        "knob_ends_with_area": knob_ends([points[place] for place in with_area.accelerator.tolist()], points),
        "optimum_ends": knob_ends([target["accelerator"] for target in targets], points),
    }


def check_theorems(joint: float, fixed: float, phases: dict[str, float]) -> None:
    """Refuse numbers that cannot be.

    Raises:
        ArithmeticError: joint is worse than the fixed baseline or than a phase.
    """
    worse = [name for name, found in {"fixed": fixed, **phases}.items() if joint < found]
    if worse:
        raise ArithmeticError(f"the joint optimum of {joint} is worse than that of {', '.join(worse)}")


def phase_columns(tables: Sequence[NetworkTable], latency: Floats, accuracy: Floats, largest: float) -> dict[str, int]:
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


def on_column(accuracy: Floats, latency: Floats, target: float) -> float:
    """The best accuracy on one accelerator, 0 where no network is fast enough."""
    return float(accuracy[latency <= target].max(initial=0.0))


def knob_ends(chosen: Sequence[dict[str, object] | Point], points: Sequence[Point]) -> dict[str, list[float]]:
    """For each knob the shares of some designs with its lowest and with its highest value."""
    ends = {}
    for knob in points[0]:
        values = sorted({point[knob] for point in points})
        shares = [statistics.fmean(point[knob] == end for point in chosen) for end in (values[0], values[-1])]
        ends[knob] = [round(share, 3) for share in shares]
    return ends


def print_truth(name: str, one: dict[str, object]) -> None:
    """A line for each target."""
    print(
        f"{name}, {one['accelerators']} accelerators, baseline {one['bandwidth_gb_s']:g} GB/s, {one['residency']}: "
        f"front of {one['front']}"
    )
    for target in one["targets"]:
        phases = target["phase"].values()
        print(
            f"  {target['target_s'] * 1e3:9.4f} ms: joint {target['joint']:.2f}, fixed {target['fixed']:.2f}, "
            f"phase {min(phases):.2f} to {max(phases):.2f} %, energy of fixed / joint at its accuracy "
            f"{target['energy_ratio']:.2f}   {list(target['accelerator'].values())} {target['area_mm2']:.1f} mm2"
        )
    for what in ("knob_ends", "knob_ends_with_area", "optimum_ends"):
        ends = ", ".join(f"{knob} {100 * low:.0f}/{100 * high:.0f}" for knob, (low, high) in one[what].items())
        print(f"  {what} at low/high, %: {ends}", flush=True)
