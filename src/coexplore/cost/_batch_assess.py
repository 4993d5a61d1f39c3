"""What do many perfect mappings cost? The physics of `_assess`, for a block of lanes at a time.

Results equal those of `_assess` to the last bit: sums of doubles are taken in the same order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexplore.cost._assess import ACCUMULATOR_BITS, BOUND_BY_ARRAY, OUTPUT_BITS
from coexplore.cost._batch import (
    BLOCK_ROWS,
    BUSIEST,
    DYNAMIC,
    FETCH,
    FIRST,
    FULL,
    LANES,
    LONGEST,
    NEED,
    OFFLOAD,
    ONLOAD,
    OWN,
    READS,
    ROWS,
    SERIAL,
    SKEW,
    STEADY,
    TIMES,
    WRITES,
    WRONG,
    Batch,
    Eight,
    Window,
    begin_block,
    check_extents,
    clear_spread,
    enter,
    hold,
    unroll,
)
from coexplore.cost._batch_machine import (
    ALONE,
    AXIS_LEVEL,
    BLOCK,
    CAPACITY,
    COPIES,
    HOP,
    MOST,
    READ_J,
    SIZE,
    WORDS,
    WRITE_J,
    WRITE_WIDTH,
    next_homes,
    port,
    tabulate_axes,
    tabulate_levels,
)
from coexplore.cost._batch_traffic import Store, Width, collect, cycles, expose, feed, join_spread
from coexplore.cost._batch_window import slide
from coexplore.cost._compile import inner, kernel
from coexplore.cost._kernels import INPUT, OUTPUT, R, S
from coexplore.cost.nest import Flags, Floats, Ints, Machine, Problem


class Costs(NamedTuple):
    """Results, one per mapping."""

    compute_cycles: Floats
    total_cycles: Floats
    energy_j: Floats
    fits: Flags
    bound: NDArray[np.int8]
    """Number of the level whose port is busiest; -1: the array is busier than any."""
    is_perfect: Flags
    """Where not, the other entries mean nothing."""


@inner
def _expose_all(child: Ints, table: Floats, level: Floats, block: Floats) -> None:
    for operand in range(3):
        parent = 0
        inner = child[0, operand]
        while inner < child.shape[0]:
            join_spread(parent, inner, operand, level, block)
            up, down = port(table, parent, operand == OUTPUT), port(table, inner, operand != OUTPUT)
            bits_above, bits_below = table[parent, WORDS + operand], table[inner, WORDS + operand]
            serial = table[inner, COPIES] == 1.0
            expose(parent, inner, operand, bits_above, bits_below, up, down, serial, level, block)
            parent, inner = inner, child[inner, operand]
        join_spread(parent, inner, operand, level, block)


@inner
def _time_port(n: int, shared: bool, read: Width, write: Width, capacity: float, level: Floats, block: Floats) -> None:
    """Compare the port of a level with what is busiest so far, and its tiles with its capacity."""
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    if read.bits == 0.0 or write.bits == 0.0:
        return
    number = float(n)
    for lane in range(LANES):
        reads, writes = block[READS, lane], block[WRITES, lane]
        if shared:
            busy = cycles(reads + writes, read)
        else:
            busy = max(cycles(reads, read), cycles(writes, write))
        longest = block[LONGEST, lane]
        block[STEADY, lane] = max(block[STEADY, lane], busy - level[n, OWN, lane])
        block[BUSIEST, lane] = number if busy > longest else block[BUSIEST, lane]
        block[LONGEST, lane] = max(longest, busy)
        block[FULL, lane] += 1.0 if block[NEED, lane] > capacity else 0.0
        block[READS, lane] = block[WRITES, lane] = block[NEED, lane] = 0.0


@inner
def _start(levels: int, dynamic: float, level: Floats, block: Floats) -> None:
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    for lane in range(LANES):
        iterations = level[levels, TIMES, lane]
        for operand in range(3):
            level[levels, FETCH + operand, lane] = iterations
        level[levels, FIRST, lane] = 0.0
        block[STEADY, lane] = block[LONGEST, lane] = iterations + block[SERIAL, lane]
        block[BUSIEST, lane], block[DYNAMIC, lane] = BOUND_BY_ARRAY, dynamic
        block[READS, lane] = block[WRITES, lane] = block[NEED, lane] = block[FULL, lane] = 0.0


@inner
def _assess(dynamic: float, keeps: Flags, child: Ints, table: Floats, level: Floats, block: Floats) -> None:
    levels = child.shape[0]
    _start(levels, dynamic, level, block)
    for n in range(levels):
        for operand in range(3):
            if keeps[n, operand]:
                inner, bits = child[n, operand], ACCUMULATOR_BITS if operand == OUTPUT else operand
                store = Store(
                    n, inner, table[n, WORDS + bits], table[n, WORDS + OUTPUT_BITS], table[n, BLOCK],
                    table[n, READ_J], table[n, WRITE_J], table[n, COPIES], inner == levels,
                )  # fmt: skip
                if operand == OUTPUT:
                    collect(store, level, block)
                else:
                    feed(operand, store, level, block)
        shared = table[n, WRITE_WIDTH] == 0.0
        _time_port(n, shared, port(table, n, False), port(table, n, True), table[n, CAPACITY], level, block)


@inner
def _report(begin: int, levels: int, static_j: float, level: Floats, block: Floats, costs: Costs) -> None:
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    for lane in range(LANES):
        at = begin + lane
        total = block[STEADY, lane] + block[ONLOAD, lane] + block[OFFLOAD, lane] + block[SKEW, lane]
        costs.compute_cycles[at] = level[levels, TIMES, lane]
        costs.total_cycles[at] = total
        costs.energy_j[at] = block[DYNAMIC, lane] + total * static_j
    for lane in range(LANES):
        at = begin + lane
        costs.fits[at] = block[FULL, lane] == 0.0
        costs.is_perfect[at] = block[WRONG, lane] == 0.0
        costs.bound[at] = np.int8(block[BUSIEST, lane])


@inner
def _eight(row: int, column: int, table: Floats) -> Eight:
    return (
        table[row, column],
        table[row, column + 1],
        table[row, column + 2],
        table[row, column + 3],
        table[row, column + 4],
        table[row, column + 5],
        table[row, column + 6],
        table[row, column + 7],
    )


@kernel
def evaluate(problem: Problem, machine: Machine, batch: Batch, costs: Costs) -> None:
    """Fill the costs of all mappings of a batch: step out from one element, step in again, and assess.

    In one function, and without passing tuples of arrays on: each such call would cost as much as a loop over lanes.
    """
    keeps, temporal, order, spatial = machine.keeps, batch.temporal, batch.order, batch.spatial
    levels, child = keeps.shape[0], next_homes(keeps)
    table, axes = tabulate_levels(problem, machine), tabulate_axes(machine)
    dynamic, static_j = problem.macs * problem.mac_j, machine.static_j_per_cycle
    sizes, w = problem.sizes.astype(np.float64).reshape(1, 8), problem.window
    window = Window(float(w[0]), float(w[1]), float(w[2]), float(w[3]))
    slides = problem.sizes[R] > 1 or problem.sizes[S] > 1
    level, block = np.ones((levels + 1, ROWS, LANES)), np.zeros((BLOCK_ROWS, LANES))
    for b in range(temporal.shape[0]):
        begin_block(block)
        axis = axes.shape[0] - 1
        for n in range(level.shape[0] - 2, -1, -1):
            is_first = True
            while axis >= 0 and axes[axis, AXIS_LEVEL] == n:
                unroll(
                    b, axis, n, is_first, axes[axis, SIZE], axes[axis, HOP], axes[axis, ALONE] == 1.0,
                    _eight(axis, MOST, axes), spatial, level, block,
                )  # fmt: skip
                axis, is_first = axis - 1, False
            if is_first:
                clear_spread(n, level, block)
            hold(b, n, window, temporal, level, block)
        check_extents(_eight(0, 0, sizes), block)
        for n in range(levels):
            enter(b, n, temporal, order, level, block)
        if slides:
            n = child[0, INPUT]
            while n < levels:
                slide(b, n, temporal, order, level, block)
                n = child[n, INPUT]
        _expose_all(child, table, level, block)
        _assess(dynamic, keeps, child, table, level, block)
        _report(b * LANES, levels, static_j, level, block, costs)
