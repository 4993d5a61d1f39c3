"""How is a picture of a study drawn? Plotly's pieces in one style, as dicts that plotly checks."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from coexplore.reports.units import metric_text, metric_title, metric_unit

Figure = dict[str, object]
"""`data` and `layout` of a plotly figure."""
Look = dict[str, object]
"""Settings of a trace, an axis or a layout, under plotly's names."""

BLUE, ORANGE, GREY, LIGHT, TEAL, RED = "#2563eb", "#ea580c", "#94a3b8", "#cbd5e1", "#0d9488", "#dc2626"
INK, LINE = "#1e293b", "#e2e8f0"
LOG_FROM = 10.0
"""An axis whose largest value is this many times its smallest is logarithmic."""
_SUFFIX = {"s": "s", "J": "J", "J s": "Js", "W": "W", "mm2": " mm²", "1/s": "/s"}


def layout(height: int, axes: Mapping[str, Look]) -> Look:
    """The style all figures share.

    Args:
        height: in pixels; the width is that of the page.
        axes: `xaxis`, `yaxis2` and so on, from `axis` or `metric_axis`.
    """
    return {
        "template": "none",
        "height": height,
        "margin": {"l": 70, "r": 20, "t": 50, "b": 60},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "hoverlabel": {"align": "left", "font": {"size": 12}},
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        **axes,
    }


def axis(title: str, look: Look) -> Look:
    """An axis with its title, and more of its settings."""
    style = {"gridcolor": LINE, "linecolor": GREY, "zeroline": False, "automargin": True, "ticks": "outside"}
    return {**style, "tickcolor": LINE, "title": {"text": html.escape(title), "standoff": 14}, **look}


def metric_axis(metric: str, values: Sequence[float], look: Look) -> Look:
    """An axis for a metric; logarithmic where the `values` to be shown are far apart."""
    unit = metric_unit(metric)
    if unit == "fraction":
        return axis(metric_title(metric), {"tickformat": ".1%", **({} if values else {"range": [0, 1]}), **look})
    positive = [value for value in values if value > 0]
    far = len(positive) == len(values) > 1 and max(positive) > LOG_FROM * min(positive)
    scale: Look = {"type": "log", "dtick": "D2"} if far else {"type": "linear", "rangemode": "tozero"}
    return axis(metric_title(metric), {"tickformat": "~s", "ticksuffix": _SUFFIX.get(unit, ""), **scale, **look})


def points(name: str, x: Sequence[float | None], y: Sequence[float | None], look: Look) -> Look:
    """Markers, named in the legend; `text` among the look is shown on hovering."""
    return {"type": "scatter", "mode": "markers", "name": name, "x": list(x), "y": list(y), "hoverinfo": "text", **look}


def bars(name: str, color: str, group: str, look: Look) -> Look:
    """Bars that stand beside those of another group, and in the place of those of the same one."""
    return {"type": "bar", "name": name, "marker": {"color": color}, "offsetgroup": group, "hoverinfo": "text", **look}


def hover(title: str, metrics: Mapping[str, float], decisions: Mapping[str, object]) -> str:
    """Text beside a marker: metrics, then decisions, several on a line."""
    lines = [f"<b>{html.escape(title)}</b>"]
    lines += [f"{html.escape(metric_title(name))}: {metric_text(name, value)}" for name, value in metrics.items()]
    texts = [html.escape(f"{name} {value}") for name, value in decisions.items()]
    lines += [", ".join(texts[start : start + 4]) for start in range(0, len(texts), 4)]
    return "<br>".join(lines)
