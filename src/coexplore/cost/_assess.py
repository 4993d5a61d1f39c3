"""From counts to cycles and joules: the physics of one mapped op, in one place for replay and mapper alike.

Latency: the array works `compute` cycles; every memory port is busy for its bits over its width; with double buffers all
of this overlaps, so the steady part is the longest of them. What cannot overlap is added: the first weight and input tiles
on their way in (onload), the last output tile on its way out (offload), and transfers into levels without double buffers.

Widths: partial sums move at accumulator bits, finished outputs at output bits; the innermost home of outputs always holds
partial sums.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from coexplore.cost._counts import (
    ALL,
    FIRST_ONE,
    FIRST_ONE_PARENT,
    FIRST_SHARED,
    ONE,
    ONE_PARENT,
    SHARED,
    STEP_ONE_PARENT,
)
from coexplore.cost._kernels import OUTPUT, C, R, S

READ, WRITE = 0, 1
# Columns of `summary`.
COMPUTE, STEADY, ONLOAD, OFFLOAD, TOTAL, DYNAMIC_J, STATIC_J, BOUND = range(8)
SUMMARY = 8
BOUND_BY_ARRAY = -1.0

# Positions in `bits`; the first three are also the operands.
OUTPUT_BITS, ACCUMULATOR_BITS = 2, 3


@njit(cache=True)
def _reduces(dim, factor, spatial, level, below, temporal):  # noqa: ANN001, ANN202
    """Whether a loop of the asked kind at a level before `below` splits a sum."""
    for i in range(dim.size):
        if factor[i] > 1 and level[i] < below and spatial[i] != temporal and (dim[i] == C or dim[i] == R or dim[i] == S):
            return True
    return False


@njit(cache=True)
def stored_bits(inner, operand, innermost, bits, dim, factor, spatial, level):  # noqa: ANN001, ANN201
    """Width of an element of an operand held at a level."""
    if operand != OUTPUT:
        return bits[operand]
    partial = (
        inner == innermost
        or _reduces(dim, factor, spatial, level, inner + 1, True)
        or _reduces(dim, factor, spatial, level, inner, False)
    )
    return bits[ACCUMULATOR_BITS] if partial else bits[OUTPUT_BITS]


@njit(cache=True)
def occupied_bits(inner, operand, innermost, moves, tiles, double, bits, dim, factor, spatial, level):  # noqa: ANN001, ANN201
    """Bits that an operand occupies in one instance of a level: its tile, twice when it changes under a double buffer."""
    need = tiles[inner, operand] * stored_bits(inner, operand, innermost, bits, dim, factor, spatial, level)
    if double[inner] and moves[inner, operand, ONE] > tiles[inner, operand]:
        need *= 2
    return need


@njit(cache=True)
def _home(keeps, operand):  # noqa: ANN001, ANN202
    """The innermost level that keeps an operand."""
    found = 0
    for n in range(keeps.shape[0]):
        if keeps[n, operand]:
            found = n
    return found


@njit(cache=True)
def count_traffic(moves, accesses, keeps, bits, dim, factor, spatial, level, traffic, one):  # noqa: ANN001, ANN201
    """Fill `traffic` and `one` (level, operand, [read, write]) in bits: over all instances, and for the busiest one."""
    traffic[:] = 0
    one[:] = 0
    for operand in range(3):
        innermost = _home(keeps, operand)
        parent = 0
        for inner in range(1, keeps.shape[0]):
            if not keeps[inner, operand]:
                continue
            row = moves[inner, operand]
            if operand != OUTPUT:
                traffic[parent, operand, READ] += row[SHARED] * bits[operand]
                traffic[inner, operand, WRITE] += row[ALL] * bits[operand]
                one[parent, operand, READ] += row[ONE_PARENT] * bits[operand]
                one[inner, operand, WRITE] += row[ONE] * bits[operand]
            else:
                up = bits[ACCUMULATOR_BITS] if _reduces(dim, factor, spatial, level, parent, False) else bits[OUTPUT_BITS]
                split = inner == innermost or _reduces(dim, factor, spatial, level, inner, False)
                kept = bits[ACCUMULATOR_BITS] if split else bits[OUTPUT_BITS]
                _count_sums(inner, parent, bits[ACCUMULATOR_BITS], up, kept, row, traffic, one)
            parent = inner
        width = bits[ACCUMULATOR_BITS] if operand == OUTPUT else bits[operand]
        traffic[innermost, operand, READ] += accesses[operand, 0] * width
        one[innermost, operand, READ] += accesses[operand, 1] * width
        if operand == OUTPUT:
            traffic[innermost, operand, WRITE] += accesses[operand, 0] * width
            one[innermost, operand, WRITE] += accesses[operand, 1] * width
            fresh, fresh_one = _first_accumulations(moves, innermost, accesses, keeps)
            traffic[innermost, operand, READ] -= fresh * width
            one[innermost, operand, READ] -= fresh_one * width


@njit(cache=True)
def _count_sums(inner, parent, wide, narrow, kept, row, traffic, one):  # noqa: ANN001, ANN202
    """Outputs between a level and its parent: partial sums go up and come back, each finished output goes up once.

    `wide` is the width of a partial sum, `narrow` that of the last trip up, `kept` that of its read in the inner level.
    """
    back, back_one, back_parent = row[SHARED] - row[FIRST_SHARED], row[ONE] - row[FIRST_ONE], row[ONE_PARENT] - row[FIRST_ONE_PARENT]
    traffic[parent, OUTPUT, WRITE] += back * wide + row[FIRST_SHARED] * narrow
    traffic[parent, OUTPUT, READ] += back * wide
    traffic[inner, OUTPUT, WRITE] += back * wide
    finished = min(row[FIRST_SHARED], row[ALL])
    traffic[inner, OUTPUT, READ] += (row[ALL] - finished) * wide + finished * kept
    one[parent, OUTPUT, WRITE] += back_parent * wide + row[FIRST_ONE_PARENT] * narrow
    one[parent, OUTPUT, READ] += back_parent * wide
    one[inner, OUTPUT, WRITE] += back_one * wide
    one[inner, OUTPUT, READ] += back_one * wide + row[FIRST_ONE] * kept


@njit(cache=True)
def _first_accumulations(moves, innermost, accesses, keeps):  # noqa: ANN001, ANN202
    """Accumulations that begin a fresh sum and so read nothing: over all instances, and for the busiest one."""
    if innermost == 0:
        return moves[0, OUTPUT, FIRST_SHARED], moves[0, OUTPUT, FIRST_ONE]
    row = moves[innermost, OUTPUT]
    return row[ALL] - (row[SHARED] - row[FIRST_SHARED]), row[FIRST_ONE]


@njit(cache=True)
def _time(amount_bits, width):  # noqa: ANN001, ANN202
    return amount_bits / width


@njit(cache=True)
def assess(  # noqa: ANN201
    cycles, macs, moves, tiles, traffic, one, keeps, double, read_width, write_width, read_j, write_j, mac_j,  # noqa: ANN001
    static_j_per_cycle, bits, dim, factor, spatial, level, port, summary,  # noqa: ANN001
):
    """Fill `port` (busy cycles per level) and `summary` (cycles and joules).

    Widths are bits per cycle and instance, `inf` when unlimited; a `write_width` of 0 means that writes share the port.
    """
    levels = keeps.shape[0]
    own = np.zeros(levels)
    onload = offload = serial = 0.0
    for operand in range(3):
        innermost = _home(keeps, operand)
        parent = 0
        for inner in range(1, levels):
            if not keeps[inner, operand]:
                continue
            width = bits[OUTPUT_BITS] if operand == OUTPUT else bits[operand]
            step = moves[inner, operand, STEP_ONE_PARENT] * width
            tile = tiles[inner, operand] * width
            up = read_width[parent] if operand != OUTPUT or write_width[parent] == 0.0 else write_width[parent]
            down = read_width[inner] if operand == OUTPUT or write_width[inner] == 0.0 else write_width[inner]
            transfer = max(_time(step, up), _time(tile, down))
            if operand == OUTPUT:
                offload += transfer
            else:
                onload += transfer
            own[parent] += _time(step, up)
            own[inner] += _time(tile, down)
            if not double[inner]:
                rest = (moves[inner, operand, ONE_PARENT] * width) / up - transfer
                serial += max(rest, 0.0)
            parent = inner
    steady = float(cycles) + serial
    bound = BOUND_BY_ARRAY
    dynamic = macs * mac_j
    for n in range(levels):
        reads = writes = 0
        for operand in range(3):
            reads += one[n, operand, READ]
            writes += one[n, operand, WRITE]
            dynamic += traffic[n, operand, READ] * read_j[n] + traffic[n, operand, WRITE] * write_j[n]
        if write_width[n] == 0.0:
            port[n] = _time(reads + writes, read_width[n])
        else:
            port[n] = max(_time(reads, read_width[n]), _time(writes, write_width[n]))
        if port[n] - own[n] > steady:
            steady = port[n] - own[n]
            bound = float(n)
    summary[COMPUTE], summary[STEADY], summary[ONLOAD], summary[OFFLOAD] = float(cycles), steady, onload, offload
    summary[TOTAL] = steady + onload + offload
    summary[DYNAMIC_J] = dynamic
    summary[STATIC_J] = summary[TOTAL] * static_j_per_cycle
    summary[BOUND] = bound
