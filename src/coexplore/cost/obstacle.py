"""Why does a mapped op not fit, by how much, and what is the nearest change that would help?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from coexplore.accelerators.accelerator import OPERANDS, Accelerator, MemoryLevel
from coexplore.cost._assess import occupied_bits
from coexplore.cost._search import Scratch, judge, make_scratch
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.cost.nest import flatten, machine_of, problem_of
from coexplore.workloads.op import Loops

ROOMY_BYTES = 2**40
"""Holds the tiles of any op."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A level that does not hold the tiles a mapping gives it."""

    level: str
    operand: str
    """The largest of the operands the level keeps."""
    need_bytes: int
    """Of all operands together, double buffers included."""
    capacity_bytes: int
    dim: str | None
    """Dimension of the loop whose factor needs to shrink least; None: no single factor is enough."""
    factor: int | None
    nearest: int | None
    """The largest factor of that loop that fits, the main memory doing the rest."""
    least: tuple[tuple[str, int], ...] = ()
    """Where no mapping fits: the levels that are too small, with their least capacity in bytes (`least_capacities`).
    Empty where a mapping was given."""

    @property
    def text(self) -> str:
        """One sentence: what, by how much, what next."""
        head = f"level {self.level!r} needs {self.need_bytes} bytes and holds {self.capacity_bytes}"
        if self.least:
            others = "".join(f", and that of level {name!r} to {size}" for name, size in self.least[1:])
            return f"{head} (largest: {self.operand}); raise capacity_bytes to at least {self.need_bytes}{others}"
        if self.dim is None:
            return (
                f"{head} (largest: {self.operand}); no single smaller factor is enough, "
                f"raise capacity_bytes to at least {self.need_bytes}"
            )
        return (
            f"{head} (largest: {self.operand}, {self.dim} by {self.factor}); the nearest legal factor of {self.dim} is "
            f"{self.nearest}, or raise capacity_bytes to at least {self.need_bytes}"
        )


def find_obstacle(loops: Loops, accelerator: Accelerator, mapping: Mapping) -> Obstacle | None:
    """The outermost level that a mapping overflows; None when all tiles fit."""
    needs = _needs(loops, accelerator, mapping)
    for number, level in enumerate(accelerator.levels):
        if level.capacity_bytes is not None and _overflows(needs[number], level.capacity_bytes):
            largest = max(needs[number], key=lambda name: needs[number][name])
            nearest = _nearest_factor(loops, accelerator, mapping, number)
            dim, factor, legal = nearest or (None, None, None)
            total = _total_bytes(needs[number])
            return Obstacle(level.name, largest, total, level.capacity_bytes, dim, factor, legal)
    return None


def least_capacities(accelerator: Accelerator, blocked_by: Callable[[Accelerator], Obstacle | None]) -> Obstacle:
    """Why no mapping of an op fits an accelerator, and the least capacities with which one does, by bisection.

    Levels are looked at from the outermost inwards. Each keeps its capacity if some mapping fits while those further
    inside hold anything, and else is given the least with which one does. All together are then enough.

    Args:
        accelerator: one that has no mapping.
        blocked_by: what is in the way on an accelerator; None where it has a mapping. More capacity never hurts.
    """
    chip = replace(accelerator, levels=tuple(_sized(level, ROOMY_BYTES) for level in accelerator.levels))
    first, least = None, []
    for number, level in enumerate(accelerator.levels):
        if level.capacity_bytes is None:
            continue
        chip = _with_level(chip, number, level)
        obstacle = blocked_by(chip)
        if obstacle is None:
            continue
        low, high = level.capacity_bytes, max(obstacle.need_bytes, level.capacity_bytes + 1)
        while blocked_by(_with_level(chip, number, _sized(level, high))) is not None:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            if blocked_by(_with_level(chip, number, _sized(level, middle))) is None:
                high = middle
            else:
                low = middle
        chip = _with_level(chip, number, _sized(level, high))
        first = obstacle if first is None else first
        least.append((level.name, high))
    assert first is not None
    return replace(first, need_bytes=least[0][1], dim=None, factor=None, nearest=None, least=tuple(least))


def _sized(level: MemoryLevel, capacity_bytes: int) -> MemoryLevel:
    """A level with another capacity; one without a bound stays without."""
    return level if level.capacity_bytes is None else replace(level, capacity_bytes=capacity_bytes)


def _with_level(accelerator: Accelerator, number: int, level: MemoryLevel) -> Accelerator:
    return replace(accelerator, levels=(*accelerator.levels[:number], level, *accelerator.levels[number + 1 :]))


def _total_bytes(need: dict[str, int]) -> int:
    return -(-sum(need.values()) // 8)


def _overflows(need: dict[str, int], capacity_bytes: int) -> bool:
    return sum(need.values()) > 8 * capacity_bytes


def occupancy(loops: Loops, accelerator: Accelerator, mapping: Mapping, scratch: Scratch) -> list[dict[str, int]]:
    """Bits of every operand that each level keeps, per instance, from the counts in `scratch`."""
    problem, machine, nest = problem_of(loops, accelerator), machine_of(accelerator), flatten(mapping, accelerator)
    return [
        {
            operand.value: int(occupied_bits(number, index, problem, machine, nest, scratch.moves, scratch.tiles))
            for index, operand in enumerate(OPERANDS)
            if machine.keeps[number, index]
        }
        for number in range(len(accelerator.levels))
    ]


def _needs(loops: Loops, accelerator: Accelerator, mapping: Mapping) -> list[dict[str, int]]:
    problem, machine, nest = problem_of(loops, accelerator), machine_of(accelerator), flatten(mapping, accelerator)
    scratch = make_scratch(len(accelerator.levels))
    judge(problem, machine, nest, scratch)
    return occupancy(loops, accelerator, mapping, scratch)


def _nearest_factor(
    loops: Loops, accelerator: Accelerator, mapping: Mapping, number: int
) -> tuple[str, int, int] | None:
    """(dimension, factor, largest factor that fits level `number`) of the loop that has to give up least."""
    best: tuple[float, str, int, int] | None = None
    for n in range(number, len(mapping.levels)):
        for loop in mapping.levels[n].loops:
            legal = _largest_factor(loops, accelerator, mapping, number, n, loop)
            if legal and (best is None or legal / loop.factor > best[0]):
                best = (legal / loop.factor, loop.dim.value, loop.factor, legal)
    return None if best is None else best[1:]


def _largest_factor(
    loops: Loops, accelerator: Accelerator, mapping: Mapping, number: int, n: int, loop: Loop | SpatialLoop
) -> int:
    """By bisection, as smaller tiles never need more room; 0 when even a factor of one does not fit."""
    capacity = accelerator.levels[number].capacity_bytes
    assert capacity is not None
    low, high = 0, loop.factor
    while high - low > 1:
        middle = (low + high) // 2
        smaller = _with_factor(mapping, n, loop, middle)
        if _overflows(_needs(loops, accelerator, smaller)[number], capacity):
            high = middle
        else:
            low = middle
    return low


def _with_factor(mapping: Mapping, n: int, loop: Loop | SpatialLoop, factor: int) -> Mapping:
    """The mapping with one factor reduced and the rest of its iterations at the main memory."""
    levels = list(mapping.levels)
    entry = levels[n]
    smaller = replace(loop, factor=factor)
    levels[n] = LevelMapping(
        tuple(smaller if old is loop else old for old in entry.temporal),  # type: ignore[misc]
        tuple(smaller if old is loop else old for old in entry.spatial),  # type: ignore[misc]
    )
    rest = Loop(loop.dim, -(-loop.factor // factor))
    levels[0] = LevelMapping((rest, *levels[0].temporal), levels[0].spatial)
    return Mapping(tuple(levels))
