"""What energy does ZigZag charge for a mapped op? Its conventions, each an explicit option.

They differ from clean physics in the fields of `ZigZagRules`, and in the absence of halo reuse in time: what is counted
is exchanges of whole tiles.

References: L. Mei et al., ZigZag, IEEE Transactions on Computers 70(8), 2021; rules as in the published release 3.9.1,
checked against the energy that it prints per level and operand.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coexplore.accelerators.accelerator import OPERANDS, Accelerator, MemoryLevel
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, P, Q, R, S
from coexplore.cost.accounting import Accounting, Counts
from coexplore.cost.nest import DIM, FACTOR, LEVEL, SPATIAL, Floats, Nest, Problem

FINAL, PARTIAL = 2, 3
"""Places in `Problem.bits` of a finished output and of a sum."""


@dataclass(frozen=True, slots=True)
class ZigZagRules:
    """Conventions of ZigZag's energy; all on is ZigZag, each can be switched off to see how much it matters."""

    whole_blocks: bool = True
    """Every tile exchange is rounded up to whole blocks of the port (physics: packed, rounded once per op)."""
    touched_only: bool = True
    """An input tile counts the elements its windows touch (physics: their bounding box)."""
    latched_operands: bool = True
    """Weights and inputs stay at the multiplier while innermost loops do not change them (physics: read each cycle)."""
    first_sums_move: bool = True
    """A partial sum is read back and sent down also before its first accumulation (physics: nothing is there yet)."""
    sums_stay_wide: bool = True
    """Outputs go up at accumulator width if any reduction is left above (physics: the last time at output width)."""
    fractional_unrolling: bool = True
    """An unrolling that does not divide keeps the mean number of instances busy (physics: fewer in the last step)."""


class _Loop(NamedTuple):
    dim: int
    factor: float
    level: int
    spatial: bool


@dataclass(frozen=True, slots=True)
class _Boundary:
    """What one operand moves between a level and the next one inward that keeps it (None: the multipliers)."""

    parent: int
    child: int | None
    tile: int
    """Elements in one child."""
    fan: int
    """Children under one parent with different data."""
    times: int
    """How often the tile changes."""
    visits: int
    """How many different tiles there are in time."""
    partial: bool
    """Whether a reduction is left above, in time or space."""


class _Move(NamedTuple):
    level: int
    inward: bool
    """Written to the level, not read from it."""
    bits: int
    """In one exchange of one instance."""
    times: int


def zigzag(rules: ZigZagRules) -> Accounting:
    """ZigZag's accounting of energy, or a variant of it.

    Accesses to a level move its bytes per cycle, in steps of `block_bits`.
    """

    def energy(problem: Problem, accelerator: Accelerator, counts: Counts) -> Floats:
        return _memory_energy(problem, accelerator, counts.nest, rules)

    return Accounting("zigzag", energy_rule=energy)


ZIGZAG = zigzag(ZigZagRules())


def _memory_energy(problem: Problem, accelerator: Accelerator, nest: Nest, rules: ZigZagRules) -> Floats:
    joules = np.zeros((len(accelerator.levels), len(OPERANDS)))
    loops = _loops(problem, nest, rules)
    for operand in range(len(OPERANDS)):
        for boundary in _boundaries(operand, problem, accelerator, nest, loops, rules):
            for move in _moves(operand, boundary, problem, rules):
                units = _instances(move.level, loops)
                joules[move.level, operand] += _joule(move, units, accelerator.levels[move.level], rules)
    return joules


def _loops(problem: Problem, nest: Nest, rules: ZigZagRules) -> list[_Loop]:
    """The nest; the widest unrolling of a dimension shrinks to what the dimension needs, maybe a fraction."""
    loops = [_Loop(int(row[DIM]), float(row[FACTOR]), int(row[LEVEL]), bool(row[SPATIAL])) for row in nest.table]
    if not rules.fractional_unrolling:
        return loops
    for dim, size in enumerate(problem.sizes):
        unrolled = [i for i, loop in enumerate(loops) if loop.dim == dim and loop.spatial]
        if unrolled:
            widest = max(unrolled, key=lambda i: loops[i].factor)
            others = _product(loop for i, loop in enumerate(loops) if loop.dim == dim and i != widest)
            loops[widest] = loops[widest]._replace(factor=max(1.0, int(size) / others))
    return loops


def _product(loops: Iterable[_Loop]) -> float:
    return math.prod(loop.factor for loop in loops)


def _instances(level: int, loops: list[_Loop]) -> int:
    """Busy instances of a level."""
    return round(round(_product(loop for loop in loops if loop.spatial and loop.level < level), 3))


def _boundaries(
    operand: int, problem: Problem, accelerator: Accelerator, nest: Nest, loops: list[_Loop], rules: ZigZagRules
) -> Iterator[_Boundary]:
    homes = [n for n, level in enumerate(accelerator.levels) if OPERANDS[operand] in level.keeps]
    for parent, child in zip(homes, [*homes[1:], None], strict=True):
        stop = len(loops) if child is None else int(nest.start[child])
        outside = _that_change(operand, loops[:stop], child is None, rules)
        above = [loop for loop in loops if loop.spatial and loop.level < parent]
        relevant = [loop for loop in outside if RELEVANT[operand, loop.dim]]
        reduced = [loop for loop in (*outside, *above) if not RELEVANT[operand, loop.dim] and loop.factor > 1]
        yield _Boundary(
            parent=parent,
            child=child,
            tile=round(_elements(operand, loops[stop:], problem, rules)),
            fan=_fan(operand, loops, parent, stop, problem, rules),
            times=round(_product(outside)),
            visits=round(_product(relevant)),
            partial=bool(reduced),
        )


def _that_change(operand: int, outer: list[_Loop], at_multiplier: bool, rules: ZigZagRules) -> list[_Loop]:
    """Temporal loops that exchange the tile below them: without the innermost ones on which it does not depend."""
    outside = [loop for loop in outer if not loop.spatial]
    if at_multiplier and (operand == OUTPUT or not rules.latched_operands):
        return outside
    while outside and not RELEVANT[operand, outside[-1].dim]:
        outside.pop()
    return outside


def _fan(operand: int, loops: list[_Loop], parent: int, stop: int, problem: Problem, rules: ZigZagRules) -> int:
    """Different tiles that one parent hands to its children at a time: windows side by side share their halo."""
    below = [loop for loop in loops[stop:] if loop.spatial]
    beside = [loop for loop in loops if loop.spatial and loop.level >= parent]
    return round(_elements(operand, beside, problem, rules) / _elements(operand, below, problem, rules))


def _elements(operand: int, loops: Sequence[_Loop], problem: Problem, rules: ZigZagRules) -> float:
    """Elements of the tile that the loops span."""
    extent = [1.0] * 8
    for loop in loops:
        extent[loop.dim] *= loop.factor
    if operand != INPUT:
        return math.prod(extent[d] for d in range(8) if RELEVANT[operand, d])
    window = (
        _window(int(extent[p]), int(extent[r]), int(problem.window[axis]), int(problem.window[2 + axis]), rules)
        for axis, (p, r) in enumerate(((P, R), (Q, S)))
    )
    return math.prod(extent[d] for d in range(P) if RELEVANT[INPUT, d]) * math.prod(window)


def _window(positions: int, taps: int, stride: int, dilation: int, rules: ZigZagRules) -> int:
    """Input elements along one axis: the different values of position * stride + tap * dilation, or their range."""
    if not rules.touched_only:
        return stride * (positions - 1) + dilation * (taps - 1) + 1
    shared = math.gcd(stride, dilation)
    return positions * taps - max(0, taps - stride // shared) * max(0, positions - dilation // shared)


def _moves(operand: int, boundary: _Boundary, problem: Problem, rules: ZigZagRules) -> Iterator[_Move]:
    """Reads and writes at both ends of a boundary."""
    if operand != OUTPUT:
        yield from _both_ends(boundary, int(problem.bits[operand]), boundary.times, downwards=True)
        return
    final, partial = int(problem.bits[FINAL]), int(problem.bits[PARTIAL])
    if not boundary.partial:
        yield from _both_ends(boundary, final, boundary.times, downwards=False)
        return
    last = 0 if rules.sums_stay_wide else boundary.visits
    first = 0 if rules.first_sums_move else boundary.visits
    yield from _both_ends(boundary, partial, boundary.times - last, downwards=False)
    yield from _both_ends(boundary, final, last, downwards=False)
    yield from _both_ends(boundary, partial, boundary.times - first, downwards=True)


def _both_ends(boundary: _Boundary, bits: int, times: int, *, downwards: bool) -> Iterator[_Move]:
    yield _Move(boundary.parent, not downwards, boundary.tile * boundary.fan * bits, times)
    if boundary.child is not None:
        yield _Move(boundary.child, downwards, boundary.tile * bits, times)


def _joule(move: _Move, units: int, memory: MemoryLevel, rules: ZigZagRules) -> float:
    """Energy of all exchanges of all instances: whole accesses of the port, each of whole blocks."""
    energy_j = memory.write_j_per_bit if move.inward else memory.read_j_per_bit
    own_port = move.inward and memory.write_bytes_per_cycle is not None
    width = memory.write_bytes_per_cycle if own_port else memory.read_bytes_per_cycle
    if not rules.whole_blocks or width is None:
        return move.bits * move.times * units * energy_j
    blocks = -(-move.bits // memory.block_bits)
    accesses = int(blocks * (memory.block_bits / (8 * width)) * move.times * units)
    return accesses * 8 * width * energy_j
