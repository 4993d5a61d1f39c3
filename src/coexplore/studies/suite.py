"""Which one accelerator is best for several networks, each with a weight and limits of its own?

Axes: `m` members, `n` networks of a member, `a` accelerators. A member is one network, or free: any network of a table
with accuracies. On every accelerator a free member takes the network that is best by the first objective among those
that meet the member's limits there, whatever the others take. The suite has the weighted means over its members of
latency and energy, and of accuracy over those that have one. Means of the best are the best means, so looking at all
accelerators makes the optimum exact over all choices of networks too. A limit on such a mean would bind the choices of
members together; where networks are free it is refused unless it is on what the first objective is about.

Accelerators that another covers in every op of every member and in area are dropped, and networks that run every op as
often as a more accurate one: neither is better for any member, so no optimum changes in value.
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
from coexplore.cost.network_table import NetworkTable
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.objectives.pareto import non_dominated
from coexplore.studies.joint_optimum import FALLING, RISING, why_unordered
from coexplore.studies.suite_members import (
    CHIP_METRICS,
    KINDRED,
    BrokenLimit,
    Chosen,
    Member,
    SolvedMember,
    best_on,
    distinct_networks,
)

__all__ = ["BrokenLimit", "Chosen", "Member", "SuiteOptimum", "best_for_suite", "suite_front", "why_unanswered"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_ENERGY = Objective("energy_j", Direction.MINIMIZE)
MOST_ACCURATE = Objective("accuracy", Direction.MAXIMIZE)


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
    def misses(self) -> str:
        """Every limit that is broken, whose it is, and by how much; empty where all are met."""
        return "; ".join(
            f"{broken.limit} of {broken.member or 'the suite'} by {100 * broken.excess_share:.3g} %"
            for broken in self.broken
        )

    @property
    def reason(self) -> str:
        """Why nothing is feasible, and what misses by least; empty where something is."""
        if not self.broken:
            return ""
        return f"no accelerator meets all limits of the suite; the nearest, number {self.place}, misses {self.misses}"


def best_for_suite(
    members: Sequence[Member], constraints: Sequence[Constraint] = (), objective: Objective | None = None
) -> SuiteOptimum:
    """The accelerator that is best for all members together: the first of `suite_front` for one objective.

    Args:
        members: at least one; all on the same accelerators.
        constraints: on the suite: its area, and weighted means.
        objective: of the suite; by default accuracy where a member has one, else least energy.
    """
    return suite_front(members, constraints, () if objective is None else (objective,))[0]


def suite_front(
    members: Sequence[Member], constraints: Sequence[Constraint] = (), objectives: Sequence[Objective] = ()
) -> tuple[SuiteOptimum, ...]:
    """The accelerators that no other one beats in the objectives, each with the networks the first one chooses there.

    Args:
        members: at least one; all on the same accelerators.
        constraints: on the suite: its area, and weighted means.
        objectives: of the suite; by default accuracy where a member has one, else least energy.

    Returns:
        The best by the first objective first, ties to less energy, area and latency, then to the lower place; of
        accelerators alike in all objectives the first. Where none meets all limits only the nearest to them.

    Raises:
        ConfigError: no members, two of one name, all weights 0, other accelerators, or limits that cannot be judged.
    """
    _check_members(members)
    wishes = objectives or ((MOST_ACCURATE if _weighing_accuracy(members) else LEAST_ENERGY),)
    check_wishes(members, constraints, wishes)
    solved, area, places = _all_solved(members, wishes[0])
    suite = _Suite(members, solved, area)
    excesses = np.vstack([np.zeros((1, len(area))), suite.candidates.excess_shares(constraints)])
    worst = np.maximum(excesses.max(axis=0), np.max([member.excess for member in solved], axis=0))
    if not np.isfinite(worst).any():
        raise ConfigError("suite: no accelerator runs a network of every member; widen the space")
    among = np.flatnonzero(worst == worst.min())
    losses = np.array([suite.candidates.losses(wish)[among] for wish in wishes]).T
    keys = (places, suite.candidates.latency_s, area, suite.candidates.energy_j)
    order = np.lexsort((*(key[among] for key in keys), *losses.T[::-1]))
    kept = order[non_dominated(losses[order])] if worst.min() == 0 else order[:1]
    found = []
    for column in among[kept].tolist():
        shares = zip(constraints, excesses[1:, column].tolist(), strict=True)
        broken = [BrokenLimit("", limit, share) for limit, share in shares]
        broken += [entry for member in solved for entry in member.broken(column)]
        broken = sorted((entry for entry in broken if entry.excess_share > 0), key=lambda entry: -entry.excess_share)
        chosen = tuple(member.chosen(column) for member in solved)
        found.append(SuiteOptimum(int(places[column]), chosen, suite.metrics(column), tuple(broken)))
    return tuple(found)


def _check_members(members: Sequence[Member]) -> None:
    if not members:
        raise ConfigError("suite: has no members; give at least one network")
    names = [member.name for member in members]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise ConfigError(f"suite: has two members {double!r}; give each a name of its own")
    if not any(member.weight for member in members):
        raise ConfigError("suite: every weight is 0, so no accelerator is better than another; raise one")
    first = members[0].tables
    for member in members[1:]:
        alike = len(member.tables) == len(first) and all(
            np.array_equal(one.places, other.places) for one, other in zip(member.tables, first, strict=True)
        )
        if not alike:
            raise ConfigError("suite: members are priced on different accelerators; price all on the same")


def check_wishes(members: Sequence[Member], constraints: Sequence[Constraint], objectives: Sequence[Objective]) -> None:
    """Refuse what cannot be answered for these members.

    Raises:
        ConfigError: says why.
    """
    if reason := why_unanswered(
        objectives,
        constraints,
        free=any(member.is_free for member in members),
        rated=_weighing_accuracy(members),
    ):
        raise ConfigError(f"suite: {reason}")


def why_unanswered(
    objectives: Sequence[Objective], constraints: Sequence[Constraint], *, free: bool, rated: bool
) -> str:
    """What of wishes and limits cannot be answered for a suite, in words; empty for nothing.

    Args:
        objectives: of the suite, at least one.
        constraints: on the suite.
        free: whether a member may choose its network.
        rated: whether a member that counts has accuracies.
    """
    if not rated and "accuracy" in [*(wish.metric for wish in objectives), *(limit.metric for limit in constraints)]:
        return "accuracy is asked for, but no member that counts has accuracies; leave it out"
    if reason := why_unordered(objectives, constraints):
        return reason
    if not free:
        return ""
    first = objectives[0].metric
    if first == "edp_js":
        return "the product of means is no sum over members, whose networks are free; put energy_j or latency_s first"
    for limit in constraints:
        if limit.metric not in CHIP_METRICS and KINDRED.get(limit.metric, limit.metric) != KINDRED.get(first, first):
            return (
                f"{limit} is on a mean over members whose networks are free, so it would bind their choices together; "
                f"limit the members instead, or make {limit.metric} the first objective"
            )
    return ""


def _weighing_accuracy(members: Sequence[Member]) -> bool:
    return any(member.accuracy is not None and member.weight > 0 for member in members)


def _all_solved(members: Sequence[Member], wish: Objective) -> tuple[list[SolvedMember], Floats, Ints]:
    """Every member on all accelerators worth a look, and area and place of those, each (a,)."""
    parts, rows = [], [distinct_networks(member) for member in members]
    for number, table in enumerate(members[0].tables):
        some = [member.tables[number] for member in members]
        kept = _worth_a_look(some)
        solved = [best_on(m, own.on(kept), r, wish) for m, own, r in zip(members, some, rows, strict=True)]
        parts.append((solved, table.area_mm2[kept], table.places[kept]))
    joined = [SolvedMember.joined([part[0][number] for part in parts]) for number in range(len(members))]
    area, places = (np.concatenate([part[index] for part in parts]) for index in (1, 2))
    return joined, area, places


def _worth_a_look(tables: Sequence[NetworkTable]) -> Ints:
    """Columns that no other one covers in every op of every member and in area."""
    used = [table.of(np.arange(len(table.counts))) for table in tables]
    latency, energy = (np.vstack([getattr(table, name) for table in used]) for name in ("latency_s", "energy_j"))
    return undominated(latency, energy, tables[0].area_mm2)


class _Suite:
    """Weighted means over members on every accelerator."""

    def __init__(self, members: Sequence[Member], solved: Sequence[SolvedMember], area_mm2: Floats) -> None:
        weights = np.array([member.weight for member in members])
        latency, energy = (
            self._mean(weights, [getattr(member, name) for member in solved]) for name in ("latency_s", "energy_j")
        )
        rated = [number for number, member in enumerate(members) if member.accuracy is not None and member.weight > 0]
        accuracy = self._mean(weights[rated], [solved[number].accuracy for number in rated]) if rated else None
        others = () if accuracy is None else (("accuracy", accuracy),)
        self.candidates = Candidates(latency, energy, area_mm2, (), others)

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
