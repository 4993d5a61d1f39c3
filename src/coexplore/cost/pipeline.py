"""How are layers cut into stages, and which device runs which? Exact plans for a pool, by dynamic programming.

A stage is a run of consecutive layers on one device; all stages work at the same time on different inputs, so the
slowest sets the throughput. `fastest` finds the highest throughput of a pool and its cheapest pipeline, `cheapest` the
lowest cost that meets a throughput; both equal brute force (`coexplore.testing.pipeline_oracle`).

References:
    Jiang2018: Jiang et al., Heterogeneous FPGA-based cost-optimal design for timing-constrained CNNs, TCAD 37(11).
    Jiang2020: Jiang et al., Hardware/Software Co-Exploration of Neural Architectures, TCAD, arXiv 1907.04650:
        utilisation of a stage, its latency times the required throughput; pipeline efficiency, their mean.

Departures:
    Links between devices take no time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coexplore.core.errors import AcceleratorError
from coexplore.cost._fpga import Floats, Ints
from coexplore.cost._pipeline import fill_values

ROUNDING = 1 + 1e-15
"""A pipeline meets its own throughput, which is one over its period rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class StageTable:
    """Latency of every possible stage on every type of device, and how many of each there are.

    Raises:
        AcceleratorError: the pool is empty, a count or cost is out of range, or a shape does not fit.
    """

    latency_s: Floats
    """(types, l, l + 1): of the layers from i before j; infinite where they do not fit."""
    layers: tuple[str, ...]
    devices: tuple[str, ...]
    counts: tuple[int, ...]
    costs: tuple[float, ...]
    """Of one device of each type, in a unit of the user's."""

    def __post_init__(self) -> None:
        types, layers = len(self.devices), len(self.layers)
        if not (len(self.counts) == len(self.costs) == types):
            raise AcceleratorError(f"the pool has {types} types, {len(self.counts)} counts and {len(self.costs)} costs")
        for name, count, cost in zip(self.devices, self.counts, self.costs, strict=True):
            if count < 0:
                raise AcceleratorError(f"the pool has {count} of {name!r}; a count cannot be negative")
            if not (math.isfinite(cost) and cost >= 0):
                raise AcceleratorError(f"the cost of {name!r} is {cost}; it must be finite and not negative")
        if sum(self.counts) == 0:
            raise AcceleratorError("the pool has no FPGA; a pipeline needs at least one")
        if layers == 0 or self.latency_s.shape != (types, layers, layers + 1):
            raise AcceleratorError(
                f"latency_s has shape {self.latency_s.shape}; {types} types and {layers} layers need "
                f"{(types, layers, layers + 1)}, and at least one layer"
            )


@dataclass(frozen=True, slots=True)
class Stage:
    """Consecutive layers on one device."""

    device: int
    """Type, as an index of the table."""
    first: int
    end: int
    """One past the last layer."""
    latency_s: float


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages in the order of the layers."""

    stages: tuple[Stage, ...]
    cost: float
    period_s: float
    """Between two inputs: what is required, or else the slowest stage."""

    @property
    def slowest(self) -> Stage:
        """The stage that sets the throughput; of equal ones the first."""
        return max(self.stages, key=lambda stage: stage.latency_s)

    @property
    def throughput(self) -> float:
        """Inputs per second that the pipeline can take."""
        return 1 / self.slowest.latency_s

    @property
    def utilisation(self) -> tuple[float, ...]:
        """Busy fraction of the period of every stage."""
        return tuple(stage.latency_s / self.period_s for stage in self.stages)

    @property
    def efficiency(self) -> float:
        """Mean utilisation."""
        return math.fsum(self.utilisation) / len(self.stages)

    def at(self, throughput: float) -> Pipeline:
        """The same pipeline with its utilisation at another throughput."""
        return Pipeline(self.stages, self.cost, 1 / throughput)


@dataclass(frozen=True, slots=True)
class Plan:
    """A pipeline, or why there is none."""

    pipeline: Pipeline | None
    reason: str = ""
    missing_factor: float = 1.0
    """By how much the fastest pipeline of the pool falls short of the throughput asked for."""


def fastest(table: StageTable, stages: int | None = None) -> Plan:
    """The pipeline of the highest throughput and, of those, of the lowest cost.

    Args:
        table: what every stage would take.
        stages: how many there must be; None is as many as are best.

    Raises:
        AcceleratorError: more stages than layers or devices.
    """
    _check_stages(table, stages)
    values, _, _ = _solve(table, math.inf, slowest=True)
    state = _best_state(table, values, stages)
    if state is None:
        return Plan(None, _what_fits_nowhere(table, stages))
    return _cheapest_within(table, float(values[state, -1]), stages)


def cheapest(table: StageTable, throughput: float, stages: int | None = None) -> Plan:
    """The pipeline of the lowest cost that takes `throughput` inputs per second.

    Args:
        table: what every stage would take.
        throughput: required, inputs per second.
        stages: how many there must be; None is as many as are best.

    Raises:
        AcceleratorError: the throughput is not positive, or there are more stages than layers or devices.
    """
    if not (math.isfinite(throughput) and throughput > 0):
        raise AcceleratorError(f"throughput is {throughput}; give inputs per second, above 0")
    _check_stages(table, stages)
    plan = _cheapest_within(table, ROUNDING / throughput, stages)
    if plan.pipeline is not None:
        return Plan(plan.pipeline.at(throughput))
    best = fastest(table, stages)
    return best if best.pipeline is None else shortfall(table, best.pipeline, throughput)


def _check_stages(table: StageTable, stages: int | None) -> None:
    if stages is None:
        return
    if stages < 1:
        raise AcceleratorError(f"stages is {stages}; a pipeline has at least 1")
    if stages > len(table.layers):
        raise AcceleratorError(f"{stages} stages are more than the {len(table.layers)} layers; a stage needs a layer")
    if stages > sum(table.counts):
        raise AcceleratorError(f"{stages} stages are more than the {sum(table.counts)} FPGAs of the pool")


def _solve(table: StageTable, period_s: float, *, slowest: bool) -> tuple[Floats, Ints, Ints]:
    counts, steps = np.array(table.counts, np.int64), _steps(table)
    shape = (int(np.prod(counts + 1)), len(table.layers) + 1)
    values, came, kind = np.empty(shape), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    latency = np.ascontiguousarray(table.latency_s, np.float64)
    costs = np.array(table.costs, np.float64)
    fill_values(latency, counts, steps, costs, period_s, slowest, values, came, kind)
    return values, came, kind


def _steps(table: StageTable) -> Ints:
    radix = [1, *(count + 1 for count in table.counts[:-1])]
    return np.cumprod(np.array(radix, np.int64))


def _best_state(table: StageTable, values: Floats, stages: int | None) -> int | None:
    """The first of the best states, of those that use so many devices."""
    last = values[:, -1].copy()
    if stages is not None:
        radix = np.array(table.counts, np.int64) + 1
        used = (np.arange(len(last))[:, None] // _steps(table)) % radix
        last[used.sum(axis=1) != stages] = np.inf
    return int(last.argmin()) if np.isfinite(last).any() else None


def _cheapest_within(table: StageTable, period_s: float, stages: int | None) -> Plan:
    values, came, kind = _solve(table, period_s, slowest=False)
    state = _best_state(table, values, stages)
    if state is None:
        return Plan(None)
    cost, steps, found, end = float(values[state, -1]), _steps(table), [], len(table.layers)
    while end:
        first, device = int(came[state, end]), int(kind[state, end])
        found.append(Stage(device, first, end, float(table.latency_s[device, first, end])))
        state, end = state - int(steps[device]), first
    return Plan(Pipeline(tuple(reversed(found)), cost, period_s))


def shortfall(table: StageTable, best: Pipeline, throughput: float) -> Plan:
    """No pipeline, because even the best is too slow: its slowest stage, and by what factor it misses."""
    stage, factor = best.slowest, throughput / best.throughput
    run = table.layers[stage.first : stage.end]
    layers = f"layer {run[0]!r}" if len(run) == 1 else f"layers {run[0]!r} to {run[-1]!r}"
    reason = (
        f"no pipeline of this pool takes {throughput:g} inputs per second: the fastest takes {best.throughput:.4g}, "
        f"set by stage {best.stages.index(stage) + 1} of {len(best.stages)} ({layers} on {table.devices[stage.device]},"
        f" {1e3 * stage.latency_s:.4g} ms); it is {factor:.4g} times too slow"
    )
    return Plan(None, reason, factor)


def _what_fits_nowhere(table: StageTable, stages: int | None) -> str:
    usable = [t for t, count in enumerate(table.counts) if count > 0]
    for index, name in enumerate(table.layers):
        if not np.isfinite(table.latency_s[usable, index, index + 1]).any():
            return f"layer {name!r} fits no FPGA of the pool: no tiling of it leaves enough memory"
    wanted = "" if stages is None else f" of {stages} stages"
    return f"no pipeline{wanted} fits the pool: its FPGAs together are too few for the layers"


def greedy(table: StageTable) -> Plan:
    """A baseline: for a period, each stage in turn takes the device that reaches furthest; the period by bisection.

    Of devices that reach equally far the cheapest is taken. Not optimal, since it may spend a good device too early.
    """
    periods: Sequence[float] = sorted({float(value) for value in table.latency_s.ravel() if math.isfinite(value)})
    best: Pipeline | None = None
    low, high = 0, len(periods) - 1
    while low <= high:
        middle = (low + high) // 2
        found = _furthest(table, periods[middle])
        if found is None:
            low = middle + 1
        else:
            best, high = found, middle - 1
    if best is None:
        return Plan(None, "the greedy walk finds no pipeline for this pool")
    return Plan(best.at(best.throughput))


def _furthest(table: StageTable, period_s: float) -> Pipeline | None:
    left, stages, first = list(table.counts), [], 0
    while first < len(table.layers):
        reach = {t: _reach(table.latency_s[t, first], period_s) for t, count in enumerate(left) if count > 0}
        t = max(reach, key=lambda t: (reach[t], -table.costs[t], -t), default=None)
        if t is None or reach[t] <= first:
            return None
        stages.append(Stage(t, first, reach[t], float(table.latency_s[t, first, reach[t]])))
        left[t] -= 1
        first = reach[t]
    return Pipeline(tuple(stages), sum(table.costs[stage.device] for stage in stages), period_s)


def _reach(latency_s: Floats, period_s: float) -> int:
    """The furthest end of a stage within the period, 0 if there is none."""
    ends = np.flatnonzero(latency_s <= period_s)
    return int(ends[-1]) if len(ends) else 0


def by_work(table: StageTable, work: Sequence[float]) -> Plan:
    """A baseline: all devices, fastest first, each with its share of the work; no search.

    A device's speed is one over the time it takes for each layer alone; one that cannot run some layer is left out.

    Args:
        table: what every stage would take.
        work: of every layer, multiply-accumulates for instance.
    """
    alone = [np.diagonal(latency, 1).sum() for latency in table.latency_s]
    speeds = [1 / latency for latency in alone]
    order = sorted((t for t, n in enumerate(table.counts) if speeds[t] > 0 for _ in range(n)), key=lambda t: -speeds[t])
    order = order[: len(table.layers)]
    if not order:
        return Plan(None, "every FPGA of the pool lacks the memory for some layer")
    shares = np.cumsum([speeds[t] for t in order]) / sum(speeds[t] for t in order)
    done = np.cumsum(work) / sum(work)
    stages, first = [], 0
    for index, (t, share) in enumerate(zip(order, shares, strict=True)):
        latest = len(table.layers) - (len(order) - index - 1)
        end = min(max(int(np.abs(done - share).argmin()) + 1, first + 1), latest)
        end = len(table.layers) if index == len(order) - 1 else end
        stages.append(Stage(t, first, end, float(table.latency_s[t, first, end])))
        first = end
    slowest = max(stage.latency_s for stage in stages)
    if not math.isfinite(slowest):
        return Plan(None, "a device cannot hold its share of the work")
    return Plan(Pipeline(tuple(stages), sum(table.costs[stage.device] for stage in stages), slowest))
