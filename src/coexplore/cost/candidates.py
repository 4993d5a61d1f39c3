"""What does one network cost on every accelerator there is, by any metric, and how far is each beyond which limit?

Axes: `o` ops, `a` accelerators, `c` constraints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import ConfigError, did_you_mean
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHIP = ("latency_s", "energy_j", "edp_js", "area_mm2", "power_w", "throughput_per_s")
"""Metrics that follow from latency, energy and area."""


@dataclass(frozen=True, slots=True)
class BlockedOp:
    """An op that some accelerators cannot run."""

    op: str
    accelerators: int
    """That cannot run it."""
    reason: str = ""
    """Why one of them cannot, and the nearest legal value."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """One network on every accelerator there is.

    Raises:
        ConfigError: lengths differ.
    """

    latency_s: Floats
    """(a,) +inf where the network cannot run."""
    energy_j: Floats
    """(a,) +inf where the network cannot run."""
    area_mm2: Floats
    """(a,)"""
    blocked: tuple[BlockedOp, ...] = ()
    """Ops that not every accelerator can run, the most blocking first."""
    others: tuple[tuple[str, Floats], ...] = ()
    """Further metrics by name, each (a,), for objectives and constraints on them."""

    def __post_init__(self) -> None:
        lengths = {len(row) for row in (self.latency_s, self.energy_j, self.area_mm2, *dict(self.others).values())}
        if len(lengths) > 1:
            raise ConfigError(f"candidates: metrics of {sorted(lengths)} accelerators; give each metric for all")

    @property
    def runs(self) -> NDArray[np.bool_]:
        """(a,) Whether every op can run."""
        return np.isfinite(self.latency_s) & np.isfinite(self.energy_j)

    def metric(self, name: str) -> Floats:
        """(a,) A metric of all accelerators, unspecified where the network cannot run.

        Raises:
            ConfigError: it does not follow from latency, energy and area, and is not among `others`.
        """
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if name == "edp_js":
                return self.energy_j * self.latency_s
            if name == "power_w":
                return np.where(self.latency_s > 0, self.energy_j / self.latency_s, 0.0)
            if name == "throughput_per_s":
                return 1 / self.latency_s
        known = {"latency_s": self.latency_s, "energy_j": self.energy_j, "area_mm2": self.area_mm2}
        known |= dict(self.others)
        if name not in known:
            names = (*CHIP, *dict(self.others))
            raise ConfigError(f"metric {name!r} is not known of these accelerators; {did_you_mean(name, names)}")
        return known[name]

    def metrics(self, index: int) -> dict[str, float]:
        """Every metric of one accelerator."""
        return {name: float(self.metric(name)[index]) for name in (*CHIP, *dict(self.others))}

    def losses(self, objective: Objective) -> Floats:
        """(a,) The metric of an objective with the sign that makes smaller better, unspecified where nothing runs.

        Raises:
            ConfigError: as `metric`.
        """
        values = self.metric(objective.metric)
        return -values if objective.direction is Direction.MAXIMIZE else values

    def excess_shares(self, constraints: Sequence[Constraint]) -> Floats:
        """(c, a) By which part of its limit every accelerator misses every constraint, 0 where it meets it.

        As `Constraint.violation`: in the unit of the metric where the limit is 0. +inf where the network cannot run.

        Raises:
            ConfigError: as `metric`.
        """
        shares = np.zeros((len(constraints), len(self.area_mm2)))
        for row, constraint in zip(shares, constraints, strict=True):
            values = self.metric(constraint.metric)
            for bound, sign in ((constraint.at_most, 1.0), (constraint.at_least, -1.0)):
                if bound is not None:
                    with np.errstate(over="ignore"):
                        np.maximum(row, sign * (values - bound) / (abs(bound) or 1.0), out=row)
            row[~self.runs] = np.inf
        return shares

    def first(self, among: Ints, *losses: Floats) -> int:
        """Of some accelerators the lowest in the losses, in this order, then in energy, area, latency and index."""
        keys = (*losses, self.energy_j, self.area_mm2, self.latency_s)
        order = np.lexsort([key[among] for key in reversed(keys)])
        return int(among[order[0]])
