"""How does a pipeline of FPGAs look? Inputs passing through its stages, what limits each stage, and each layer."""

from __future__ import annotations

import html
from collections.abc import Sequence

from coexplore.cost.boards import BoardsCost
from coexplore.cost.fpga import Bottleneck, FpgaCost, LayerCost
from coexplore.cost.pipeline import Pipeline, Stage
from coexplore.reports.figures import BLUE, GREY, INK, ORANGE, RED, TEAL, Figure, Look, axis, layout
from coexplore.reports.units import quantity

COLORS = {Bottleneck.COMPUTE: BLUE, Bottleneck.INPUT: ORANGE, Bottleneck.WEIGHT: RED, Bottleneck.OUTPUT: TEAL}
WHAT = {
    Bottleneck.COMPUTE: "computing",
    Bottleneck.INPUT: "loading inputs",
    Bottleneck.WEIGHT: "loading weights",
    Bottleneck.OUTPUT: "storing outputs",
}
SHADES = (BLUE, ORANGE, TEAL, RED, "#a855f7", "#ca8a04")
"""One after the other, for inputs that follow each other."""
INPUTS = 4
"""Shown beyond those that fill the pipeline."""
MAX_LAYERS = 120
"""Of more layers the slowest are drawn, in their order."""


def stage_name(cost: BoardsCost, number: int, stage: Stage) -> str:
    """Number and FPGA of a stage, for an axis."""
    return f"{number + 1}: {html.escape(cost.stages.table.devices[stage.device])}"


def starts(pipeline: Pipeline, inputs: int) -> list[list[float]]:
    """When every stage begins with every input, seconds, as (stages, inputs).

    Inputs arrive once in a period; a stage begins when it is free and the stage before it is done.
    """
    rows: list[list[float]] = []
    arrive = [number * pipeline.period_s for number in range(inputs)]
    for stage in pipeline.stages:
        row: list[float] = []
        for time in arrive:
            row.append(max(time, row[-1] + stage.latency_s) if row else time)
        rows.append(row)
        arrive = [time + stage.latency_s for time in row]
    return rows


def diagram(cost: BoardsCost, pipeline: Pipeline) -> Figure:
    """Time from left to right, a row per stage, a colour per input; what is white is idle."""
    inputs = len(pipeline.stages) + INPUTS
    names = [stage_name(cost, number, stage) for number, stage in enumerate(pipeline.stages)]
    begin = starts(pipeline, inputs)
    traces: list[Look] = []
    for number in range(inputs):
        texts = [
            f"input {number + 1} in stage {name}<br>for {quantity(stage.latency_s, 's')}"
            for name, stage in zip(names, pipeline.stages, strict=True)
        ]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"input {number + 1}",
                "y": names,
                "base": [row[number] for row in begin],
                "x": [stage.latency_s for stage in pipeline.stages],
                "marker": {"color": SHADES[number % len(SHADES)], "line": {"color": "white", "width": 1}},
                "hovertext": texts,
                "hoverinfo": "text",
                "showlegend": False,
            }
        )
    axes = {
        "xaxis": axis("time", {"tickformat": "~s", "ticksuffix": "s"}),
        "yaxis": axis("stage", {"type": "category", "autorange": "reversed"}),
    }
    return {"data": traces, "layout": {**layout(160 + 45 * len(names), axes), "barmode": "overlay"}}


def limited_s(cost: FpgaCost) -> dict[Bottleneck, float]:
    """Seconds that a stage spends on layers with each bottleneck; they add up to its latency."""
    return {
        kind: sum(row.cycles for row in cost.layers if row.bottleneck is kind) / cost.device.clock_hz
        for kind in Bottleneck
    }


def stage_figure(cost: BoardsCost, pipeline: Pipeline) -> Figure:
    """Time of every stage by what limits its layers, beside the time there is for each."""
    names = [stage_name(cost, number, stage) for number, stage in enumerate(pipeline.stages)]
    spent = [limited_s(cost.stages.cost(stage)) for stage in pipeline.stages]
    traces: list[Look] = []
    for kind in Bottleneck:
        y = [times[kind] for times in spent]
        if not any(y):
            continue
        texts = [
            f"stage {name}: {quantity(time, 's')}<br>limited by {WHAT[kind]}"
            for name, time in zip(names, y, strict=True)
        ]
        look = {"x": names, "y": y, "hovertext": texts, "hoverinfo": "text", "marker": {"color": COLORS[kind]}}
        traces.append({"type": "bar", "name": f"limited by {WHAT[kind]}", **look})
    line: Look = {"color": INK, "width": 2, "dash": "dash"}
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"one input every {quantity(pipeline.period_s, 's')}",
            "x": [names[0], names[-1]],
            "y": [pipeline.period_s] * 2,
            "line": line,
        }
    )
    shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": pipeline.period_s, "y1": pipeline.period_s}
    axes = {
        "xaxis": axis("stage", {"type": "category"}),
        "yaxis": axis("busy", {"tickformat": "~s", "ticksuffix": "s", "rangemode": "tozero"}),
    }
    return {"data": traces, "layout": {**layout(400, axes), "barmode": "stack", "shapes": [{**shape, "line": line}]}}


def layer_figure(cost: BoardsCost, pipeline: Pipeline) -> Figure:
    """Latency of every layer, coloured by what limits it; a line where a stage ends."""
    shown = slowest_layers(cost, pipeline)
    traces: list[Look] = []
    for kind in Bottleneck:
        rows = [(row, stage, time) for row, stage, time in shown if row.bottleneck is kind]
        if not rows:
            continue
        texts = [
            f"{html.escape(row.name)} in stage {stage + 1}<br>{quantity(time, 's')}, limited by {WHAT[kind]}"
            for row, stage, time in rows
        ]
        look = {"hovertext": texts, "hoverinfo": "text", "marker": {"color": COLORS[kind]}}
        x, y = [html.escape(row.name) for row, _, _ in rows], [time for _, _, time in rows]
        traces.append({"type": "bar", "name": f"limited by {WHAT[kind]}", "x": x, "y": y, **look})
    order = [html.escape(row.name) for row, _, _ in shown]
    axes = {
        "xaxis": axis("", {"categoryorder": "array", "categoryarray": order, "tickangle": -60, "type": "category"}),
        "yaxis": axis("latency", {"tickformat": "~s", "ticksuffix": "s"}),
    }
    return {"data": traces, "layout": {**layout(460, axes), "shapes": _cuts([stage for _, stage, _ in shown])}}


def timed_layers(cost: BoardsCost, pipeline: Pipeline) -> list[tuple[LayerCost, int, float]]:
    """Every layer with the index of its stage and its seconds, in their order."""
    return [
        (row, number, row.cycles / priced.device.clock_hz)
        for number, stage in enumerate(pipeline.stages)
        for priced in (cost.stages.cost(stage),)
        for row in priced.layers
    ]


def slowest_layers(cost: BoardsCost, pipeline: Pipeline) -> list[tuple[LayerCost, int, float]]:
    """As `timed_layers`, at most `MAX_LAYERS` of them."""
    rows = timed_layers(cost, pipeline)
    kept = {id(row) for row, _, _ in sorted(rows, key=lambda entry: -entry[2])[:MAX_LAYERS]}
    return [entry for entry in rows if id(entry[0]) in kept]


def _cuts(stages: Sequence[int]) -> list[Look]:
    """Lines between the last layer of a stage and the first of the next."""
    places = [index - 0.5 for index in range(1, len(stages)) if stages[index] != stages[index - 1]]
    line = {"color": GREY, "width": 1, "dash": "dot"}
    return [{"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x, "line": line} for x in places]
