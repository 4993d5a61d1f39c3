"""What moves between levels under many perfect mappings, and which of it nothing overlaps? One mapping per lane.

The definitions are those of `_assess`. Results equal it to the last bit: sums of doubles are taken in the same order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coexplore.cost._batch import (
    DYNAMIC,
    FETCH,
    FIRST,
    INSTANCES,
    LANES,
    NEED,
    OFFLOAD,
    ONLOAD,
    OWN,
    READS,
    REDUCED,
    ROWS,
    SERIAL,
    SHARE,
    SPREAD,
    SUMMED,
    TILE,
    WRITES,
)
from coexplore.cost._compile import inner
from coexplore.cost._kernels import OUTPUT
from coexplore.cost.nest import Floats


class Width(NamedTuple):
    """A port, in bits per cycle."""

    bits: float
    inverse: float
    """Cycles per bit where a product with it equals the quotient to the last bit, else -1."""


@inner
def cycles(bits: float, width: Width) -> float:
    """Divisions are slow, and most ports are a power of two wide."""
    return bits * width.inverse if width.inverse >= 0.0 else bits / width.bits


@inner
def expose(
    parent: int, inner: int, operand: int, bits_above: float, bits_below: float, up: Width, down: Width,
    serial: bool, level: Floats, block: Floats,
) -> None:  # fmt: skip
    """Add the cycles of transfers between two levels that nothing overlaps."""
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    if up.bits == 0.0 or down.bits == 0.0:
        return
    total = OFFLOAD if operand == OUTPUT else ONLOAD
    for lane in range(LANES):
        tile, spread = level[inner, TILE + operand, lane], level[parent, SPREAD + operand, lane]
        above, below = cycles(tile * spread * bits_above, up), cycles(tile * bits_below, down)
        level[parent, OWN, lane] += above
        level[inner, OWN, lane] += below
        block[total, lane] += max(above, below)
    if serial:
        for lane in range(LANES):
            tile, spread = level[inner, TILE + operand, lane], level[parent, SPREAD + operand, lane]
            above, below = cycles(tile * spread * bits_above, up), cycles(tile * bits_below, down)
            everything = cycles(level[inner, FETCH + operand, lane] * spread * bits_above, up)
            block[SERIAL, lane] += max(everything - max(above, below), 0.0)


@inner
def join_spread(n: int, child: int, operand: int, level: Floats, block: Floats) -> None:
    """Let the spread at a home cover all fan-outs up to the next home."""
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    for m in range(n + 1, child):
        for lane in range(LANES):
            level[n, SPREAD + operand, lane] *= level[m, SPREAD + operand, lane]


@inner
def _in_blocks(bits: float, size: float) -> float:
    return bits if size == 1.0 else np.ceil(bits / size) * size


class Store(NamedTuple):
    """Constants of one level."""

    number: int
    child: int
    """The next level inward that keeps the operand."""
    bits: float
    """Of a weight or input; of a partial sum."""
    output_bits: float
    block: float
    read_j: float
    write_j: float
    copies: float
    """Tiles that a changing operand occupies."""
    is_last: bool
    """Nothing inward keeps the operand."""


@inner
def feed(operand: int, store: Store, level: Floats, block: Floats) -> None:
    """Add the weights or inputs that a level reads and writes."""
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    n, child, bits, size = store.number, store.child, store.bits, store.block
    if size == 0.0:
        return
    entering = 0.0 if n == 0 else bits
    for lane in range(LANES):
        own, spread = level[n, FETCH + operand, lane], level[n, SPREAD + operand, lane]
        instances, tile = level[n, INSTANCES, lane], level[n, TILE + operand, lane]
        out = level[child, FETCH + operand, lane] * spread
        reads, writes = _in_blocks(out * instances * bits, size), _in_blocks(own * instances * entering, size)
        block[DYNAMIC, lane] += reads * store.read_j + writes * store.write_j
        block[READS, lane] += _in_blocks(out * bits, size)
        block[WRITES, lane] += _in_blocks(own * entering, size)
        block[NEED, lane] += tile * bits * (store.copies if own > tile else 1.0)


@inner
def collect(store: Store, level: Floats, block: Floats) -> None:
    """Add the sums that a level reads and writes: those it sends up, and those that come from below."""
    if level.shape[1] != ROWS or level.shape[2] != LANES or block.shape[1] != LANES:
        return
    n, child, wide, narrow, size = store.number, store.child, store.bits, store.output_bits, store.block
    if size == 0.0:
        return
    up, last = 0.0 if n == 0 else 1.0, 1.0 if store.is_last else 0.0
    for lane in range(LANES):
        own, tile, instances = level[n, FETCH + OUTPUT, lane], level[n, TILE + OUTPUT, lane], level[n, INSTANCES, lane]
        first, spread, share = level[n, FIRST, lane], level[n, SPREAD + OUTPUT, lane], block[SHARE, lane]
        reduced = level[n, REDUCED, lane] > 1.0
        partial = reduced | store.is_last
        kept = wide if partial else narrow
        stored = wide if partial | (level[n, SUMMED, lane] > 1.0) else narrow
        back = up * (own - first) * wide
        writes, reads = back * share, up * ((own * instances - first * share) * wide + first * share * kept)
        writes_one, reads_one = back, back + up * first * kept

        below, final = level[child, FETCH + OUTPUT, lane] * spread, level[child, FIRST, lane] * spread
        again = (below - final) * wide
        add = again + final * (wide if reduced else narrow)
        fresh = last * (own * instances * wide - back * share)
        writes += add * instances
        writes_one += add
        reads += again * instances - fresh
        reads_one += again - last * first * wide
        block[SHARE, lane] = instances * spread
        block[DYNAMIC, lane] += _in_blocks(reads, size) * store.read_j + _in_blocks(writes, size) * store.write_j
        block[READS, lane] += _in_blocks(reads_one, size)
        block[WRITES, lane] += _in_blocks(writes_one, size)
        block[NEED, lane] += tile * stored * (store.copies if own > tile else 1.0)
