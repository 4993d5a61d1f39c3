"""How do FPGAs share a network? A page with inputs passing through the stages, and what limits stages and layers."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path

from coexplore.core.files import write_atomic
from coexplore.cost.boards import BoardsCost
from coexplore.cost.fpga import LayerCost
from coexplore.cost.pipeline import Pipeline, Plan
from coexplore.reports.page import card, drawn, page, paragraph, table_html, tiles
from coexplore.reports.pipeline_figures import diagram, layer_figure, stage_figure, timed_layers
from coexplore.reports.pipeline_table import pipeline_table, power_note
from coexplore.reports.table import Column, Table
from coexplore.reports.units import metric_text, metric_title, quantity

SHOWN = ("throughput_per_s", "latency_s", "pipeline_efficiency", "gops_per_w", "power_w", "devices")
TOTALS = (*SHOWN, "energy_j", "utilisation", "macs", "parameters", "hardware_cost")
"""Metrics of the totals, in reading order."""
TOO_SLOW = "The fastest pipeline of the pool, which is too slow"


def write_pipeline_page(path: Path, workload: str, cost: BoardsCost) -> None:
    """Write the page, whole or not at all.

    Raises:
        MissingExtraError: plotly is not installed.
        StoreError: it cannot be written.
    """
    write_atomic(path, page(f"{workload} on {cost.boards.name}", _sections(workload, cost)))


def _sections(workload: str, cost: BoardsCost) -> list[str]:
    sections = [f"<h1>{html.escape(workload)}</h1>{paragraph(f'on {cost.boards.name}', soft=True)}"]
    if cost.reason:
        sections.append(f'<section class="card warning"><h2>No pipeline</h2>{paragraph(cost.reason)}</section>')
    if cost.fastest is None:
        return sections
    metrics = cost.metrics()
    sections.append(tiles((metric_title(name), metric_text(name, metrics[name]), "") for name in SHOWN))
    sections += pipeline_cards(cost)
    return [*sections, *(card(table.title.capitalize(), "", table_html(table)) for table in _tables(cost)[1:])]


def pipeline_cards(cost: BoardsCost) -> list[str]:
    """Three pictures and the stages of the pipeline that is built, or of the fastest where that is too slow."""
    pipeline = cost.fastest
    if pipeline is None:
        return []
    return [
        card(
            "Inputs passing through the pipeline",
            "A row is a stage, a colour an input; what stays white is idle.",
            drawn("pipeline", diagram(cost, pipeline)),
        ),
        card(
            "What limits each stage",
            "A bar is the time of a stage for one input, by what sets the pace of its layers. Above the dashed line it "
            "is too slow; the gap below the line is idle time.",
            drawn("stages", stage_figure(cost, pipeline)),
        ),
        card(
            "What limits each layer",
            "Dotted lines are the cuts between stages.",
            drawn("layers", layer_figure(cost, pipeline)),
        ),
        card(
            TOO_SLOW if cost.reason else "Stages",
            "",
            table_html(_tables(cost)[0]) + paragraph(_sentence(power_note(cost)), soft=True),
        ),
    ]


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:]}."


def pipeline_tables(cost: BoardsCost) -> tuple[Table, ...]:
    """Stages, layers and totals for the terminal; none where nothing fits."""
    return _tables(cost) if cost.fastest is not None else ()


def _tables(cost: BoardsCost) -> tuple[Table, Table, Table]:
    shown = replace(cost, plan=Plan(cost.fastest))
    return pipeline_table(shown), layer_table(cost), total_table(cost)


def layer_table(cost: BoardsCost) -> Table:
    """A row per layer: its stage, its time, what limits it, and how busy the four engines are meanwhile."""
    columns = (
        *(Column("layer", numeric=False), Column("stage"), Column("latency"), Column("limited by", numeric=False)),
        *(Column(title) for title in ("computing", "loading inputs", "loading weights", "storing outputs")),
    )
    pipeline = cost.fastest
    rows = _layer_rows(cost, pipeline) if pipeline is not None else []
    return Table("layers", columns, tuple(rows))


def _layer_rows(cost: BoardsCost, pipeline: Pipeline) -> list[tuple[str, ...]]:
    return [
        (row.name, f"{number + 1}", quantity(time, "s"), row.bottleneck.name.lower(), *_busy(row))
        for row, number, time in timed_layers(cost, pipeline)
    ]


def _busy(row: LayerCost) -> tuple[str, ...]:
    engines = (row.compute_cycles, row.input_cycles, row.weight_cycles, row.output_cycles)
    return tuple(f"{100 * cycles / row.cycles:.0f} %" for cycles in engines)


def layer_document(cost: BoardsCost) -> list[dict[str, object]]:
    """The layers for programs; `*_share` is the busy fraction of an engine. Empty where nothing fits."""
    return [
        {
            "name": row.name,
            "stage": number + 1,
            "latency_s": time,
            "bottleneck": row.bottleneck.name.lower(),
            "compute_share": row.compute_cycles / row.cycles,
            "input_share": row.input_cycles / row.cycles,
            "weight_share": row.weight_cycles / row.cycles,
            "output_share": row.output_cycles / row.cycles,
        }
        for row, number, time in (timed_layers(cost, cost.fastest) if cost.fastest is not None else ())
    ]


def total_table(cost: BoardsCost) -> Table:
    """What holds for the pipeline as a whole."""
    metrics = cost.metrics()
    rows = tuple((metric_title(name), metric_text(name, metrics[name])) for name in TOTALS if name in metrics)
    return Table("total", (Column("metric", numeric=False), Column("value")), rows)
