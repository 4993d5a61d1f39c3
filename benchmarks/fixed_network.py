"""Which edge array is best for a given network, and what does choosing it gain over the baseline of equal area?

Every accelerator of the space is priced with the best mapping of every op; nothing is sampled, so the fronts are
complete. What is gained depends on assumptions that nobody outside has measured, so every gain is a range over all of
them: activations in main memory or kept on chip where they take a quarter of it, 20 or 25 GB/s for the baseline, and
main memory that costs half, the same or double the energy.

A gain is what the baseline needs over what the best accelerator of at most its area needs, each of latency, energy and
their product under mappings that are best for it. It is never below 1, as the baseline is one of the accelerators.

The last line is one JSON object; times are wall times with nothing read from a cache of prices.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

os.environ["COEXPLORE_CACHE"] = "off"

from coexplore import Constraint, Goal, Objective, Point, Workload
from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.candidates import Candidates
from coexplore.cost.exact_hardware import Best, best_accelerators
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.cost.resident_grid import price_resident_grid
from coexplore.cost.shadow import EDGE_ARRAY_UNITS, knob_ranges, steps
from coexplore.cost.workload_grid import distinct_ops, price_workload_grid
from coexplore.networks.bert import bert_base_layer
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.networks.resnet import resnet_50
from coexplore.objectives.metrics import Direction

BANDWIDTHS_GB_S = (20.0, 25.0)
"""Of the baseline, which the publication does not state."""
WANTED = {Goal.LATENCY: "latency_s", Goal.ENERGY: "energy_j", Goal.EDP: "edp_js"}
"""What is gained, under mappings that are best for it."""
FEW = EdgeArray(
    pes_x=(4,), pes_y=(4,), simd_units=(64,), lanes=(2, 4), local_memory_mb=(2.0,), register_file_kb=(32,),
    io_bandwidth_gb_s=(20.0, 25.0),
)  # fmt: skip
SMALL_IMAGE = (3, 32, 32)


@dataclass(frozen=True, slots=True)
class Assumption:
    """What nobody has measured, beside the baseline's bandwidth."""

    residency: Residency
    dram_energy: float
    """Times that of the technology table."""


PLAIN = Assumption(MAIN_MEMORY, 1.0)
ALL = tuple(Assumption(*pair) for pair in itertools.product((MAIN_MEMORY, Residency()), (0.5, 1.0, 2.0)))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured of every network."""

    assumptions: tuple[Assumption, ...]
    goals: tuple[Goal, ...]
    threads: int


@dataclass(frozen=True, slots=True)
class Hardware:
    """All accelerators of a space."""

    family: EdgeArray
    points: tuple[Point, ...]
    chips: tuple[Accelerator, ...]

    def under(self, assumption: Assumption) -> list[Accelerator]:
        """The accelerators, main memory at the energy assumed."""
        return [with_dram_energy(chip, assumption.dram_energy) for chip in self.chips]

    def baseline(self, bandwidth_gb_s: float) -> int:
        """Its index, at a bandwidth."""
        point = {**self.family.presets["baseline"], "io_bandwidth_gb_s": bandwidth_gb_s}
        return self.points.index(self.family.space.point(point))


def main() -> None:
    """Price all networks under all assumptions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true", help="four accelerators, small inputs, EDP only")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    begin = time.perf_counter()
    family, asked = EdgeArray(), Asked(ALL, tuple(WANTED), options.threads)
    if options.quick:
        family, asked = FEW, Asked((PLAIN, Assumption(Residency(), 0.5)), (Goal.EDP,), options.threads)
    points = tuple(family.space.enumerate())
    hardware = Hardware(family, points, tuple(family.decode(point) for point in points))
    networks = {name: measure(build(), hardware, asked) for name, build in builders(options.quick)}
    result = {
        "accelerators": len(points),
        "assumptions": len(asked.assumptions) * len(BANDWIDTHS_GB_S),
        "networks": networks,
        "threads": options.threads,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "wall_s": round(time.perf_counter() - begin, 1),
    }
    print(json.dumps(result))


def builders(quick: bool) -> Iterator[tuple[str, Callable[[], Workload]]]:
    """The networks by name."""
    yield "resnet-50", lambda: resnet_50(SMALL_IMAGE) if quick else resnet_50()
    yield "mobilenet-v2", lambda: mobilenet_v2(SMALL_IMAGE) if quick else mobilenet_v2()
    yield "bert-base-layer", lambda: bert_base_layer(16) if quick else bert_base_layer()


def measure(workload: Workload, hardware: Hardware, asked: Asked) -> dict[str, object]:
    """The front and its time under the plain assumption; gains under all."""
    begin = time.perf_counter()
    plain = candidates(workload, hardware.under(PLAIN), PLAIN, Goal.EDP, asked.threads)
    priced = time.perf_counter()
    found = best_accelerators(plain, minimize("edp_js"))
    assert isinstance(found, Best)
    solved = time.perf_counter()
    pairs = len(distinct_ops(workload)) * len(hardware.points)
    print(f"{workload.name}: {found.searched} accelerators priced in {priced - begin:.2f} s, front {len(found.front)}")
    describe(hardware, plain)
    gains = list(all_gains(workload, hardware, asked, plain))
    return {
        "ops": len(distinct_ops(workload)),
        "runs": int(plain.runs.sum()),
        "front": len(found.front),
        "price_s": round(priced - begin, 2),
        "pairs_per_s": round(pairs / (priced - begin)),
        "front_s": round(solved - priced, 3),
        "gain": {metric: spread([gain[metric] for gain in gains]) for metric in gains[0]},
        "at_an_end_share": at_ends(hardware, found),
    }


def candidates(
    workload: Workload, chips: Sequence[Accelerator], assumption: Assumption, goal: Goal, threads: int
) -> Candidates:
    """The network on every accelerator."""
    if assumption.residency == MAIN_MEMORY:
        grid = price_workload_grid(workload, chips, goal, threads)
    else:
        grid = price_resident_grid(workload, chips, assumption.residency, goal, threads)
    return Candidates(grid.latency_s, grid.energy_j, grid.area_mm2)


def all_gains(workload: Workload, hardware: Hardware, asked: Asked, plain: Candidates) -> Iterator[dict[str, float]]:
    """For each assumption and bandwidth of the baseline, what is gained by metric."""
    for assumption in asked.assumptions:
        chips = hardware.under(assumption)
        rows: list[dict[str, float]] = [{} for _ in BANDWIDTHS_GB_S]
        for goal in asked.goals:
            costs, metric = plain, WANTED[goal]
            if (assumption, goal) != (PLAIN, Goal.EDP):
                costs = candidates(workload, chips, assumption, goal, asked.threads)
            for row, bandwidth in zip(rows, BANDWIDTHS_GB_S, strict=True):
                row[metric] = gain(costs, hardware.baseline(bandwidth), metric)
        for row, bandwidth in zip(rows, BANDWIDTHS_GB_S, strict=True):
            shown = ", ".join(f"{metric} {value:.3f}" for metric, value in row.items())
            print(f"  {assumption.residency.text}; DRAM x{assumption.dram_energy:g}; {bandwidth:g} GB/s: {shown}")
            yield row


def gain(costs: Candidates, baseline: int, metric: str) -> float:
    """What the baseline needs over what the best of at most its area needs."""
    limit = Constraint("area_mm2", at_most=float(costs.area_mm2[baseline]))
    found = best_accelerators(costs, minimize(metric), [limit])
    assert isinstance(found, Best), "the baseline runs the network"
    ratio = float(costs.metric(metric)[baseline] / costs.metric(metric)[found.index])
    assert ratio >= 1, "the baseline is one of the accelerators"
    return ratio


def minimize(metric: str) -> Objective:
    """An objective."""
    return Objective(metric, Direction.MINIMIZE)


def with_dram_energy(chip: Accelerator, factor: float) -> Accelerator:
    """An accelerator whose main memory costs some times the energy."""
    memory = chip.levels[0]
    scaled = replace(
        memory, read_j_per_bit=factor * memory.read_j_per_bit, write_j_per_bit=factor * memory.write_j_per_bit
    )
    return replace(chip, levels=(scaled, *chip.levels[1:]))


def describe(hardware: Hardware, costs: Candidates) -> None:
    """Print what a step of each knob buys at the optimum of the baseline's area."""
    limit = Constraint("area_mm2", at_most=float(costs.area_mm2[hardware.baseline(BANDWIDTHS_GB_S[0])]))
    found = best_accelerators(costs, minimize("edp_js"), [limit])
    assert isinstance(found, Best)
    print(f"  lowest EDP within {limit.at_most:.1f} mm2: {hardware.chips[found.index].name}")
    for step in steps(hardware.family.space, hardware.points, costs, found.index, EDGE_ARRAY_UNITS):
        each = step.per_unit
        if step.runs and each is not None:
            print(
                f"    {step.knob} {step.before} to {step.after}: per {step.unit} {1e6 * each.latency_s:+.4g} us, "
                f"{1e6 * each.energy_j:+.4g} uJ, {each.area_mm2:+.4g} mm2"
            )


def at_ends(hardware: Hardware, found: Best) -> dict[str, list[float]]:
    """For each knob the part of the front at its lowest and its highest value."""
    ranges = knob_ranges(hardware.family.space, hardware.points, found.index, found.front)
    return {entry.knob: [round(entry.low_share, 3), round(entry.high_share, 3)] for entry in ranges}


def spread(values: Sequence[float]) -> list[float]:
    """Lowest and highest."""
    return [round(min(values), 4), round(max(values), 4)]


if __name__ == "__main__":
    main()
