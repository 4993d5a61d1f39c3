"""Which mapping of the declared mapspace is best? Branch and bound over unrollings, tiles and loop orders, compiled.

The mapspace is declared in `coexplore.cost.mapper`. A candidate is judged by the same counting and assessment as a replay.
Before its loop orders are tried, a candidate's traffic with the main memory, its cycles and its multiplications bound what
it can reach; the bound is loosened by one part in 1e12 so that rounding never drops an optimum.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from coexplore.cost._assess import (
    DYNAMIC_J,
    STATIC_J,
    SUMMARY,
    TOTAL,
    assess,
    count_traffic,
    occupied_bits,
)
from coexplore.cost._counts import MOVES, count_moves
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, C, G, K, N, P, Q, R, S

LATENCY, ENERGY, EDP = range(3)
SLACK = 1.0 - 1e-12
NONE = -1

FILLS = np.array(
    [
        [S, R, C, Q, P, K, G, N],
        [S, R, K, C, Q, P, G, N],
        [S, R, Q, P, K, C, G, N],
        [K, C, S, R, Q, P, G, N],
    ]
)
"""Priorities in which the tile of a level grows."""
ORDERS = np.array(
    [
        [G, N, K, P, Q, C, R, S],  # outputs stay innermost
        [G, K, C, R, S, N, P, Q],  # weights stay innermost
        [G, N, C, P, Q, R, S, K],  # inputs stay innermost
    ]
)
"""Loop orders of a level, outermost first."""


@njit(cache=True)
def list_unrollings(sizes, axis_size, axis_dims, limit, chosen, factors):  # noqa: ANN001, ANN201
    """Fill `chosen` (limit, axes) and `factors` with the unrollings of fewest compute cycles; returns how many.

    Axes are listed outermost first. Each unrolls one dimension it may, by what the axes inside leave of it.
    """
    axes = axis_size.size
    pick = np.full(axes, NONE - 1, np.int64)
    use = np.ones((axes, 8), np.int64)
    left = np.empty((axes + 1, 8), np.int64)
    left[axes] = sizes
    cost = np.full(limit, np.inf)
    found = 0
    a = axes - 1
    while a < axes:
        if a < 0:
            found = _enter(sizes, pick, left[0], use, found, limit, cost, chosen, factors)
            a += 1
            continue
        pick[a] += 1
        if pick[a] > S:
            pick[a] = NONE - 1
            a += 1
        elif _take(a, pick[a], axis_size[a], axis_dims[a], left, use):
            a -= 1
    return found


@njit(cache=True)
def _take(a, d, size, dims, left, use):  # noqa: ANN001, ANN202
    """Unroll dimension `d` on axis `a` as far as it goes; idle only where nothing is left to unroll. False if illegal."""
    left[a] = left[a + 1]
    if d == NONE:
        for e in range(8):
            if dims[e] and left[a, e] > 1 and size > 1:
                return False
        return True
    factor = min(size, left[a, d])
    if not dims[d] or factor < 2:
        return False
    use[a, d] = factor
    left[a, d] = (left[a, d] + factor - 1) // factor
    return True


@njit(cache=True)
def _enter(sizes, pick, left, use, found, limit, cost, chosen, factors):  # noqa: ANN001, ANN202
    """Sort an unrolling into the list by its cycles; on a tie the earlier one stays ahead."""
    cycles = 1.0
    for d in range(8):
        cycles *= left[d]
    if found == limit and cycles >= cost[limit - 1]:
        return found
    spot = min(found, limit - 1)
    while spot > 0 and cost[spot - 1] > cycles:
        cost[spot], chosen[spot], factors[spot] = cost[spot - 1], chosen[spot - 1], factors[spot - 1]
        spot -= 1
    cost[spot] = cycles
    for a in range(pick.size):
        chosen[spot, a] = pick[a]
        factors[spot, a] = use[a, pick[a]] if pick[a] != NONE else 1
    return min(found + 1, limit)


@njit(cache=True)
def _occupied(level, tile, whole, keeps, double, bits, window):  # noqa: ANN001, ANN202
    """Upper bound on the bits that tiles of these extents occupy at a level."""
    total = 0
    for operand in range(3):
        if not keeps[level, operand]:
            continue
        elements = 1
        changes = False
        for d in range(8):
            if RELEVANT[operand, d]:
                changes = changes or tile[d] < whole[d]
                if operand != INPUT or d < P:
                    elements *= tile[d]
        if operand == INPUT:
            for axis in range(2):
                elements *= window[axis] * (tile[P + axis] - 1) + window[2 + axis] * (tile[R + axis] - 1) + 1
        width = bits[operand]
        if operand == OUTPUT:
            below = False
            for n in range(level + 1, keeps.shape[0]):
                below = below or keeps[n, OUTPUT]
            if not below or tile[C] < whole[C] or tile[R] < whole[R] or tile[S] < whole[S]:
                width = bits[3]
        total += elements * width * (2 if double[level] and changes else 1)
    return total


@njit(cache=True)
def fill_tiles(sizes, axis_level, pick, use, fills, keeps, double, capacity, bits, window, temporal):  # noqa: ANN001, ANN201
    """Grow the tile of every bounded level, innermost first, in the priority of its fill; the main memory takes the rest.

    Fills `temporal` (levels, 8). Returns -1, or the number of a level that even the smallest tile overflows.
    """
    levels = keeps.shape[0]
    spread = np.ones(8, np.int64)
    for a in range(pick.size):
        if pick[a] != NONE:
            spread[pick[a]] *= use[a]
    budget = (sizes + spread - 1) // spread
    tile = np.ones(8, np.int64)
    temporal[:] = 1
    for level in range(levels - 1, -1, -1):
        for a in range(pick.size):
            if axis_level[a] == level and pick[a] != NONE:
                tile[pick[a]] *= use[a]
        if level == 0:
            temporal[0] = (sizes + tile - 1) // tile
            return NONE
        if capacity[level] < 0:
            continue
        if _occupied(level, np.minimum(tile, sizes), sizes, keeps, double, bits, window) > capacity[level]:
            return level
        for position in range(8):
            d = FILLS[fills[level], position]
            factor = budget[d]
            while factor > 1:
                tile[d] *= factor
                fits = _occupied(level, np.minimum(tile, sizes), sizes, keeps, double, bits, window) <= capacity[level]
                if fits:
                    temporal[level, d] = factor
                    budget[d] = (budget[d] + factor - 1) // factor
                    break
                tile[d] //= factor
                factor = (factor + 1) // 2 if factor > 2 else 1
    return NONE


@njit(cache=True)
def build_nest(temporal, orders, axis_level, pick, use, dim, factor, weight, spatial, level, start):  # noqa: ANN001, ANN201
    """Write the nest of a candidate; returns its number of loops."""
    n = 0
    for v in range(temporal.shape[0]):
        start[v] = n
        for position in range(8):
            d = ORDERS[orders[v], position]
            if temporal[v, d] > 1:
                dim[n], factor[n], spatial[n], level[n] = d, temporal[v, d], False, v
                n += 1
        for a in range(pick.size):
            if axis_level[a] == v and pick[a] != NONE and use[a] > 1:
                dim[n], factor[n], spatial[n], level[n] = pick[a], use[a], True, v
                n += 1
    start[temporal.shape[0]] = n
    below = np.ones(8, np.int64)
    for i in range(n - 1, -1, -1):
        weight[i] = below[dim[i]]
        below[dim[i]] *= factor[i]
    return n


@njit(cache=True)
def _value(goal, cycles, energy):  # noqa: ANN001, ANN202
    """What is minimised, and what breaks a tie."""
    if goal == LATENCY:
        return cycles, energy
    if goal == ENERGY:
        return energy, cycles
    return cycles * energy, cycles


@njit(cache=True)
def search(  # noqa: ANN201
    goal, prune, sizes, window, bits, macs, mac_j, static_j, axis_level, axis_size, axis_dims, limit,  # noqa: ANN001
    keeps, double, capacity, read_width, write_width, read_j, write_j, best_temporal, best_orders, best_pick, best_use,  # noqa: ANN001
):
    """The best candidate, written into the `best_*` arrays; returns (first value, second value, judged, overflowing level)."""
    levels, axes = keeps.shape[0], axis_size.size
    chosen, factors = np.full((limit, axes), NONE, np.int64), np.ones((limit, axes), np.int64)
    found = list_unrollings(sizes, axis_size, axis_dims, limit, chosen, factors)
    room = 8 * levels + axes
    dim, factor, weight = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(room, np.int64)
    spatial, level = np.zeros(room, np.bool_), np.zeros(room, np.int64)
    start, orders, fills = np.zeros(levels + 1, np.int64), np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    moves, tiles = np.zeros((levels, 3, MOVES), np.int64), np.zeros((levels, 3), np.int64)
    accesses, traffic, one = np.zeros((3, 2), np.int64), np.zeros((levels, 3, 2), np.int64), np.zeros((levels, 3, 2), np.int64)
    port, summary, temporal = np.zeros(levels), np.zeros(SUMMARY), np.ones((levels, 8), np.int64)
    seen = np.ones((FILLS.shape[0] ** (levels - 1), levels, 8), np.int64)
    first = second = np.inf
    judged, overflow = 0, NONE
    for u in range(found):
        pick, use = chosen[u], factors[u]
        tables = 0
        for fill_code in range(FILLS.shape[0] ** (levels - 1)):
            _digits(fill_code, FILLS.shape[0], fills, 1)
            stuck = fill_tiles(sizes, axis_level, pick, use, fills, keeps, double, capacity, bits, window, temporal)
            if stuck != NONE:
                overflow = stuck
                break
            if _known(temporal, seen, tables):
                continue
            seen[tables] = temporal
            tables += 1
            skip_below = 0
            for order_code in range(ORDERS.shape[0] ** levels):
                if order_code < skip_below or not _orders(order_code, temporal, orders):
                    continue
                n = build_nest(temporal, orders, axis_level, pick, use, dim, factor, weight, spatial, level, start)
                shape = (dim[:n], factor[:n], spatial[:n], level[:n])
                block = ORDERS.shape[0] ** (levels - 1)
                for outermost_only in (True, False):
                    if outermost_only and not (prune and order_code % block == 0):
                        continue
                    moves[:] = 0
                    tiles[:] = 0
                    cycles = count_moves(
                        sizes, window, dim[:n], factor[:n], weight[:n], spatial[:n], level[:n], start, keeps, outermost_only,
                        moves, tiles, accesses,
                    )  # fmt: skip
                    count_traffic(moves, accesses, keeps, bits, *shape, traffic, one)
                    assess(
                        cycles, macs, moves, tiles, traffic, one, keeps, double, read_width, write_width, read_j, write_j,
                        mac_j, static_j, bits, *shape, port, summary,
                    )  # fmt: skip
                    value, tie = _value(goal, summary[TOTAL], summary[DYNAMIC_J] + summary[STATIC_J])
                    if outermost_only:
                        if (value * SLACK, tie * SLACK) >= (first, second):
                            skip_below = order_code + block
                            break
                        continue
                    judged += 1
                    if (value, tie) < (first, second) and _fits(moves, tiles, keeps, double, capacity, bits, shape):
                        first, second = value, tie
                        best_temporal[:], best_orders[:], best_pick[:], best_use[:] = temporal, orders, pick, use
    return first, second, judged, overflow


@njit(cache=True)
def _digits(code, base, out, begin):  # noqa: ANN001, ANN202
    """Write `code` in digits into `out[begin:]`, the last one fastest."""
    for i in range(out.size - 1, begin - 1, -1):
        out[i] = code % base
        code //= base


@njit(cache=True)
def _known(table, seen, count):  # noqa: ANN001, ANN202
    for i in range(count):
        if np.all(seen[i] == table):
            return True
    return False


@njit(cache=True)
def _orders(code, temporal, orders):  # noqa: ANN001, ANN202
    """Orders of a code; False where a level of fewer than two loops would only repeat an order."""
    _digits(code, ORDERS.shape[0], orders, 0)
    for v in range(orders.size):
        if orders[v] > 0 and np.sum(temporal[v] > 1) < 2:
            return False
    return True


@njit(cache=True)
def _fits(moves, tiles, keeps, double, capacity, bits, shape):  # noqa: ANN001, ANN202
    for v in range(keeps.shape[0]):
        if capacity[v] < 0:
            continue
        need = 0
        for operand in range(3):
            if keeps[v, operand]:
                innermost = 0
                for n in range(keeps.shape[0]):
                    if keeps[n, operand]:
                        innermost = n
                need += occupied_bits(v, operand, innermost, moves, tiles, double, bits, *shape)
        if need > capacity[v]:
            return False
    return True
