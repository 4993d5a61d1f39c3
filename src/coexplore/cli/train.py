"""`coexplore train-surrogate` and `train-cost-model`: how are the models that a study can use instead trained?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coexplore.accuracy.rated_networks import read_rated
from coexplore.accuracy.surrogate_training import train_surrogate
from coexplore.cli.errors import DONE
from coexplore.cli.output import print_json, print_line, print_news
from coexplore.core.errors import ConfigError
from coexplore.cost.learned_labels import Labels, price_pairs, side_space
from coexplore.cost.learned_training import LearnedSettings, train_learned
from coexplore.cost.mapper import Goal
from coexplore.design import ACCELERATOR, NETWORK, DesignSpace
from coexplore.spaces.space import Point
from coexplore.studies.config import build_designs, load_config

COVERAGE = 0.9
HELD_OUT = 0.15
"""Of the networks and of the accelerators, for the error that is printed."""
ENUMERATED = 100_000
"""Points of a side that are listed to draw from; of more, equal ones are drawn so seldom that they are dropped."""


def fit_surrogate(table: Path, output: Path, as_json: bool) -> int:
    """Fit a surrogate of accuracy on trained networks, and say how wide its intervals are.

    Raises:
        DataError: the table cannot be read.
        MissingExtraError: torch is not installed.
    """
    rated = read_rated(table)
    surrogate = train_surrogate(rated)
    surrogate.save(output)
    low, high = surrogate.interval(rated.settings, COVERAGE)
    width = float(np.mean(high - low))
    if as_json:
        print_json({"surrogate": str(output), "networks": len(rated), "interval_90": width, "data": rated.content_hash})
    else:
        print_line(f"{output}: from {len(rated):,} networks; 90 % intervals are {100 * width:.2f} % wide on average")
        print_line(f"in a study: task: {{surrogate: {output}}}")
    return DONE


@dataclass(frozen=True, slots=True)
class CostSample:
    """What a cost model learns from."""

    networks: int
    accelerators: int
    pairs: int
    steps: int
    seed: int


def fit_cost_model(study: Path, output: Path, sample: CostSample, as_json: bool) -> int:
    """Price random designs of a study's space, train a cost model on them, and say how far off it is on others.

    Raises:
        ConfigError: the study is not legal, or has too few designs.
        MissingExtraError: torch is not installed.
    """
    config = load_config(study)
    designs = build_designs(config)
    rng = np.random.default_rng(sample.seed)
    networks = _drawn(designs, NETWORK, sample.networks, rng)
    accelerators = _drawn(designs, ACCELERATOR, sample.accelerators, rng)
    print_news(f"pricing {len(networks):,} networks on {len(accelerators):,} accelerators")
    pairs = price_pairs(designs, networks, accelerators, Goal(config.mapping_goal))
    parts = [_parts(len(side), rng) for side in (networks, accelerators)]
    known, held = (pairs.draw(n, a, min(sample.pairs, len(n) * len(a)), rng) for n, a in zip(*parts, strict=True))
    limits = [c.at_most for c in config.constraints if c.metric == "area_mm2" and c.at_most is not None]
    model = train_learned(
        designs.space, known, LearnedSettings(steps=sample.steps, seed=sample.seed), min(limits, default=math.inf)
    )
    model.save(output)
    errors = {
        name: _error(getattr(model.predict(held.encoded), name), held, name) for name in ("latency_s", "energy_j")
    }
    if as_json:
        print_json({"model": str(output), "designs": len(known), "held_out": len(held), "median_error": errors})
    else:
        shown = ", ".join(f"{name} {100 * error:.1f} %" for name, error in errors.items())
        print_line(f"{output}: from {len(known):,} prices; median error on networks and accelerators not seen: {shown}")
        print_line(f"in a study: cost: {{learned: {output}}}")
    return DONE


def _drawn(designs: DesignSpace, side: str, count: int, rng: np.random.Generator) -> list[Point]:
    """Different random points of a side, all of them where it has no more."""
    space = side_space(designs, side)
    if space.size < 2:
        raise ConfigError(f"{side}: is fixed; a cost model is trained on a space of networks and one of accelerators")
    if space.size > ENUMERATED:
        return list(dict.fromkeys(space.sample(rng, count)))
    chosen = rng.choice(space.size, min(count, space.size), replace=False)
    points = list(space.enumerate())
    return [points[place] for place in np.sort(chosen)]


def _parts(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places to learn from, and places held out."""
    order = rng.permutation(count)
    cut = max(round(HELD_OUT * count), 1)
    return np.sort(order[cut:]), np.sort(order[:cut])


def _error(predicted: np.ndarray, held: Labels, name: str) -> float:
    """Median relative error over the designs that run."""
    priced = getattr(held, name)
    runs = np.isfinite(priced)
    return float(np.median(np.abs(predicted[runs] / priced[runs] - 1))) if runs.any() else math.nan
