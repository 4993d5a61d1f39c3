"""How does a row-stationary array map a convolution? The seven parameters of Eyeriss, and the loop nest they stand for.

References:
    Chen2017: Chen et al., "Eyeriss: An energy-efficient reconfigurable accelerator for deep convolutional neural
        networks", IEEE JSSC 52(1), 2017, Sec. III: what m, n, e, p, q, r and t mean.
"""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.accelerators.accelerator import Dim
from coexplore.core.errors import MappingError
from coexplore.cost.mapping import LevelMapping, Loop, Mapping, SpatialLoop
from coexplore.workloads.op import Loops


@dataclass(frozen=True, slots=True)
class RowStationary:
    """What the global buffer, the array and one element work on (Chen2017).

    A set of R x e elements makes e output rows: filter row by filter row down, output row by output row across. The
    array holds r sets for other input channels, whose sums are added, and t sets for other filters. A pass is what the
    array does without new weights.
    """

    m: int
    """Filters whose sums the global buffer holds."""
    n: int
    """Images whose inputs and sums the global buffer holds."""
    e: int
    """Output rows of a set; a set wider than the array is folded into several strips above each other."""
    p: int
    """Filters of an element."""
    q: int
    """Input channels of an element."""
    r: int
    """Sets for different input channels."""
    t: int
    """Sets for different filters."""

    def __post_init__(self) -> None:
        for name in ("m", "n", "e", "p", "q", "r", "t"):
            if getattr(self, name) < 1:
                raise MappingError(f"row-stationary parameter {name} is {getattr(self, name)}; it must be at least 1")


def row_stationary(loops: Loops, choice: RowStationary, columns: int) -> Mapping:
    """The mapping for an accelerator like `coexplore.accelerators.eyeriss`, with `columns` elements per row.

    Main memory iterates over groups, filters, images, strips of rows and, innermost, input channels, so sums stay in
    the global buffer until they are complete. Weights stay in the array over the images of the buffer.
    """
    across = min(choice.e, columns)
    strips = _ceil(choice.e, across)
    sets_across = min(choice.t, columns // across)
    outer = (
        Loop(Dim.G, loops.G),
        Loop(Dim.K, _ceil(loops.K, choice.m)),
        Loop(Dim.N, _ceil(loops.N, choice.n)),
        Loop(Dim.P, _ceil(loops.P, choice.e)),
        Loop(Dim.C, _ceil(loops.C, choice.q * choice.r)),
    )
    passes = (
        Loop(Dim.K, _ceil(min(choice.m, loops.K), choice.p * choice.t)),
        Loop(Dim.N, min(choice.n, loops.N)),
    )
    array = (
        SpatialLoop("pe_x", Dim.K, sets_across),
        SpatialLoop("pe_y", Dim.K, _ceil(choice.t, sets_across)),
        SpatialLoop("pe_y", Dim.C, choice.r),
        SpatialLoop("pe_y", Dim.P, strips),
        SpatialLoop("pe_x", Dim.P, across),
        SpatialLoop("pe_y", Dim.R, loops.R),
    )
    return Mapping(
        (
            LevelMapping(outer),
            LevelMapping(passes, array),
            LevelMapping((Loop(Dim.Q, loops.Q),)),
            LevelMapping((Loop(Dim.C, choice.q), Loop(Dim.S, loops.S))),
            LevelMapping((Loop(Dim.K, choice.p),)),
        )
    )


def _ceil(whole: int, part: int) -> int:
    return -(-whole // part)
