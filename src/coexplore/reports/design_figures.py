"""Where does the chosen design spend time, energy and area? Bars, with the baseline accelerator beside it."""

from __future__ import annotations

import html
import math
from collections import defaultdict
from collections.abc import Mapping

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.model import OpCost, WorkloadCost
from coexplore.reports.figures import BLUE, LIGHT, ORANGE, RED, TEAL, Figure, Look, axis, bars, layout
from coexplore.reports.findings import Chosen
from coexplore.reports.units import quantity

MAX_OPS = 80
"""Of more ops the slowest are drawn, in their order."""
CHOSEN, BASELINE = "chosen design", "baseline accelerator"
_COLORS = {"compute": BLUE, "dram bandwidth": ORANGE}
_MORE_COLORS = (RED, "#a855f7", "#ca8a04", "#be185d")


def slowest_ops(cost: WorkloadCost) -> list[OpCost]:
    """The ops that take time, in their order; at most `MAX_OPS`."""
    timed = [op for op in cost.ops if op.total_cycles > 0]
    kept = {op.name for op in sorted(timed, key=lambda op: -op.latency_s)[:MAX_OPS]}
    return [op for op in timed if op.name in kept]


def latency_figure(cost: WorkloadCost, baseline: WorkloadCost | None) -> Figure:
    """Latency of every op, coloured by what bounds it, and on a baseline accelerator."""
    ops = slowest_ops(cost)
    bounds = list(dict.fromkeys(op.bound for op in ops))
    spare = iter(_MORE_COLORS * len(bounds))
    traces = [
        _latency_bars(
            f"bound by {bound}", [op for op in ops if op.bound == bound], _COLORS.get(bound) or next(spare), CHOSEN
        )
        for bound in bounds
    ]
    if baseline is not None and baseline.feasible:
        there = {op.name: op for op in baseline.ops}
        traces.append(_latency_bars(BASELINE, [there[op.name] for op in ops], LIGHT, BASELINE))
    order = [html.escape(op.name) for op in ops]
    axes = {
        "xaxis": axis("", {"categoryorder": "array", "categoryarray": order, "tickangle": -60, "type": "category"}),
        "yaxis": axis("latency", {"tickformat": "~s", "ticksuffix": "s"}),
    }
    return {"data": traces, "layout": {**layout(460, axes), "barmode": "group"}}


def _latency_bars(name: str, ops: list[OpCost], color: str, group: str) -> Look:
    texts = [
        f"{html.escape(op.name)} ({op.kind})<br>{quantity(op.latency_s, 's')}, {quantity(op.energy_j, 'J')}<br>"
        f"bound by {html.escape(op.bound)}, utilisation {100 * op.utilisation:.1f} %"
        for op in ops
    ]
    x, y = [html.escape(op.name) for op in ops], [op.latency_s for op in ops]
    return bars(html.escape(name), color, group, {"x": x, "y": y, "hovertext": texts})


def area_figure(chosen: Chosen, baseline: Accelerator | None) -> Figure:
    """Silicon by component."""
    ours = chosen.design.chip.area_by_component_mm2()
    theirs = {} if baseline is None or chosen.baseline is None else baseline.area_by_component_mm2()
    return _compare(ours, theirs, "mm2", axis("area", {"ticksuffix": " mm²"}))


def energy_figure(chosen: Chosen) -> Figure:
    """Energy by level, over all ops."""
    theirs = energy_by_level(chosen.baseline) if chosen.baseline is not None and chosen.baseline.feasible else {}
    return _compare(energy_by_level(chosen.cost), theirs, "J", axis("energy", {"tickformat": "~s", "ticksuffix": "J"}))


def energy_by_level(cost: WorkloadCost) -> dict[str, float]:
    """Joules by where they are spent; the values add up to the energy of the workload."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for op in cost.ops:
        for level, _, joule in op.energy_by:
            found[level].append(joule)
    return {level: math.fsum(joules) for level, joules in found.items()}


def _compare(ours: Mapping[str, float], theirs: Mapping[str, float], unit: str, along: Look) -> Figure:
    parts = [name for name in dict.fromkeys((*ours, *theirs)) if ours.get(name, 0) > 0 or theirs.get(name, 0) > 0]
    traces = [
        bars(
            name,
            color,
            name,
            {
                "orientation": "h",
                "y": [html.escape(part) for part in parts],
                "x": [values.get(part, 0.0) for part in parts],
                "hovertext": [html.escape(f"{part}: {quantity(values.get(part, 0.0), unit)}") for part in parts],
            },
        )
        for name, color, values in ((CHOSEN, TEAL, ours), (BASELINE, LIGHT, theirs))
        if values
    ]
    axes = {"xaxis": along, "yaxis": axis("", {"autorange": "reversed", "type": "category"})}
    return {"data": traces, "layout": {**layout(110 + 46 * len(parts), axes), "barmode": "group"}}
