"""What can be measured of a design? Named quantities, each with its unit, its better direction and its source."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass

from coexplore.core.registry import Registry

Metrics = Mapping[str, float]
"""What was measured of one design, by metric name."""


class Direction(enum.Enum):
    """Which way is better."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class Source(enum.Enum):
    """Which evaluation measures it."""

    COST = "cost"
    """Pricing: known before anything is trained."""
    ACCURACY = "accuracy"
    """Training: known last."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A named quantity."""

    name: str
    """Also says the unit where there is one: `latency_s`."""
    unit: str
    direction: Direction
    """The usual wish; an objective may ask for the other."""
    source: Source
    description: str
    largest: float = math.inf
    """Largest possible value; the smallest is 0 for every metric."""


METRICS: Registry[Metric] = Registry("metric")


def _enter(
    name: str, unit: str, direction: Direction, source: Source, description: str, largest: float = math.inf
) -> None:
    METRICS.register(name)(Metric(name, unit, direction, source, description, largest))


_enter(
    "accuracy", "fraction", Direction.MAXIMIZE, Source.ACCURACY,
    "share of validation inputs classified right; of pixels, mean overlap of the classes", 1.0,
)  # fmt: skip
_enter("latency_s", "s", Direction.MINIMIZE, Source.COST, "time from one input to its output")
_enter("energy_j", "J", Direction.MINIMIZE, Source.COST, "energy for one input")
_enter("edp_js", "J s", Direction.MINIMIZE, Source.COST, "energy-delay product of one input")
_enter("area_mm2", "mm2", Direction.MINIMIZE, Source.COST, "silicon area of the accelerator")
_enter("power_w", "W", Direction.MINIMIZE, Source.COST, "mean power while running")
_enter("throughput_per_s", "1/s", Direction.MAXIMIZE, Source.COST, "inputs per second")
_enter("macs", "MAC", Direction.MINIMIZE, Source.COST, "multiply-accumulates for one input")
_enter("parameters", "weights", Direction.MINIMIZE, Source.COST, "trainable parameters of the network")
_enter(
    "utilisation", "fraction", Direction.MAXIMIZE, Source.COST, "multiply-accumulates done / possible in that time", 1.0
)
_enter(
    "pipeline_efficiency", "fraction", Direction.MAXIMIZE, Source.COST,
    "mean busy share of the stages of a pipeline of FPGAs at the throughput required", 1.0,
)  # fmt: skip
_enter(
    "mapping_gap", "fraction", Direction.MINIMIZE, Source.COST,
    "largest share by which another mapping may lower what the mapping of an op minimises; of limited searches", 1.0,
)  # fmt: skip
_enter("gops_per_w", "GOP/J", Direction.MAXIMIZE, Source.COST, "giga-operations per joule, two for each MAC")
_enter("devices", "boards", Direction.MINIMIZE, Source.COST, "FPGAs that a pipeline uses")
_enter(
    "hardware_cost", "cost", Direction.MINIMIZE, Source.COST, "cost of the FPGAs of a pipeline, in the unit of its pool"
)
