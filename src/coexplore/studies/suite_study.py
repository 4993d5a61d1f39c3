"""Which accelerator of a study is best for its suite? All of them are priced, in chunks that survive a kill.

Latency and energy are those of the mappings that are best for the study's `mapping_goal` within the declared mapspace;
of other mappings nothing is claimed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import ConfigError
from coexplore.cost.network_counts import count_networks
from coexplore.cost.network_table import CountedOps, NetworkTable
from coexplore.cost.residency import MAIN_MEMORY
from coexplore.design import ACCELERATOR, NETWORK
from coexplore.spaces.space import Point, factor
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.exact_chunks import ChunkFiles
from coexplore.studies.exact_survivors import points_at
from coexplore.studies.op_prices import OnPairs, OpChunk, OpPrices
from coexplore.studies.rated import rated_networks
from coexplore.studies.suite import SuiteOptimum, suite_front
from coexplore.studies.suite_members import Member
from coexplore.studies.suite_problem import SuiteMember, SuiteProblem
from coexplore.studies.suite_solution import SUITE_SOLUTIONS, MemberDesign, MemberFacts, SuiteDesign, SuiteSolution
from coexplore.workloads.loops import Loops


def solve_suite(problem: SuiteProblem, files: StudyDirectory, threads: int, on_pairs: OnPairs) -> SuiteSolution:
    """Find the accelerators that are best for a suite, or take what its directory holds already.

    Args:
        problem: of a study.
        files: where chunks and the solution are kept; the caller holds the lock.
        threads: of pricing; the result does not depend on them.
        on_pairs: told of the progress.

    Raises:
        StoreError: not writable, or the solution there is damaged.
        DataError: accuracies cannot be read.
        ConfigError: a member has no network with an accuracy, or no accelerator runs all members.
    """
    found = SUITE_SOLUTIONS.read(files.suite)
    if found is not None and found.fingerprint == problem.fingerprint:
        return found
    begun = time.monotonic()
    chunks = ChunkFiles(files.priced, problem.fingerprint, OpChunk)
    solution = _solution(problem, OpPrices(problem.designs, problem.pricer, chunks, threads, on_pairs))
    solution = replace(solution, seconds=time.monotonic() - begun)
    SUITE_SOLUTIONS.write(files.suite, solution)
    return solution


@dataclass(frozen=True, slots=True, eq=False)
class _Networks:
    """The networks of a member."""

    member: SuiteMember
    points: tuple[Point, ...]
    """(n,) Without prefix."""
    accuracy: NDArray[np.float64] | None


def _networks(number: int, member: SuiteMember) -> _Networks:
    source = member.problem.accuracy
    if source is None:
        return _Networks(member, tuple(factor(member.problem.space, NETWORK).enumerate()), None)
    rated = rated_networks(member.problem.designs, source)
    if not rated.points:
        raise ConfigError(f"network.suite.{number}: no network of {member.name!r} has an accuracy; widen its space")
    return _Networks(member, rated.points, rated.accuracy)


def _solution(problem: SuiteProblem, prices: OpPrices) -> SuiteSolution:
    networks = [_networks(number, member) for number, member in enumerate(problem.members)]
    ops, tables = _tables(networks, prices)
    members = [
        Member(own.member.name, own_tables, own.accuracy, own.member.weight, own.member.problem.constraints)
        for own, own_tables in zip(networks, tables, strict=True)
    ]
    optima = suite_front(members, problem.constraints, problem.objectives)
    accelerators = factor(problem.designs.space, ACCELERATOR)
    points = points_at(accelerators, np.array([optimum.place for optimum in optima]))
    designs = [_design(point, optimum, networks) for point, optimum in zip(points, optima, strict=True)]
    feasible = optima[0].feasible
    return SuiteSolution(
        fingerprint=problem.fingerprint,
        members=tuple(MemberFacts(own.member.name, own.member.weight, len(own.points)) for own in networks),
        accelerators=accelerators.size,
        decodable=int(sum(np.isfinite(table.area_mm2).sum() for table in tables[0])),
        ops=ops,
        front=tuple(designs) if feasible else (),
        nearest=None if feasible else designs[0],
        reason="" if feasible else _reason(optima[0], designs[0]),
    )


def _tables(networks: Sequence[_Networks], prices: OpPrices) -> tuple[int, list[tuple[NetworkTable, ...]]]:
    """Distinct ops with loops of all members, and for each member its networks on all accelerators."""
    bounds = np.cumsum([0, *(len(own.points) for own in networks)])
    if prices.pricer.residency == MAIN_MEMORY:
        counted = [count_networks(own.member.problem.designs.network_family, own.points) for own in networks]
        ops = together(counted)
        distinct, whole = len(ops.loops), [prices.table(ops)]
    else:
        lowered = (own.member.problem.designs.network_family.lower(point) for own in networks for point in own.points)
        distinct, whole = 0, prices.resident_tables(lowered)
    rows = [np.arange(begin, end) for begin, end in pairwise(bounds)]
    return distinct, [tuple(table.of(some) for table in whole) for some in rows]


def together(counted: Sequence[CountedOps]) -> CountedOps:
    """The networks of several counts one after the other, over the ops of all."""
    loops = tuple(dict.fromkeys(op for own in counted for op in own.loops))
    vector = tuple(dict.fromkeys(op for own in counted for op in own.vector))
    loop_at: dict[Loops, int] = {op: column for column, op in enumerate(loops)}
    vector_at = {op: len(loops) + column for column, op in enumerate(vector)}
    counts = np.zeros((sum(len(own.counts) for own in counted), len(loops) + len(vector)), np.int64)
    begin = 0
    for own in counted:
        columns = [*(loop_at[op] for op in own.loops), *(vector_at[op] for op in own.vector)]
        counts[begin : begin + len(own.counts), columns] = own.counts
        begin += len(own.counts)
    return CountedOps(loops, vector, counts)


def _design(point: Point, optimum: SuiteOptimum, networks: Sequence[_Networks]) -> SuiteDesign:
    members = tuple(
        MemberDesign(chosen.name, dict(own.points[chosen.network]), chosen.metrics)
        for chosen, own in zip(optimum.members, networks, strict=True)
    )
    return SuiteDesign(dict(point), optimum.metrics, members)


def _reason(optimum: SuiteOptimum, design: SuiteDesign) -> str:
    told = ", ".join(f"{name} {value}" for name, value in design.point.items()) or "the only one"
    return (
        f"no accelerator meets all limits of the suite; the nearest ({told}) misses {optimum.misses}; loosen a limit "
        "or widen the spaces"
    )
