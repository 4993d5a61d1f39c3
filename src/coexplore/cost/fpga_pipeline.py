"""What does a pipeline of FPGAs cost? Stages whose tiling is solved for their layers, on every device of a pool.

Every run of layers on every device gets the fastest design of a grid that fits it, by enumeration; then cuts and
devices are solved exactly over those times (`coexplore.cost.pipeline`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from coexplore.accelerators.fpga import FpgaDesign, FpgaDevice, PoolEntry
from coexplore.core.errors import AcceleratorError
from coexplore.cost._fpga import Floats, Ints, price_designs
from coexplore.cost._fpga_search import best_segments
from coexplore.cost.fpga import CONSISTENT, FpgaCost, FpgaRules, memory_row, port_limit, price_on_fpga
from coexplore.cost.fpga_layers import FpgaLayer, layer_rows, without_depthwise
from coexplore.cost.fpga_search import DesignGrid, coarse_grid, design_of
from coexplore.cost.pipeline import Pipeline, Stage, StageTable

MOST_DESIGNS = 60_000
"""In a default grid, which is coarser for networks with depthwise layers."""

GridOf = Callable[[Sequence[FpgaLayer], FpgaDevice, FpgaRules], DesignGrid]


@dataclass(frozen=True, slots=True, eq=False)
class FpgaStages:
    """The table of stages, and the design behind every entry."""

    table: StageTable
    layers: tuple[FpgaLayer, ...]
    pool: tuple[PoolEntry, ...]
    rules: FpgaRules
    grids: tuple[DesignGrid, ...]
    chosen: Ints
    """(types, l, l + 1): design of each run of layers as a row of the grid's designs, -1 for none."""
    built: tuple[FpgaDesign, ...] = ()
    """One for each type where engines are built already, with the buffers they have; empty where they are solved."""

    def design(self, stage: Stage) -> FpgaDesign:
        """The engine of a stage."""
        if self.built:
            return self.built[stage.device]
        grid, row = self.grids[stage.device], int(self.chosen[stage.device, stage.first, stage.end])
        return design_of(grid.designs()[row], self.layers[stage.first : stage.end], grid.bits)

    def cost(self, stage: Stage) -> FpgaCost:
        """The stage in full: cycles and bottleneck by layer, and what its engine occupies."""
        run = self.layers[stage.first : stage.end]
        return price_on_fpga(run, self.design(stage), self.pool[stage.device].device, self.rules)

    def power_w(self, pipeline: Pipeline) -> float:
        """Of all boards; they stay on between inputs."""
        return math.fsum(self.pool[stage.device].device.power_w for stage in pipeline.stages)

    def gops_per_w(self, pipeline: Pipeline) -> float:
        """Giga-operations per joule at the throughput of the pipeline's period."""
        work = 2e-9 * sum(layer.macs for layer in self.layers)
        return work / pipeline.period_s / self.power_w(pipeline)


def default_grid(layers: Sequence[FpgaLayer], device: FpgaDevice, rules: FpgaRules) -> DesignGrid:
    """The finest coarse grid of at most `MOST_DESIGNS`, else the coarsest."""
    for side in range(8, 3, -1):
        grid = coarse_grid(layers, device, rules, side=side)
        if len(grid) <= MOST_DESIGNS:
            break
    return grid


def fpga_stages(
    layers: Sequence[FpgaLayer],
    pool: Sequence[PoolEntry],
    rules: FpgaRules = CONSISTENT,
    grid_of: GridOf = default_grid,
    held: int = 0,
) -> FpgaStages:
    """Solve the tiling of every possible stage on every device of a pool.

    Args:
        layers: of the network, in order.
        pool: the FPGAs.
        rules: conventions.
        grid_of: what is enumerated, from the layers and a device.
        held: words that every weight bank holds even where no kernel of its layers is so large.

    Raises:
        AcceleratorError: the pool is empty, or a grid is.
    """
    if not pool:
        raise AcceleratorError("the pool has no FPGA; a pipeline needs at least one")
    if not layers:
        raise AcceleratorError("no layers to cut into stages; give at least one")
    grids = tuple(grid_of(layers, entry.device, rules) for entry in pool)
    shape = (len(pool), len(layers), len(layers) + 1)
    latency_s, chosen = np.full(shape, np.inf), np.full(shape, -1, np.int64)
    for t, (entry, grid) in enumerate(zip(pool, grids, strict=True)):
        _fill(layers, entry.device, rules, grid, held, latency_s[t], chosen[t])
        latency_s[t] /= entry.device.clock_hz
    table = StageTable(
        latency_s,
        tuple(layer.name for layer in layers),
        tuple(entry.device.name for entry in pool),
        tuple(entry.count for entry in pool),
        tuple(entry.cost for entry in pool),
    )
    return FpgaStages(table, tuple(layers), tuple(pool), rules, grids, chosen)


def _fill(
    layers: Sequence[FpgaLayer],
    device: FpgaDevice,
    rules: FpgaRules,
    grid: DesignGrid,
    held: int,
    cycles: Floats,
    chosen: Ints,
) -> None:
    """Fill cycles and chosen (l, l + 1) for one device."""
    rows = layer_rows(layers if grid.depthwise else without_depthwise(layers))
    designs = grid.designs()
    within = grid.bits * designs[:, 4:7].sum(axis=1) <= min(port_limit(device, rules), device.port_bits)
    numbers = np.flatnonzero(within)
    if not len(numbers):
        return
    usable = np.ascontiguousarray(designs[numbers])
    unique, which = np.unique(rows, axis=0, return_inverse=True)
    each = np.empty((len(unique), len(usable)))
    group = len(usable) // (len(grid.channels) * len(grid.rows) * len(grid.cols))
    price_designs(unique, usable, group, rules.row, each)
    memory = memory_row(device, rules, grid.bits)
    best_segments(which.ravel(), unique, usable, group, each, memory, held, cycles, chosen)
    chosen[chosen >= 0] = numbers[chosen[chosen >= 0]]
