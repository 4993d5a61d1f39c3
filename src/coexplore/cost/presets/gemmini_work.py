"""What does a layer on Gemmini move and multiply? Totals of the tiled program that its library runs.

A processor walks the loops outside the tile and hands each tile to the accelerator, which unrolls it into commands that
load weights and inputs, multiply, and store. Facts that a loop nest alone does not tell:

- Every tile loads its weights and inputs again, also those that are still there. Sums stay in the accumulator until
  the last tile of their reduction, so nothing partial travels; the first tile of a reduction writes zeros.
- A block has up to `side` output positions of one image row, `side` input channels of one filter position, and `side`
  output channels. Positions of different image rows never share a block.
- A block takes a cycle per position, at least 4. With new weights it takes `side` cycles, those of loading them.
- At most 5 blocks are on their way through the array, which takes two sides plus 6 cycles.
- Padding is written as rows of zeros. Extents of the unpadded part are unsigned 16-bit numbers: a tile that lies in the
  padding altogether wraps around and loads 65,536 rows.

References:
    Genc2021: Genc et al., Gemmini, DAC 2021; `LoopConv`, `LoopMatmul`, `MeshWithDelays` and `gemmini.h` of its
        repositories.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

from coexplore.cost.presets.gemmini_layer import Axis, GemminiLayer, Tile
from coexplore.cost.presets.gemmini_memory import LINE_BYTES, Cache, Rows, mean_beats, missed_share

LEAST_BLOCK_CYCLES = 4
BLOCKS_IN_FLIGHT, ARRAY_LATENCY_SIDES, ARRAY_LATENCY_CYCLES = 5, 2, 6
"""Five per cycle of an element's latency, as the generator sets it; the latency's constant part from rows whose
blocks have one position."""
COMMAND_BYTES = 64
"""What one load command moves at most per row."""
SUM_BYTES = 4
EXTENT_RANGE = 1 << 16

L2 = Cache(1024, 8)
"""512 KiB, the default of Chipyard's inclusive cache."""
SHARED_CACHE = Cache(8192, 8)
"""4 MiB, the last-level cache of FireSim's default memory model."""


class Work(NamedTuple):
    """Totals of a layer."""

    tiles: float
    array_cycles: float
    load_beats: float
    """Bus beats of 16 bytes."""
    zero_rows: float
    store_beats: float
    l2_misses: float
    """Lines that loads do not find in the L2."""
    shared_misses: float
    """Lines that they do not find in the shared cache either."""


class _Span(NamedTuple):
    """One step along one image axis."""

    out: int
    kernel: int
    real: int
    """Input elements that exist; EXTENT_RANGE where the tile lies in the padding altogether."""
    padded: int
    first: bool
    """It begins the reduction along this axis."""
    last: bool


class _Slice(NamedTuple):
    """One step along the channels."""

    out: int
    part: int
    """Of the input channels."""
    first: bool
    last: bool


def work_of(layer: GemminiLayer) -> Work:
    """Everything that a layer's tiles do together."""
    total = Work(*[0.0] * 7)
    down = _spans(layer.rows, layer.tile.Q, layer.tile.S)
    for column, across in _spans(layer.columns, layer.tile.P, layer.tile.R).items():
        for row, along in down.items():
            for piece, deep in _slices(layer).items():
                number = across * along * deep * layer.images
                one = _tile_work(layer, column, row, piece)
                total = Work(*(sum_ + number * more for sum_, more in zip(total, one, strict=True)))
    l2 = _misses(layer, L2) + _wrapped_lines(layer)
    return total._replace(l2_misses=layer.images * l2, shared_misses=layer.images * _misses(layer, SHARED_CACHE))


def _steps(total: int, step: int) -> list[tuple[int, int]]:
    """(start, length) of all steps; the last one may be shorter."""
    return [(start, min(step, total - start)) for start in range(0, total, step)]


def _spans(axis: Axis, out_step: int, kernel_step: int) -> Counter[_Span]:
    """The different steps along an axis, and how many there are of each."""
    spans: Counter[_Span] = Counter()
    for start, out in _steps(axis.out, out_step):
        for tap, kernel in _steps(axis.kernel, kernel_step):
            at = start * axis.stride + tap * axis.dilation - axis.padding
            extent = out * axis.stride + (kernel - 1) * axis.dilation
            padded = max(0, -at) + max(0, at + extent - axis.input_size)
            real = extent - padded if padded <= extent else EXTENT_RANGE
            spans[_Span(out, kernel, real, padded, tap == 0, tap + kernel >= axis.kernel)] += 1
    return spans


def _slices(layer: GemminiLayer) -> Counter[_Slice]:
    """The different steps along both kinds of channels, and how many there are of each."""
    return Counter(
        _Slice(out, part, start == 0, start + part >= layer.in_channels)
        for _, out in _steps(layer.out_channels, layer.tile.K)
        for start, part in _steps(layer.in_channels, layer.tile.C)
    )


def _tile_work(layer: GemminiLayer, column: _Span, row: _Span, piece: _Slice) -> Work:
    """Of one tile, except for what it misses in the caches."""
    side, tile, taps = layer.side, layer.tile, column.kernel * row.kernel
    longest = max(COMMAND_BYTES // side, 1) * side
    sums = max(COMMAND_BYTES // SUM_BYTES // side, 1) * side
    weights = taps * piece.part * _beats(layer, piece.out, tile.K, layer.out_channels, longest)
    inputs = column.real * row.real * _beats(layer, piece.part, tile.C, layer.in_channels, longest)
    padding = (column.real + column.padded) * (row.real + row.padded) - column.real * row.real
    zeros = padding * math.ceil(piece.part / longest)
    outputs = column.out * row.out
    stores = 0.0
    if column.first and row.first and piece.first:
        zeros += outputs * math.ceil(piece.out / sums)
    if column.last and row.last and piece.last:
        stores = outputs * _beats(layer, piece.out, tile.K, layer.out_channels, side)
    return Work(1.0, _array_cycles(side, column, row, piece), weights + inputs, zeros, stores, 0.0, 0.0)


def _beats(layer: GemminiLayer, width: int, tile: int, total: int, longest: int) -> float:
    """Mean bus beats of one row of `width` channels."""
    return mean_beats(width, tile, total, longest, layer.offset_bytes)


def _array_cycles(side: int, column: _Span, row: _Span, piece: _Slice) -> float:
    """Cycles of the array for one tile."""
    widths = [width for _, width in _steps(column.out, side)]
    streamed = row.out * sum(max(width, LEAST_BLOCK_CYCLES) for width in widths)
    loading = side - max(widths[-1], LEAST_BLOCK_CYCLES)
    interval = (ARRAY_LATENCY_SIDES * side + ARRAY_LATENCY_CYCLES) / BLOCKS_IN_FLIGHT
    weights = math.ceil(piece.out / side) * math.ceil(piece.part / side) * column.kernel * row.kernel
    return weights * max(streamed + max(loading, 0), row.out * len(widths) * interval)


def _lines(layer: GemminiLayer, part: Tile) -> tuple[Rows, Rows, Rows]:
    """Weights, inputs and outputs of a part of the layer, as rows in memory."""
    width = layer.columns.touched(part.P, part.R)
    height = layer.rows.touched(part.Q, part.S)
    return (
        Rows(part.R * part.S * part.C, part.K, layer.out_channels),
        Rows(width, part.C, layer.in_channels, blocks=height),
        Rows(part.P, part.K, layer.out_channels, blocks=part.Q),
    )


def _misses(layer: GemminiLayer, cache: Cache) -> float:
    """Lines of weights and inputs that loads do not find.

    From the tile outwards: when a loop advances, lines that it needs again are there unless what passed in between
    displaced them.
    """
    sizes, part = layer.sizes, layer.tile
    now = _lines(layer, part)
    missed = [rows.lines for rows in now]
    for dim in layer.order:
        steps = math.ceil(getattr(sizes, dim.value) / getattr(part, dim.value))
        gone = _gone(now, cache)
        part = part._replace(**{dim.value: getattr(sizes, dim.value)})
        before, now = now, _lines(layer, part)
        for operand, (small, large) in enumerate(zip(before, now, strict=True)):
            again = max(0.0, steps * small.lines - large.lines)
            missed[operand] = steps * missed[operand] - (1 - gone[operand]) * again
    if not layer.warm:
        return missed[0] + missed[1]
    gone = _gone(now, cache)
    left = [max(0.0, lines - (1 - share) * rows.lines) for lines, share, rows in zip(missed, gone, now, strict=True)]
    return left[0] + left[1]


def _gone(rows: tuple[Rows, Rows, Rows], cache: Cache) -> list[float]:
    """Share of each operand's lines that do not survive until they are needed again."""
    load = sum(operand.lines for operand in rows) / cache.lines
    return [missed_share(max(load, operand.lines / operand.places(cache))) for operand in rows]


def _wrapped_lines(layer: GemminiLayer) -> float:
    """Lines of the rows that tiles within the padding load by mistake: one after the other, and never again."""
    across, down = (
        _spans(axis, out, kernel)
        for axis, out, kernel in (
            (layer.columns, layer.tile.P, layer.tile.R),
            (layer.rows, layer.tile.Q, layer.tile.S),
        )
    )
    pixels = sum(
        column.real * row.real * n_column * n_row
        for column, n_column in across.items()
        for row, n_row in down.items()
        if EXTENT_RANGE in (column.real, row.real)
    )
    return pixels * sum(_slices(layer).values()) * min(1.0, layer.in_channels / LINE_BYTES)
