"""What does a pipeline of FPGAs cost? Stages whose tiling is solved for their layers, on every device of a pool.

Every run of layers on every device gets the fastest design of a grid that fits it, by enumeration; then cuts and
devices are solved exactly over those times (`coexplore.cost.pipeline`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from coexplore.accelerators.fpga import FpgaDesign, FpgaDevice, PoolEntry
from coexplore.core.errors import AcceleratorError
from coexplore.cost._fpga import Floats, Ints
from coexplore.cost._fpga_stages import best_runs, price_part
from coexplore.cost.fpga import CONSISTENT, FpgaCost, FpgaRules, memory_row, port_limit, price_on_fpga
from coexplore.cost.fpga_layers import FpgaLayer, layer_rows, without_depthwise
from coexplore.cost.fpga_search import DesignGrid, design_of, factored, stage_grid
from coexplore.cost.pipeline import Pipeline, Stage, StageTable

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
    """(types, l, l + 1, 3): places of each run's tile, channels and ports in the grid of its device, -1 for none."""
    built: tuple[FpgaDesign, ...] = ()
    """One for each type where engines are built already, with the buffers they have; empty where they are solved."""

    def design(self, stage: Stage) -> FpgaDesign:
        """The engine of a stage."""
        if self.built:
            return self.built[stage.device]
        grid, places = self.grids[stage.device], self.chosen[stage.device, stage.first, stage.end]
        return design_of(grid.design(*map(int, places)), self.layers[stage.first : stage.end], grid.bits)

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


def fpga_stages(
    layers: Sequence[FpgaLayer],
    pool: Sequence[PoolEntry],
    rules: FpgaRules = CONSISTENT,
    grid_of: GridOf = stage_grid,
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
    latency_s, chosen = np.full(shape, np.inf), np.full((*shape, 3), -1, np.int64)
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
    """Fill cycles (l, l + 1) and chosen (l, l + 1, 3) for one device."""
    limit = min(port_limit(device, rules), device.port_bits)
    usable = [place for place, ports in enumerate(grid.ports) if grid.bits * sum(ports) <= limit]
    if not usable:
        return
    rows = layer_rows(layers if grid.depthwise else without_depthwise(layers))
    kinds, which = np.unique(rows, axis=0, return_inverse=True)
    tiles = np.array(list(itertools.product(grid.rows, grid.cols)), np.int64)
    ports = np.array([grid.ports[place] for place in usable], np.int64)
    pairs, engines, channels = factored(grid)
    number = np.full((len(pairs), len(engines)), -1, np.int64)
    for place, (pair, engine) in reversed(list(enumerate(channels))):
        number[pair, engine] = place
    second = np.stack((engines, np.zeros_like(engines)), axis=1)
    dense, dense_least = _priced(kinds, pairs, tiles, ports, rules, alone=False)
    lone, lone_least = _priced(kinds, second, tiles, ports, rules, alone=True)
    best_runs(
        which.ravel(), kinds, pairs, engines, number, tiles, dense, dense_least, lone, lone_least,
        memory_row(device, rules, grid.bits), held, cycles, chosen,
    )  # fmt: skip
    found = chosen[..., 2] >= 0
    chosen[found, 2] = np.array(usable)[chosen[found, 2]]


def _priced(
    layers: Ints, parts: Ints, tiles: Ints, ports: Ints, rules: FpgaRules, *, alone: bool
) -> tuple[Floats, Floats]:
    """Cycles (l, t, n, p) of one engine's layers, and the least of each over the ports."""
    shape = (len(layers), len(tiles), len(parts))
    cycles, least = np.empty((*shape, len(ports))), np.empty(shape)
    price_part(layers, parts, tiles, ports, rules.row, int(alone), cycles, least)
    return cycles, least
