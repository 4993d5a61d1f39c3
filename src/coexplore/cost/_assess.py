"""From counts to cycles and joules: the physics of one mapped op, in one place for replay and mapper alike.

Latency: the array works `compute` cycles; every memory port is busy for its bits over its width; with double buffers
all of this overlaps, so the steady part is the longest of them. What cannot overlap is added: the first weight and
input tiles on their way in (onload), the last output tile on its way out (offload), data on their way through the
array (fill and drain, once), and transfers into levels without double buffers.

Widths: partial sums move at accumulator bits, finished outputs at output bits; the innermost home of outputs always
holds partial sums. Elements occupy whole words of a level; what an op reads or writes of an operand is rounded up to
whole blocks. Operands that live on chip move between the instances of their pool (`_resident`).
"""

from __future__ import annotations

from coexplore.cost._compile import inner, kernel
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
from coexplore.cost._resident import away, instances_of, per_instance, pool_level, port_time
from coexplore.cost.nest import DIM, LEVEL, SPATIAL, Flags, Floats, Ints, Machine, Nest, Problem

READ, WRITE = 0, 1
# Columns of `summary`.
COMPUTE, STEADY, ONLOAD, OFFLOAD, TOTAL, DYNAMIC_J, STATIC_J, BOUND, FILL_DRAIN = range(9)
SUMMARY = 9
BOUND_BY_ARRAY = -1.0

# Positions in `bits`; the first three are also the operands.
OUTPUT_BITS, ACCUMULATOR_BITS = 2, 3


@inner
def in_words(bits: int, word: int) -> int:
    """Bits that an element occupies in whole words."""
    return (bits + word - 1) // word * word


@inner
def _reduces(nest: Nest, below: int, is_spatial: bool) -> bool:
    """Whether a spatial (or a temporal) loop at a level before `below` splits a sum."""
    table = nest.table
    for i in range(table.shape[0]):
        d = table[i, DIM]
        if table[i, LEVEL] < below and table[i, SPATIAL] == is_spatial and (d == C or d == R or d == S):
            return True
    return False


@inner
def _home(keeps: Flags, operand: int) -> int:
    """The innermost level that keeps an operand."""
    found = 0
    for n in range(keeps.shape[0]):
        if keeps[n, operand]:
            found = n
    return found


@kernel
def stored_bits(inner: int, operand: int, problem: Problem, machine: Machine, nest: Nest) -> int:
    """Width of an element of an operand held at a level."""
    if operand != OUTPUT:
        return in_words(problem.bits[operand], machine.word_bits[inner])
    partial = inner == _home(machine.keeps, OUTPUT) or _reduces(nest, inner + 1, False) or _reduces(nest, inner, True)
    return in_words(problem.bits[ACCUMULATOR_BITS if partial else OUTPUT_BITS], machine.word_bits[inner])


@kernel
def occupied_bits(
    inner: int, operand: int, problem: Problem, machine: Machine, nest: Nest, moves: Ints, tiles: Ints
) -> int:
    """Bits of an operand in one instance of a level: its tile, twice when it changes under a double buffer.

    An instance of a pool holds its part of the whole operand, and of the tile what does not lie in that part. Outputs
    lie there as partial sums if they come back as such, else only those of the tile are wider than finished ones.
    """
    width = stored_bits(inner, operand, problem, machine, nest)
    need = tiles[inner, operand] * width
    if machine.double[inner] and moves[inner, operand, ONE] > tiles[inner, operand]:
        need *= 2
    if problem.resident[operand] and inner == pool_level(machine.keeps, operand):
        count, lying = instances_of(inner, machine), width
        if operand == OUTPUT and moves[inner, OUTPUT, SHARED] == moves[inner, OUTPUT, FIRST_SHARED]:
            lying = in_words(problem.bits[OUTPUT_BITS], machine.word_bits[inner])
        in_place = tiles[inner, operand] // count * (width - lying)
        need = per_instance(tiles[0, operand] * lying, count) + away(need, count) + in_place
    return need


@kernel
def count_traffic(
    problem: Problem, machine: Machine, nest: Nest, moves: Ints, accesses: Ints, traffic: Ints, one: Ints
) -> None:
    """Fill `traffic` and `one` (level, operand, [read, write]) in bits: over all instances, and for the busiest one."""
    for level in range(machine.keeps.shape[0]):
        for operand in range(3):
            for way in (READ, WRITE):
                traffic[level, operand, way] = one[level, operand, way] = 0
    for operand in range(3):
        innermost = _home(machine.keeps, operand)
        parent = 0
        for level in range(1, machine.keeps.shape[0]):
            if not machine.keeps[level, operand]:
                continue
            row = moves[level, operand]
            if parent == 0 and problem.resident[operand]:
                count = instances_of(level, machine)
                if operand == OUTPUT:
                    _exchange_sums(level, count, level == innermost, problem, machine, nest, row, traffic, one)
                else:
                    _exchange(level, operand, count, problem, machine, row, traffic, one)
            elif operand == OUTPUT:
                _count_sums(level, parent, level == innermost, problem.bits, machine.word_bits, nest, row, traffic, one)
            else:
                above = in_words(problem.bits[operand], machine.word_bits[parent])
                below = in_words(problem.bits[operand], machine.word_bits[level])
                traffic[parent, operand, READ] += row[SHARED] * above
                traffic[level, operand, WRITE] += row[ALL] * below
                one[parent, operand, READ] += row[ONE_PARENT] * above
                one[level, operand, WRITE] += row[ONE] * below
            parent = level
        bits = problem.bits[ACCUMULATOR_BITS if operand == OUTPUT else operand]
        width = in_words(bits, machine.word_bits[innermost])
        traffic[innermost, operand, READ] += accesses[operand, 0] * width
        one[innermost, operand, READ] += accesses[operand, 1] * width
        if operand == OUTPUT:
            traffic[innermost, operand, WRITE] += accesses[operand, 0] * width
            one[innermost, operand, WRITE] += accesses[operand, 1] * width
            fresh, fresh_one = _first_accumulations(moves, innermost)
            traffic[innermost, operand, READ] -= fresh * width
            one[innermost, operand, READ] -= fresh_one * width


@inner
def _count_sums(
    inner: int, parent: int, accumulates: bool, bits: Ints, words: Ints, nest: Nest, row: Ints, traffic: Ints, one: Ints
) -> None:
    """Outputs between a level and its parent: partial sums go up and come back, each finished output goes up once."""
    finished = ACCUMULATOR_BITS if _reduces(nest, parent, True) else OUTPUT_BITS
    held = ACCUMULATOR_BITS if accumulates or _reduces(nest, inner, True) else OUTPUT_BITS
    wide, narrow = in_words(bits[ACCUMULATOR_BITS], words[parent]), in_words(bits[finished], words[parent])
    wide_below, kept = in_words(bits[ACCUMULATOR_BITS], words[inner]), in_words(bits[held], words[inner])
    back = row[SHARED] - row[FIRST_SHARED]
    traffic[parent, OUTPUT, WRITE] += back * wide + row[FIRST_SHARED] * narrow
    traffic[parent, OUTPUT, READ] += back * wide
    traffic[inner, OUTPUT, WRITE] += back * wide_below
    traffic[inner, OUTPUT, READ] += (row[ALL] - row[FIRST_SHARED]) * wide_below + row[FIRST_SHARED] * kept
    back = row[ONE_PARENT] - row[FIRST_ONE_PARENT]
    one[parent, OUTPUT, WRITE] += back * wide + row[FIRST_ONE_PARENT] * narrow
    one[parent, OUTPUT, READ] += back * wide
    back = row[ONE] - row[FIRST_ONE]
    one[inner, OUTPUT, WRITE] += back * wide_below
    one[inner, OUTPUT, READ] += back * wide_below + row[FIRST_ONE] * kept


@inner
def _exchange(
    inner: int, operand: int, count: int, problem: Problem, machine: Machine, row: Ints, traffic: Ints, one: Ints
) -> None:
    """Weights or inputs between the instances of their pool: read where they lie, written where they are needed."""
    width = in_words(problem.bits[operand], machine.word_bits[inner])
    read = away(row[SHARED], count) * width
    traffic[inner, operand, READ] += read
    one[inner, operand, READ] += per_instance(read, count)
    traffic[inner, operand, WRITE] += away(row[ALL], count) * width
    one[inner, operand, WRITE] += away(row[ONE], count) * width


@inner
def _exchange_sums(
    inner: int, count: int, accumulates: bool, problem: Problem, machine: Machine, nest: Nest, row: Ints,
    traffic: Ints, one: Ints,
) -> None:  # fmt: skip
    """Outputs between the instances of their pool: the counts of `_count_sums`, less what lies in place."""
    wide = in_words(problem.bits[ACCUMULATOR_BITS], machine.word_bits[inner])
    narrow = in_words(problem.bits[OUTPUT_BITS], machine.word_bits[inner])
    held = wide if accumulates or _reduces(nest, inner, True) else narrow
    back, first = away(row[SHARED] - row[FIRST_SHARED], count), away(row[FIRST_SHARED], count)
    arriving, returning = back * wide + first * narrow, back * wide
    traffic[inner, OUTPUT, WRITE] += arriving + returning
    traffic[inner, OUTPUT, READ] += returning + away(row[ALL] - row[FIRST_SHARED], count) * wide + first * held
    back, first = away(row[ONE] - row[FIRST_ONE], count), away(row[FIRST_ONE], count)
    one[inner, OUTPUT, WRITE] += per_instance(arriving, count) + back * wide
    one[inner, OUTPUT, READ] += per_instance(returning, count) + back * wide + first * held


@inner
def _first_accumulations(moves: Ints, innermost: int) -> tuple[int, int]:
    """Accumulations that begin a fresh sum and so read nothing: over all instances, and for the busiest one."""
    row = moves[innermost, OUTPUT]
    if innermost == 0:
        return row[FIRST_SHARED], row[FIRST_ONE]
    return row[ALL] - (row[SHARED] - row[FIRST_SHARED]), row[FIRST_ONE]


@inner
def round_to_blocks(machine: Machine, traffic: Ints, one: Ints) -> None:
    """Round all traffic up to the blocks in which a level is accessed."""
    for level in range(machine.keeps.shape[0]):
        for operand in range(3):
            for way in (READ, WRITE):
                traffic[level, operand, way] = in_words(traffic[level, operand, way], machine.block_bits[level])
                one[level, operand, way] = in_words(one[level, operand, way], machine.block_bits[level])


@inner
def _exposed(problem: Problem, machine: Machine, moves: Ints, tiles: Ints, own: Floats) -> tuple[float, float, float]:
    """Cycles of transfers that nothing overlaps: (onload, offload, into levels without double buffers).

    Adds to `own` the cycles that each port spends on the first two.
    """
    onload = offload = serial = 0.0
    for operand in range(3):
        parent = 0
        for level in range(1, machine.keeps.shape[0]):
            if not machine.keeps[level, operand]:
                continue
            is_output = operand == OUTPUT
            if parent == 0 and problem.resident[operand]:
                first, rest = _exposed_exchange(level, operand, problem, machine, moves, tiles)
                own[level] += first
                if is_output:
                    offload += first
                else:
                    onload += first
                serial += rest
                parent = level
                continue
            up = machine.read_width[parent]
            if is_output and machine.write_width[parent] > 0.0:
                up = machine.write_width[parent]
            down = machine.read_width[level]
            if not is_output and machine.write_width[level] > 0.0:
                down = machine.write_width[level]
            width_above = in_words(problem.bits[operand], machine.word_bits[parent])
            above = moves[level, operand, STEP_ONE_PARENT] * width_above / up
            below = tiles[level, operand] * in_words(problem.bits[operand], machine.word_bits[level]) / down
            own[parent] += above
            own[level] += below
            if is_output:
                offload += max(above, below)
            else:
                onload += max(above, below)
            if not machine.double[level]:
                everything = moves[level, operand, ONE_PARENT] * width_above / up
                serial += max(everything - max(above, below), 0.0)
            parent = level
    return onload, offload, serial


@inner
def _exposed_exchange(
    inner: int, operand: int, problem: Problem, machine: Machine, moves: Ints, tiles: Ints
) -> tuple[float, float]:
    """Cycles in which the first tile comes from its pool, and those of all others where there is no double buffer."""
    count = instances_of(inner, machine)
    width = in_words(problem.bits[operand], machine.word_bits[inner])
    read, write = machine.read_width[inner], machine.write_width[inner]
    has_write_port = write > 0.0
    if operand == OUTPUT:
        source, target = write if has_write_port else read, read
    else:
        source, target = read, write if has_write_port else read
    moved = width * (count - 1.0) / count
    first = port_time(
        moves[inner, operand, STEP_ONE_PARENT] * moved / count / source,
        tiles[inner, operand] * moved / target,
        has_write_port,
    )
    if machine.double[inner]:
        return first, 0.0
    everything = port_time(
        moves[inner, operand, ONE_PARENT] * moved / count / source,
        moves[inner, operand, ONE] * moved / target,
        has_write_port,
    )
    return first, max(everything - first, 0.0)


@inner
def assess(
    cycles: int, skew: int, problem: Problem, machine: Machine, moves: Ints, tiles: Ints, traffic: Ints, one: Ints,
    stall: Floats, summary: Floats,
) -> None:  # fmt: skip
    """Fill `summary` with cycles and joules, and the level whose port is busiest (-1: the array is busier than any).

    `stall` (levels) receives the cycles by which each port is busy beyond the array's own, ends aside.
    """
    levels = machine.keeps.shape[0]
    for n in range(levels):
        stall[n] = 0.0
    onload, offload, serial = _exposed(problem, machine, moves, tiles, stall)
    steady = longest = cycles + serial
    bound = BOUND_BY_ARRAY
    dynamic = problem.macs * problem.mac_j
    for n in range(levels):
        reads = writes = 0
        for operand in range(3):
            reads += one[n, operand, READ]
            writes += one[n, operand, WRITE]
            dynamic += traffic[n, operand, READ] * machine.read_j[n] + traffic[n, operand, WRITE] * machine.write_j[n]
        if machine.write_width[n] == 0.0:
            busy = (reads + writes) / machine.read_width[n]
        else:
            busy = max(reads / machine.read_width[n], writes / machine.write_width[n])
        steady = max(steady, busy - stall[n])
        stall[n] = max(busy - stall[n] - cycles, 0.0)
        if busy > longest:
            longest, bound = busy, float(n)
    summary[COMPUTE], summary[STEADY], summary[ONLOAD], summary[OFFLOAD] = float(cycles), steady, onload, offload
    summary[FILL_DRAIN] = float(skew)
    summary[TOTAL] = steady + onload + offload + skew
    summary[DYNAMIC_J] = dynamic
    summary[STATIC_J] = summary[TOTAL] * machine.static_j_per_cycle
    summary[BOUND] = bound
