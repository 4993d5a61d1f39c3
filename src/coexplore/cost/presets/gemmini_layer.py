"""Which layer runs on Gemmini, and how is it cut? The arguments of its library's tiled convolution and matrix product.

References:
    Genc2021: Genc et al., Gemmini, DAC 2021; `tiled_conv` and `tiled_matmul` of its library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from coexplore.accelerators.accelerator import Dim


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the image."""

    out: int
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    padding: int = 0
    size: int | None = None
    """Extent of the input; None: just what the output needs."""

    @property
    def input_size(self) -> int:
        """Extent of the input."""
        if self.size is not None:
            return self.size
        return (self.out - 1) * self.stride + (self.kernel - 1) * self.dilation + 1 - 2 * self.padding

    def touched(self, out: int, kernel: int) -> int:
        """Extent of the input that some outputs and filter positions touch."""
        return min(self.input_size, (out - 1) * self.stride + (kernel - 1) * self.dilation + 1)


class Tile(NamedTuple):
    """Extents of one tile, at most those of the layer."""

    K: int
    C: int
    P: int = 1
    Q: int = 1
    R: int = 1
    S: int = 1


@dataclass(frozen=True, slots=True)
class GemminiLayer:
    """A convolution of 8-bit channels-last images, or a matrix product, and how its program cuts it."""

    out_channels: int
    in_channels: int
    columns: Axis
    """Of P and R."""
    rows: Axis
    """Of Q and S."""
    tile: Tile
    order: tuple[Dim, ...]
    """Loops outside the tile, innermost first."""
    side: int
    """Of the array."""
    images: int = 1
    offset_bytes: int = 0
    """By which weights, inputs and outputs start off a multiple of 64 in memory."""
    warm: bool = True
    """Whether the caches hold what an earlier run of the same layer left."""

    @property
    def is_matmul(self) -> bool:
        """Whether the library runs it as a matrix product."""
        return self.rows.out == self.rows.kernel == self.columns.kernel == 1

    @property
    def sizes(self) -> Tile:
        """Extents of the layer."""
        columns, rows = self.columns, self.rows
        return Tile(self.out_channels, self.in_channels, columns.out, rows.out, columns.kernel, rows.kernel)
