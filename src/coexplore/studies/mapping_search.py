"""Which mapping does a search find for an op, with so many trials? Any strategy on the mapping space, or the exact one.

The inner half of a nested search. What is found depends on the op, on the hardware that matters to it and on the
settings alone: never on what was searched before. So equal pairs of op and sub-hardware are searched once and shared.

References:
    Shi2020: Z. Shi et al., Learned hardware/software co-design of neural accelerators, arXiv 2010.02075.

Departures: what other hardware taught is passed on through one reference: the best mappings that the same search finds
for the op on a reference accelerator are tried first, where they are mappings of this one. A search that learnt from
whatever came before would price equal designs differently.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from coexplore.accelerators.accelerator import Accelerator, Dim, MemoryLevel, VectorUnit
from coexplore.core.errors import ConfigError
from coexplore.core.hashing import content_hash
from coexplore.cost.mapper import Goal, best_mapping
from coexplore.cost.mapping import Mapping
from coexplore.cost.mapping_space import MappingSpace, mapping_space
from coexplore.cost.replay import Replay, replay, too_wide
from coexplore.spaces.space import Point
from coexplore.strategies.settings import check_whole
from coexplore.strategies.strategy import Observation, Stage, StrategySettings
from coexplore.workloads.op import Loops

PASSED_ON = 5
"""Mappings of the reference that are tried first."""
FILTER = (Dim.R, Dim.S)


@dataclass(frozen=True, slots=True)
class MappingSearch:
    """How mappings are searched."""

    strategy: StrategySettings | None
    """None: the engine's own mapper, which is optimal in its declared mapspace and needs no trials."""
    trials: int = 250
    """Mappings evaluated for each op (Shi2020, recalled); those of the reference count."""
    whole_filters: bool = True
    """Whether filter dimensions that the array cannot unroll stay whole in an element, as row-stationary arrays keep
    them. The engine's own mapper knows no such rule."""
    goal: Goal = Goal.EDP
    """What a mapping minimises."""
    seed: int = 0
    reference: Accelerator | None = None
    """Where what is passed on comes from; None passes nothing on."""

    def __post_init__(self) -> None:
        check_whole("trials", self.trials, at_least=1)
        if _holds_settings(self.strategy):
            raise ConfigError("search: is a strategy that runs another one; name that one")

    def find(self, loops: Loops, accelerator: Accelerator) -> FoundMapping:
        """The best mapping found for an op, or why there is none.

        Raises:
            SpaceError: a dimension has too many factorisations to list.
        """
        reason = too_wide(loops, accelerator)
        if reason:
            return FoundMapping(None, math.inf, reason)
        if self.strategy is None:
            return _exact(loops, accelerator, self.goal)
        whole = whole_dims(loops, accelerator) if self.whole_filters else ()
        return _found(self, loops, sub_hardware(loops, accelerator), whole)


@dataclass(frozen=True, slots=True)
class FoundMapping:
    """The outcome of a search."""

    mapping: Mapping | None
    loss: float
    """Joule, seconds or joule seconds, by the goal; +inf where there is no mapping."""
    reason: str = ""
    """Why there is none, naming the level that is too small."""
    losses: tuple[float, ...] = ()
    """Of every evaluation in order; +inf where it did not fit."""
    passed_on: tuple[Mapping, ...] = ()
    """The best ones, best first."""

    @property
    def infeasible(self) -> int:
        """Evaluations of mappings that did not fit."""
        return sum(math.isinf(loss) for loss in self.losses)


def whole_dims(loops: Loops, accelerator: Accelerator) -> tuple[Dim, ...]:
    """Filter dimensions of an op that no axis unrolls."""
    unrolled = {dim for level in accelerator.levels for axis in level.fanout for dim in axis.dims}
    return tuple(dim for dim in FILTER if dim not in unrolled and getattr(loops, dim.value) > 1)


def sub_hardware(loops: Loops, accelerator: Accelerator) -> Accelerator:
    """The part of an accelerator that matters to an op: no names or areas, and no axis for loops it has not."""
    dims = {dim for dim in Dim if getattr(loops, dim.value) > 1}

    def bare(level: MemoryLevel) -> MemoryLevel:
        axes = tuple(replace(axis, dims=tuple(dim for dim in axis.dims if dim in dims)) for axis in level.fanout)
        return replace(level, area_mm2=0.0, fanout=axes)

    return replace(
        accelerator,
        name="sub-hardware",
        levels=tuple(bare(level) for level in accelerator.levels),
        mac=replace(accelerator.mac, area_mm2=0.0),
        vector=VectorUnit(1.0, 0.0),
        other_area_mm2=(),
    )


def loss_of(result: Replay, clock_hz: float, goal: Goal) -> float:
    """What a goal minimises; +inf where the mapping does not fit."""
    if not result.feasible:
        return math.inf
    seconds = result.total_cycles / clock_hz
    return {Goal.LATENCY: seconds, Goal.ENERGY: result.energy_j, Goal.EDP: seconds * result.energy_j}[goal]


def _holds_settings(strategy: StrategySettings | None) -> bool:
    """Whether settings cannot be hashed, as those that hold settings of another: what is found is kept by them."""
    try:
        hash(strategy)
    except TypeError:
        return True
    return False


def _exact(loops: Loops, accelerator: Accelerator, goal: Goal) -> FoundMapping:
    best = best_mapping(loops, sub_hardware(loops, accelerator), goal)
    if best.mapping is None:
        return FoundMapping(None, math.inf, best.reason)
    loss = loss_of(replay(loops, accelerator, best.mapping), accelerator.clock_hz, goal)
    return FoundMapping(best.mapping, loss, losses=(loss,), passed_on=(best.mapping,))


@lru_cache(maxsize=65536)
def _found(search: MappingSearch, loops: Loops, hardware: Accelerator, whole: tuple[Dim, ...]) -> FoundMapping:
    space = mapping_space(loops, hardware, whole)
    if space.obstacle:
        return FoundMapping(None, math.inf, f"no mapping fits, even with the smallest tiles: {space.obstacle}")
    return _Search(search, space, hardware).run()


class _Search:
    """One search of one space; evaluates each mapping when it is suggested."""

    def __init__(self, search: MappingSearch, space: MappingSpace, hardware: Accelerator) -> None:
        assert search.strategy is not None
        self._search, self._space, self._hardware = search, space, hardware
        seed = int(content_hash((search.seed, space.loops, hardware, space.whole))[:15], 16)
        self._strategy = search.strategy.start(space, np.random.default_rng(seed), 1)
        self._tried: dict[Point, float] = {}
        self._losses: list[float] = []

    def run(self) -> FoundMapping:
        for point in self._first():
            self._evaluate(point)
        while len(self._losses) < self._search.trials and len(self._tried) < self._space.size:
            suggestions = self._strategy.suggest(1)
            if not suggestions:
                break
            self._evaluate(suggestions[0].point)
        best = sorted((loss, place) for place, loss in enumerate(self._tried.values()) if math.isfinite(loss))
        if not best:
            return FoundMapping(None, math.inf, self._barren(), tuple(self._losses))
        points = list(self._tried)
        mappings = tuple(self._space.decode(points[place]) for _, place in best[:PASSED_ON])
        return FoundMapping(mappings[0], best[0][0], "", tuple(self._losses), mappings)

    def _first(self) -> Iterator[Point]:
        reference = self._search.reference
        if reference is None:
            return
        known = replace(self._search, reference=None).find(self._space.loops, reference)
        points = (self._space.point_of(mapping) for mapping in known.passed_on)
        found = dict.fromkeys(point for point in points if point is not None and not self._space.why_not(point))
        yield from list(found)[: self._search.trials]

    def _evaluate(self, point: Point) -> None:
        """A point that was tried costs a trial, but is not replayed."""
        why = self._space.why_not(point)
        if point not in self._tried:
            mapping = self._space.decode(point)
            result = None if why else replay(self._space.loops, self._hardware, mapping)
            clock, goal = self._hardware.clock_hz, self._search.goal
            self._tried[point] = math.inf if result is None else loss_of(result, clock, goal)
        loss = self._tried[point]
        self._losses.append(loss)
        feasible = math.isfinite(loss)
        reward = -math.log(loss) if feasible and loss > 0 else -1.0
        self._strategy.observe([Observation(point, Stage.TRAIN, (loss,), 0.0 if feasible else 1.0, feasible, reward)])

    def _barren(self) -> str:
        first = self._space.why_not(next(iter(self._tried)))
        return f"none of {len(self._losses)} mappings that were tried fits; the first: {first}"
