"""Which of its networks is best for a member of a suite, on every accelerator?

Axes: `n` networks, `a` accelerators.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import ConfigError
from coexplore.cost.candidates import Candidates
from coexplore.cost.network_table import NetworkTable, blocks
from coexplore.objectives.objective import Constraint, Objective
from coexplore.studies.joint_optimum import why_unordered

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_BYTES = 1 << 26
"""Totals of a member that are held at once."""
KINDRED = {"throughput_per_s": "latency_s"}
"""Metrics that are best where another one is."""
CHIP_METRICS = ("area_mm2",)
"""Metrics of the accelerator alone, which every member shares."""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One network of a suite, or the choice of one.

    Raises:
        ConfigError: the weight is negative or no number, a limit is none that can be met by being better, or accuracies
            and networks are not equally many.
    """

    name: str
    tables: tuple[NetworkTable, ...]
    """Its networks, one where it is fixed, on all accelerators of the space: each in one of the tables, and in the same
    for all members."""
    accuracy: Floats | None = None
    """(n,) Fractions; None for one network whose accuracy plays no part."""
    weight: float = 1.0
    """Its share in the means, relative to the other weights; 0 leaves only its limits."""
    limits: tuple[Constraint, ...] = ()
    """On this member alone: upper ones on latency, energy and their product, lower ones on accuracy and throughput."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ConfigError(f"suite.{self.name}.weight: is {self.weight}; give a number of at least 0")
        reason = why_unordered([], self.limits)
        if reason:
            raise ConfigError(f"suite.{self.name}.limits: {reason}")
        if any(limit.metric in CHIP_METRICS for limit in self.limits):
            raise ConfigError(f"suite.{self.name}.limits: area is that of the one accelerator; limit it for the suite")
        if self.accuracy is None and (self.networks != 1 or any(limit.metric == "accuracy" for limit in self.limits)):
            raise ConfigError(f"suite.{self.name}: has {self.networks} networks and no accuracies; give one to each")
        if self.accuracy is not None and len(self.accuracy) != self.networks:
            raise ConfigError(f"suite.{self.name}: has {self.networks} networks and {len(self.accuracy)} accuracies")

    @property
    def networks(self) -> int:
        """How many there are to choose from."""
        return len(self.tables[0].counts)

    @property
    def is_free(self) -> bool:
        """Whether there is a choice."""
        return self.networks > 1

    @property
    def values(self) -> Floats:
        """(n,) Accuracies; 0 where they play no part."""
        return np.zeros(self.networks) if self.accuracy is None else self.accuracy


@dataclass(frozen=True, slots=True)
class Chosen:
    """A member on the accelerator of the suite."""

    name: str
    network: int
    """Which of its networks."""
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class BrokenLimit:
    """A limit that the nearest accelerator breaks."""

    member: str
    """Empty: of the suite."""
    limit: Constraint
    excess_share: float
    """By which part of the limit."""


def distinct_networks(member: Member) -> Ints:
    """Rising rows of the networks to look at: of those that run every op equally often the most accurate, the first."""
    counts = np.hstack([table.counts for table in member.tables])
    _, kind = np.unique(counts, axis=0, return_inverse=True)
    order = np.lexsort((np.arange(len(counts)), -member.values))
    _, first = np.unique(kind.reshape(-1)[order], return_index=True)
    return np.sort(order[first])


@dataclass(frozen=True, slots=True, eq=False)
class SolvedMember:
    """The best network of a member on every accelerator, and by how much it misses its limits."""

    member: Member
    network: Ints
    """(a,)"""
    latency_s: Floats
    energy_j: Floats
    excess: Floats
    """(a,) By which part the worst limit is missed; +inf where no network runs."""

    @classmethod
    def joined(cls, parts: Sequence[SolvedMember]) -> SolvedMember:
        """Parts of the accelerators one after the other."""
        names = ("network", "latency_s", "energy_j", "excess")
        arrays = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        return cls(parts[0].member, *arrays)

    @property
    def accuracy(self) -> Floats:
        """(a,) Of the network of every accelerator."""
        return self.member.values[self.network]

    def chosen(self, column: int) -> Chosen:
        """The network on one accelerator."""
        metrics = self._at(column).metrics(0)
        known = {name: value for name, value in metrics.items() if name not in CHIP_METRICS}
        if self.member.accuracy is None:
            del known["accuracy"]
        return Chosen(self.member.name, int(self.network[column]), known)

    def broken(self, column: int) -> list[BrokenLimit]:
        """Every limit on one accelerator, and by how much it is missed."""
        shares = self._at(column).excess_shares(self.member.limits)[:, 0].tolist()
        limits = zip(self.member.limits, shares, strict=True)
        return [BrokenLimit(self.member.name, limit, share) for limit, share in limits]

    def _at(self, column: int) -> Candidates:
        at = slice(column, column + 1)
        return _candidates(self.latency_s[at], self.energy_j[at], self.accuracy[at])


def _candidates(latency: Floats, energy: Floats, accuracy: Floats) -> Candidates:
    return Candidates(latency, energy, np.zeros(len(latency)), (), (("accuracy", accuracy),))


def best_on(member: Member, table: NetworkTable, networks: Ints, wish: Objective) -> SolvedMember:
    """The network of every accelerator: least excess, then best by a wish, most accurate, least energy and latency."""
    count = len(table.area_mm2)
    best = np.full((5, count), np.inf)
    chosen = np.zeros(count, np.int64)
    for rows in blocks(len(networks), max(1, BLOCK_BYTES // (16 * max(count, 1)))):
        latency, energy = table.totals(networks[rows])
        for row, network in enumerate(networks[rows].tolist()):
            keys = _keys(member, network, latency[row], energy[row], wish)
            better = _is_less(keys, best)
            best[:, better], chosen[better] = keys[:, better], network
    return SolvedMember(member, chosen, best[4], best[3], best[0])


def _keys(member: Member, network: int, latency: Floats, energy: Floats, wish: Objective) -> Floats:
    """(5, a) What is compared in this order, smaller being better; the last two are energy and latency."""
    accuracy = np.full(len(latency), member.values[network])
    shares = _candidates(latency, energy, accuracy).excess_shares(member.limits)
    runs = np.isfinite(latency) & np.isfinite(energy)
    excess = np.where(runs, np.max(shares, axis=0, initial=0.0), np.inf)
    wanted = {"latency_s": latency, "energy_j": energy}.get(KINDRED.get(wish.metric, wish.metric), -accuracy)
    return np.array([excess, wanted, -accuracy, energy, latency])


def _is_less(keys: Floats, best: Floats) -> NDArray[np.bool_]:
    """(a,) Whether a column comes first in the order of words."""
    less = np.zeros(keys.shape[1], np.bool_)
    same = np.ones(keys.shape[1], np.bool_)
    for new, old in zip(keys, best, strict=True):
        less |= same & (new < old)
        same &= new == old
    return less
