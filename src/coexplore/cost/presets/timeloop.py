"""How does Timeloop count accesses and cycles? Its conventions as an accounting, so that `replay` gives its numbers.

What differs from clean physics:

- A tile that moves keeps what it shares with its predecessor only if it moves as it did the step before. Only the
  innermost loop outside the tile repeats a move, so only it gets reuse; after any other move the whole box is fetched.
- Of every loop the tool visits two iterations and scales the second one up. A move by an outer loop can then look like
  a repetition of the move before it, and is granted the overlap too.
- Instances below one level share a read of their parent when their tiles coincide, whatever loops put them there.
- An old sum that comes back goes to all instances that add to it. Sums that leave a level are not read there.
- Cycles: the array's own, or those of the level that needs most for its words; nothing before, after or in between.

Both versions are exact on the results at hand: `benchmarks/fidelity/timeloop_{replay,cases,nests}.py`.

References:
    Parashar2019: A. Parashar et al., Timeloop: A Systematic Approach to DNN Accelerator Evaluation, ISPASS 2019.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from coexplore.accelerators.accelerator import DIMS, OPERANDS, Accelerator
from coexplore.core.errors import MappingError
from coexplore.cost._assess import stored_bits
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, P, R
from coexplore.cost.accounting import Accounting, Counts, Cycles
from coexplore.cost.mapping import Mapping, check_mapping
from coexplore.cost.nest import (
    ALONE,
    BELOW,
    DIM,
    FACTOR,
    LEVEL,
    SPATIAL,
    Ints,
    Machine,
    Nest,
    Problem,
    flatten,
    machine_of,
    problem_of,
)
from coexplore.workloads.op import Loops

Row = list[int]
"""One loop of a nest: a row of its table."""


@dataclass(frozen=True, slots=True)
class Accesses:
    """Words that Timeloop counts, (levels, operands W I O), over all instances that the mapping uses."""

    reads: Ints
    fills: Ints
    """Written from the level further out."""
    updates: Ints
    """Sums written from further in."""
    instances: Ints
    """(levels,) Instances in use."""


def count_accesses(loops: Loops, accelerator: Accelerator, mapping: Mapping, *, fills_elided: bool = True) -> Accesses:
    """All accesses of a mapped op.

    Args:
        loops: the op.
        accelerator: the hardware.
        mapping: one entry per level.
        fills_elided: whether a sum that begins is not filled from above; so counts Timeloop since May 2023.

    Raises:
        MappingError: the mapping does not fit, or a dimension is not the product of its factors.
    """
    check_mapping(loops, accelerator, mapping)
    nest = flatten(mapping, accelerator)
    return _accesses(problem_of(loops, accelerator), machine_of(accelerator), nest, fills_elided)


def _accesses(problem: Problem, machine: Machine, nest: Nest, fills_elided: bool) -> Accesses:
    _check_factors(problem, nest)
    table: list[Row] = nest.table.tolist()
    levels = machine.keeps.shape[0]
    instances = [math.prod(row[FACTOR] for row in table if row[SPATIAL] and row[LEVEL] < n) for n in range(levels)]
    reads, fills, updates = (np.zeros((levels, len(OPERANDS)), np.int64) for _ in range(3))
    for operand in range(len(OPERANDS)):
        homes = [n for n in range(levels) if machine.keeps[n, operand]]
        for home, inner in itertools.pairwise([*homes, levels]):
            each = _entering(operand, problem, table[: nest.start[inner]], inner == levels)
            supplied = each * instances[home] * _distinct(operand, problem, table, home, inner)
            if operand == OUTPUT:
                updates[home, operand] = supplied
                reads[home, operand] = supplied - _begun(problem, table, home) * instances[home]
            else:
                reads[home, operand] = supplied
            if inner < levels:
                begun = _begun(problem, table, inner) if operand == OUTPUT and fills_elided else 0
                fills[inner, operand] = (each - begun) * instances[inner]
    return Accesses(reads, fills, updates, np.array(instances, np.int64))


def _check_factors(problem: Problem, nest: Nest) -> None:
    for number, dim in enumerate(DIMS):
        covered = math.prod(nest.table[nest.table[:, DIM] == number, FACTOR].tolist())
        if covered != problem.sizes[number]:
            raise MappingError(
                f"factors of {dim.value} multiply to {covered}, not to its {problem.sizes[number]} iterations; "
                "Timeloop's accounting is known for perfect factors only"
            )


def _axis(operand: int, dim: int) -> int:
    """The direction in which a loop moves a tile: filter rows and columns move inputs along image rows and columns."""
    return dim - R + P if operand == INPUT and dim >= R else dim


def _step(operand: int, row: Row, problem: Problem) -> int:
    """How far a tile moves along its axis when a loop advances once."""
    scale = int(problem.window[row[DIM] - P]) if operand == INPUT and row[DIM] >= P else 1
    return row[BELOW] * scale


def _box(operand: int, problem: Problem, outside: list[Row]) -> list[int]:
    """Extent along each axis of the tile below the loops `outside`, elements that a stride skips included."""
    extents = [int(size) for size in problem.sizes]
    for row in outside:
        extents[row[DIM]] //= row[FACTOR]
    box = [1] * len(DIMS)
    for dim, extent in enumerate(extents):
        if RELEVANT[operand, dim]:
            scale = int(problem.window[dim - P]) if operand == INPUT and dim >= P else 1
            box[_axis(operand, dim)] += (extent - 1) * scale
    return box


def _entering(operand: int, problem: Problem, outside: list[Row], into_array: bool) -> int:
    """Words that enter one instance below the loops `outside`; the array itself holds nothing between two cycles."""
    loops = [row for row in outside if not row[SPATIAL]]
    factors = [row[FACTOR] for row in loops]
    if into_array:
        return math.prod(factors)
    box = _box(operand, problem, outside)
    size = math.prod(box)
    moves = [_move(operand, row, problem) for row in loops]
    if not loops:
        return size
    kept = math.prod(max(0, extent - shift) for extent, shift in zip(box, moves[-1], strict=True))
    return math.prod(factors) * size - kept * _repeats(factors, moves)


def _move(operand: int, row: Row, problem: Problem) -> tuple[int, ...]:
    """Displacement of a tile when a loop advances once, the loops inside it aside."""
    step = _step(operand, row, problem) if RELEVANT[operand, row[DIM]] else 0
    return tuple(step if axis == _axis(operand, row[DIM]) else 0 for axis in range(len(DIMS)))


def _repeats(factors: list[int], moves: list[tuple[int, ...]]) -> int:
    """How often the tile moves as the innermost loop moves it: by that loop, or by a carry that looks the same.

    A carry into loop j takes the loops inside it back from their second iteration, the last that the tool visits.
    """
    count = 0
    back = (0,) * len(DIMS)
    for j in range(len(factors) - 1, -1, -1):
        if tuple(a - b for a, b in zip(moves[j], back, strict=True)) == moves[-1]:
            count += math.prod(factors[:j]) * (factors[j] - 1)
        back = tuple(a + b for a, b in zip(moves[j], back, strict=True))
    return count


def _distinct(operand: int, problem: Problem, table: list[Row], home: int, inner: int) -> int:
    """Different tiles among the instances of level `inner` below one instance of `home`: reads of each tile count once.

    Each fan-out merges what it can by itself.
    """
    total = 1
    for level in range(home, inner):
        places: dict[int, set[int]] = {}
        for row in table:
            if not row[SPATIAL] or row[LEVEL] != level:
                continue
            if row[ALONE] and operand != OUTPUT:
                total *= row[FACTOR]
            elif RELEVANT[operand, row[DIM]]:
                axis, step = _axis(operand, row[DIM]), _step(operand, row, problem)
                places[axis] = {x + step * i for x in places.get(axis, {0}) for i in range(row[FACTOR])}
        total *= math.prod(len(found) for found in places.values())
    return total


def _begun(problem: Problem, table: list[Row], level: int) -> int:
    """Sums that begin in one instance of a level during the op; their first accumulation reads nothing."""
    outputs = math.prod(int(size) for dim, size in enumerate(problem.sizes) if RELEVANT[OUTPUT, dim])
    apart = (row for row in table if row[SPATIAL] and row[LEVEL] < level and RELEVANT[OUTPUT, row[DIM]])
    return outputs // math.prod(row[FACTOR] for row in apart)


def _recount(problem: Problem, machine: Machine, counts: Counts, *, fills_elided: bool) -> Counts:
    """Timeloop's accesses in place of the physical ones."""
    accesses = _accesses(problem, machine, counts.nest, fills_elided)
    writes = accesses.fills + accesses.updates
    each = accesses.instances[:, None]
    return replace(
        counts, reads=accesses.reads, writes=writes, reads_one=accesses.reads // each, writes_one=writes // each
    )


def _time(problem: Problem, accelerator: Accelerator, counts: Counts) -> Cycles:
    """The busiest of array and ports, by the tool's own sequence of roundings: the last cycle depends on it."""
    array = counts.compute_cycles
    needs = [_port_cycles(problem, accelerator, counts, n) for n in range(len(accelerator.levels))]
    longest = max(needs)
    return Cycles(
        compute=float(array),
        fill_drain=0.0,
        stall=float(max(longest - array, 0)),
        onload=0.0,
        offload=0.0,
        bound=needs.index(longest) if longest > array else -1,
        stall_by=tuple(float(need - array) for need in needs),
    )


def _port_cycles(problem: Problem, accelerator: Accelerator, counts: Counts, number: int) -> int:
    """Cycles of one level: the array slowed down to what the ports of one instance carry."""
    level, array = accelerator.levels[number], counts.compute_cycles
    reads = writes = 0.0
    for operand in range(len(OPERANDS)):
        width = int(stored_bits(number, operand, problem, machine_of(accelerator), counts.nest))
        reads += int(counts.reads_one[number, operand]) * width / array
        writes += int(counts.writes_one[number, operand]) * width / array
    if level.write_bytes_per_cycle is None:
        ports = [(level.read_bytes_per_cycle, writes + reads)]
    else:
        ports = [(level.read_bytes_per_cycle, reads), (level.write_bytes_per_cycle, writes)]
    speed = min([1.0] + [8 * width / need for width, need in ports if width is not None and 8 * width < need])
    return math.ceil(array / speed)


TIMELOOP = Accounting("timeloop", count_rule=partial(_recount, fills_elided=True), cycle_rule=_time)
"""Timeloop since commit 59fdc83 of 2 May 2023: a sum that begins is not filled from above."""

TIMELOOP_2022 = Accounting("timeloop-2022", count_rule=partial(_recount, fills_elided=False), cycle_rule=_time)
"""Timeloop before that commit: such a fill counts as a write, though nothing is sent."""
