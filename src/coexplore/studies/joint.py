"""Which pairs of network and accelerator are best, of all there are? Answered for every pair, if accuracies are known.

A study whose accuracies come from a table needs no search: the distinct ops of all networks are priced on every
accelerator, in chunks that survive a kill, and the joint front is proven (`joint_front`). Its designs become trials, in
a fixed order, through the driver that every study has.

Latency and energy are those of the mappings that are best for the study's `mapping_goal` within the declared mapspace;
of other mappings nothing is claimed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import AcceleratorError, SpaceError
from coexplore.cost.network_counts import count_networks
from coexplore.cost.network_table import CountedOps, NetworkTable, price_networks
from coexplore.cost.residency import MAIN_MEMORY
from coexplore.cost.resident_table import price_resident_networks
from coexplore.design import ACCELERATOR, DesignSpace
from coexplore.spaces.space import Point, factor
from coexplore.strategies.exact import Exact
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.exact_chunks import CHUNK, ChunkFiles
from coexplore.studies.joint_optimum import why_unordered
from coexplore.studies.joint_solution import JointSolution, read_joint
from coexplore.studies.joint_survivors import Solving, summarise
from coexplore.studies.problem import Problem
from coexplore.studies.rated import rated_networks, too_many
from coexplore.studies.sources import NOT_THE_ENGINES, CostPricer

OnPairs = Callable[[int, int], None]
"""Called with the pairs of distinct ops and accelerators that are priced, and those there are."""
TOTALS_MB = 1024.0
"""Of memory for pricing."""


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
    found = read_joint(files.joint)
    if found is not None and found.fingerprint == problem.fingerprint:
        return found
    begun = time.monotonic()
    solution = summarise(_Whole(problem, files, threads, on_pairs).solving(), problem, begun)
    solution.write(files.joint)
    return solution


@dataclass(frozen=True, slots=True, eq=False)
class OpChunk:
    """What the distinct ops of all networks cost on a run of accelerators, `a` of them."""

    latency_s: NDArray[np.float64]
    """(o, a) +inf where an op cannot run, or there is no such accelerator."""
    energy_j: NDArray[np.float64]
    """(o, a) as `latency_s`."""
    area_mm2: NDArray[np.float64]
    """(a,) +inf where there is no such accelerator."""

    def fits(self, accelerators: int) -> bool:
        """See `coexplore.studies.exact_chunks.Arrays`."""
        tables = (self.latency_s, self.energy_j)
        return all(array.dtype == np.float64 for array in (*tables, self.area_mm2)) and (
            self.area_mm2.shape == (accelerators,)
            and all(table.ndim == 2 and table.shape[1] == accelerators for table in tables)
        )


class _Whole:
    """All networks and accelerators of a problem."""

    def __init__(self, problem: Problem, files: StudyDirectory, threads: int, on_pairs: OnPairs) -> None:
        assert isinstance(problem.pricer, CostPricer)
        assert isinstance(problem.strategy, Exact)
        self._problem, self._threads, self._on_pairs = problem, threads, on_pairs
        self._goal, self._residency = problem.pricer.goal, problem.pricer.residency
        self._files = ChunkFiles(files.priced, problem.fingerprint, OpChunk)
        self._accelerators = factor(problem.space, ACCELERATOR)

    def solving(self) -> Solving:
        """Accuracies and tables."""
        assert self._problem.accuracy is not None
        family = self._problem.designs.network_family
        rated = rated_networks(self._problem.designs, self._problem.accuracy)
        if self._residency == MAIN_MEMORY:
            ops = count_networks(family, rated.points)
            tables, distinct = [self._table(ops)], len(ops.loops)
        else:
            tables, distinct = self._resident(rated.points), 0
        return Solving(rated.points, rated.accuracy, tables, rated.networks, self._accelerators, distinct)

    def _table(self, ops: CountedOps) -> NetworkTable:
        """Prices in the order of the space; what is on disk is not priced again."""
        size, rows = self._accelerators.size, ops.counts.shape[1]
        points, chunks = self._accelerators.enumerate(), []
        self._on_pairs(0, size * rows)
        for begin in range(0, size, CHUNK):
            end = min(begin + CHUNK, size)
            some = list(islice(points, end - begin))
            chunk = self._files.read(begin, end)
            if chunk is None or len(chunk.latency_s) != rows:
                chunk = self._priced(ops, some, begin, rows)
                self._files.write(begin, end, chunk)
            chunks.append(chunk)
            self._on_pairs(end * rows, size * rows)
        latency, energy = (np.hstack([getattr(chunk, name) for chunk in chunks]) for name in ("latency_s", "energy_j"))
        area = np.concatenate([chunk.area_mm2 for chunk in chunks])
        return NetworkTable(ops.counts, latency, energy, area, np.arange(size))

    def _priced(self, ops: CountedOps, points: list[Point], begin: int, rows: int) -> OpChunk:
        places, chips = existing(self._problem.designs, points)
        total = self._accelerators.size * rows

        def told(done: int, _: int) -> None:
            self._on_pairs(begin * rows + done, total)

        table = price_networks(ops, chips, self._goal, self._threads, memory_mb=TOTALS_MB, progress=told)
        latency, energy = (np.full((rows, len(points)), np.inf) for _ in range(2))
        area = np.full(len(points), np.inf)
        latency[:, places], energy[:, places], area[places] = table.latency_s, table.energy_j, table.area_mm2
        return OpChunk(latency, energy, area)

    def _resident(self, networks: Sequence[Point]) -> list[NetworkTable]:
        """Tables by what stays on chip, places in the order of the space; only the engine's own cache keeps prices."""
        places, chips = existing(self._problem.designs, list(self._accelerators.enumerate()))
        workloads = (self._problem.designs.network_family.lower(point) for point in networks)
        tables = price_resident_networks(
            workloads, chips, self._residency, self._goal, self._threads, memory_mb=TOTALS_MB
        )
        return [
            NetworkTable(table.counts, table.latency_s, table.energy_j, table.area_mm2, places[table.places])
            for table in tables
        ]


def existing(designs: DesignSpace, points: list[Point]) -> tuple[NDArray[np.int64], list[Accelerator]]:
    """The accelerators that some points stand for, and which points those are."""
    places, chips = [], []
    for place, point in enumerate(points):
        try:
            chip = designs.accelerator_family.decode(point)
        except (SpaceError, AcceleratorError):
            continue
        assert isinstance(chip, Accelerator)
        places.append(place)
        chips.append(chip)
    return np.array(places, np.int64), chips
