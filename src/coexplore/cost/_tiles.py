"""Which tiles and loop orders are candidates? Declared in words in `coexplore.cost.mapper`.

Nothing here depends on how large a memory is, except that tiles are listed only up to the largest capacity asked for.
"""

from __future__ import annotations

import numpy as np

from coexplore.cost._compile import inner, maker
from coexplore.cost._exact import tile_elements
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, WEIGHT, C, G, K, N, P, Q, R, S
from coexplore.cost._resident import away, per_instance
from coexplore.cost._sheet import BEGIN, BELOW, DOUBLE, END, INNER, LARGEST, OPERAND, POOL, At
from coexplore.cost.nest import Ints

FILLS = np.array(
    [
        [S, R, C, Q, P, K, G, N],
        [S, R, K, C, Q, P, G, N],
        [R, S, Q, P, K, C, G, N],
        [K, C, S, R, Q, P, G, N],
        [S, R, P, Q, K, C, G, N],
        [S, R, K, Q, P, C, G, N],
    ]
)
"""Orders in which the dimensions of a tile grow."""
TURNS = np.array([[8, 8, 8], [8, 8, 8], [8, 8, 8], [8, 8, 8], [8, 8, 8], [2, 3, 5]])
"""Of each order, where a stretch begins in which two parts grow in turns, where the second part begins, and the end."""
ORDERS = np.array(
    [
        [G, N, K, P, Q, C, R, S],  # outputs stay innermost
        [G, K, C, R, S, N, P, Q],  # weights stay innermost
        [G, N, C, P, Q, R, S, K],  # inputs stay innermost
    ]
)
"""Loop orders of a level, outermost first."""
MOST_TILES = 256


@inner
def occupied(level: int, slot: int, twice: bool, w: Ints, at: At) -> int:
    """Bits that the tile of a slot occupies at a level.

    With `twice`, those under a double buffer count twice if they may change.
    """
    e, level_row = at.extent + slot, at.level + level
    n, g, k, c = min(w[e, N], w[0, N]), min(w[e, G], w[0, G]), min(w[e, K], w[0, K]), min(w[e, C], w[0, C])
    p, q, r, s = min(w[e, P], w[0, P]), min(w[e, Q], w[0, Q]), min(w[e, R], w[0, R]), min(w[e, S], w[0, S])
    weights = g * k * c * r * s * w[level_row, WEIGHT]
    rows = w[at.window, 0] * (p - 1) + w[at.window, 2] * (r - 1) + 1
    image = rows * (w[at.window, 1] * (q - 1) + w[at.window, 3] * (s - 1) + 1)
    inputs = n * g * c * image * w[level_row, INPUT]
    sums = n * g * k * p * q * w[level_row, OUTPUT]
    if twice and w[level_row, DOUBLE]:
        group, filters = g < w[0, G], c < w[0, C] or r < w[0, R] or s < w[0, S]
        pixels = n < w[0, N] or p < w[0, P] or q < w[0, Q]
        weights *= 2 if group or filters or k < w[0, K] else 1
        inputs *= 2 if group or filters or pixels else 1
        sums *= 2 if group or pixels or k < w[0, K] else 1
    if twice and w[at.window, 6]:
        return _with_pools(level, weights, inputs, sums, w, at)
    total: int = weights + inputs + sums
    return total


@inner
def _with_pools(level: int, weights: int, inputs: int, sums: int, w: Ints, at: At) -> int:
    """The same where operands live in the memories: their parts of all, and of a tile what does not lie there."""
    need = 0
    for operand, bits in ((WEIGHT, weights), (INPUT, inputs), (OUTPUT, sums)):
        count = 0
        for b in range(at.boundaries):
            row = w[at.boundary + b]
            if row[OPERAND] == operand and row[INNER] == level:
                count = row[POOL]
        if count > 0:
            whole = tile_elements(operand, w[0], w[0], w[at.window]) * w[at.level + level, operand]
            bits = per_instance(whole, count) + away(bits, count)
        need += bits
    return need


@maker
def list_tiles(slot: int, tiles: Ints, w: Ints, at: At) -> int:
    """Fill `tiles` (t, 8), in steps, for a slot. Returns their number."""
    extent, whole, inner = w[at.extent + slot], w[at.whole], w[at.inner + slot]
    found = 0
    for fill in range(FILLS.shape[0]):
        parts = np.ones(8, np.int64)
        for d in range(8):
            extent[d] = inner[d]
        while found < MOST_TILES and _holds(slot, w, at):
            if not _is_among(parts, tiles, found):
                tiles[found] = parts
                found += 1
            d = _grows_next(fill, parts, whole)
            if d < 0:
                break
            parts[d] = next_rung(parts[d], whole[d])
            extent[d] = inner[d] * parts[d]
    return found


@inner
def _grows_next(fill: int, parts: Ints, whole: Ints) -> int:
    """The dimension along which a tile grows next; -1 where all are whole."""
    begin, middle, end = TURNS[fill, 0], TURNS[fill, 1], TURNS[fill, 2]
    position = 0
    while position < 8:
        if position == begin:
            left, right = _first_open(fill, begin, middle, parts, whole), _first_open(fill, middle, end, parts, whole)
            if left >= 0 and (right < 0 or _product(fill, begin, middle, parts) <= _product(fill, middle, end, parts)):
                return left
            if right >= 0:
                return right
            position = end
        else:
            d: int = FILLS[fill, position]
            if parts[d] < whole[d]:
                return d
            position += 1
    return -1


@inner
def _first_open(fill: int, begin: int, end: int, parts: Ints, whole: Ints) -> int:
    for position in range(begin, end):
        d: int = FILLS[fill, position]
        if parts[d] < whole[d]:
            return d
    return -1


@inner
def _product(fill: int, begin: int, end: int, parts: Ints) -> int:
    total = 1
    for position in range(begin, end):
        total *= parts[FILLS[fill, position]]
    return total


@inner
def next_rung(parts: int, whole: int) -> int:
    """The smallest divisor of `whole` that is at least twice a smaller one."""
    parts *= 2
    while whole % parts:
        parts += 1
    return parts


@inner
def _is_among(parts: Ints, tiles: Ints, found: int) -> bool:
    for i in range(found):
        same = True
        for d in range(8):
            same = same and tiles[i, d] == parts[d]
        if same:
            return True
    return False


@inner
def _holds(slot: int, w: Ints, at: At) -> bool:
    for level in range(w[at.slot + slot, BEGIN], w[at.slot + slot, END]):
        if 0 <= w[at.level + level, LARGEST] < occupied(level, slot, False, w, at):
            return False
    return True


@inner
def best_order(slot: int, w: Ints, at: At) -> int:
    """The order of a slot's loops that moves the fewest bits of full tiles into the next; sums move twice.

    On a tie it is the first.
    """
    loops, inward = at.loops + slot, slot + 1
    moved = (0.0, 0.0, 0.0)
    for i in range(w[at.by_slot + inward, 0], w[at.by_slot + inward, 1]):
        b = w[at.listing + i, 0]
        operand = w[at.boundary + b, OPERAND]
        bits = float(w[at.widths + b, BELOW] * (2 if operand == OUTPUT else 1)) * _elements(operand, inward, w, at)
        moved = (
            moved[0] + bits * _times(operand, 0, loops, w),
            moved[1] + bits * _times(operand, 1, loops, w),
            moved[2] + bits * _times(operand, 2, loops, w),
        )
    best = 0 if moved[0] <= moved[1] else 1
    return best if moved[best] <= moved[2] else 2


@inner
def _times(operand: int, order: int, loops: int, w: Ints) -> float:
    """How often the loops of a row bring a new tile."""
    times, stays = 1.0, True
    for position in range(7, -1, -1):
        d = ORDERS[order, position]
        if w[loops, d] > 1:
            stays = stays and not RELEVANT[operand, d]
            if not stays:
                times *= w[loops, d]
    return times


@inner
def _elements(operand: int, slot: int, w: Ints, at: At) -> float:
    """Elements of a full tile, not clipped."""
    total = 1.0
    e = at.extent + slot
    for d in range(8):
        if RELEVANT[operand, d] and (operand != INPUT or d < P):
            total *= w[e, d]
    if operand == INPUT:
        total *= w[at.window, 0] * (w[e, P] - 1) + w[at.window, 2] * (w[e, R] - 1) + 1
        total *= w[at.window, 1] * (w[e, Q] - 1) + w[at.window, 3] * (w[e, S] - 1) + 1
    return total
