"""Which pairs of network and accelerator are best, of all there are? Answered for every pair, if accuracies are known.

A study whose accuracies come from a table needs no search: the distinct ops of all networks are priced on every
accelerator, in chunks that survive a kill, and the joint front is proven (`joint_front`). Its designs become trials, in
a fixed order, through the driver that every study has.

Latency and energy are those of the mappings that are best for the study's `mapping_goal` within the declared mapspace;
of other mappings nothing is claimed.
"""

from __future__ import annotations

import time

from coexplore.cost.network_counts import count_networks
from coexplore.cost.residency import MAIN_MEMORY
from coexplore.design import ACCELERATOR
from coexplore.spaces.space import factor
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.exact_chunks import ChunkFiles
from coexplore.studies.joint_optimum import why_unordered
from coexplore.studies.joint_solution import JOINT_SOLUTIONS, JointSolution
from coexplore.studies.joint_survivors import Solving, summarise
from coexplore.studies.op_prices import OnPairs, OpChunk, OpPrices
from coexplore.studies.problem import Problem
from coexplore.studies.rated import rated_networks, too_many
from coexplore.studies.sources import NOT_THE_ENGINES, CostPricer


def why_not(problem: Problem, most: int) -> str:
    """What keeps a problem with accuracies from a joint proof, in words; empty where nothing does."""
    if not isinstance(problem.pricer, CostPricer):
        return NOT_THE_ENGINES
    if reason := too_many(problem.designs, problem.accuracy):
        return reason
    accelerators = factor(problem.space, ACCELERATOR).size
    if accelerators > most:
        return (
            f"the space has {accelerators:,} accelerators and at most {most:,} are priced at once; restrict it, or "
            "raise strategy.most"
        )
    return why_unordered(problem.objectives, problem.constraints)


def solve(problem: Problem, files: StudyDirectory, threads: int, on_pairs: OnPairs) -> JointSolution:
    """Prove the joint front of a problem, or take what its directory holds already.

    Args:
        problem: one that `coexplore.studies.exact.check` lets pass, with accuracies.
        files: where chunks and the solution are kept; the caller holds the lock.
        threads: of pricing; the result does not depend on them.
        on_pairs: told of the progress.

    Raises:
        StoreError: not writable, or the solution there is damaged.
        DataError: the accuracies cannot be read.
    """
    found = JOINT_SOLUTIONS.read(files.joint)
    if found is not None and found.fingerprint == problem.fingerprint:
        return found
    assert isinstance(problem.pricer, CostPricer)
    begun = time.monotonic()
    chunks = ChunkFiles(files.priced, problem.fingerprint, OpChunk)
    prices = OpPrices(problem.designs, problem.pricer, chunks, threads, on_pairs)
    solution = summarise(_solving(problem, prices), problem, begun)
    JOINT_SOLUTIONS.write(files.joint, solution)
    return solution


def _solving(problem: Problem, prices: OpPrices) -> Solving:
    """Accuracies and tables."""
    assert problem.accuracy is not None
    family, accelerators = problem.designs.network_family, factor(problem.space, ACCELERATOR)
    rated = rated_networks(problem.designs, problem.accuracy)
    if prices.pricer.residency == MAIN_MEMORY:
        ops = count_networks(family, rated.points)
        tables, distinct = [prices.table(ops)], len(ops.loops)
    else:
        tables, distinct = prices.resident_tables(family.lower(point) for point in rated.points), 0
    return Solving(rated.points, rated.accuracy, tables, rated.networks, accelerators, distinct)
