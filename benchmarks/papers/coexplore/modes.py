"""Does co-exploration beat fixed hardware and one-after-the-other? Four modes at equal training budget, many seeds.

Networks: all 6,561 of NAS-Bench-Macro, or with `--space nb201` all 15,625 cells of NAS-Bench-201, whose accuracies on
CIFAR-10 stand in a table. A search of the first sees one training of three, a search of the second the accuracy after
12 epochs; what it did not see is reported beside it: the mean of the two other trainings, or the accuracy after 200
epochs. Hardware: a pool of four small FPGAs, of three types, and a required throughput. The modes are settings of one
study:

* accuracy-only: fixed boards, nothing required; their throughput is measured all the same.
* fixed: the same boards, which are the fastest pipeline for one network of the space (the middle one, or a residual
  cell); the most accurate network that meets the requirement on them. Those that miss it are not trained.
* sequential: as fixed, then the best hardware of the pool for the network it found.
* exact: co-exploration, every network with the cheapest pipeline that meets the requirement.
* published: as exact, with fast exploration as it was published, `--fast-steps` stage-wise updates a training.

Of the last two OptSW is the most accurate network found and OptHW the one that uses its boards best. GOPS/W is that at
the required throughput, from board powers that are recalled or estimated: it orders boards of this table, no more.
"Trained" counts networks until the first that meets the requirement and is as accurate as what `fixed` found in all of
its budget. Gains at equal accuracy are over what `fixed` found, of networks at least as accurate: the most throughput
that the whole pool gives one of them, and the most GOPS/W of one of them, which need not be the same network.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from _tabular_spaces import SPACES, Accuracies, TabularSpace, read_accuracies

from coexplore import StudyResult, run_study
from coexplore.accelerators.fpga_pipeline import FpgaPipeline
from coexplore.cost.boards import engines_of, price_on_boards
from coexplore.spaces.space import Point
from coexplore.studies.config import build_designs
from coexplore.studies.schema import StudyConfig, parse_config
from coexplore.studies.trial import TrialRecord, TrialState

POOL = ("pynq-z2", "7a100t", "7a50t", "7a50t")
ABSTRACT = "+35.24 % throughput, +54.05 % energy efficiency, 136x less search time (ImageNet, the paper's abstract)"


@dataclass(frozen=True, slots=True)
class Setup:
    """What all studies share."""

    space: TabularSpace
    trials: int
    beta: float
    fast_steps: int
    quick: bool
    """Most decisions are frozen."""

    def study(self, mode: str, seed: int, engines: Sequence[object]) -> StudyConfig:
        """One mode."""
        fixed = mode in ("accuracy-only", "fixed")
        free, space = mode == "accuracy-only", self.space
        strategy: dict[str, object] = {"name": "two-level", "controller": "reinforce"}
        document: dict[str, object] = {
            "name": mode,
            "task": {"tabular": space.table, "key": space.key, "accuracy": space.seen},
            "network": {"family": space.family.name, "freeze": dict(space.frozen) if self.quick else {}},
            "accelerator": {
                "family": "fpga-pool",
                "pool": list(POOL),
                **({} if free else {"throughput_per_s": space.required_per_s}),
                **({"engines": list(engines)} if fixed or mode == "sequential" else {}),
                **({"freeze": {"pipeline": "fixed"}} if fixed else {}),
            },
            "objectives": [{"maximize": "accuracy"}]
            + ([] if free else [{"maximize": "pipeline_efficiency"}, {"maximize": "gops_per_w"}]),
            "strategy": {**strategy, "fast_steps": self.fast_steps} if mode == "published" else strategy,
            "budget": {"trials": self.trials},
            "seed": seed,
        }
        if not free:
            beta = self.beta if mode in JOINT else 1.0
            document["reward"] = {"name": "convex", "beta": beta, "metric": "pipeline_efficiency"}
        if mode == "sequential":
            document["phases"] = {"first": "network", "initial": {"pipeline": "fixed"}, "accelerator_trials": 2}
        return parse_config(document)


@dataclass(frozen=True, slots=True)
class Row:
    """One design of one run."""

    accuracy: float
    """Fraction; what the search saw."""
    accuracy_unseen: float
    """Fraction; what the table says beyond that."""
    throughput_per_s: float
    """Of the pipeline that is built."""
    pool_throughput_per_s: float
    """Of the fastest pipeline of the pool for this network."""
    pipeline_efficiency: float
    gops_per_w: float
    trained: int
    """Networks trained in the run."""
    priced: int
    """Designs priced without being trained."""


JOINT = ("exact", "published")
MODES = ("accuracy-only", "fixed", "sequential", *JOINT)


def fixed_engines(space: TabularSpace) -> list[dict[str, object]]:
    """The fastest pipeline of the pool for the network of reference, its buffers wide enough for every kernel."""
    cost = price_on_boards(space.reference, FpgaPipeline(pool=POOL).decode(Point()))
    assert cost.plan.pipeline is not None
    found, side = [], space.largest_kernel
    for device, design in engines_of(cost.stages, cost.plan.pipeline):
        tile = {**asdict(design), "tk": side, "tk_d": side if design.tm_d else 0}
        found.append({"device": device, "design": tile})
    return found


def complete(result: StudyResult) -> list[TrialRecord]:
    """The trials that were trained and meet the requirement."""
    return [trial for trial in result.trials if trial.state is TrialState.COMPLETE]


def row_of(setup: Setup, known: Accuracies, result: StudyResult, trial: TrialRecord) -> Row:
    """A design with what was not asked of the search."""
    workload = build_designs(result.config).decode(trial.point).network.workload()
    free = price_on_boards(workload, FpgaPipeline(pool=POOL).decode(Point())).metrics()
    metrics, rate = trial.metrics, setup.space.required_per_s
    at_required = 2e-9 * metrics["macs"] * min(rate, metrics["throughput_per_s"]) / metrics["power_w"]
    return Row(
        metrics["accuracy"],
        known.unseen[workload.name],
        metrics["throughput_per_s"],
        free["throughput_per_s"],
        metrics["pipeline_efficiency"],
        at_required,
        result.trained_networks,
        result.screened,
    )


def until(setup: Setup, result: StudyResult, target: Row) -> float:
    """Networks trained until the first as accurate and as fast as the target; infinite where there is none."""
    rate = setup.space.required_per_s
    for number, trial in enumerate(result.trials, start=1):
        if trial.state is TrialState.COMPLETE:
            metrics = trial.metrics
            if metrics["accuracy"] >= target.accuracy and metrics["throughput_per_s"] >= rate:
                return float(number)
    return math.inf


def gains(fixed: Row, rows: Sequence[Row]) -> tuple[float, float] | None:
    """Most throughput and most GOPS/W of networks at least as accurate as that of fixed hardware, as ratios to it."""
    rows = [row for row in rows if row.accuracy >= fixed.accuracy]
    if not rows:
        return None
    fastest = max(row.pool_throughput_per_s for row in rows)
    return fastest / fixed.throughput_per_s, max(row.gops_per_w for row in rows) / fixed.gops_per_w


def run_seed(setup: Setup, seed: int, engines: list[dict[str, object]], data: Path) -> dict[str, StudyResult]:
    """Every mode with one seed."""
    found = {}
    for mode in MODES:
        with tempfile.TemporaryDirectory() as folder:
            found[mode] = run_study(setup.study(mode, seed, engines), Path(folder), workers=0, data_root=data)
    return found


def summary(rows: Sequence[Row]) -> dict[str, float]:
    """Medians over seeds."""
    names = Row.__slots__ if isinstance(Row.__slots__, tuple) else tuple(Row.__slots__)
    return {name: round(statistics.median(getattr(row, name) for row in rows), 4) for name in names}


def main() -> None:
    """Run all modes over all seeds, then compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with the table")
    parser.add_argument("--quick", action="store_true", help="two seeds, six trainings, a few networks")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--beta", type=float, default=0.5, help="weight of accuracy in the reward of co-exploration")
    parser.add_argument("--fast-steps", type=int, default=5)
    parser.add_argument("--space", choices=SPACES, default="nas-bench-macro", help="whose networks are searched")
    options = parser.parse_args()
    began = time.perf_counter()
    quick, space = bool(options.quick), SPACES[options.space]
    setup = Setup(space, 6 if quick else options.trials, options.beta, options.fast_steps, quick)
    known, engines = read_accuracies(space, options.data), fixed_engines(space)
    rows: dict[str, list[Row]] = {}
    counts: dict[str, list[float]] = {mode: [] for mode in ("fixed", *JOINT)}
    better: dict[str, list[tuple[float, float]]] = {mode: [] for mode in ("sequential", *JOINT)}
    for seed in range(2 if quick else options.seeds):
        collect(setup, known, run_seed(setup, seed, engines, options.data), rows, counts, better)
        print(f"seed {seed} done after {time.perf_counter() - began:.0f} s", flush=True)
    print(f"unseen: {space.unseen_is}; over the whole table its rank correlation with the accuracy seen is "
          f"{known.rank_correlation:.3f}")  # fmt: skip
    if known.spread is not None:
        print(f"the trainings of a network in the table lie {known.spread:.2f} points apart (median)")
    report(rows, counts, better, {"space": options.space, "wall_s": round(time.perf_counter() - began, 1)})


def collect(
    setup: Setup,
    known: Accuracies,
    results: dict[str, StudyResult],
    rows: dict[str, list[Row]],
    counts: dict[str, list[float]],
    better: dict[str, list[tuple[float, float]]],
) -> None:
    """Add what one seed found: designs by mode, trainings until the result of fixed hardware, gains over it."""
    priced = {
        mode: [row_of(setup, known, result, trial) for trial in complete(result)] for mode, result in results.items()
    }
    for mode, found in priced.items():
        if not found:
            print(f"{mode}: {results[mode].explanation}")
            continue
        accurate = max(found, key=lambda row: (row.accuracy, row.gops_per_w))
        if mode in JOINT:
            rows.setdefault(f"{mode} OptSW", []).append(accurate)
            rows.setdefault(f"{mode} OptHW", []).append(max(found, key=lambda row: row.pipeline_efficiency))
        else:
            best = max(found, key=lambda row: row.gops_per_w) if mode == "sequential" else accurate
            rows.setdefault(mode, []).append(best)
    if not priced["fixed"]:
        return
    target = rows["fixed"][-1]
    for mode, numbers in counts.items():
        numbers.append(until(setup, results[mode], target))
    for mode, ratios in better.items():
        if (gain := gains(target, priced[mode])) is not None:
            ratios.append(gain)


def report(
    rows: dict[str, list[Row]],
    counts: dict[str, list[float]],
    better: dict[str, list[tuple[float, float]]],
    about: dict[str, object],
) -> None:
    """Print the table and the last line."""
    table = {mode: summary(found) for mode, found in rows.items()}
    print(f"{'mode':18} accuracy    unseen  built/s  pool/s  efficiency  GOPS/W  trained  priced   (medians)")
    for mode, row in table.items():
        print(
            f"{mode:18} {row['accuracy']:8.2%} {row['accuracy_unseen']:9.2%} {row['throughput_per_s']:8.1f} "
            f"{row['pool_throughput_per_s']:7.1f} {row['pipeline_efficiency']:10.1%} {row['gops_per_w']:8.3f} "
            f"{row['trained']:7.0f} {row['priced']:7.0f}"
        )
    medians = {mode: statistics.median(numbers) if numbers else math.inf for mode, numbers in counts.items()}
    print(f"networks trained until the result of fixed hardware (median): {medians}")
    ratios = {}
    for mode, found in better.items():
        if found:
            throughput, efficiency = (statistics.median(values) for values in zip(*found, strict=True))
            ratios[mode] = {"throughput": round(throughput, 4), "gops_per_w": round(efficiency, 4), "seeds": len(found)}
            print(
                f"{mode}: at no less accuracy than fixed hardware, {throughput - 1:+.1%} throughput (whole pool) "
                f"and {efficiency - 1:+.1%} GOPS/W at the required rate, in {len(found)} seeds"
            )
    print(f"published: {ABSTRACT}.")
    print(
        "Comparable: which mode is ahead at equal training budget. Not comparable: data set, networks, FPGAs, powers,\n"
        "and search time, which here is a count of trainings and there GPU hours; fixed hardware here may cut anew\n"
        "for every network and must meet the requirement, there it does neither."
    )
    finite = {mode: value if math.isfinite(value) else None for mode, value in medians.items()}
    result = {**about, "seeds": len(rows.get("fixed", [])), "modes": table}
    print(json.dumps({**result, "trained_until_fixed": finite, "gain_at_equal_accuracy": ratios}))


if __name__ == "__main__":
    main()
