"""What would one step of a knob buy at the optimum, what would a looser limit buy, and which knobs sit at an end?

Nothing is extrapolated: the neighbour of an accelerator is one of those that were priced. A knob whose optima lie at an
end of its range has too short a range, or a cost or a benefit that the model lacks.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import ConfigError
from coexplore.cost.candidates import Candidates
from coexplore.cost.exact_hardware import Best, best_accelerators
from coexplore.objectives.objective import Constraint, Objective
from coexplore.spaces.decision import Value
from coexplore.spaces.space import Point, Space

Ints = NDArray[np.int64]
Amount = Callable[[Point], float]
"""How many units of something the accelerator of a point has."""


@dataclass(frozen=True, slots=True)
class Unit:
    """In what a knob is counted."""

    name: str
    amount: Amount


def _of(knob: str, name: str, factor: float = 1.0) -> Unit:
    return Unit(name, lambda point: factor * float(point[knob]))


_PES = Unit("PE", lambda point: float(point["pes_x"]) * float(point["pes_y"]))
EDGE_ARRAY_UNITS: Mapping[str, Unit] = {
    "pes_x": _PES,
    "pes_y": _PES,
    "simd_units": _of("simd_units", "unit per lane"),
    "lanes": _of("lanes", "lane per PE"),
    "local_memory_mb": _of("local_memory_mb", "KB per PE", 1024.0),
    "register_file_kb": _of("register_file_kb", "KB per lane"),
    "io_bandwidth_gb_s": _of("io_bandwidth_gb_s", "GB/s"),
}
"""Of the edge array; a step of `pes_x` is a column of elements and so brings as many as there are rows."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is added; negative where something is saved."""

    latency_s: float
    energy_j: float
    area_mm2: float


@dataclass(frozen=True, slots=True)
class Step:
    """One knob changed by one step, or to another kind, all others held."""

    knob: str
    before: Value
    after: Value
    index: int
    """The accelerator with the knob changed."""
    runs: bool
    """Whether that runs the network; where not, latency and energy are +inf."""
    change: Change
    unit: str
    """In what the knob is counted; empty for a kind."""
    per_unit: Change | None
    """The change for each unit that the knob rises by, on average over the step; None for a kind."""


class End(enum.Enum):
    """Where in a range a value lies."""

    LOW = "low end"
    HIGH = "high end"
    INSIDE = "inside"


@dataclass(frozen=True, slots=True)
class KnobRange:
    """Where in its range a knob is chosen."""

    knob: str
    values: tuple[Value, ...]
    optimum: Value
    end: End
    """Where the optimum lies."""
    low_share: float
    """Part of the front with the lowest value, 0 to 1."""
    high_share: float
    """Part of the front with the highest value, 0 to 1."""


@dataclass(frozen=True, slots=True)
class LooserLimit:
    """The least by which a limit must give for a better optimum, all other limits held."""

    constraint: Constraint
    """With the bound that it would need."""
    index: int
    """The optimum under it."""
    change: Change
    """From the old optimum to the new one."""


def steps(
    space: Space, points: Sequence[Point], candidates: Candidates, index: int, units: Mapping[str, Unit] | None = None
) -> tuple[Step, ...]:
    """What each step of each knob changes, in the order of the knobs, down before up.

    Args:
        space: of the accelerators.
        points: (a,) of the candidates, in their order.
        candidates: one network on every accelerator.
        index: where the steps begin; the network runs there.
        units: by knob, such as `EDGE_ARRAY_UNITS`; a knob without one is counted by its value.

    Raises:
        ConfigError: there are not as many points as candidates, or the network does not run at `index`.
        SpaceError: the point is not of the space.
    """
    _check(points, candidates)
    if not candidates.runs[index]:
        raise ConfigError(f"index: accelerator {index} does not run the network; take one that does")
    place = {point: number for number, point in enumerate(points)}
    units = {} if units is None else units
    found = []
    for neighbour in space.neighbours(points[index]):
        if neighbour in place:
            found.append(_step(space, points[index], neighbour, candidates, (index, place[neighbour]), units))
    return tuple(found)


def knob_ranges(space: Space, points: Sequence[Point], index: int, front: Ints) -> tuple[KnobRange, ...]:
    """For each knob with an order and a choice: whether the optimum, and which part of a front, is at an end.

    Args:
        space: of the accelerators.
        points: of all of them.
        index: the optimum.
        front: indices of accelerators.
    """
    ranges = []
    for decision in space.decisions:
        if not decision.ordered or len(decision.values) < 2 or decision.name not in points[index]:
            continue
        low, high, optimum = decision.values[0], decision.values[-1], points[index][decision.name]
        end = End.LOW if optimum == low else End.HIGH if optimum == high else End.INSIDE
        chosen = [points[member].get(decision.name) for member in front]
        shares = [chosen.count(value) / len(chosen) if chosen else 0.0 for value in (low, high)]
        ranges.append(KnobRange(decision.name, decision.values, optimum, end, *shares))
    return tuple(ranges)


def looser_limits(
    candidates: Candidates, objective: Objective, constraints: Sequence[Constraint]
) -> tuple[LooserLimit, ...]:
    """For each bound that keeps a better accelerator out: the least looser one that lets one in.

    Bounds that cost nothing at the optimum are left out, and so is everything where nothing meets the constraints.

    Raises:
        ConfigError: as `best_accelerators`.
    """
    best = best_accelerators(candidates, objective, constraints)
    if not isinstance(best, Best):
        return ()
    found = []
    for position, constraint in enumerate(constraints):
        others = [*constraints[:position], *constraints[position + 1 :]]
        if constraint.at_most is not None:
            fixed = [*others, *_one_sided(constraint, at_least=constraint.at_least)]
            found += _looser(candidates, objective, constraint, fixed, best.index, 1.0)
        if constraint.at_least is not None:
            fixed = [*others, *_one_sided(constraint, at_most=constraint.at_most)]
            found += _looser(candidates, objective, constraint, fixed, best.index, -1.0)
    return tuple(found)


def _check(points: Sequence[Point], candidates: Candidates) -> None:
    if len(points) != len(candidates.area_mm2):
        raise ConfigError(f"points: {len(points)} for {len(candidates.area_mm2)} candidates; give each its point")


def _change(candidates: Candidates, before: int, after: int) -> Change:
    rows = (candidates.latency_s, candidates.energy_j, candidates.area_mm2)
    return Change(*(float(row[after] - row[before]) for row in rows))


def _step(
    space: Space, point: Point, neighbour: Point, candidates: Candidates, places: tuple[int, int],
    units: Mapping[str, Unit],
) -> Step:  # fmt: skip
    decision = next(d for d in space.decisions if point.get(d.name) != neighbour.get(d.name))
    change = _change(candidates, *places)
    unit, per_unit = "", None
    if decision.ordered:
        counted = units.get(decision.name, _of(decision.name, decision.name))
        unit, added = counted.name, counted.amount(neighbour) - counted.amount(point)
        per_unit = Change(change.latency_s / added, change.energy_j / added, change.area_mm2 / added)
    name, runs = decision.name, bool(candidates.runs[places[1]])
    return Step(name, point[name], neighbour[name], places[1], runs, change, unit, per_unit)


def _one_sided(constraint: Constraint, at_most: float | None = None, at_least: float | None = None) -> list[Constraint]:
    if at_most is None and at_least is None:
        return []
    return [Constraint(constraint.metric, at_most, at_least)]


def _looser(
    candidates: Candidates, objective: Objective, constraint: Constraint, fixed: Sequence[Constraint], best: int,
    sign: float,
) -> list[LooserLimit]:  # fmt: skip
    """One bound of a constraint given way: upwards where `sign` is 1, downwards where it is -1."""
    losses, values = candidates.losses(objective), candidates.metric(constraint.metric)
    open_to = candidates.runs & (candidates.excess_shares(fixed) == 0).all(axis=0)
    better = np.flatnonzero(open_to & (losses < losses[best]))
    if not len(better):
        return []
    index = candidates.first(better, sign * values, losses)
    bound = float(values[index])
    needed = replace(constraint, at_most=bound) if sign > 0 else replace(constraint, at_least=bound)
    return [LooserLimit(needed, index, _change(candidates, best, index))]
