"""Which accelerators are best for one network, of all there are? Price the whole space, keep the front, prove it.

A study with a fixed network, whose objectives and constraints all come from pricing, needs no search: every accelerator
is priced as `price` would price it, to the last bit, in chunks that survive a kill. What no other accelerator beats
becomes trials, in a fixed order, through the driver that every study has. The rest stays arrays.

The front is complete over all accelerators of the space. Latency and energy of each are those of the mappings that are
best for the study's `mapping_goal` within the declared mapspace; of other mappings nothing is claimed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import AcceleratorError, ConfigError, SpaceError
from coexplore.cost.residency import MAIN_MEMORY
from coexplore.cost.resident_grid import price_resident_grid
from coexplore.cost.workload_grid import WorkloadGrid, distinct_ops, price_workload_grid
from coexplore.design import NETWORK, DesignSpace
from coexplore.networks.network import Network
from coexplore.objectives.metrics import METRICS, Source
from coexplore.objectives.objective import Constraint, Objective
from coexplore.spaces.space import Point, part
from coexplore.strategies.exact import MOST_ACCELERATORS, Exact
from coexplore.studies import joint, solved
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.exact_chunks import CHUNK, Chunk, ChunkFiles
from coexplore.studies.exact_solution import SOLUTIONS, Solution
from coexplore.studies.exact_survivors import summarise
from coexplore.studies.problem import Pricer, Problem
from coexplore.studies.rated import lists_a_part
from coexplore.studies.sources import NOT_THE_ENGINES, CostPricer, SurrogateAccuracy, TableAccuracy
from coexplore.workloads.graph import Workload

OnPairs = Callable[[int, int], None]
"""Called with the pairs of distinct ops and accelerators that are priced, and those there are."""


def why_not(
    designs: DesignSpace, objectives: Sequence[Objective], constraints: Sequence[Constraint], pricer: Pricer,
    most: int = MOST_ACCELERATORS,
) -> str:  # fmt: skip
    """What keeps a study from exact hardware, in words; empty where nothing does."""
    network = [d.name for d in designs.space.decisions if d.name.startswith(f"{NETWORK}.") and len(d.values) > 1]
    if network:
        return f"the network is not fixed ({', '.join(network[:3])} may vary); freeze it, or take another strategy"
    asked = [objective.metric for objective in objectives] + [constraint.metric for constraint in constraints]
    trained = [name for name in asked if METRICS.get(name).source is not Source.COST]
    if trained:
        return (
            f"{trained[0]} is not a cost: it comes from training; ask for costs only, give a table of accuracies "
            "(task: {tabular: ...}), or take another strategy"
        )
    if not isinstance(pricer, CostPricer):
        return NOT_THE_ENGINES
    if designs.space.size > most:
        return (
            f"the space has {designs.space.size:,} accelerators and at most {most:,} are priced at once; restrict "
            f"it, or raise strategy.most"
        )
    if not fixed_network(designs).nests:
        return "the network has no op that multiplies and accumulates, so there is nothing to map"
    return ""


def check(problem: Problem) -> None:
    """Refuse a study whose exact half, or whole, cannot be.

    Raises:
        ConfigError: says why.
    """
    solved.check(problem)
    if not isinstance(problem.strategy, Exact) and (reason := lists_a_part(problem.designs, problem.accuracy)):
        raise ConfigError(f"strategy.name: {reason}")
    if isinstance(problem.strategy, Exact):
        most = problem.strategy.most
        reason = (
            why_not(problem.designs, problem.objectives, problem.constraints, problem.pricer, most)
            if not isinstance(problem.accuracy, TableAccuracy | SurrogateAccuracy)
            else joint.why_not(problem, most)
        )
        if reason:
            raise ConfigError(f"strategy.name: is exact, but {reason}")


def solve(problem: Problem, files: StudyDirectory, threads: int, on_pairs: OnPairs) -> Solution:
    """Price every accelerator of a problem, or take what its directory holds already.

    Args:
        problem: one that `check` lets pass.
        files: where chunks and the solution are kept; the caller holds the lock.
        threads: of pricing; the result does not depend on them.
        on_pairs: told of the progress.

    Raises:
        StoreError: not writable, or the solution there is damaged.
    """
    found = SOLUTIONS.read(files.solution)
    if found is not None and found.fingerprint == problem.fingerprint:
        return found
    begun = time.monotonic()
    pricing = _Pricing(problem, ChunkFiles(files.priced, problem.fingerprint, Chunk), threads, on_pairs)
    chunks = pricing.all_chunks()
    solution = summarise(problem, pricing.workload, chunks, pricing.goal, time.monotonic() - begun)
    SOLUTIONS.write(files.solution, solution)
    return solution


class _Pricing:
    """Prices a space chunk by chunk."""

    def __init__(self, problem: Problem, files: ChunkFiles[Chunk], threads: int, on_pairs: OnPairs) -> None:
        assert isinstance(problem.pricer, CostPricer)
        self._designs, self.goal, self._residency = problem.designs, problem.pricer.goal, problem.pricer.residency
        self._files, self._threads, self._on_pairs = files, threads, on_pairs
        self.workload: Workload = fixed_network(problem.designs)
        self._ops = len(distinct_ops(self.workload))
        self._size = problem.space.size

    def all_chunks(self) -> list[Chunk]:
        """Every chunk in the order of the space."""
        points, chunks = self._designs.space.enumerate(), []
        self._told(0)
        for begin in range(0, self._size, CHUNK):
            end = min(begin + CHUNK, self._size)
            some = list(islice(points, end - begin))
            chunk = self._files.read(begin, end)
            if chunk is None:
                chunk = self._price(some, begin)
                self._files.write(begin, end, chunk)
            chunks.append(chunk)
            self._told(end * self._ops)
        return chunks

    def _price(self, points: Sequence[Point], begin: int) -> Chunk:
        chips = [decoded(self._designs, point) for point in points]
        places = np.array([place for place, chip in enumerate(chips) if isinstance(chip, Accelerator)], np.int64)
        real = [chip for chip in chips if isinstance(chip, Accelerator)]
        grid = self._grid(real, lambda done, _: self._told(begin * self._ops + done))
        size = len(points)
        latency, energy, area = (np.full(size, np.inf) for _ in range(3))
        chunk = Chunk(latency, energy, area, np.zeros(size), np.zeros((self._ops, size), np.bool_))
        chunk.latency_s[places], chunk.energy_j[places] = grid.latency_s, grid.energy_j
        chunk.area_mm2[places], chunk.peak_macs_per_s[places] = grid.area_mm2, grid.peak_macs_per_s
        chunk.blocked[:, places] = grid.blocked
        return chunk

    def _grid(self, chips: Sequence[Accelerator], on_pairs: OnPairs) -> WorkloadGrid:
        if self._residency == MAIN_MEMORY:
            return price_workload_grid(self.workload, chips, self.goal, self._threads, on_pairs)
        return price_resident_grid(self.workload, chips, self._residency, self.goal, self._threads)

    def _told(self, pairs: int) -> None:
        self._on_pairs(pairs, self._size * self._ops)


def fixed_network(designs: DesignSpace) -> Workload:
    """The network of a space of designs in which it has nothing to decide."""
    return Network(designs.network_family, part(next(designs.space.enumerate()), NETWORK)).workload()


def decoded(designs: DesignSpace, point: Point) -> Accelerator | str:
    """The accelerator of a point, or why there is none."""
    try:
        return designs.decode(point).chip
    except (SpaceError, AcceleratorError) as error:
        return str(error)
