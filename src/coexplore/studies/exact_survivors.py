"""What is left of a space that was priced whole? The front, why the rest is out, what a step or a looser limit buys.

Axes: `a` accelerators in the order of the space, `o` distinct ops, `k` objectives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.errors import AcceleratorError, SpaceError
from coexplore.cost.candidates import BlockedOp, Candidates
from coexplore.cost.exact_hardware import Infeasible, best_accelerators
from coexplore.cost.mapper import Goal, Mapped, best_mapping
from coexplore.cost.shadow import EDGE_ARRAY_UNITS, knob_ranges, looser_limits, steps
from coexplore.cost.workload_grid import distinct_ops
from coexplore.design import ACCELERATOR, DesignSpace
from coexplore.objectives.objective import feasibility
from coexplore.objectives.pareto import non_dominated
from coexplore.spaces.space import Point, Space, factor, join
from coexplore.studies.exact_chunks import Chunk
from coexplore.studies.exact_solution import BrokenLimit, Knob, KnobStep, Looser, Solution, Survivor
from coexplore.studies.problem import Problem
from coexplore.workloads.graph import Workload
from coexplore.workloads.loops import Loops

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXAMPLES = 8
"""Accelerators that are asked why they cannot run an op, evenly spaced; the one that misses least is quoted."""


def summarise(problem: Problem, workload: Workload, chunks: Sequence[Chunk], goal: Goal, seconds: float) -> Solution:
    """The solution of a problem whose accelerators have all been priced.

    Args:
        problem: what is wanted.
        workload: the network.
        chunks: side by side, all accelerators in the order of the space.
        goal: what the mappings minimised.
        seconds: that pricing took.
    """
    whole = _Whole(problem, workload, chunks, goal)
    candidates, feasible = whole.candidates, whole.feasible
    solution = Solution(
        fingerprint=problem.fingerprint,
        accelerators=len(feasible),
        ops=len(distinct_ops(workload)),
        decodable=int(np.isfinite(candidates.area_mm2).sum()),
        runs=int(candidates.runs.sum()),
        feasible=int(feasible.sum()),
        blocked=candidates.blocked,
        limits=whole.limits(),
        front=whole.front(),
        nearest=None,
        reason="",
        seconds=seconds,
    )
    return whole.around_the_optimum(solution) if solution.front else whole.nothing_feasible(solution)


class _Whole:
    """All accelerators of a problem, priced."""

    def __init__(self, problem: Problem, workload: Workload, chunks: Sequence[Chunk], goal: Goal) -> None:
        self.problem = problem
        self.space = accelerator_space(problem.designs)
        self.candidates = _candidates(problem.designs, self.space, workload, chunks, goal)
        self.excesses = self.candidates.excess_shares(problem.constraints)
        self.feasible = self.candidates.runs & (self.excesses == 0).all(axis=0)
        self._places = self._front_places()

    def _front_places(self) -> Ints:
        """Places of the front, best first objective first."""
        among = np.flatnonzero(self.feasible)
        losses = self._losses(among)
        kept = np.flatnonzero(non_dominated(losses))
        order = sorted(kept, key=lambda row: (tuple(losses[row]), row))
        return among[np.array(order, np.int64)]

    def _losses(self, among: Ints) -> Floats:
        """(n, k)"""
        rows = [self.candidates.losses(objective)[among] for objective in self.problem.objectives]
        return np.array(rows).T.reshape(len(among), len(rows))

    def front(self) -> tuple[Survivor, ...]:
        """The front, each member with the number of its equals."""
        if not len(self._places):
            return ()
        among = np.flatnonzero(self.feasible)
        _, kind, count = np.unique(self._losses(among), axis=0, return_inverse=True, return_counts=True)
        equal = count[kind.reshape(-1)[np.searchsorted(among, self._places)]]
        points = points_at(self.space, self._places)
        return tuple(
            self._survivor(point, place, int(n)) for point, place, n in zip(points, self._places, equal, strict=True)
        )

    def _survivor(self, point: Point, place: int, equal: int = 1) -> Survivor:
        whole = _with_network(self.problem.space, point)
        return Survivor(dict(whole), self.candidates.metrics(int(place)), equal)

    def limits(self) -> tuple[BrokenLimit, ...]:
        """How many of the accelerators that run the network break each constraint."""
        runs = self.candidates.runs
        return tuple(
            BrokenLimit(str(constraint), int((row[runs] > 0).sum()))
            for constraint, row in zip(self.problem.constraints, self.excesses, strict=True)
        )

    def nothing_feasible(self, solution: Solution) -> Solution:
        """The solution with the reason, and with what comes nearest."""
        found = best_accelerators(self.candidates, self.problem.objectives[0], self.problem.constraints)
        assert isinstance(found, Infeasible)
        if found.nearest is None:
            reason = f"{found.reason}; widen the space" if solution.decodable else self._no_such()
            return replace(solution, reason=reason)
        point = points_at(self.space, np.array([found.nearest]))[0]
        nearest = f"the nearest to all limits: {_knobs(point)}"
        reason = f"{found.reason}; {nearest}; loosen a limit or widen the space"
        return replace(solution, reason=reason, nearest=self._survivor(point, found.nearest))

    def _no_such(self) -> str:
        first = points_at(self.space, np.array([0]))[0]
        why = _chip(self.problem.designs, first)
        return f"no point of the space stands for an accelerator; the first ({_knobs(first)}): {why}; widen the space"

    def around_the_optimum(self, solution: Solution) -> Solution:
        """The solution with steps of knobs, looser limits, and which knobs lie at an end."""
        members = points_at(self.space, self._places)
        ranges = knob_ranges(self.space, members, 0, np.arange(len(members)))
        found = looser_limits(self.candidates, self.problem.objectives[0], self.problem.constraints)
        return replace(
            solution,
            steps=self._steps(members[0], int(self._places[0])),
            knobs=tuple(Knob(r.knob, r.values, r.optimum, r.end.value, r.low_share, r.high_share) for r in ranges),
            looser=tuple(Looser(str(limit.constraint), self.candidates.metrics(limit.index)) for limit in found),
        )

    def _steps(self, point: Point, place: int) -> tuple[KnobStep, ...]:
        neighbours = self.space.neighbours(point)
        places = np.array([place, *places_of(self.space, neighbours)], np.int64)
        near = _some(self.candidates, places)
        units = EDGE_ARRAY_UNITS if isinstance(self.problem.designs.accelerator_family, EdgeArray) else None
        taken = []
        for step in steps(self.space, [point, *neighbours], near, 0, units):
            metrics = near.metrics(step.index) if step.runs else None
            verdict = None if metrics is None else feasibility(self.problem.constraints, metrics)
            per = step.per_unit
            rates = (per.latency_s, per.energy_j, per.area_mm2) if per is not None and step.runs else None
            taken.append(
                KnobStep(
                    step.knob, step.before, step.after, metrics, "" if verdict is None else verdict.reason, step.unit,
                    None if rates is None else dict(zip(("latency_s", "energy_j", "area_mm2"), rates, strict=True)),
                )
            )  # fmt: skip
        return tuple(taken)


def accelerator_space(designs: DesignSpace) -> Space:
    """The accelerators of a space of designs, under the family's own names."""
    return factor(designs.space, ACCELERATOR)


def points_at(space: Space, places: Ints) -> list[Point]:
    """The points at some places of `Space.enumerate`."""
    if space.sizes and all(link is None for link in space.links):
        return [space.at(row) for row in np.array(np.unravel_index(places, space.sizes)).T.tolist()]
    wanted = set(places.tolist())
    found = {place: point for place, point in enumerate(space.enumerate()) if place in wanted}
    return [found[place] for place in places.tolist()]


def places_of(space: Space, points: Sequence[Point]) -> list[int]:
    """The inverse of `points_at`."""
    if space.sizes and all(link is None for link in space.links):
        return [int(np.ravel_multi_index(space.indices(point), space.sizes)) for point in points]
    wanted = set(points)
    found = {point: place for place, point in enumerate(space.enumerate()) if point in wanted}
    return [found[point] for point in points]


def _with_network(space: Space, accelerator: Point) -> Point:
    """The point of the space of designs, whose network has nothing to decide."""
    network = {d.name: d.values[0] for d in space.decisions if not d.name.startswith(f"{ACCELERATOR}.")}
    return space.point({**network, **join(**{ACCELERATOR: accelerator})})


def _knobs(point: Point) -> str:
    return ", ".join(f"{name} {value}" for name, value in point.items()) or "the only one"


def _chip(designs: DesignSpace, point: Point) -> Accelerator | str:
    try:
        chip = designs.accelerator_family.decode(point)
    except (SpaceError, AcceleratorError) as error:
        return str(error)
    assert isinstance(chip, Accelerator)
    return chip


def _candidates(
    designs: DesignSpace, space: Space, workload: Workload, chunks: Sequence[Chunk], goal: Goal
) -> Candidates:
    latency, energy, area, peak = (
        np.concatenate([getattr(chunk, name) for chunk in chunks])
        for name in ("latency_s", "energy_j", "area_mm2", "peak_macs_per_s")
    )
    blocked = np.concatenate([chunk.blocked for chunk in chunks], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        busy = workload.macs / (latency * peak)
    others = (
        ("macs", np.full(len(latency), float(workload.macs))),
        ("parameters", np.full(len(latency), float(workload.parameters))),
        ("utilisation", busy),
    )
    return Candidates(latency, energy, area, _blocked_ops(designs, space, workload, blocked, goal), others)


def _blocked_ops(
    designs: DesignSpace, space: Space, workload: Workload, blocked: NDArray[np.bool_], goal: Goal
) -> tuple[BlockedOp, ...]:
    """The ops that some accelerators cannot run, with the reason of one that misses least, the most blocking first."""
    found = []
    for (loops, names), row in zip(distinct_ops(workload).items(), blocked, strict=True):
        places = np.flatnonzero(row)
        if len(places):
            some = places[np.unique(np.linspace(0, len(places) - 1, EXAMPLES).astype(np.int64))]
            chips = (_chip(designs, point) for point in points_at(space, some))
            reason = _least(loops, [chip for chip in chips if isinstance(chip, Accelerator)], goal)
            found.append(BlockedOp(names[0], len(places), reason))
    return tuple(sorted(found, key=lambda entry: -entry.accelerators))


def _least(loops: Loops, chips: Iterable[Accelerator], goal: Goal) -> str:
    """Why the accelerator that misses least cannot run an op."""

    def miss(mapped: Mapped) -> float:
        obstacle = mapped.obstacle
        return np.inf if obstacle is None else obstacle.need_bytes / max(obstacle.capacity_bytes, 1)

    return min((best_mapping(loops, chip, goal) for chip in chips), key=miss).reason


def _some(candidates: Candidates, places: Ints) -> Candidates:
    others = tuple((name, values[places]) for name, values in candidates.others)
    return Candidates(
        candidates.latency_s[places], candidates.energy_j[places], candidates.area_mm2[places], (), others
    )
