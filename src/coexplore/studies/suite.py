"""Which one accelerator is best for several networks, each with a weight and limits of its own?

Axes: `m` members, `n` networks of a member, `a` accelerators. A member is one network, or free: any network of a table
with accuracies, of which every accelerator gets the most accurate one that meets the member's limits there (then of
least energy, latency, and the first). On every accelerator the suite has the weighted means over its members of latency
and energy, and of accuracy over the free ones. Looking at all accelerators makes the optimum exact.

Accelerators that another covers in every op of every member and in area are dropped: they are no better for any member,
so no optimum changes in value. Of accelerators exactly alike the one that stays may not be the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import ConfigError
from coexplore.cost.candidates import Candidates
from coexplore.cost.front import undominated
from coexplore.cost.network_table import NetworkTable, blocks
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.studies.joint_optimum import FALLING, RISING, why_unordered

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_BYTES = 1 << 26
"""Totals of a member that are held at once."""
LEAST_ENERGY = Objective("energy_j", Direction.MINIMIZE)
MOST_ACCURATE = Objective("accuracy", Direction.MAXIMIZE)


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One network of a suite, or the choice of one.

    Raises:
        ConfigError: the weight is negative or no number, a limit is none that can be met by being better, or accuracies
            and networks are not equally many.
    """

    name: str
    table: NetworkTable
    """Its networks, one where it is fixed, on all accelerators of the space."""
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
        if any(limit.metric == "area_mm2" for limit in self.limits):
            raise ConfigError(f"suite.{self.name}.limits: area is that of the one accelerator; limit it for the suite")
        networks = len(self.table.counts)
        if self.accuracy is None and (networks != 1 or any(limit.metric == "accuracy" for limit in self.limits)):
            raise ConfigError(f"suite.{self.name}: has {networks} networks and no accuracies; give one to each")
        if self.accuracy is not None and len(self.accuracy) != networks:
            raise ConfigError(f"suite.{self.name}: has {networks} networks and {len(self.accuracy)} accuracies")


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


@dataclass(frozen=True, slots=True)
class SuiteOptimum:
    """The best accelerator for a suite, or the nearest where none meets all limits."""

    place: int
    """Of the accelerator in its space."""
    members: tuple[Chosen, ...]
    metrics: dict[str, float]
    """Of the suite: weighted means over members, and the area."""
    broken: tuple[BrokenLimit, ...] = ()
    """Empty where all limits are met; else worst first."""

    @property
    def feasible(self) -> bool:
        """Whether all limits are met."""
        return not self.broken

    @property
    def reason(self) -> str:
        """Why nothing is feasible, and what misses by least; empty where something is."""
        if not self.broken:
            return ""
        told = "; ".join(
            f"{broken.limit} of {broken.member or 'the suite'} by {100 * broken.excess_share:.3g} %"
            for broken in self.broken
        )
        return f"no accelerator meets all limits of the suite; the nearest, number {self.place}, misses {told}"


def best_for_suite(
    members: Sequence[Member], constraints: Sequence[Constraint] = (), objective: Objective | None = None
) -> SuiteOptimum:
    """The accelerator that is best for all members together.

    Args:
        members: at least one; all on the same accelerators.
        constraints: on the suite: its area, and weighted means.
        objective: of the suite; by default accuracy where a member has one, else least energy. Ties go to less energy,
            area and latency, then to the lower place.

    Raises:
        ConfigError: no members, two of one name, all weights 0, other accelerators, or limits that cannot be judged.
    """
    _check(members, constraints, objective)
    kept = _worth_a_look(members)
    solved = [_Solved(member, member.table.on(kept)) for member in members]
    suite = _Suite(members, solved)
    wish = objective or (MOST_ACCURATE if suite.has_accuracy else LEAST_ENERGY)
    excesses = np.vstack([np.zeros((1, len(kept))), suite.candidates.excess_shares(constraints)])
    worst = np.maximum(excesses.max(axis=0), np.max([member.excess for member in solved], axis=0))
    if not np.isfinite(worst).any():
        raise ConfigError("suite: no accelerator runs a network of every member; widen the space")
    among = np.flatnonzero(worst == worst.min())
    column = suite.candidates.first(among, suite.candidates.losses(wish))
    broken = [BrokenLimit("", c, float(row[column])) for c, row in zip(constraints, excesses[1:], strict=True)]
    broken += [entry for member in solved for entry in member.broken(column)]
    broken = sorted((entry for entry in broken if entry.excess_share > 0), key=lambda entry: -entry.excess_share)
    chosen = tuple(member.chosen(column) for member in solved)
    return SuiteOptimum(int(members[0].table.places[kept[column]]), chosen, suite.metrics(column), tuple(broken))


def _check(members: Sequence[Member], constraints: Sequence[Constraint], objective: Objective | None) -> None:
    if not members:
        raise ConfigError("suite: has no members; give at least one network")
    names = [member.name for member in members]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise ConfigError(f"suite: has two members {double!r}; give each a name of its own")
    if not any(member.weight for member in members):
        raise ConfigError("suite: every weight is 0, so no accelerator is better than another; raise one")
    if any(len(member.table.area_mm2) != len(members[0].table.area_mm2) for member in members):
        raise ConfigError("suite: members are priced on different accelerators; price all on the same")
    has_accuracy = any(member.accuracy is not None for member in members)
    asked = [c.metric for c in constraints] + ([] if objective is None else [objective.metric])
    if "accuracy" in asked and not has_accuracy:
        raise ConfigError("suite: accuracy is asked for, but no member has accuracies; leave it out")
    if reason := why_unordered([] if objective is None else [objective], constraints):
        raise ConfigError(f"suite: {reason}")


def _worth_a_look(members: Sequence[Member]) -> Ints:
    """Columns that no other one covers in every op of every member and in area."""
    used = [member.table.of(np.arange(len(member.table.counts))) for member in members]
    latency, energy = (np.vstack([getattr(table, name) for table in used]) for name in ("latency_s", "energy_j"))
    return undominated(latency, energy, members[0].table.area_mm2)


class _Solved:
    """The best network of a member on every accelerator, and by how much it misses its limits."""

    def __init__(self, member: Member, table: NetworkTable) -> None:
        self.member, self._table = member, table
        count, networks = len(table.area_mm2), len(table.counts)
        self._values = np.zeros(networks) if member.accuracy is None else member.accuracy
        self.network = np.zeros(count, np.int64)
        self.latency_s, self.energy_j, self.excess = (np.full(count, np.inf) for _ in range(3))
        order = np.lexsort((np.arange(networks), -self._values))
        for rows in blocks(networks, max(1, BLOCK_BYTES // (16 * max(count, 1)))):
            self._look_at(order[rows])

    def _look_at(self, networks: Ints) -> None:
        """Go on with networks no more accurate than those before, on accelerators that may still gain by it."""
        last = self._values[self.network]
        open_ = np.flatnonzero((self.excess > 0) | (self._values[networks[0]] >= last))
        if not len(open_):
            return
        latency, energy = self._table.on(open_).totals(networks)
        for row, network in enumerate(networks.tolist()):
            better = self._better(network, latency[row], energy[row], open_)
            at = open_[better]
            self.network[at] = network
            self.latency_s[at], self.energy_j[at] = latency[row, better], energy[row, better]
            self.excess[at] = self._excess(network, latency[row, better], energy[row, better])

    def _better(self, network: int, latency: Floats, energy: Floats, at: Ints) -> NDArray[np.bool_]:
        """Where a network takes the place of the one so far: it misses by less, or is as accurate for less energy."""
        excess = self._excess(network, latency, energy)
        alike = (excess == self.excess[at]) & (self._values[network] == self._values[self.network[at]])
        cheaper = (energy < self.energy_j[at]) | ((energy == self.energy_j[at]) & (latency < self.latency_s[at]))
        better: NDArray[np.bool_] = (excess < self.excess[at]) | (alike & cheaper)
        return better

    def _excess(self, network: int, latency: Floats, energy: Floats) -> Floats:
        found = self._candidates(network, latency, energy).excess_shares(self.member.limits)
        worst: Floats = np.max(found, axis=0, initial=0.0)
        return np.where(np.isfinite(latency) & np.isfinite(energy), worst, np.inf)

    def _candidates(self, network: int, latency: Floats, energy: Floats) -> Candidates:
        value = np.full(len(latency), self._values[network])
        return Candidates(latency, energy, np.zeros(len(latency)), (), (("accuracy", value),))

    @property
    def accuracy(self) -> Floats:
        """(a,) Of the network of every accelerator."""
        return self._values[self.network]

    def chosen(self, column: int) -> Chosen:
        """The network on one accelerator."""
        metrics = self._at(column).metrics(0)
        known = {name: value for name, value in metrics.items() if name != "area_mm2"}
        if self.member.accuracy is None:
            del known["accuracy"]
        return Chosen(self.member.name, int(self.network[column]), known)

    def broken(self, column: int) -> list[BrokenLimit]:
        """Every limit on one accelerator, and by how much it is missed."""
        shares = self._at(column).excess_shares(self.member.limits)[:, 0]
        return [
            BrokenLimit(self.member.name, limit, float(share))
            for limit, share in zip(self.member.limits, shares, strict=True)
        ]

    def _at(self, column: int) -> Candidates:
        at = slice(column, column + 1)
        return self._candidates(int(self.network[column]), self.latency_s[at], self.energy_j[at])


class _Suite:
    """Weighted means over members on every accelerator."""

    def __init__(self, members: Sequence[Member], solved: Sequence[_Solved]) -> None:
        weights = np.array([member.weight for member in members])
        latency, energy = (
            self._mean(weights, [getattr(member, name) for member in solved]) for name in ("latency_s", "energy_j")
        )
        free = [number for number, member in enumerate(members) if member.accuracy is not None and member.weight > 0]
        self.has_accuracy = bool(free)
        accuracy = self._mean(weights[free], [solved[number].accuracy for number in free]) if free else None
        others = () if accuracy is None else (("accuracy", accuracy),)
        self.candidates = Candidates(latency, energy, solved[0]._table.area_mm2, (), others)

    @staticmethod
    def _mean(weights: Floats, rows: Sequence[Floats]) -> Floats:
        """(a,) A member that counts nothing adds nothing, not even where it cannot run."""
        total = np.zeros(len(rows[0]))
        for weight, row in zip(weights, rows, strict=True):
            if weight > 0:
                total = total + weight * row
        return total / math.fsum(weights)

    def metrics(self, column: int) -> dict[str, float]:
        """What the suite has on one accelerator."""
        known = ("accuracy", *FALLING, *RISING)
        return {name: value for name, value in self.candidates.metrics(column).items() if name in known}
