"""How well does a learned cost model stand in for the engine, and how many prices does it need for that?

NAHAS trains a network on about 500,000 simulated designs and searches by its predictions. Here the same kind of model
(one-hot decisions of network and accelerator, `cost/learned.py`) learns from 1,000 to 500,000 prices of our engine:
cells of NAS-Bench-201 on a sub-grid of the edge array, namely all memories, register files and bandwidths (125) of
`shapes` random combinations of elements, lanes and SIMD units. It is scored on pairs of which it has seen neither the
network nor the accelerator; `new_shapes` are pairs whose combination of elements, lanes and units it has not seen
either.

`kendall_tau` and the errors are of latency; `area_error_percent` of area. Validity is taught as: the design runs and
has at most the area of the baseline. `engine_rejects` is the share of pairs the engine cannot run at all: the edge
array tiles every op, so there is nothing of that kind to learn. `macs_tau` is what multiply-accumulates alone
would reach on the same pairs. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.learned_labels import Labels, PricedPairs, price_pairs
from coexplore.cost.learned_training import LearnedSettings, train_learned
from coexplore.design import DesignSpace
from coexplore.networks.nb201 import Nb201
from coexplore.spaces.space import Point
from coexplore.testing.rank_correlation import kendall_tau

SHAPE = ("pes_x", "pes_y", "simd_units", "lanes")
SAMPLES = (1_000, 3_000, 10_000, 30_000, 100_000, 500_000)
TEST_PAIRS = 2_000
HELD_OUT = 0.15

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything."""

    networks: int
    shapes: int
    variants: int
    """Accelerators of each shape."""
    samples: tuple[int, ...]
    seeds: int
    training: LearnedSettings


FULL = Sizes(2_500, 40, 125, SAMPLES, 1, LearnedSettings())
QUICK = Sizes(60, 3, 6, (200, 400), 1, LearnedSettings(width=64, steps=300, batch=128))


def sub_grid(family: EdgeArray, sizes: Sizes, rng: np.random.Generator) -> tuple[list[Point], Ints]:
    """Accelerators, and the number of the shape of each."""
    by_shape: dict[tuple[object, ...], list[Point]] = {}
    for point in family.space.enumerate():
        by_shape.setdefault(tuple(point[name] for name in SHAPE), []).append(point)
    shapes = list(by_shape)
    points, numbers = [], []
    for number, shape in enumerate(rng.choice(len(shapes), sizes.shapes, replace=False)):
        variants = by_shape[shapes[shape]]
        for variant in np.linspace(0, len(variants) - 1, sizes.variants).round().astype(int):
            points.append(variants[variant])
            numbers.append(number)
    return points, np.array(numbers)


def auc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """Chance that a positive one scores above a negative one; none where all are alike."""
    if positive.all() or not positive.any():
        return None
    above = scores[positive][:, None] > scores[~positive][None]
    equal = scores[positive][:, None] == scores[~positive][None]
    return round(float((above + 0.5 * equal).mean()), 4)


def score(model: object, test: Labels, most_area_mm2: float) -> dict[str, float | None]:
    """Predictions beside prices."""
    costs = model.predict(test.encoded)
    latency, area = (abs(p / t - 1) for p, t in ((costs.latency_s, test.latency_s), (costs.area_mm2, test.area_mm2)))
    return {
        "kendall_tau": round(kendall_tau(costs.latency_s, test.latency_s), 4),
        "median_error_percent": round(100 * float(np.median(latency)), 2),
        "p95_error_percent": round(100 * float(np.quantile(latency, 0.95)), 2),
        "energy_tau": round(kendall_tau(costs.energy_j, test.energy_j), 4),
        "area_error_percent": round(100 * float(np.median(area)), 3),
        "validity_auc": auc(costs.valid, test.area_mm2 <= most_area_mm2),
    }


def split(count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Places to learn from, and places held out."""
    order = rng.permutation(count)
    cut = max(round(HELD_OUT * count), 1)
    return np.sort(order[cut:]), np.sort(order[:cut])


def main() -> None:
    """Price, train and score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="unused: all labels are prices of our engine")
    parser.add_argument("--quick", action="store_true", help="few networks and accelerators")
    parser.add_argument("--seeds", type=int, help="of samples and first weights")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    rng = np.random.default_rng(0)
    designs = DesignSpace(Nb201(), EdgeArray())
    accelerators, shapes = sub_grid(EdgeArray(), sizes, rng)
    networks = designs.network_family.space.sample(rng, sizes.networks)
    begin = time.perf_counter()
    pairs = price_pairs(designs, networks, accelerators)
    price_s = time.perf_counter() - begin
    print(f"{len(networks)} networks x {len(accelerators)} accelerators priced in {price_s:.0f} s", flush=True)

    old_shapes, new_shapes = split(sizes.shapes, rng)
    known = np.flatnonzero(np.isin(shapes, old_shapes))
    network_rows, network_held = split(len(networks), rng)
    learned, held = split(len(known), rng)
    tests = {
        "": draw(pairs, network_held, known[held], rng),
        "new_shapes": draw(pairs, network_held, np.flatnonzero(np.isin(shapes, new_shapes)), rng),
    }
    baseline = designs.accelerator_family.decode(EdgeArray().presets["baseline"])
    assert isinstance(baseline, Accelerator)
    limit = baseline.area_mm2
    most = len(network_rows) * len(learned)
    curve = []
    for samples in [count for count in sizes.samples if count <= most]:
        for seed in range(options.seeds or sizes.seeds):
            own = np.random.default_rng(seed)
            labels = pairs.draw(network_rows, known[learned], samples, own)
            begin = time.perf_counter()
            training = LearnedSettings(
                **{f: getattr(sizes.training, f) for f in LearnedSettings.__slots__} | {"seed": seed}
            )
            model = train_learned(designs.space, labels, training, limit)
            row = {"samples": samples, "seed": seed, "train_s": round(time.perf_counter() - begin, 1)}
            row |= score(model, tests[""], limit) | {"new_shapes": score(model, tests["new_shapes"], limit)}
            curve.append(row)
            print(row, flush=True)
    test = tests[""]
    print(json.dumps({
        "networks": len(networks), "accelerators": len(accelerators), "shapes": sizes.shapes,
        "test_pairs": len(test), "price_s": round(price_s, 1),
        "engine_rejects": float(np.mean(np.isinf(test.latency_s))),
        "valid_share": round(float(np.mean(test.area_mm2 <= limit)), 3),
        "macs_tau": round(kendall_tau(macs_of(networks, network_held, designs, test, pairs), test.latency_s), 4),
        "curve": curve,
    }))  # fmt: skip


def draw(pairs: PricedPairs, networks: Ints, accelerators: Ints, rng: np.random.Generator) -> Labels:
    """Pairs to score on."""
    return pairs.draw(networks, accelerators, min(TEST_PAIRS, len(networks) * len(accelerators)), rng)


def macs_of(
    networks: list[Point], held: Ints, designs: DesignSpace, test: Labels, pairs: PricedPairs
) -> NDArray[np.float64]:
    """Multiply-accumulates of the network of each pair."""
    width = pairs.networks.shape[1]
    found = {pairs.networks[row].tobytes(): designs.network_family.lower(networks[row]).macs for row in held}
    return np.array([found[np.ascontiguousarray(row[:width]).tobytes()] for row in test.encoded], float)


if __name__ == "__main__":
    main()
