"""Does pruning by latency save trainings without losing accuracy? FNAS on its MNIST space, replayed from a table.

First a sweep trains every network of a space once, with one short recipe, and keeps each accuracy in a SQLite file
under `--out` as soon as it is known. Any process may die at any time, several may work on one file (`--shard`), and a
later run goes on. Then searches are replayed from the table, so that seeds cost nothing:

* accuracy-only NAS: the controller's reward is the accuracy, and every child is trained;
* FNAS: children beyond the latency requirement are dropped untrained, with the reward of the paper.

The published space has four layers with kernels {5, 7, 14} and filters {9, 18, 36}: 6,561 networks, `--space all`. The
default is 36 of them, fixed here: kernels of 5, and no 18 filters in the first and third layer. `--space five` is the
81 with kernels of 5. The four requirements are the 75th, 50th, 25th and 10th percentile of the latencies in the table.

Latency is that of the FNAS design step on 220 DSP slices at 100 MHz. The scheduler that overlaps the layers' engines
is not public, so everything is searched under both bounds of what it can reach: all layers one after the other
(`requirements` in the last line), and all of them hidden beside the slowest (`requirements_overlapped`). Accuracy is
that of the part of the training images that is held out. `--quick` trains 16 networks on 8x8 digits instead, which
shows that the script works and nothing about FNAS.

The last line is one JSON object. Per requirement, means over seeds: `violations`, the share of the networks trained by
NAS that break it; `overshoot`, the latency of NAS's best network over the requirement; `fnas_violations`; `loss`, NAS's
best accuracy minus that of FNAS; `regret`, the best accuracy within the requirement minus that of FNAS; `saved`,
trainings of NAS over those of FNAS, and `saved_macs` the same weighted by the multiply-accumulates of the networks;
`nothing`, seeds in which no child of FNAS met the requirement, which are left out of the means.

References:
    Jiang2019: Jiang et al. (FNAS), DAC 2019, arXiv 1901.11211: loss under 1 %, search up to 11.13 times faster.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coexplore.accuracy.data import DatasetSettings, Digits, Mnist
from coexplore.accuracy.evaluator import TrainingEvaluator
from coexplore.accuracy.training import Recipe
from coexplore.core.hashing import content_hash
from coexplore.cost.fnas import fnas_design
from coexplore.cost.fpga_layers import fpga_layers
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.objectives.reward import FnasReward, next_baseline
from coexplore.spaces.space import Space
from coexplore.strategies.reinforce import Reinforce
from coexplore.strategies.strategy import Observation, Stage
from coexplore.studies.cache import EvaluationCache
from coexplore.workloads.graph import Workload

ROOT = Path(__file__).resolve().parents[3]
DSP, CLOCK_HZ = 220, 100e6
PERCENTILES = (75, 50, 25, 10)
SEEDS = 20
FIVE: dict[str, tuple[int, ...]] = {f"kernel{layer}": (5,) for layer in range(4)}
SPACES = {"sample": FIVE | {"filters0": (9, 36), "filters2": (9, 36)}, "five": FIVE, "all": {}}
CHILDREN = {"sample": 18, "five": 40, "all": 60}
"""Of one search."""
Key = tuple[int, ...]
"""A network: the index of each decision's value."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is trained, on what, and how long a search is."""

    family: PlainCnn
    space: Space
    dataset: DatasetSettings
    recipe: Recipe
    children: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A network of the table."""

    accuracy: float
    macs: int
    latency_s: float
    """One layer after the other, or what stands for it in a search."""
    overlapped_s: float = 0.0
    """Of the slowest layer alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search did."""

    trained: tuple[Entry, ...]
    """In their order, each once."""

    @property
    def best(self) -> Entry:
        """The most accurate network, of equal ones the first; there is at least one."""
        return max(self.trained, key=lambda entry: entry.accuracy)

    @property
    def macs(self) -> int:
        """Of all networks together, to which the work of training them is proportional."""
        return sum(entry.macs for entry in self.trained)


def mnist(part: str) -> Setup:
    """The published space or part of it: 3,000 images seen once, accuracy on 2,000 others.

    The learning rate is one at which wide networks train; at three times as much they fall behind narrow ones.
    """
    family = PlainCnn((1, 28, 28), layers=(4,), kernels=(5, 7, 14), filters=(9, 18, 36))
    dataset, recipe = Mnist(limit=5_000, validation_fraction=0.4), Recipe(epochs=1, learning_rate=0.001)
    return Setup(family, family.space.restrict(SPACES[part]), dataset, recipe, CHILDREN[part])


def quick() -> Setup:
    """16 networks on the digits that come with scikit-learn."""
    family = PlainCnn((1, 8, 8), layers=(4,), kernels=(5,), filters=(9, 18))
    return Setup(
        family, family.space, Digits(limit=600, validation_fraction=0.5), Recipe(epochs=1, learning_rate=0.01), 12
    )


def entry_of(network: Workload, accuracy: float) -> Entry:
    """A trained network with both bounds of its latency, from the design step of FNAS."""
    design = fnas_design(fpga_layers(network, convolutions_only=True), DSP)
    return Entry(accuracy, network.macs, design.serial_cycles / CLOCK_HZ, design.slowest_cycles / CLOCK_HZ)


def sweep(setup: Setup, file: Path, data: Path, shard: tuple[int, int] = (0, 1)) -> dict[Key, Entry]:
    """Train what the file does not have; the networks of the shard, in the order of the space."""
    evaluator = TrainingEvaluator(setup.dataset.load(data), setup.recipe)
    space, cache, table = setup.space, EvaluationCache(file), dict[Key, Entry]()
    try:
        for number, point in enumerate(space.enumerate()):
            if number % shard[1] != shard[0]:
                continue
            network = setup.family.lower(point)
            key = content_hash((evaluator.identity, network.inputs, network.ops, network.outputs))
            document = cache.get(key)
            if document is None:
                document = dataclasses.asdict(evaluator.evaluate(network))
                cache.put(key, document)
                told = " ".join(f"{name}={value}" for name, value in point.items())
                print(f"{number:5} {told} accuracy {document['value']:.4f} in {document['seconds']:.1f} s", flush=True)
            table[tuple(space.indices(point))] = entry_of(network, float(document["value"]))
    finally:
        cache.close()
    return table


def search(space: Space, table: dict[Key, Entry], children: int, target_s: float | None, seed: int) -> Found:
    """One search of so many children; without a target it looks at accuracy alone and trains all of them."""
    strategy = Reinforce().start(space, np.random.default_rng(seed), 1)
    reward = None if target_s is None else FnasReward(target_s)
    trained: dict[Key, Entry] = {}
    baseline: float | None = None
    for _ in range(children):
        point = strategy.suggest(1)[0].point
        key = tuple(space.indices(point))
        entry = table[key]
        fits = target_s is None or entry.latency_s <= target_s
        metrics = {"latency_s": entry.latency_s, **({"accuracy": entry.accuracy} if fits else {})}
        value = entry.accuracy if reward is None else reward(metrics, baseline or 0.0)
        violation = 0.0 if fits or target_s is None else entry.latency_s / target_s - 1
        loss = -entry.accuracy if fits else math.inf
        stage = Stage.TRAIN if fits else Stage.PRICE
        strategy.observe([Observation(point, stage, (loss,), violation, fits, value)])
        if fits:
            trained[key] = entry
            baseline = next_baseline(baseline, entry.accuracy)
    return Found(tuple(trained.values()))


def compare(setup: Setup, table: dict[Key, Entry], seeds: int) -> list[dict[str, float]]:
    """Both searches under each requirement."""
    space = setup.space
    blind = [search(space, table, setup.children, None, seed) for seed in range(seeds)]
    latencies = [entry.latency_s for entry in table.values()]
    rows = []
    for percentile in PERCENTILES:
        target = float(np.percentile(latencies, percentile))
        within = [search(space, table, setup.children, target, seed) for seed in range(seeds)]
        best = max(entry.accuracy for entry in table.values() if entry.latency_s <= target)
        rows.append(compared(target, best, list(zip(blind, within, strict=True))))
    return rows


def compared(target_s: float, best: float, runs: list[tuple[Found, Found]]) -> dict[str, float]:
    """Means over seeds in which FNAS trained at least one network."""
    pairs = [(nas, fnas) for nas, fnas in runs if fnas.trained]
    row: dict[str, float] = {"target_ms": 1e3 * target_s, "nothing": len(runs) - len(pairs)}
    if not pairs:
        return row
    columns = {
        "violations": [share_beyond(nas, target_s) for nas, _ in pairs],
        "overshoot": [nas.best.latency_s / target_s for nas, _ in pairs],
        "fnas_violations": [share_beyond(fnas, target_s) for _, fnas in pairs],
        "loss": [nas.best.accuracy - fnas.best.accuracy for nas, fnas in pairs],
        "regret": [best - fnas.best.accuracy for _, fnas in pairs],
        "saved": [len(nas.trained) / len(fnas.trained) for nas, fnas in pairs],
        "saved_macs": [nas.macs / fnas.macs for nas, fnas in pairs],
    }
    return row | {name: round(statistics.fmean(values), 4) for name, values in columns.items()}


def share_beyond(found: Found, target_s: float) -> float:
    """Of the networks trained."""
    return sum(entry.latency_s > target_s for entry in found.trained) / len(found.trained)


def main() -> None:
    """Sweep, then replay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("COEXPLORE_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="the folder of mnist.npz")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "fnas", help="where the table is kept")
    parser.add_argument("--space", choices=SPACES, default="sample", help="which networks are trained")
    parser.add_argument("--shard", default="0/1", help="train only this part, such as 0/4, and search nothing")
    parser.add_argument("--quick", action="store_true", help="16 networks on digits, in a temporary folder")
    options = parser.parse_args()
    part, parts = (int(number) for number in options.shard.split("/"))
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            report(quick(), sweep(quick(), Path(folder) / "accuracies.sqlite", options.data), seeds=3)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    setup = mnist(options.space)
    table = sweep(setup, options.out / "accuracies.sqlite", options.data, (part, parts))
    if parts == 1:
        report(setup, table, SEEDS)
    else:
        print(json.dumps({"networks": setup.space.size, "trained": len(table)}))


def report(setup: Setup, table: dict[Key, Entry], seeds: int) -> None:
    """Print the rows, then all of it as JSON."""
    overlapped = {key: dataclasses.replace(entry, latency_s=entry.overlapped_s) for key, entry in table.items()}
    rows, lower = compare(setup, table, seeds), compare(setup, overlapped, seeds)
    for told, group in (("one layer after the other", rows), ("all hidden beside the slowest", lower)):
        print(told)
        for row in group:
            print("  " + "  ".join(f"{name} {value:.4g}" for name, value in row.items()))
    accuracies = sorted(entry.accuracy for entry in table.values())
    found = [row for row in rows if "loss" in row]
    result = {
        "networks": len(table),
        "children": setup.children,
        "seeds": seeds,
        "accuracy_range": [accuracies[0], statistics.median(accuracies), accuracies[-1]],
        "largest_loss": max((row["loss"] for row in found), default=None),
        "most_saved": max((row["saved"] for row in found), default=None),
        "most_saved_macs": max((row["saved_macs"] for row in found), default=None),
        "requirements": rows,
        "requirements_overlapped": lower,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
