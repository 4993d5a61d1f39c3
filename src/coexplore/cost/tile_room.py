"""Do tiles fit? The bits of every operand in every level for tiles of given extents, before any mapping exists.

Extents are those of the full tile. Tiles under a double buffer count twice, on the safe side of
`coexplore.cost._assess.occupied_bits`, where only those count twice that change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coexplore.accelerators.accelerator import OPERANDS, Accelerator, Dim, Operand
from coexplore.workloads.op import Loops

Sizes = dict[Dim, int]
"""Extents by dimension; those left out are 1."""
_KEPT = {
    Operand.WEIGHT: (Dim.G, Dim.K, Dim.C, Dim.R, Dim.S),
    Operand.OUTPUT: (Dim.N, Dim.G, Dim.K, Dim.P, Dim.Q),
}


@dataclass(frozen=True, slots=True)
class LevelRoom:
    """A level of limited size."""

    number: int
    name: str
    capacity_bits: int
    bits: tuple[tuple[Operand, int], ...]
    """Of one element of each operand it keeps, a second buffer included."""


@dataclass(frozen=True, slots=True)
class Room:
    """The levels of limited size of an accelerator, outermost first, for one op."""

    loops: Loops
    levels: tuple[LevelRoom, ...]

    def used(self, level: LevelRoom, tile: Mapping[Dim, int]) -> tuple[int, ...]:
        """Bits by operand kept, in the order of `level.bits`."""
        return tuple(width * elements(self.loops, operand, tile) for operand, width in level.bits)

    def fits(self, tile: Mapping[Dim, int], innermost: int) -> bool:
        """Whether a tile fits level number `innermost` and all around it."""
        return all(
            level.number > innermost or sum(self.used(level, tile)) <= level.capacity_bits for level in self.levels
        )

    def fitting(self, inside: Mapping[Dim, int], dim: Dim, options: Sequence[int], innermost: int) -> int:
        """How many of the ascending factors may grow the tile along a dimension; by bisection, as larger need more."""
        low, high = 0, len(options)
        tile = dict(inside)
        while low < high:
            middle = (low + high) // 2
            tile[dim] = inside[dim] * options[middle]
            if self.fits(tile, innermost):
                low = middle + 1
            else:
                high = middle
        return low

    def complaint(self, tile: Mapping[Dim, int], innermost: int | None = None) -> str:
        """The first level, of those from main memory to `innermost`, that does not hold a tile; empty where all do."""
        for level in self.levels:
            used = self.used(level, tile)
            if (innermost is None or level.number <= innermost) and sum(used) > level.capacity_bits:
                extents = " x ".join(f"{dim.value}={size}" for dim, size in tile.items() if size > 1) or "one element"
                return (
                    f"level {level.name!r} needs {-(-sum(used) // 8)} bytes for a tile of {extents} and holds "
                    f"{level.capacity_bits // 8}"
                )
        return ""


def elements(loops: Loops, operand: Operand, tile: Mapping[Dim, int]) -> int:
    """Elements of an operand in a full tile; of inputs the box around all windows."""
    if operand is not Operand.INPUT:
        count = 1
        for dim in _KEPT[operand]:
            count *= tile.get(dim, 1)
        return count
    rows = (tile.get(Dim.P, 1) - 1) * loops.stride[0] + (tile.get(Dim.R, 1) - 1) * loops.dilation[0] + 1
    columns = (tile.get(Dim.Q, 1) - 1) * loops.stride[1] + (tile.get(Dim.S, 1) - 1) * loops.dilation[1] + 1
    return tile.get(Dim.N, 1) * tile.get(Dim.G, 1) * tile.get(Dim.C, 1) * rows * columns


def room_of(loops: Loops, accelerator: Accelerator) -> Room:
    """The room of an accelerator; sums are kept at accumulator width, elements in whole words."""
    widths = {
        Operand.WEIGHT: loops.bits.weight,
        Operand.INPUT: loops.bits.input,
        Operand.OUTPUT: max(loops.bits.accumulator, loops.bits.output),
    }
    found = []
    for number, level in enumerate(accelerator.levels):
        if level.capacity_bytes is not None:
            copies = 1 + level.double_buffered
            stored = [
                (operand, copies * level.word_bits * -(-widths[operand] // level.word_bits))
                for operand in OPERANDS
                if operand in level.keeps
            ]
            found.append(LevelRoom(number, level.name, 8 * level.capacity_bytes, tuple(stored)))
    return Room(loops, tuple(found))
