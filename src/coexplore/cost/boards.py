"""What does a network cost on FPGAs that share it? The best pipeline of a pool, or the best cut for boards in order.

Metrics are those of the pipeline at the required throughput, or at its own where none is required. Boards stay on
between inputs, so the energy of an input is the power of all over the throughput (`FpgaDevice.power_uncertainty`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from coexplore.accelerators.fpga import FpgaDesign, FpgaDevice, PoolEntry
from coexplore.accelerators.fpga_boards import FixedEngine, FpgaBoards
from coexplore.cost.fpga import CONSISTENT, FpgaRules
from coexplore.cost.fpga_layers import FpgaLayer, fpga_layers
from coexplore.cost.fpga_pipeline import FpgaStages, fpga_stages
from coexplore.cost.fpga_search import DesignGrid
from coexplore.cost.pipeline import Pipeline, Plan, StageTable, cheapest, fastest
from coexplore.cost.pipeline_order import in_order
from coexplore.workloads.graph import Workload

BOARD_METRICS = frozenset(
    {
        *("throughput_per_s", "latency_s", "energy_j", "edp_js", "power_w", "utilisation", "macs", "parameters"),
        *("pipeline_efficiency", "gops_per_w", "devices", "hardware_cost"),
    }
)
"""What is measured of FPGAs."""


@dataclass(frozen=True, slots=True, eq=False)
class BoardsCost:
    """A network on FPGAs."""

    boards: FpgaBoards
    stages: FpgaStages
    plan: Plan
    """The pipeline that is built, or why there is none."""
    fastest: Pipeline | None
    """What is built, or where that is too slow the fastest there is, judged at the throughput required."""
    parameters: int

    @property
    def reason(self) -> str:
        """Why no pipeline is good enough: the stage in the way and the factor it misses; empty where one is."""
        return "" if self.plan.pipeline is not None else self.plan.reason

    @property
    def violation(self) -> float:
        """By what fraction the throughput required is missed; 0 where it is met, or where nothing fits at all."""
        return max(self.plan.missing_factor - 1.0, 0.0)

    def metrics(self) -> dict[str, float]:
        """All of `BOARD_METRICS`, of the pipeline that is built or else of the fastest; empty where nothing fits."""
        pipeline = self.fastest
        if pipeline is None:
            return {}
        period = max(pipeline.period_s, pipeline.slowest.latency_s)
        macs, power_w = sum(layer.macs for layer in self.stages.layers), self.stages.power_w(pipeline)
        latency_s = math.fsum(stage.latency_s for stage in pipeline.stages)
        devices = [self.stages.pool[stage.device].device for stage in pipeline.stages]
        return {
            "throughput_per_s": pipeline.throughput,
            "latency_s": latency_s,
            "energy_j": power_w * period,
            "edp_js": power_w * period * latency_s,
            "power_w": power_w,
            "utilisation": macs / (math.fsum(device.dsp * device.clock_hz for device in devices) * period),
            "macs": float(macs),
            "parameters": float(self.parameters),
            "pipeline_efficiency": pipeline.efficiency,
            "gops_per_w": 2e-9 * macs / (power_w * period),
            "devices": float(len(devices)),
            "hardware_cost": pipeline.cost,
        }

    def utilisation_of(self, layer: str) -> float | None:
        """Busy fraction of the stage that runs a layer, above 1 where it is too slow; None for what is no layer."""
        if self.fastest is None or layer not in self.stages.table.layers:
            return None
        index = self.stages.table.layers.index(layer)
        busy = zip(self.fastest.stages, self.fastest.utilisation, strict=True)
        return next(share for stage, share in busy if stage.first <= index < stage.end)

    def document(self) -> dict[str, object]:
        """Everything about the pipeline, as lists, dicts and scalars that JSON takes."""
        pipeline, table = self.plan.pipeline, self.stages.table
        rows = []
        for stage, busy in zip(pipeline.stages, pipeline.utilisation, strict=True) if pipeline else ():
            design, cost = self.stages.design(stage), self.stages.cost(stage)
            rows.append(
                {
                    "device": table.devices[stage.device],
                    "power_w": cost.device.power_w,
                    "power_source": cost.device.power_source,
                    "power_uncertainty": cost.device.power_uncertainty,
                    "layers": list(table.layers[stage.first : stage.end]),
                    "latency_s": stage.latency_s,
                    "utilisation": busy,
                    "bottleneck": cost.bottleneck.name.lower(),
                    "tile": [design.tm, design.tn, design.tr, design.tc, design.tm_d],
                    "ports": [design.ports.weight, design.ports.input, design.ports.output],
                    "dsp": cost.usage.dsp,
                    "bram18": cost.usage.bram18,
                }
            )
        return {
            "boards": self.boards.name,
            "feasible": pipeline is not None,
            "reason": self.reason,
            "metrics": self.metrics(),
            "stages": rows,
        }


def price_on_boards(workload: Workload, boards: FpgaBoards, rules: FpgaRules = CONSISTENT) -> BoardsCost:
    """The best pipeline for a network.

    Args:
        workload: what runs; only ops that multiply and accumulate take time.
        boards: the pool with what is required, or boards in their order.
        rules: conventions.

    Raises:
        WorkloadError: nothing in the network multiplies and accumulates.
    """
    layers = fpga_layers(workload, rules.shapes)
    stages = _stages(layers, boards, rules)
    plan = _plan(stages.table, boards)
    best = plan.pipeline
    if best is None and plan.missing_factor > 1:
        found = _fastest(stages.table, boards).pipeline
        best = None if found is None or boards.throughput_per_s is None else found.at(boards.throughput_per_s)
    return BoardsCost(boards, stages, plan, best, workload.parameters)


def _plan(table: StageTable, boards: FpgaBoards) -> Plan:
    needed = boards.stages or (len(boards.engines) or 1)
    if needed > len(table.layers):
        return Plan(None, f"{needed} stages are more than the {len(table.layers)} layers; a stage needs a layer")
    required = boards.throughput_per_s
    if required is None:
        return _fastest(table, boards)
    if not boards.engines:
        return cheapest(table, required, boards.stages)
    return in_order(table, required)


def _fastest(table: StageTable, boards: FpgaBoards) -> Plan:
    return in_order(table) if boards.engines else fastest(table, boards.stages)


def _stages(layers: tuple[FpgaLayer, ...], boards: FpgaBoards, rules: FpgaRules) -> FpgaStages:
    """Solved once for networks whose layers differ in their names only."""
    nameless = tuple(replace(layer, name="") for layer in layers)
    engines, entries = boards.engines, boards.pool.entries
    solved = _solved_engines(nameless, engines, rules) if engines else _solved_pool(nameless, entries, rules)
    names = tuple(layer.name for layer in layers)
    return replace(solved, layers=layers, table=replace(solved.table, layers=names))


@lru_cache(maxsize=4096)
def _solved_pool(layers: tuple[FpgaLayer, ...], entries: tuple[PoolEntry, ...], rules: FpgaRules) -> FpgaStages:
    return fpga_stages(layers, entries, rules)


@lru_cache(maxsize=4096)
def _solved_engines(layers: tuple[FpgaLayer, ...], engines: tuple[FixedEngine, ...], rules: FpgaRules) -> FpgaStages:
    """One type per board, each with one possible design."""
    parts = [_with_engine(layers, engine.entry, engine.design, rules) for engine in engines]
    tables = [part.table for part in parts]
    table = StageTable(
        np.concatenate([table.latency_s for table in tables]),
        tables[0].layers,
        tuple(table.devices[0] for table in tables),
        tuple(1 for _ in tables),
        tuple(table.costs[0] for table in tables),
    )
    pool, grids = tuple(part.pool[0] for part in parts), tuple(part.grids[0] for part in parts)
    built = tuple(engine.design for engine in engines)
    return FpgaStages(table, layers, pool, rules, grids, np.concatenate([part.chosen for part in parts]), built)


def _with_engine(layers: tuple[FpgaLayer, ...], entry: PoolEntry, design: FpgaDesign, rules: FpgaRules) -> FpgaStages:
    ports = (design.ports.weight, design.ports.input, design.ports.output)
    grid = DesignGrid(((design.tm, design.tn, design.tm_d),), (design.tr,), (design.tc,), (ports,), design.bits)

    def only(layers: Sequence[FpgaLayer], device: FpgaDevice, rules: FpgaRules) -> DesignGrid:
        return grid

    stages = fpga_stages(layers, [entry], rules, only, held=max(design.tk, design.tk_d) ** 2)
    for index, layer in enumerate(layers):
        held = design.tk_d if layer.depthwise and design.tm_d else design.tk
        if max(layer.kernel) > held:
            stages.table.latency_s[:, : index + 1, index + 1 :] = math.inf
    return stages


def engines_of(stages: FpgaStages, pipeline: Pipeline) -> tuple[tuple[str, FpgaDesign], ...]:
    """Device and engine of every stage: what `engines` of the family `fpga-pool` takes, to fix a pipeline."""
    return tuple((stages.pool[stage.device].device.name, stages.design(stage)) for stage in pipeline.stages)
