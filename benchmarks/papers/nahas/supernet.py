"""Do shared weights put networks in the order that stand-alone training does?

A supernet over an inverted-bottleneck space of 165,888 networks learns Fashion-MNIST at 14 x 14 pixels, one network a
step, every decision drawn uniformly. Then networks drawn uniformly are measured twice on the same held-out images: with
their part of the shared weights, statistics of batch normalisation measured anew, and trained from scratch with a short
recipe. Kendall's tau-b says how alike the two orders are; its 90 % interval is from 2,000 bootstrap samples of the
networks. `tau_macs` is that of the multiply-accumulates with the stand-alone accuracies, which costs nothing and is the
bar that a supernet has to pass.

Trainings from scratch are noisy themselves, so no measurement of a network can agree with them entirely. The first
`--repeated` of the networks are trained again from another seed: `noise_sd` is the standard deviation of one training,
`spread_sd` that of the accuracies of all networks, noise included. `tau_again` is what a second training of every
network would reach, `tau_ceiling` what its expected accuracy would, both for normal noise and accuracies: 2/pi times
the arcsine of the share of variance that is no noise, and of its root. `behind` is by how much accuracies with shared
weights lie below those alone, in the mean over networks with so many stages that do not widen.

Everything is kept in `--out` as soon as it is known, the shared weights now and then; a run that is stopped goes on.
`--quick` is a tiny space and 4 networks on 600 pictures, which shows that the script works and nothing about supernets.

The last line is one JSON object. `train_s` is the wall time in which the supernet learned, in all runs together;
`stand_alone_s` that of the trainings from scratch; `step_cpu_s` the processor time of a step of the supernet, of those
done in this run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coexplore.accuracy.data import FashionMnist
from coexplore.accuracy.dataset import Dataset
from coexplore.accuracy.evaluator import Accuracy, TrainingEvaluator
from coexplore.accuracy.supernet_training import SharedTraining, Sharing
from coexplore.accuracy.training import Recipe
from coexplore.core.hashing import content_hash
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.spaces.space import Point
from coexplore.studies.cache import EvaluationCache
from coexplore.testing.rank_correlation import kendall_tau
from coexplore.workloads.graph import Workload

ROOT = Path(__file__).resolve().parents[3]
TOLD_EVERY_S = 10.0
BOOTSTRAPS, INTERVAL = 2000, (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class Setup:
    """What is compared, and on what."""

    data: FashionMnist
    family: InvertedBottleneck
    shared: Recipe
    alone: Recipe
    sharing: Sharing
    networks: int
    repeated: int


FULL = Setup(
    FashionMnist(limit=16000, resolution=14, validation_fraction=0.375),
    InvertedBottleneck(
        input_shape=(1, 14, 14),
        stem=(16, 2),
        stages=((3, 16, 1, 1), (3, 24, 2, 2), (3, 32, 1, 1)),
        head=64,
        kernels=(3, 5),
        expansions=(1, 2, 4, 6),
        width_factors=(0.5, 1.0, 1.5),
    ),
    shared=Recipe(epochs=60, batch_size=128, learning_rate=0.01),
    alone=Recipe(epochs=4, batch_size=128, learning_rate=0.01),
    sharing=Sharing(),
    networks=20,
    repeated=8,
)
QUICK = Setup(
    FashionMnist(limit=600, resolution=8),
    InvertedBottleneck(input_shape=(1, 8, 8), stem=(8, 2), stages=((2, 8, 1, 1),), head=16, kernels=(3,)),
    shared=Recipe(epochs=2, learning_rate=0.01),
    alone=Recipe(epochs=1, learning_rate=0.01),
    sharing=Sharing(recalibration_images=128),
    networks=4,
    repeated=2,
)


def main() -> None:
    """Train, measure both ways, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="folder of fashion_mnist.npz")
    parser.add_argument("--out", type=Path, help="folder that keeps what is known (default: runs/nahas_supernet)")
    parser.add_argument("--sampling", default="uniform", help="uniform or sandwich")
    parser.add_argument("--epochs", type=int, help="of the supernet (default: 60)")
    parser.add_argument("--networks", type=int, help="how many are compared (default: 20)")
    parser.add_argument("--repeated", type=int, help="how many are trained again from another seed (default: 8)")
    parser.add_argument("--seed", type=int, default=0, help="of the networks that are compared")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    setup = QUICK if given.quick else FULL
    sharing = dataclasses.replace(setup.sharing, sampling=given.sampling)
    shared = dataclasses.replace(setup.shared, epochs=given.epochs or setup.shared.epochs)
    setup = dataclasses.replace(setup, sharing=sharing, shared=shared, networks=given.networks or setup.networks)
    setup = dataclasses.replace(setup, repeated=min(given.repeated or setup.repeated, setup.networks))
    with tempfile.TemporaryDirectory() as temporary:
        default = Path(temporary) if given.quick else ROOT / "runs/nahas_supernet"
        print(json.dumps(compare(setup, given.data, given.out or default, given.seed)))


def compare(setup: Setup, data_root: Path, folder: Path, seed: int) -> dict[str, object]:
    """Train the supernet and every network; how alike the orders are."""
    data = setup.data.load(data_root)
    identity = content_hash((data.content_hash, setup.family, setup.shared, setup.sharing))
    supernet = SharedTraining(setup.family, setup.family.space, data, setup.shared, setup.sharing)
    clock = Clock(Progress("steps of the supernet"))
    supernet.learn_all(folder / identity[:12], clock)
    points = distinct(setup, seed)
    workloads = [setup.family.lower(point) for point in points]
    shared = [supernet.evaluate(workload)[0] or 0.0 for workload in workloads]
    alone = trained_alone(setup.alone, data, workloads, folder)
    again = trained_alone(other_seed(setup.alone), data, workloads[: setup.repeated], folder)
    for point, one, other in zip(points, shared, alone, strict=True):
        print(f"shared {one:.4f}  alone {other.value:.4f}  {dict(point)}", file=sys.stderr)
    values = [accuracy.value for accuracy in alone]
    low, high = interval(shared, values)
    return {
        "kendall_tau": kendall_tau(shared, values),
        "kendall_tau_90": [low, high],
        "tau_macs": kendall_tau([workload.macs for workload in workloads], values),
        **agreement_of_trainings(values, [accuracy.value for accuracy in again]),
        "behind": behind(points, shared, values),
        "networks": len(points),
        "repeated": len(again),
        "space": setup.family.space.size,
        "sampling": setup.sharing.sampling,
        "steps": supernet.step,
        "train_s": supernet.seconds,
        "step_cpu_s": clock.step_cpu_s,
        "stand_alone_s": sum(accuracy.seconds for accuracy in (*alone, *again)),
        "shared_accuracy": [min(shared), statistics.median(shared), max(shared)],
        "stand_alone_accuracy": [min(values), statistics.median(values), max(values)],
        "images": [len(data.y_train), len(data.y_validation)],
    }


def distinct(setup: Setup, seed: int) -> list[Point]:
    """The first different networks of a uniform sample."""
    drawn = setup.family.space.sample(np.random.default_rng(seed), 50 * setup.networks)
    return list(dict.fromkeys(drawn))[: setup.networks]


def agreement_of_trainings(values: list[float], again: list[float]) -> dict[str, float]:
    """How noisy trainings from scratch are, and what that leaves to agree with; `again` repeats the first of them."""
    noise = sum((one - other) ** 2 for one, other in zip(values, again, strict=False)) / (2 * len(again))
    total = statistics.variance(values)
    sure = min(max(1 - noise / total, 0.0), 1.0)
    return {
        "noise_sd": noise**0.5,
        "spread_sd": total**0.5,
        "tau_again": 2 / math.pi * math.asin(sure),
        "tau_ceiling": 2 / math.pi * math.asin(sure**0.5),
    }


def behind(points: list[Point], shared: list[float], alone: list[float]) -> dict[int, float]:
    """What shared weights miss, by the number of stages with expansion 1."""
    missed: dict[int, list[float]] = {}
    for point, one, other in zip(points, shared, alone, strict=True):
        plain = sum(value == 1 for name, value in point.items() if name.startswith("expansion"))
        missed.setdefault(plain, []).append(other - one)
    return {plain: statistics.mean(missed[plain]) for plain in sorted(missed)}


def other_seed(recipe: Recipe) -> Recipe:
    """The same recipe from other weights, with images in another order."""
    return dataclasses.replace(recipe, seed=recipe.seed + 1)


def trained_alone(recipe: Recipe, data: Dataset, workloads: list[Workload], folder: Path) -> list[Accuracy]:
    """Each network trained from scratch, or what an earlier run knows of it."""
    evaluator, progress = TrainingEvaluator(data, recipe), Progress("networks trained alone")
    folder.mkdir(parents=True, exist_ok=True)
    cache, found = EvaluationCache(folder / "stand_alone.sqlite"), list[Accuracy]()
    for index, workload in enumerate(workloads):
        progress(index, len(workloads))
        key = content_hash((evaluator.identity, workload.inputs, workload.ops, workload.outputs))
        document = cache.get(key)
        if document is None:
            cache.put(key, dataclasses.asdict(evaluator.evaluate(workload)))
            document = cache.get(key)
        assert isinstance(document, dict)
        found.append(Accuracy(**{**document, "curve": tuple(document["curve"])}))
    cache.close()
    return found


def interval(first: list[float], second: list[float]) -> tuple[float, float]:
    """Of tau, over networks drawn with repetition."""
    rng, one, two = np.random.default_rng(0), np.array(first), np.array(second)
    taus = []
    for _ in range(BOOTSTRAPS):
        chosen = rng.integers(0, len(one), len(one))
        if np.ptp(one[chosen]) and np.ptp(two[chosen]):
            taus.append(kendall_tau(list(one[chosen]), list(two[chosen])))
    low, high = np.quantile(taus, INTERVAL)
    return float(low), float(high)


class Clock:
    """Processor seconds of the steps that are done in this run, and somebody else to tell of them."""

    def __init__(self, then: Progress) -> None:
        self._then = then
        self._began: tuple[int, float] | None = None
        self.step_cpu_s: float | None = None
        """Mean; None where no step was left."""

    def __call__(self, done: int, total: int) -> None:
        """Tell."""
        now = time.process_time()
        before, began = self._began = self._began or (done, now)
        if done > before:
            self.step_cpu_s = (now - began) / (done - before)
        self._then(done, total)


class Progress:
    """A line now and then: how much is done, how fast, and the time left."""

    def __init__(self, what: str) -> None:
        self._what, self._told_at = what, 0.0
        self._began: tuple[float, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Tell, unless it was told a moment ago."""
        now = time.monotonic()
        began, before = self._began = self._began or (now, done)
        if now - self._told_at < TOLD_EVERY_S:
            return
        self._told_at = now
        rate = (done - before) / (now - began) if now > began else 0.0
        left = f", {rate:.3g}/s, {(total - done) / rate:.0f} s left" if rate else ""
        print(f"{done}/{total} {self._what}{left}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
