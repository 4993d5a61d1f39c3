"""What is left of all networks times all accelerators? The front of what the study wants, or what comes nearest.

Axes: `n` networks with an accuracy, `a` accelerators, `d` designs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.candidates import Candidates
from coexplore.cost.network_table import NetworkTable
from coexplore.design import ACCELERATOR, NETWORK
from coexplore.objectives.objective import Constraint
from coexplore.objectives.pareto import non_dominated
from coexplore.spaces.space import Point, Space, join
from coexplore.studies.exact_solution import Survivor
from coexplore.studies.exact_survivors import points_at
from coexplore.studies.joint_front import JointFront, Proof, joint_front
from coexplore.studies.joint_optimum import MOST_ACCURATE, Missed, optimum
from coexplore.studies.joint_solution import JointSolution
from coexplore.studies.problem import Problem

AREA = "area_mm2"


@dataclass(frozen=True, slots=True, eq=False)
class Solving:
    """What a joint front is proven from."""

    points: Sequence[Point]
    """(n,) The networks, without prefix."""
    accuracy: NDArray[np.float64]
    """(n,) Fractions."""
    tables: Sequence[NetworkTable]
    """Places are those of the space of accelerators."""
    networks: int
    """All of the space, those without an accuracy too."""
    accelerators: Space
    ops: int
    """Distinct ops with loops; 0 where what stays on chip tells them apart."""


def summarise(solving: Solving, problem: Problem, begun: float) -> JointSolution:
    """The solution of a problem.

    Args:
        solving: all that is known of networks and accelerators.
        problem: what is wanted.
        begun: when that was begun, by the monotonic clock.
    """
    proof = joint_front(solving.accuracy, solving.tables, _largest(problem.constraints), with_area=_wants_area(problem))
    front = wanted(proof.front, problem)
    nearest, reason = (None, "") if len(front) else _nearest(solving, problem)
    return JointSolution(
        fingerprint=problem.fingerprint,
        networks=solving.networks,
        known=len(solving.accuracy),
        accelerators=solving.accelerators.size,
        decodable=_decodable(solving),
        ops=solving.ops,
        pairs=solving.networks * solving.accelerators.size,
        evaluated=proof.evaluated,
        distinct_networks=proof.networks,
        kept_accelerators=proof.accelerators,
        blocked=int(sum(np.isinf(table.latency_s[:, np.isfinite(table.area_mm2)]).sum() for table in solving.tables)),
        front=_survivors(solving, problem, front),
        nearest=nearest,
        reason=reason,
        seconds=time.monotonic() - begun,
    )


def wanted(front: JointFront, problem: Problem) -> JointFront:
    """Of a front over all that may be wanted, the designs that meet the constraints and that none beats by objective.

    That is the front of all feasible pairs: constraints never ask for more of a loss, so whatever beats a feasible
    design is feasible too.
    """
    candidates = candidates_of(front)
    legal = front.some((candidates.excess_shares(problem.constraints) == 0).all(axis=0))
    if not len(legal):
        return legal
    candidates = candidates_of(legal)
    losses = np.array([candidates.losses(objective) for objective in problem.objectives]).T
    kept = np.flatnonzero(non_dominated(losses))
    return legal.some(kept[np.lexsort(losses[kept].T[::-1])])


def candidates_of(front: JointFront) -> Candidates:
    """The designs of a front, by any metric."""
    return Candidates(front.latency_s, front.energy_j, front.area_mm2, (), (("accuracy", front.accuracy),))


def _largest(constraints: Sequence[Constraint]) -> float:
    return min((c.at_most for c in constraints if c.metric == AREA and c.at_most is not None), default=np.inf)


def _wants_area(problem: Problem) -> bool:
    return any(objective.metric == AREA for objective in problem.objectives)


def _decodable(solving: Solving) -> int:
    return int(sum(np.isfinite(table.area_mm2).sum() for table in solving.tables))


def _nearest(solving: Solving, problem: Problem) -> tuple[Survivor | None, str]:
    """Of all pairs, larger accelerators too, the one whose worst excess over a limit is smallest."""
    front = _any_area(solving).front
    if not len(front):
        why = (
            "no network of the space has an accuracy"
            if not len(solving.accuracy)
            else "no accelerator runs any network"
        )
        return None, f"{why}; widen the spaces"
    found = optimum(front, problem.constraints, MOST_ACCURATE)
    assert isinstance(found, Missed)
    (survivor,) = _survivors(solving, problem, front.some(np.array([found.design])))
    told = ", ".join(f"{name} {value}" for name, value in survivor.point.items())
    return survivor, f"{found.reason} (the closest: {told}); loosen a limit or widen the spaces"


def _any_area(solving: Solving) -> Proof:
    return joint_front(solving.accuracy, solving.tables, np.finfo(np.float64).max, with_area=True)


def _survivors(solving: Solving, problem: Problem, front: JointFront) -> tuple[Survivor, ...]:
    """Designs with all metrics that pricing gives; their accuracy comes with the trial."""
    points = points_at(solving.accelerators, front.accelerator) if len(front) else []
    candidates = candidates_of(front)
    found = []
    for design, chip_point in enumerate(points):
        network = solving.points[int(front.network[design])]
        chip = problem.designs.accelerator_family.decode(chip_point)
        assert isinstance(chip, Accelerator)
        workload = problem.designs.network_family.lower(network)
        metrics = {name: value for name, value in candidates.metrics(design).items() if name != "accuracy"}
        peak = chip.macs_per_cycle * chip.clock_hz
        metrics["macs"], metrics["parameters"] = float(workload.macs), float(workload.parameters)
        metrics["utilisation"] = workload.macs / (metrics["latency_s"] * peak) if metrics["latency_s"] > 0 else 0.0
        point = join(**{NETWORK: network, ACCELERATOR: chip_point})
        found.append(Survivor(dict(point), metrics, int(front.equal[design])))
    return tuple(found)
