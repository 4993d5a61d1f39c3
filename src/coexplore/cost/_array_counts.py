"""What do the tiles of a PE array move? Closed forms for a chain of main memory, two memories, and latches.

Along a dimension at most one split is uneven: one that is alone on it, which leaves its last instances less to do, or
nothing. Everything else divides, so what one instance does is a product, and what all of them do differs from it by
the unevenly split dimensions only.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._array_sheet import (
    ALL,
    BITS,
    DOT,
    FIRST_ONE,
    FIRST_ONE_PARENT,
    FIRST_SHARED,
    FIXED,
    FLAGS,
    FREE,
    FREE_COUNT,
    FROZEN,
    HELD,
    LANE,
    LANES,
    LANES_NOT,
    LEVELS,
    MANY,
    MESH,
    MESH_NOT,
    MIDDLE,
    MOVES,
    MULTIPLIERS,
    OF_LANE,
    OF_UNIT,
    ONE,
    ONE_PARENT,
    ORDER,
    OUTER,
    OWN,
    POOLS,
    REACH,
    REDUCES,
    REDUCES_LANES,
    SEEN,
    SHARED,
    SIZE,
    SLICE,
    SLICED,
    SLIDES,
    STAY,
    STEP,
    TILE,
    TRAFFIC,
    UNIT,
    UNITS,
    WHOLE,
    WINDOW,
)
from coexplore.cost._assess import ACCUMULATOR_BITS, OUTPUT_BITS
from coexplore.cost._compile import inner
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, WEIGHT, C, G, K, N, P, Q, R, S
from coexplore.cost._resident import away, per_instance
from coexplore.cost._tiles import ORDERS
from coexplore.cost.nest import Ints


@inner
def _turns(operand: int, slot: int, w: Ints) -> tuple[int, int, int, int]:
    """How often the dimensions an operand does not depend on bring it anew.

    For one instance; over the mesh; over all lanes; over all units.
    """
    one = mesh = lanes = units = 1
    for at in range(FREE_COUNT[operand]):
        d = FREE[operand, at]
        if w[SIZE, d] == 1:
            continue
        turns = 1
        for i in range(slot + 1):
            if not (w[STAY, i] >> d) & 1:
                turns *= w[OUTER + i, d]
        one *= turns
        if w[SLICE, d] * w[MESH, d] == w[SIZE, d]:
            seen = w[MESH, d] * turns
        else:
            seen = -(-w[SIZE, d] * turns // w[SLICE, d])
        mesh *= seen
        if w[LANE, d] * w[LANES, d] == w[SLICE, d]:
            seen *= w[LANES, d]
        else:
            seen = -(-w[SLICE, d] * turns // w[LANE, d])
        lanes *= seen
        if w[UNIT, d] * w[UNITS, d] == w[LANE, d]:
            seen *= w[UNITS, d]
        else:
            seen = -(-w[LANE, d] * turns // w[UNIT, d])
        units *= seen
    return one, mesh, lanes, units


@inner
def count_whole(operand: int, slot: int, b: int, w: Ints) -> None:
    """Fill the moves of weights or outputs into a slot, after `note_stay`."""
    _fill(operand, slot, b, w)
    m, step, held = MOVES + b, 1, 1
    for d in range(8):
        if RELEVANT[operand, d]:
            if slot == 0:
                held *= w[OWN, d]
                step *= min(w[OWN, d] * w[MESH, d], w[SIZE, d])
            elif slot == 1:
                held *= w[TILE, d]
                step *= min(w[TILE, d] * w[LANES, d], w[OWN, d])
            else:
                held *= w[DOT, d]
                step *= w[DOT, d] * w[UNITS, d]
    w[m, STEP], w[m, HELD] = step, held


@inner
def _fill(operand: int, slot: int, b: int, w: Ints) -> None:
    turns, mesh, lanes, units = _turns(operand, slot, w)
    m, k = MOVES + b, FIXED + operand
    whole, sliced, lane, unit = w[k, WHOLE], w[k, SLICED], w[k, OF_LANE], w[k, OF_UNIT]
    firsts = whole * w[k, MESH_NOT]
    if slot == 0:
        w[m, ONE], w[m, ONE_PARENT], w[m, SHARED], w[m, ALL] = (
            sliced * turns,
            whole * turns,
            whole * turns,
            whole * mesh,
        )
        w[m, FIRST_SHARED], w[m, FIRST_ONE_PARENT], w[m, FIRST_ONE] = whole, whole, sliced
    elif slot == 1:
        w[m, ONE], w[m, ONE_PARENT], w[m, SHARED], w[m, ALL] = lane * turns, sliced * turns, whole * mesh, whole * lanes
        w[m, FIRST_SHARED], w[m, FIRST_ONE_PARENT], w[m, FIRST_ONE] = firsts, sliced, lane
    else:
        w[m, ONE], w[m, ONE_PARENT], w[m, SHARED], w[m, ALL] = unit * turns, lane * turns, whole * lanes, whole * units
        w[m, FIRST_SHARED], w[m, FIRST_ONE_PARENT], w[m, FIRST_ONE] = firsts * w[k, LANES_NOT], lane, unit


@inner
def count_inputs(slot: int, b: int, w: Ints) -> None:
    """Fill the moves of inputs into a slot, after `note_stay`."""
    extents, use, around = (w[OWN], MESH, SIZE) if slot == 0 else (w[TILE], LANES, OWN)
    held = step = 1
    for d in range(P):
        if d != K:
            held *= extents[d]
            step *= min(extents[d] * w[use, d], w[around, d])
    if w[FLAGS, SLIDES]:
        boxes = _box(0, extents, w) * _box(1, extents, w)
        held *= boxes
        step *= boxes * w[use, P] * w[use, Q]
        one = _slide(slot, extents, w)
        parent = one * w[use, P] * w[use, Q]
        shared = parent if slot == 0 else parent * w[MESH, P] * w[MESH, Q] * w[MESH, K]
        _fill_inputs(slot, b, one, parent, shared, shared * w[use, K], w)
    else:
        one, mesh, lanes, _ = _turns(INPUT, slot, w)
        parent, shared, every = (one, one, mesh) if slot == 0 else (one, mesh, lanes)
        for axis in range(2):
            d, stride = P + axis, w[WINDOW, axis]
            held *= _apart(extents[d], 1, stride)
            first = min(extents[d] * w[use, d], w[around, d])
            step *= _apart(first, -(-first // extents[d]), stride)
            tiles = w[OUTER, d] * (w[MIDDLE, d] if slot == 1 else 1)
            one *= tiles * _apart(extents[d], 1, stride)
            parent *= _apart(w[SLICE, d], -(-w[SLICE, d] // extents[d]), stride)
            seen = _apart(w[SIZE, d], -(-w[SIZE, d] // extents[d]), stride)
            shared, every = shared * seen, every * seen
        _fill_inputs(slot, b, one, parent, shared, every, w)
    w[MOVES + b, STEP], w[MOVES + b, HELD] = step, held


@inner
def _apart(rows: int, tiles: int, stride: int) -> int:
    """Input rows (or columns) that tiles of outputs hold, with what lies between the positions of a tile."""
    total: int = stride * (rows - tiles) + tiles
    return total


@inner
def _fill_inputs(slot: int, b: int, one: int, parent: int, shared: int, every: int, w: Ints) -> None:
    """Enter the moves of inputs, from how many positions are seen of a channel of an image."""
    m, k = MOVES + b, FIXED + INPUT
    whole, sliced = w[k, WHOLE], w[k, SLICED]
    w[m, SHARED], w[m, ALL] = whole * shared, whole * every
    if slot == 0:
        w[m, ONE], w[m, ONE_PARENT] = sliced * one, whole * shared
    else:
        w[m, ONE], w[m, ONE_PARENT] = w[k, OF_LANE] * one, sliced * parent


@inner
def least_inputs(slot: int, b: int, w: Ints) -> None:
    """Fill what moves of inputs into a slot at least, whatever the tiles: what is touched, once."""
    use, own = (MESH, w[SLICE]) if slot == 0 else (LANES, w[LANE])
    one = parent = shared = 1
    for axis in range(2):
        d = P + axis
        touched = _touched(axis, own[d], w)
        one *= touched
        if w[FLAGS, SLIDES]:
            parent *= touched * w[use, d]
            shared *= touched * w[use, d] * (w[MESH, d] if slot == 1 else 1)
        else:
            parent *= w[SLICE, d]
            shared *= w[SIZE, d]
    shared *= w[MESH, K] if slot == 1 else 1
    _fill_inputs(slot, b, one, parent, shared, shared * w[use, K], w)
    w[MOVES + b, STEP] = w[MOVES + b, HELD] = 0


@inner
def _box(axis: int, extents: Ints, w: Ints) -> int:
    """Rows (or columns) of an input tile."""
    rows: int = w[WINDOW, axis] * (extents[P + axis] - 1) + w[WINDOW, 2 + axis] * (extents[R + axis] - 1) + 1
    return rows


@inner
def _touched(axis: int, outputs: int, w: Ints) -> int:
    """Rows (or columns) that windows touch, at least: without what lies between them."""
    stride, dilation, window = w[WINDOW, axis], w[WINDOW, 2 + axis], w[SIZE, R + axis]
    if (dilation == 1 and window < stride) or (stride == 1 and outputs < dilation):
        return int(outputs * window)
    if dilation == 1 or stride == 1:
        return int(stride * (outputs - 1) + dilation * (window - 1) + 1)
    return int(outputs + window - 1)


@inner
def _slide(slot: int, extents: Ints, w: Ints) -> int:
    """Windows that one instance fetches, over filters and images: all it visits less what stays as they slide."""
    rows, columns = _box(0, extents, w), _box(1, extents, w)
    for d in range(8):
        w[SEEN, d] = 1
        for i in range(slot + 1):
            w[SEEN, d] *= w[OUTER + i, d]
        w[REACH, d] = 0
    total: int = w[SEEN, K] * w[SEEN, P] * w[SEEN, Q] * w[SEEN, R] * w[SEEN, S] * rows * columns
    for i in range(slot, -1, -1):
        order = w[ORDER, i]
        for position in range(7, -1, -1):
            d = ORDERS[order, position]
            factor = w[OUTER + i, d]
            if factor == 1:
                continue
            if d < P and d != K:
                return total
            # The tile moves by one step of this loop, and back by all that the loops inside have moved it.
            below = w[OWN, d] * w[MESH, d] if i == 0 else w[TILE, d] * w[LANES, d]
            down = -(w[WINDOW, 0] * w[REACH, P] + w[WINDOW, 2] * w[REACH, R])
            across = -(w[WINDOW, 1] * w[REACH, Q] + w[WINDOW, 3] * w[REACH, S])
            down += w[WINDOW, 0] * below if d == P else w[WINDOW, 2] * below if d == R else 0
            across += w[WINDOW, 1] * below if d == Q else w[WINDOW, 3] * below if d == S else 0
            stays = max(rows - abs(down), 0) * max(columns - abs(across), 0)
            for other in (K, P, Q, R, S):
                stays *= w[SEEN, other] - w[SEEN, other] // factor if other == d else w[SEEN, other]
            total -= stays
            w[REACH, d] += (factor - 1) * below
            w[SEEN, d] //= factor
    return total


@inner
def add_up(w: Ints) -> None:
    """Bits read and written at every level, from the moves of all boundaries."""
    for n in range(LEVELS):
        for k in range(12):
            w[TRAFFIC + n, k] = w[MULTIPLIERS + n, k]
    for b in range(5):
        operand, level = (WEIGHT, b + 1) if b < 3 else (INPUT, b - 2)
        m = MOVES + b
        k, width = 4 * operand, w[BITS, operand]
        if level == 1 and w[POOLS, operand] > 0:
            _exchange(m, k, width, w[POOLS, operand], w)
            continue
        w[TRAFFIC + level - 1, k] += w[m, SHARED] * width
        w[TRAFFIC + level, k + 1] += w[m, ALL] * width
        w[TRAFFIC + level - 1, k + 2] += w[m, ONE_PARENT] * width
        w[TRAFFIC + level, k + 3] += w[m, ONE] * width
    wide, narrow, k = w[BITS, ACCUMULATOR_BITS], w[BITS, OUTPUT_BITS], 4 * OUTPUT
    for level in range(1, LEVELS):
        m = MOVES + 4 + level
        finished = wide if (level > 1 and w[FLAGS, REDUCES]) or (level > 2 and w[FLAGS, REDUCES_LANES]) else narrow
        held = wide if w[FLAGS, REDUCES] or level == 3 or (level == 2 and w[FLAGS, REDUCES_LANES]) else narrow
        if level == 1 and w[POOLS, OUTPUT] > 0:
            _exchange_sums(m, held, w[POOLS, OUTPUT], w)
            continue
        first = w[m, FIRST_SHARED]
        back = w[m, SHARED] - first
        w[TRAFFIC + level - 1, k + 1] += back * wide + first * finished
        w[TRAFFIC + level - 1, k] += back * wide
        w[TRAFFIC + level, k + 1] += back * wide
        w[TRAFFIC + level, k] += (w[m, ALL] - first) * wide + first * held
        first = w[m, FIRST_ONE_PARENT]
        back = w[m, ONE_PARENT] - first
        w[TRAFFIC + level - 1, k + 3] += back * wide + first * finished
        w[TRAFFIC + level - 1, k + 2] += back * wide
        first = w[m, FIRST_ONE]
        back = w[m, ONE] - first
        w[TRAFFIC + level, k + 3] += back * wide
        w[TRAFFIC + level, k + 2] += back * wide + first * held
    # A sum that begins afresh is not read.
    w[TRAFFIC + 3, k] -= (w[MOVES + 7, ALL] - w[MOVES + 7, SHARED] + w[MOVES + 7, FIRST_SHARED]) * wide
    w[TRAFFIC + 3, k + 2] -= w[MOVES + 7, FIRST_ONE] * wide


@inner
def _exchange(m: int, k: int, width: int, instances: int, w: Ints) -> None:
    """What local memories exchange of weights or inputs that live there, as `_assess` counts it."""
    read = away(w[m, SHARED], instances) * width
    w[TRAFFIC + 1, k] += read
    w[TRAFFIC + 1, k + 1] += away(w[m, ALL], instances) * width
    w[TRAFFIC + 1, k + 2] += per_instance(read, instances)
    w[TRAFFIC + 1, k + 3] += away(w[m, ONE], instances) * width


@inner
def _exchange_sums(m: int, held: int, instances: int, w: Ints) -> None:
    """The same of outputs; of them `held` bits are read for the last time."""
    wide, narrow, k = w[BITS, ACCUMULATOR_BITS], w[BITS, OUTPUT_BITS], 4 * OUTPUT
    returning = away(w[m, SHARED] - w[m, FIRST_SHARED], instances) * wide
    first = away(w[m, FIRST_SHARED], instances)
    arriving = returning + first * narrow
    w[TRAFFIC + 1, k + 1] += arriving + returning
    w[TRAFFIC + 1, k] += returning + away(w[m, ALL] - w[m, FIRST_SHARED], instances) * wide + first * held
    back, first = away(w[m, ONE] - w[m, FIRST_ONE], instances) * wide, away(w[m, FIRST_ONE], instances)
    w[TRAFFIC + 1, k + 3] += per_instance(arriving, instances) + back
    w[TRAFFIC + 1, k + 2] += per_instance(returning, instances) + back + first * held


@inner
def choose_order(i: int, w: Ints) -> None:
    """The order of a level's loops that moves the fewest bits of full tiles into the next; sums move twice.

    On a tie it is the first.
    """
    many, row = w[MANY, i], OUTER + i
    extents = w[OWN] if i == 0 else w[TILE] if i == 1 else w[DOT]
    weights, sums = 1.0, 1.0
    for d in range(8):
        if RELEVANT[WEIGHT, d]:
            weights *= extents[d]
        if RELEVANT[OUTPUT, d]:
            sums *= extents[d]
    # Bits as of a boundary of the general search: of the tile below the level's axes.
    weights *= w[BITS, WEIGHT]
    sums *= 2 * w[BITS, ACCUMULATOR_BITS]
    inputs = 0.0
    if i < 2:
        inputs = 1.0 * extents[N] * extents[G] * extents[C] * w[BITS, INPUT]
        inputs *= _box(0, extents, w) * _box(1, extents, w)
    all_times = 1.0
    for d in range(8):
        all_times *= w[row, d]
    best, best_bits = 0, np.inf
    for order in range(3):
        moved = weights * _times(WEIGHT, order, row, many, all_times, w) + sums * _times(
            OUTPUT, order, row, many, all_times, w
        )
        if i < 2:
            moved += inputs * _times(INPUT, order, row, many, all_times, w)
        if moved < best_bits:
            best, best_bits = order, moved
    w[ORDER, i] = best


@inner
def _times(operand: int, order: int, row: int, many: int, all_times: float, w: Ints) -> float:
    """How often the loops of a level bring a new tile."""
    stays, times = FROZEN[order, operand, many], 1.0
    if stays == 0:
        return all_times
    for at in range(FREE_COUNT[operand]):
        d = FREE[operand, at]
        times *= w[row, d] if (stays >> d) & 1 else 1
    return all_times / times
