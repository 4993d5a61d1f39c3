"""Which tiles do many perfect mappings have, and how often are they replaced? A block of lanes, one mapping per lane.

With factors that divide, all tiles of a boundary are full, and the counts of `_kernels` become products and one sum:

* spatial loops multiply what one instance moves;
* a tile of weights or outputs (or of inputs that do not slide) is replaced on each iteration of the innermost relevant
  loop and of all loops outside it, because tiles are equal or disjoint;
* a sliding window keeps some elements; see `_batch_window`.

Counts are integers below 2^53 held as doubles, so that every sum and product is exact. The loop over lanes is innermost
everywhere. Each function first compares shapes with constants: only then does the compiler know how far rows lie apart,
and uses vector instructions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexplore.cost._compile import inner
from coexplore.cost._kernels import INPUT, OUTPUT, WEIGHT
from coexplore.cost.nest import Floats

LANES = 40
"""Mappings in a block: few enough for the nearest cache, where rows a power of two apart would collide."""

# Rows of a level; the first three groups have one row per operand.
TILE, FETCH, SPREAD = 0, 3, 6
TIMES, INSTANCES, REDUCED, FIRST, SUMMED, SUMS, OWN = range(9, 16)
STEP_P, STEP_Q, STEP_R, STEP_S, WIDE_X, WIDE_Y, PLANES = range(16, 23)
ROWS = 23

# Rows of a block; extents and skew grow from the innermost level outward, the next group outside in.
EXTENT, SKEW, WRONG = 0, 8, 9
STAY, DISTINCT = 10, 13
REACH_X, REACH_Y, ALIVE, KEPT = range(14, 18)
ONLOAD, OFFLOAD, SERIAL, DYNAMIC, READS, WRITES, NEED, STEADY, LONGEST, BUSIEST, FULL, SHARE = range(18, 30)
OUTER_SUMS = 30
BLOCK_ROWS = 31

Factors = NDArray[np.uint16] | NDArray[np.int32]
Positions = NDArray[np.uint8]


class Batch(NamedTuple):
    """Mappings in blocks (b) of lanes (m). All eight dimensions have a row, N to S."""

    temporal: Factors
    """(b, levels, 8, m) Factors, innermost level first."""
    order: Positions
    """(b, levels, 8, m) Position of a dimension's loop in its level, outermost 1; 0 where the factor is 1."""
    spatial: Factors
    """(b, axes, 8, m) Factors, innermost axis first."""


class Window(NamedTuple):
    """Strides and dilations of the two image axes."""

    stride_x: float
    stride_y: float
    dilation_x: float
    dilation_y: float


Eight = tuple[float, float, float, float, float, float, float, float]
Ranks = tuple[np.int64, np.int64, np.int64, np.int64, np.int64, np.int64, np.int64, np.int64]


@inner
def factors(array: Factors, b: int, n: int, lane: int) -> Eight:
    """Factors of all dimensions."""
    return (
        float(array[b, n, 0, lane]),
        float(array[b, n, 1, lane]),
        float(array[b, n, 2, lane]),
        float(array[b, n, 3, lane]),
        float(array[b, n, 4, lane]),
        float(array[b, n, 5, lane]),
        float(array[b, n, 6, lane]),
        float(array[b, n, 7, lane]),
    )


@inner
def ranks(order: Positions, b: int, row: int, lane: int) -> Ranks:
    """Positions of the loops of all dimensions."""
    return (
        np.int64(order[b, row, 0, lane]),
        np.int64(order[b, row, 1, lane]),
        np.int64(order[b, row, 2, lane]),
        np.int64(order[b, row, 3, lane]),
        np.int64(order[b, row, 4, lane]),
        np.int64(order[b, row, 5, lane]),
        np.int64(order[b, row, 6, lane]),
        np.int64(order[b, row, 7, lane]),
    )


@inner
def _scale(block: Floats, lane: int, f: Eight) -> None:
    """Let all extents grow."""
    block[EXTENT + 0, lane] *= f[0]
    block[EXTENT + 1, lane] *= f[1]
    block[EXTENT + 2, lane] *= f[2]
    block[EXTENT + 3, lane] *= f[3]
    block[EXTENT + 4, lane] *= f[4]
    block[EXTENT + 5, lane] *= f[5]
    block[EXTENT + 6, lane] *= f[6]
    block[EXTENT + 7, lane] *= f[7]


@inner
def begin_block(block: Floats) -> None:
    """One element, no loops."""
    if block.shape[1] != LANES:
        return
    for lane in range(LANES):
        for d in range(8):
            block[EXTENT + d, lane] = 1.0
        block[SKEW, lane] = block[WRONG, lane] = 0.0
        block[ONLOAD, lane] = block[OFFLOAD, lane] = block[SERIAL, lane] = 0.0


@inner
def clear_spread(n: int, level: Floats, block: Floats) -> None:
    """No fan-out below a level."""
    if n < 0 or level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    for lane in range(LANES):
        level[n, SPREAD + WEIGHT, lane] = level[n, SPREAD + INPUT, lane] = level[n, SPREAD + OUTPUT, lane] = 1.0
        level[n, SUMS, lane] = 1.0


@inner
def unroll(
    b: int, axis: int, n: int, is_first: bool, size: float, hop: float, alone: bool, most: Eight,
    spatial: Factors, level: Floats, block: Floats,
) -> None:  # fmt: skip
    """Step out of one axis of the fan-out below a level. `most` is the largest legal factor of each dimension."""
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    if n < 0 or spatial.shape[2] != 8 or spatial.shape[3] != LANES:
        return
    for lane in range(LANES):
        f = factors(spatial, b, spatial.shape[1] - 1 - axis, lane)
        N, G, K, C, P, Q, R, S = f
        sums, outputs = C * R * S, N * P * Q * G * K
        used = sums * outputs
        _scale(block, lane, f)
        weights, inputs = used if alone else G * K * sums, used if alone else N * G * P * Q * sums
        level[n, SPREAD + WEIGHT, lane] = weights * (1.0 if is_first else level[n, SPREAD + WEIGHT, lane])
        level[n, SPREAD + INPUT, lane] = inputs * (1.0 if is_first else level[n, SPREAD + INPUT, lane])
        level[n, SPREAD + OUTPUT, lane] = outputs * (1.0 if is_first else level[n, SPREAD + OUTPUT, lane])
        level[n, SUMS, lane] = sums * (1.0 if is_first else level[n, SUMS, lane])
        block[SKEW, lane] += (used - 1.0) * hop
        illegal = (N > most[0]) | (G > most[1]) | (K > most[2]) | (C > most[3])
        illegal |= (P > most[4]) | (Q > most[5]) | (R > most[6]) | (S > most[7]) | (used > size)
        block[WRONG, lane] += 1.0 if illegal else 0.0


@inner
def hold(b: int, n: int, window: Window, temporal: Factors, level: Floats, block: Floats) -> None:
    """Step out of the temporal loops of a level: fill the tiles it holds, and by how much its loops move them."""
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    if temporal.shape[2] != 8 or temporal.shape[3] != LANES:
        return
    for lane in range(LANES):
        level[n, STEP_P, lane] = window.stride_x * block[EXTENT + 4, lane]
        level[n, STEP_Q, lane] = window.stride_y * block[EXTENT + 5, lane]
        level[n, STEP_R, lane] = window.dilation_x * block[EXTENT + 6, lane]
        level[n, STEP_S, lane] = window.dilation_y * block[EXTENT + 7, lane]
        _scale(block, lane, factors(temporal, b, temporal.shape[1] - 1 - n, lane))
        N, G, K, C = block[EXTENT, lane], block[EXTENT + 1, lane], block[EXTENT + 2, lane], block[EXTENT + 3, lane]
        P, Q, R, S = block[EXTENT + 4, lane], block[EXTENT + 5, lane], block[EXTENT + 6, lane], block[EXTENT + 7, lane]
        wide_x = window.stride_x * (P - 1.0) + window.dilation_x * (R - 1.0) + 1.0
        wide_y = window.stride_y * (Q - 1.0) + window.dilation_y * (S - 1.0) + 1.0
        level[n, WIDE_X, lane], level[n, WIDE_Y, lane], level[n, PLANES, lane] = wide_x, wide_y, N * G * C
        level[n, TILE + WEIGHT, lane] = G * K * C * R * S
        level[n, TILE + INPUT, lane] = N * G * C * wide_x * wide_y
        level[n, TILE + OUTPUT, lane] = N * G * K * P * Q


@inner
def check_extents(sizes: Eight, block: Floats) -> None:
    """Mark mappings whose factors do not multiply to the op."""
    if block.shape[1] != LANES:
        return
    for lane in range(LANES):
        differs = (block[EXTENT, lane] != sizes[0]) | (block[EXTENT + 1, lane] != sizes[1])
        differs |= (block[EXTENT + 2, lane] != sizes[2]) | (block[EXTENT + 3, lane] != sizes[3])
        differs |= (block[EXTENT + 4, lane] != sizes[4]) | (block[EXTENT + 5, lane] != sizes[5])
        differs |= (block[EXTENT + 6, lane] != sizes[6]) | (block[EXTENT + 7, lane] != sizes[7])
        block[WRONG, lane] += 1.0 if differs else 0.0


@inner
def enter(b: int, n: int, temporal: Factors, order: Positions, level: Floats, block: Floats) -> None:
    """Count what enters one instance of a level, then step into its loops, outermost first.

    A tile is replaced on each iteration of the innermost relevant loop outside it and of all loops outside that one.
    """
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    if n < 0 or temporal.shape[2] != 8 or temporal.shape[3] != LANES or order.shape[2] != 8 or order.shape[3] != LANES:
        return
    first = n == 0
    for lane in range(LANES):
        stay_w = 1.0 if first else block[STAY + WEIGHT, lane]
        stay_i = 1.0 if first else block[STAY + INPUT, lane]
        stay_o = 1.0 if first else block[STAY + OUTPUT, lane]
        distinct = 1.0 if first else block[DISTINCT, lane]
        times = level[n, TIMES, lane]
        level[n, FETCH + WEIGHT, lane] = level[n, TILE + WEIGHT, lane] * stay_w
        level[n, FETCH + INPUT, lane] = level[n, TILE + INPUT, lane] * stay_i
        level[n, FETCH + OUTPUT, lane] = level[n, TILE + OUTPUT, lane] * stay_o
        level[n, FIRST, lane] = level[n, TILE + OUTPUT, lane] * distinct
        level[n, OWN, lane] = 0.0
        reduced = level[n, SUMS, lane]
        level[n + 1, INSTANCES, lane] = level[n, INSTANCES, lane] * level[n, SPREAD + OUTPUT, lane] * reduced
        level[n + 1, REDUCED, lane] = level[n, REDUCED, lane] * reduced

        f = factors(temporal, b, temporal.shape[1] - 1 - n, lane)
        N, G, K, C, P, Q, R, S = f
        at_n, at_g, at_k, at_c, at_p, at_q, at_r, at_s = ranks(order, b, order.shape[1] - 1 - n, lane)
        filters, pixels, channels = max(at_c, max(at_r, at_s)), max(at_p, at_q), max(at_g, at_k)
        last_w, last_o = max(channels, filters), max(channels, max(at_n, pixels))
        last_i = max(max(at_n, at_g), max(filters, pixels))
        outputs, sums = N * G * K * P * Q, C * R * S
        weight = times * G * K * sums * (N if at_n < last_w else 1.0)
        weight *= (P if at_p < last_w else 1.0) * (Q if at_q < last_w else 1.0)
        output = times * outputs * (C if at_c < last_o else 1.0)
        output *= (R if at_r < last_o else 1.0) * (S if at_s < last_o else 1.0)
        inputs = times * N * G * P * Q * sums * (K if at_k < last_i else 1.0)
        block[STAY + WEIGHT, lane] = weight if last_w > 0 else stay_w
        block[STAY + INPUT, lane] = inputs if last_i > 0 else stay_i
        block[STAY + OUTPUT, lane] = output if last_o > 0 else stay_o
        block[DISTINCT, lane] = distinct * outputs
        summed = sums * (1.0 if first else block[OUTER_SUMS, lane])
        block[OUTER_SUMS, lane] = level[n, SUMMED, lane] = summed
        level[n + 1, TIMES, lane] = times * outputs * sums
