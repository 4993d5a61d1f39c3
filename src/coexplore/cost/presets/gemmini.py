"""How long does a layer take on Gemmini? Its program's work (`gemmini_work`) times a few constants of the machine.

Three things happen at once: the processor issues tiles, the DMA moves data, the array multiplies. The program double
buffers, so the layer takes as long as the busiest of the three, plus a share of what the other two do, plus a start.

`CALIBRATED` was fitted to RTL simulations of random mappings by `benchmarks/fidelity/gemmini_rtl.py --calibrate`, which
also checks it on layer shapes that the fit has not seen.

References:
    Genc2021: Genc et al., Gemmini, DAC 2021.
    Hong2023: Hong et al., DOSA, MICRO 2023; the simulated rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.accelerators.accelerator import DIMS, Accelerator, Dim
from coexplore.core.errors import MappingError
from coexplore.cost.accounting import Accounting, Counts, Cycles
from coexplore.cost.nest import BELOW, DIM, LEVEL, SPATIAL, Problem
from coexplore.cost.presets.gemmini_layer import Axis, GemminiLayer, Tile
from coexplore.cost.presets.gemmini_work import Work, work_of

ZERO_ROW_CYCLES = 1.0
"""Rows of zeros do not use the bus; one is written per cycle."""
PROGRAM_DIMS = (Dim.K, Dim.C, Dim.P, Dim.Q, Dim.R, Dim.S)


@dataclass(frozen=True, slots=True)
class GemminiConstants:
    """What the machine needs per unit of work, in cycles."""

    startup: float
    """Before the first and after the last tile: commands, first loads, the array's drain, the last store."""
    conv_tile: float
    """The processor's own work per tile of a convolution: addresses, padding, 7 commands."""
    matmul_tile: float
    """The same per tile of a matrix product: 6 commands."""
    load_beat: float
    """Per 16 bytes that the L2 delivers."""
    store_beat: float
    """Per 16 bytes, or part of them, that it takes; it merges part of a beat with what it has."""
    shared_line: float
    """Added per 64-byte line that the L2 must fetch."""
    memory_line: float
    """Added again if the shared cache does not have it either."""
    exposed: float
    """Share of the two less busy that does not hide behind the busiest."""

    def cycles(self, work: Work, matmul: bool) -> float:
        """Cycles of a layer."""
        busy = (
            work.tiles * (self.matmul_tile if matmul else self.conv_tile),
            self.dma_cycles(work),
            work.array_cycles,
        )
        return self.startup + max(busy) + self.exposed * (sum(busy) - max(busy))

    def dma_cycles(self, work: Work) -> float:
        """Cycles in which the DMA is busy; it waits for what it loads, but not for what it stores."""
        beats = self.load_beat * work.load_beats + self.store_beat * work.store_beats
        lines = self.shared_line * work.l2_misses + self.memory_line * work.shared_misses
        return beats + lines + ZERO_ROW_CYCLES * work.zero_rows


GUESSED = GemminiConstants(
    startup=0.0,
    conv_tile=7 * 20.0,
    matmul_tile=6 * 20.0,
    load_beat=1.0,
    store_beat=1.0,
    shared_line=4.0,
    memory_line=4.0,
    exposed=0.0,
)
"""Before any measurement: 20 cycles of an in-order processor per command, one beat per cycle, a cache line at the width
of the bus (16 bytes per cycle), and from memory at 8 bytes per cycle, what the table's authors gave Timeloop."""

CALIBRATED = GemminiConstants(
    startup=956.0,
    conv_tile=255.0,
    matmul_tile=123.0,
    load_beat=1.27,
    store_beat=3.29,
    shared_line=7.62,
    memory_line=12.1,
    exposed=0.113,
)
"""Of the systems in Hong2023: what `benchmarks/fidelity/gemmini_rtl.py --calibrate` prints, from all 1,567 rows."""


def gemmini_cycles(layer: GemminiLayer, constants: GemminiConstants) -> float:
    """Cycles of a layer on Gemmini, from before its first command until its last output is stored."""
    return constants.cycles(work_of(layer), layer.is_matmul)


def gemmini_accounting(constants: GemminiConstants) -> Accounting:
    """Clean physics for what moves between the levels and for energy; this program's time.

    The loops of the outermost level are the program's; everything inside is its tile, whatever its order. The caches
    hold nothing of the layer when it begins, as in a network whose layers run once each.
    """

    def cycle_rule(problem: Problem, accelerator: Accelerator, counts: Counts) -> Cycles:
        layer = _layer(problem, accelerator, counts)
        work = work_of(layer)
        total = constants.cycles(work, layer.is_matmul)
        waits = total - constants.startup - work.array_cycles
        busiest = -1 if waits <= constants.exposed * total else 0
        return Cycles(work.array_cycles, 0.0, waits, constants.startup, 0.0, busiest)

    return Accounting("gemmini", cycle_rule=cycle_rule)


def _layer(problem: Problem, accelerator: Accelerator, counts: Counts) -> GemminiLayer:
    """A mapped op as the program runs it; images and groups run one after the other."""
    sides = [axis.size for level in accelerator.levels for axis in level.fanout]
    if not sides:
        raise MappingError(f"{accelerator.name} has no fan-out; Gemmini's time needs an array of rows and columns")
    extents = dict(zip(DIMS, (int(size) for size in problem.sizes), strict=True))
    outside = [row for row in counts.nest.table if row[LEVEL] == 0 and not row[SPATIAL]]
    tile = dict(extents)
    for row in outside:
        dim = DIMS[row[DIM]]
        tile[dim] = min(extents[dim], int(row[BELOW]))
    order = tuple(dict.fromkeys(DIMS[row[DIM]] for row in reversed(outside)))
    strides = [int(value) for value in problem.window]
    return GemminiLayer(
        out_channels=extents[Dim.K],
        in_channels=extents[Dim.C],
        columns=Axis(extents[Dim.P], extents[Dim.R], strides[0], strides[2]),
        rows=Axis(extents[Dim.Q], extents[Dim.S], strides[1], strides[3]),
        tile=Tile(*(tile[dim] for dim in PROGRAM_DIMS)),
        order=tuple(dim for dim in order if dim in PROGRAM_DIMS),
        side=max(sides),
        images=extents[Dim.N] * extents[Dim.G],
        warm=False,
    )
