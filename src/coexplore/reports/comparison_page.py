"""How do strategies get ahead? A page with the best so far over trials and over time, with bands, and the tables."""

from __future__ import annotations

import html
import math
from pathlib import Path

from coexplore.core.files import write_atomic
from coexplore.objectives.metrics import METRICS
from coexplore.reports.comparison import (
    about_evaluations,
    about_optimum,
    comparison_tables,
    curve,
    measure_title,
    statements,
)
from coexplore.reports.figures import BLUE, GREY, INK, ORANGE, RED, TEAL, Figure, Look, axis, layout, metric_axis
from coexplore.reports.page import card, drawn, page, paragraph, table_html
from coexplore.studies.compare import Comparison
from coexplore.studies.compare_runs import typical_seconds
from coexplore.studies.compare_values import value_of

COLORS = (BLUE, ORANGE, TEAL, RED, "#a855f7", "#ca8a04", "#be185d", GREY)
BAND_OPACITY = 0.15


def write_comparison_page(path: Path, comparison: Comparison) -> None:
    """Write the page, whole or not at all.

    Raises:
        MissingExtraError: plotly is not installed.
        StoreError: it cannot be written.
    """
    write_atomic(path, page(comparison.name, _sections(comparison)))


def _sections(comparison: Comparison) -> list[str]:
    runs = len(comparison.runs_of(comparison.contenders[0]))
    told = (
        f"Median over {runs} runs of the best so far. The band is the interval of order statistics that holds the "
        "median with 95 % confidence; of fewer than six runs it is the range. Time is trials times the seconds that "
        "one takes a strategy."
    )
    optimum = about_optimum(comparison)
    heading = f"<h1>{html.escape(comparison.name)}</h1>{paragraph(optimum or 'strategies compared', soft=True)}"
    sections = [heading, card("Best so far", told, drawn("curves", curves_figure(comparison)))]
    for table, standings in zip(
        comparison_tables(comparison), (comparison.equal_evaluations, comparison.equal_time), strict=True
    ):
        said = "".join(paragraph(sentence) for sentence in statements(standings))
        about = about_evaluations(comparison) if standings is comparison.equal_evaluations else ""
        sections.append(card(table.title.capitalize(), about, table_html(table) + said))
    return sections


def curves_figure(comparison: Comparison) -> Figure:
    """The best so far of every contender, over trials (left) and over seconds (right)."""
    traces: list[Look] = []
    heights: list[float] = []
    ends = {"": 1.0, "2": 0.0}
    for index, name in enumerate(comparison.contenders):
        numbers, rows = curve(comparison, name)
        color = COLORS[index % len(COLORS)]
        seconds = typical_seconds(comparison.runs_of(name))
        heights += [value for row in rows for value in row if math.isfinite(value)]
        for suffix, scale in (("", 1.0), ("2", seconds)):
            look: Look = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "legendgroup": name}
            at = [number * scale for number in numbers]
            ends[suffix] = max([ends[suffix], *at])
            traces += _band(at, rows, color, look)
            line: Look = {"line": {"color": color, "width": 2, "shape": "hv"}, "showlegend": not suffix, **look}
            traces.append(_line(name, at, [row[0] for row in rows], line))
    if comparison.proven is not None and math.isfinite(comparison.proven.loss):
        optimum = value_of(comparison.by, comparison.objectives, comparison.proven.loss)
        heights.append(optimum)
        traces += [_optimum(optimum, end, suffix) for suffix, end in ends.items()]
    metric = comparison.by if comparison.by in METRICS else None
    title = f"best {measure_title(comparison.by)}"

    def upward(look: Look) -> Look:
        free: Look = {"rangemode": "normal", **look}  # what is compared lies close together, far from zero
        return axis(title, free) if metric is None else metric_axis(metric, heights, free)

    axes = {
        "xaxis": axis("trials", {"domain": [0, 0.46], "rangemode": "tozero"}),
        "yaxis": upward({}),
        "xaxis2": axis("seconds", {"domain": [0.55, 1], "anchor": "y2", "rangemode": "tozero"}),
        "yaxis2": upward({"anchor": "x2"}),
    }
    return {"data": traces, "layout": layout(440, axes)}


def _optimum(value: float, end: float, suffix: str) -> Look:
    """A line at the value, up to the last trial or second."""
    look: Look = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "legendgroup": "optimum", "showlegend": not suffix}
    return _line("proven optimum", [0.0, end], [value, value], {"line": {"color": INK, "dash": "dash"}, **look})


def _band(x: list[float], rows: list[list[float]], color: str, look: Look) -> list[Look]:
    """Two invisible lines with color between them, from where both ends are known."""
    known = [(at, row) for at, row in zip(x, rows, strict=True) if all(map(math.isfinite, row))]
    style: Look = {"line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False, **look}
    red, green, blue = (int(color[index : index + 2], 16) for index in (1, 3, 5))
    fill: Look = {"fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},{BAND_OPACITY})"}
    at = [entry[0] for entry in known]
    return [
        _line("low", at, [row[1] for _, row in known], style),
        _line("high", at, [row[2] for _, row in known], {**style, **fill}),
    ]


def _line(name: str, x: list[float], y: list[float], look: Look) -> Look:
    shown = [value if math.isfinite(value) else None for value in y]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(name),
        "x": x,
        "y": shown,
        "hoverinfo": "x+y",
        **look,
    }
