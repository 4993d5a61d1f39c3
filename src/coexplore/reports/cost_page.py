"""Where does a workload spend time and energy on an accelerator? A page with a roofline and a bar per op."""

from __future__ import annotations

import html
import math
from pathlib import Path

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.files import write_atomic
from coexplore.cost.model import OpCost, WorkloadCost
from coexplore.reports.cost_tables import area_table, energy_table, op_table, total_table
from coexplore.reports.design_figures import latency_figure, slowest_ops
from coexplore.reports.figures import BLUE, GREY, INK, Figure, Look, axis, layout, points
from coexplore.reports.page import card, drawn, page, paragraph, table_html, tiles
from coexplore.reports.units import metric_text, metric_title, quantity

SHOWN = ("latency_s", "energy_j", "power_w", "utilisation", "area_mm2")
ROOF_SPAN = 4.0
"""The roofs reach this many times beyond the ops on both sides."""


def write_cost_page(path: Path, cost: WorkloadCost, accelerator: Accelerator) -> None:
    """Write the page, whole or not at all.

    Raises:
        MissingExtraError: plotly is not installed.
        StoreError: it cannot be written.
    """
    write_atomic(path, page(f"{cost.workload} on {cost.accelerator}", _sections(cost, accelerator)))


def _sections(cost: WorkloadCost, accelerator: Accelerator) -> list[str]:
    heading = f"<h1>{html.escape(cost.workload)}</h1>{paragraph(f'on {cost.accelerator}', soft=True)}"
    if not cost.feasible:
        told = f'<section class="card warning"><h2>It cannot run</h2>{paragraph(cost.reason)}</section>'
        return [heading, told, card("Ops", "", table_html(op_table(cost)))]
    metrics = cost.metrics()
    return [
        heading,
        tiles((metric_title(name), metric_text(name, metrics[name]), "") for name in SHOWN),
        card(
            "Roofline",
            "Every mark is an op. Under the slope the main memory limits it, under the flat roof the array; far below "
            "both, another memory, idle multipliers or transfers that nothing overlaps.",
            drawn("roofline", roofline_figure(cost, accelerator)),
        ),
        card("Latency op by op", "Coloured by what bounds it.", drawn("latency", latency_figure(cost, None))),
        *(
            card(table.title.capitalize(), "", table_html(table))
            for table in (energy_table(cost), total_table(cost), area_table(accelerator), op_table(cost))
        ),
    ]


def intensity(op: OpCost, main_memory: str) -> float:
    """Multiply-accumulates per byte that an op moves to or from the main memory."""
    moved = sum(read + written for level, _, read, written in op.traffic_bits if level == main_memory)
    return 8 * op.macs / moved if moved else math.inf


def roofline_figure(cost: WorkloadCost, accelerator: Accelerator) -> Figure:
    """Multiply-accumulates per second over multiply-accumulates per byte of main memory, both logarithmic."""
    memory = accelerator.levels[0]
    ops = [op for op in slowest_ops(cost) if op.macs and math.isfinite(intensity(op, memory.name))]
    x, y = [intensity(op, memory.name) for op in ops], [op.macs / op.latency_s for op in ops]
    texts = [
        f"{html.escape(op.name)} ({op.kind})<br>{quantity(op.macs, 'MAC')} in {quantity(op.latency_s, 's')}<br>"
        f"bound by {html.escape(op.bound)}"
        for op in ops
    ]
    axes = {
        "xaxis": axis("MACs per byte of main memory", {"type": "log"}),
        "yaxis": axis("MACs per second", {"type": "log", "tickformat": "~s"}),
    }
    marks = points("ops", x, y, {"text": texts, "marker": {"color": BLUE, "size": 9, "opacity": 0.75}})
    return {"data": [*_roofs(x, accelerator), marks], "layout": layout(420, axes)}


def _roofs(x: list[float], accelerator: Accelerator) -> list[Look]:
    peak = accelerator.macs_per_cycle * accelerator.clock_hz
    width = accelerator.levels[0].read_bytes_per_cycle
    slope = math.inf if width is None else width * accelerator.clock_hz
    corner = peak / slope if math.isfinite(slope) else 0.0
    low = min([*x, corner or math.inf, 1.0]) / ROOF_SPAN
    high = max([*x, corner, 1.0]) * ROOF_SPAN
    lines = [_line("array", INK, [max(corner, low), high], [peak, peak])]
    if corner > low:
        lines.append(_line(accelerator.levels[0].name, GREY, [low, corner], [low * slope, peak]))
    return lines


def _line(name: str, color: str, x: list[float], y: list[float]) -> Look:
    style = {"color": color, "width": 2}
    return {"type": "scatter", "mode": "lines", "name": html.escape(name), "x": x, "y": y, "line": style}
