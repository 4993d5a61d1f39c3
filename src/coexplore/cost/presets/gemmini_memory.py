"""How many bus beats and cache lines do Gemmini's transfers cost? Rows of bytes, a DMA, an L2 and a shared cache.

The DMA moves a tile row by row. A row of a tile is short (its channels) and lies a stride (all channels) from the next.
Each request covers 16, 32 or 64 bytes at a multiple of its size; the one that brings most is sent, the smallest of
equals. A row that starts off such a multiple therefore costs more beats than it has bytes for.

A cache line is found again if it survived what came between. Replacement is random: of F lines that are walked again
and again through C places, the share m that is gone at the next visit solves m = 1 - exp(-m F / C). Rows whose stride
is a multiple of the line use only some of the sets, so for them C is smaller.

References:
    Genc2021: Genc et al., Gemmini, DAC 2021; requests as in `StreamReader` of its repository.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

BEAT_BYTES = 16
"""Gemmini's `dma_buswidth`, 128 bits."""
REQUEST_BYTES = (16, 32, 64)
"""Up to `dma_maxbytes`."""
LINE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Cache:
    """A set-associative cache of 64-byte lines with random replacement."""

    sets: int
    ways: int

    @property
    def lines(self) -> int:
        """Lines that it holds."""
        return self.sets * self.ways


@dataclass(frozen=True, slots=True)
class Rows:
    """Equal rows of bytes at a constant distance."""

    count: int
    width_bytes: int
    stride_bytes: int
    blocks: int = 1
    """Groups of such rows, apart from one another."""

    @property
    def joined(self) -> bool:
        """Whether neighbouring rows share lines."""
        return self.width_bytes >= self.stride_bytes or self.stride_bytes <= LINE_BYTES

    @property
    def lines(self) -> float:
        """Cache lines that they touch, on average over their alignment; at least one."""
        if self.joined:
            return self.blocks * max(1.0, ((self.count - 1) * self.stride_bytes + self.width_bytes) / LINE_BYTES)
        return float(self.blocks * self.count * math.ceil(self.width_bytes / LINE_BYTES))

    def places(self, cache: Cache) -> int:
        """Lines of a cache in which they can lie."""
        if self.joined or self.stride_bytes % LINE_BYTES:
            return cache.lines
        skip = math.gcd(self.stride_bytes // LINE_BYTES, cache.sets)
        return cache.lines // skip * min(skip, math.ceil(self.width_bytes / LINE_BYTES))


@lru_cache(maxsize=4096)
def _beats(start: int, width: int) -> int:
    """Beats of one row of `width` bytes at `start` modulo the largest request."""
    beats = 0
    while width > 0:
        bring = [min(size - start % size, width) for size in REQUEST_BYTES]
        best = bring.index(max(bring))
        beats += REQUEST_BYTES[best] // BEAT_BYTES
        start, width = start + bring[best], width - bring[best]
    return beats


@lru_cache(maxsize=65536)
def mean_beats(width: int, tile: int, total: int, longest: int, offset: int) -> float:
    """Mean bus beats of a row of a tile, over all rows and all tiles side by side.

    Args:
        width: bytes of the row.
        tile: bytes from one tile to the next one beside it.
        total: bytes from one row to the next.
        longest: bytes that one command moves at most per row; longer rows are cut.
        offset: bytes by which the array in memory starts off a multiple of 64.
    """
    pieces = [(start, min(longest, width - start)) for start in range(0, width, longest)]
    tiles = range(min(REQUEST_BYTES[-1], math.ceil(total / tile)))
    rows = range(REQUEST_BYTES[-1] // math.gcd(total, REQUEST_BYTES[-1]))
    starts = [offset + row * total + number * tile for row in rows for number in tiles]
    beats = sum(_beats((start + piece) % REQUEST_BYTES[-1], length) for start in starts for piece, length in pieces)
    return beats / len(starts)


@lru_cache(maxsize=65536)
def missed_share(load: float) -> float:
    """Share of lines gone at the next visit, of `load` times as many as there are places: m = 1 - exp(-m load)."""
    if load <= 1:
        return 0.0
    low, high = 1e-9, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - math.exp(-middle * load) > middle else (low, middle)
    return high
