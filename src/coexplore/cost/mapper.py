"""Mapper: the best mapping of an op on an accelerator, optimal within the mapspace declared here.

There are two mapspaces. That of *PE arrays* is for a main memory, a local memory, a register file (both keep all
operands) and latches of weights and sums, each with double buffers, one axis below each and one or two below the main
memory; that of *any chain* is for all else (`is_array` in `_array_search`). Both
hold the `UNROLLINGS` with fewest compute cycles.

Any chain; levels side by side (`coexplore.cost.nest`) hold the same tile and count as one.

* unrolling: every axis unrolls one or two dimensions it allows, or none, after what the axes further inside took. One
  dimension takes the fewest instances that need no more steps than all of them would, or a divisor of its steps of at
  least half as many. Of two, the first takes any divisor of its steps, and the second the fewest instances that need no
  more steps than all that the first leaves it. Of ways to use an axis the first 4,096 count, all unless it is very
  long.
* tiles: the steps that are left of a dimension are rounded up to a number without prime factors above 7 (what is added
  is skipped, not run; not under a sliding window) and split exactly into factors of the levels. The tile of a level
  lies on one of six paths (`FILLS` in `_tiles`): from a single step, one dimension after the other grows through
  divisors, each the smallest that is at least twice the one before, until it is whole. On the last path filters and
  pixels grow in turns, always the smaller part. A tile must divide the tile around it.
* capacity, on the safe side: it counts a tile twice under a double buffer if it might change.

PE arrays (`_array_search`); the slow twin in `coexplore.testing.array_mapspace` says the same in plain Python.

* unrolling: every axis unrolls one dimension it allows. Alone on a dimension it takes the fewest instances that need no
  more steps than all of them would, and the last ones may have less to do; not so the mesh and the lanes on images,
  filters and channels of sliding windows. All other splits are even, by the largest divisor, the innermost axis first;
  lanes and units may also be split evenly where they need not.
* tiles: main memory loops over images, rows (columns where there is one row) and channels (groups where there is one
  channel), or over summed channels alone, by divisors: one, the next one, and then each at least four times as large as
  the one before, at most `MOST_PARTS` iterations in all; beyond that on one path until single steps, summed channels
  last. The tile of the register file grows on one path, through such divisors of what is left and all of it: filter,
  output channels, input channels, columns, rows, groups, images. Latches hold a single step. What is split
  unevenly inside an element is not tiled outside that split. Capacity is that of a replay.

In both, the loop order of a level is, of three, keeping outputs, weights or inputs innermost, the one that moves the
fewest bits of full tiles into the next level; outputs count twice. On a tie the first. And where a clipped tile might
stay while a full one would not (`_rows`), the mapping is none: all others have exact closed forms. The last candidate
is the unrolling of fewest cycles with single steps as tiles and all else at main memory, counted as in a replay.

More capacity only adds candidates, and wider ports make none slower, so neither is ever worse at the optimum, all else
equal. More instances may be, as what an axis may unroll depends on its size. Ties, which are costs within one part in
1e12, go to the lower second objective (energy for latency, latency for energy and for the energy-delay product), then
to the earlier candidate.
"""

from __future__ import annotations

import enum
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import ConfigError
from coexplore.cost import _goal
from coexplore.cost.mapping import Mapping
from coexplore.cost.obstacle import Obstacle, find_obstacle, least_capacities
from coexplore.cost.replay import too_wide
from coexplore.cost.search import Outcome, lay_out, lot_of, search
from coexplore.workloads.op import Loops

UNROLLINGS = 128
"""Unrollings of an op that are searched."""


class Goal(enum.Enum):
    """What a mapping minimises."""

    LATENCY = "latency"
    ENERGY = "energy"
    EDP = "edp"


CODES = {Goal.LATENCY: _goal.LATENCY, Goal.ENERGY: _goal.ENERGY, Goal.EDP: _goal.EDP}
GOALS = {code: goal for goal, code in CODES.items()}


@dataclass(frozen=True, slots=True)
class Mapped:
    """The outcome of a search: a mapping, or the reason why there is none."""

    mapping: Mapping | None
    reason: str = ""
    obstacle: Obstacle | None = None
    """Which level is too small, and the least capacity with which some mapping fits, when none does."""
    value: float = math.inf
    """What the mapping costs by the goal: seconds, joules or joule seconds."""
    bound: float = math.inf
    """What every mapping of the mapspace costs at least, in the same unit; `value` itself if no limit was reached."""

    @property
    def gap(self) -> float:
        """The share of `value` by which the optimum may be lower, at most; 0 is proven to be the optimum."""
        return (self.value - self.bound) / self.value if self.bound < self.value else 0.0


@lru_cache(maxsize=65536, typed=True)
def best_mapping(
    loops: Loops,
    accelerator: Accelerator,
    goal: Goal = Goal.EDP,
    unrollings: int = UNROLLINGS,
    prune: bool = True,
    limit: int | None = None,
) -> Mapped:
    """Search the declared mapspace.

    Args:
        loops: the op.
        accelerator: the hardware.
        goal: what to minimise.
        unrollings: how many unrollings the mapspace holds.
        prune: False prices every candidate; the result is the same, only slower.
        limit: tiles that are looked at before the best mapping so far is taken; a search for the first mapping goes on
            until there is one. None: no limit, and `gap` is 0. PE arrays are always searched to the end.

    Raises:
        ConfigError: `unrollings` or `limit` is no whole number of at least 1.
    """
    check_limit("unrollings", unrollings)
    if limit is not None:
        check_limit("limit", limit)
    reason = too_wide(loops, accelerator)
    if reason:
        return Mapped(None, reason)
    found = mapped(loops, search(loops, lot_of(accelerator), CODES[goal], unrollings, prune, limit), 0)
    return found if found.mapping is not None else _explained(loops, accelerator, unrollings)


def check_limit(name: str, limit: object) -> None:
    """Refuse a limit of a search that is no whole number, or under which nothing would be searched.

    Raises:
        ConfigError: says so.
    """
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise ConfigError(
            f"{name}: is {limit!r}, but a search looks at one candidate at least; give a whole number from 1 on, or "
            "leave it out"
        )


def _explained(loops: Loops, accelerator: Accelerator, unrollings: int) -> Mapped:
    """Why no mapping fits, and which capacities would be enough."""

    def blocked_by(chip: Accelerator) -> Obstacle | None:
        return mapped(loops, search(loops, lay_out((chip,)), _goal.LATENCY, unrollings, limit=1), 0).obstacle

    obstacle = least_capacities(accelerator, blocked_by)
    return Mapped(None, f"no mapping fits, even with the smallest tiles: {obstacle.text}", obstacle)


def mapped(loops: Loops, outcome: Outcome, v: int) -> Mapped:
    """What a search found for accelerator `v` of its lot; where nothing fits, what the fastest unrolling overflows."""
    mapping, accelerator, goal = outcome.mapping(v), outcome.lot.accelerators[v], GOALS[outcome.goal]
    if not outcome.is_mapped(v):
        obstacle = find_obstacle(loops, accelerator, mapping)
        assert obstacle is not None
        return Mapped(None, f"no mapping fits, even with the smallest tiles: {obstacle.text}", obstacle)
    cycles, joules = (float(cost) for cost in outcome.costs[v])
    value, least = value_of(cycles, joules, accelerator, goal), float(outcome.least[v])
    # What is left out may cost so many cycles, so many joules, or such a product of them.
    bound = least if goal is Goal.ENERGY else least / accelerator.clock_hz
    return Mapped(mapping, value=value, bound=min(value, bound))


def value_of(cycles: float, joules: float, accelerator: Accelerator, goal: Goal) -> float:
    """What a goal minimises: seconds, joules, or joule seconds."""
    seconds = cycles / accelerator.clock_hz
    return {Goal.LATENCY: seconds, Goal.ENERGY: joules, Goal.EDP: joules * seconds}[goal]


def best_mappings(
    ops: Sequence[Loops], accelerator: Accelerator, goal: Goal = Goal.EDP, limit: int | None = None
) -> dict[Loops, Mapped]:
    """The best mapping of every distinct op, searched side by side: the kernels run without the interpreter lock."""
    distinct = list(dict.fromkeys(ops))
    with ThreadPoolExecutor(max_workers=max(1, min(len(distinct), os.cpu_count() or 1))) as pool:
        found = pool.map(lambda loops: best_mapping(loops, accelerator, goal, limit=limit), distinct)
        return dict(zip(distinct, found, strict=True))
