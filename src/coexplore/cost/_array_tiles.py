"""Which tiles of its two memories may a PE array hold? Declared in words in `coexplore.cost.mapper`."""

from __future__ import annotations

import numpy as np

from coexplore.cost._array_sheet import BITS, DOT, LANE, LANES, OUTER, SIZE, SLICE, STEPS, TILE, UNITS, WINDOW
from coexplore.cost._assess import OUTPUT_BITS
from coexplore.cost._compile import inner
from coexplore.cost._kernels import INPUT, OUTPUT, RELEVANT, WEIGHT, C, G, K, N, P, Q, R, S
from coexplore.cost.nest import Ints

MOST_PARTS = 64
"""Into so many parts the local tiles divide the work of an element, at most."""
MOST_TILES = 64
GROWTH = np.array([S, R, K, C, Q, P, G, N])
"""The order in which the dimensions of a file's tile grow."""


@inner
def list_parts(parts: Ints, w: Ints) -> int:
    """Fill the candidates for iterations of main memory: images, rows (or columns), channels (or groups), and sums."""
    channels = K if w[SIZE, K] > 1 else G
    pixels = P if w[SIZE, P] > 1 else Q
    most_images, most_rows, most_blocks, most_sums = _most(N, w), _most(pixels, w), _most(channels, w), _most(C, w)
    found, images = 0, 1
    while images <= most_images:
        rows = 1
        while rows <= most_rows:
            blocks = 1
            while blocks <= most_blocks:
                if images * rows * blocks <= MOST_PARTS:
                    _note_parts(found, channels, pixels, images, rows, blocks, 1, parts)
                    found += 1
                blocks = _next(blocks, most_blocks)
            rows = _next(rows, most_rows)
        images = _next(images, most_images)
    sums = _next(1, most_sums)
    while sums <= most_sums and sums <= MOST_PARTS:
        _note_parts(found, channels, pixels, 1, 1, 1, sums, parts)
        found += 1
        sums = _next(sums, most_sums)
    # Smaller ones, for memories too small for those.
    images = rows = blocks = sums = 1
    while True:
        if images < most_images:
            images = min(_next(images, most_images), most_images)
        elif rows < most_rows:
            rows = min(_next(rows, most_rows), most_rows)
        elif blocks < most_blocks:
            blocks = min(_next(blocks, most_blocks), most_blocks)
        elif sums < most_sums:
            sums = min(_next(sums, most_sums), most_sums)
        else:
            return found
        if images * rows * blocks > MOST_PARTS or sums > 1:
            _note_parts(found, channels, pixels, images, rows, blocks, sums, parts)
            found += 1


@inner
def _note_parts(
    at: int, channels: int, pixels: int, images: int, rows: int, blocks: int, sums: int, parts: Ints
) -> None:  # fmt: skip
    for d in range(8):
        parts[at, d] = 1
    parts[at, N], parts[at, C] = images, sums
    parts[at, pixels] = rows
    parts[at, channels] = blocks


@inner
def _most(d: int, w: Ints) -> int:
    """Iterations of main memory over a dimension, at most: one where its split inside an element is uneven."""
    inside = w[LANES, d] * w[UNITS, d] * w[DOT, d]
    return int(w[STEPS, d] if w[STEPS, d] * inside == w[SLICE, d] else 1)


@inner
def _is_whole(d: int, w: Ints) -> bool:
    """Whether units or inner products leave something over: such a dimension is not tiled in the file."""
    return bool(w[STEPS, d] * w[UNITS, d] * w[DOT, d] != w[LANE, d])


@inner
def _next(divisor: int, steps: int) -> int:
    """From one the smallest divisor beyond, then at least four times as large; beyond all if there is none."""
    larger = 4 * divisor if divisor > 1 else 2
    while larger <= steps and steps % larger:
        larger += 1
    return larger


@inner
def list_tiles(tiles: Ints, w: Ints, most: int) -> int:
    """Fill the candidates for iterations of the file, up to what fits `most` bits."""
    found, position = 0, 0
    for d in range(8):
        tiles[0, d] = w[STEPS, d] if _is_whole(d, w) else 1
    while _fits_once(tiles[found], most, w):
        found += 1
        for d in range(8):
            tiles[found, d] = tiles[found - 1, d]
        while position < 8:
            d = GROWTH[position]
            whole = w[STEPS, d] // w[OUTER, d]
            if tiles[found, d] < whole:
                tiles[found, d] = min(_next(tiles[found, d], whole), whole)
                break
            position += 1
        if position == 8:
            break
    return found


@inner
def _fits_once(tile: Ints, most: int, w: Ints) -> bool:
    """Whether a tile of the file fits so many bits, without double buffers and as finished sums."""
    if most < 0:
        return True
    weights = inputs = sums = 1
    for d in range(8):
        extent = tile[d] * w[UNITS, d] * w[DOT, d]
        extent = min(extent, w[SLICE, d])
        w[TILE, d] = extent
        if RELEVANT[WEIGHT, d]:
            weights *= extent
        if RELEVANT[OUTPUT, d]:
            sums *= extent
        if d < P and d != K:
            inputs *= extent
    inputs *= w[WINDOW, 0] * (w[TILE, P] - 1) + w[WINDOW, 2] * (w[TILE, R] - 1) + 1
    inputs *= w[WINDOW, 1] * (w[TILE, Q] - 1) + w[WINDOW, 3] * (w[TILE, S] - 1) + 1
    return bool(weights * w[BITS, WEIGHT] + inputs * w[BITS, INPUT] + sums * w[BITS, OUTPUT_BITS] <= most)
