"""How near is what came out to what was published? A page with both, as ratios, and what the script printed."""

from __future__ import annotations

import html
from pathlib import Path

import coexplore
from coexplore.core.files import write_atomic
from coexplore.reports.figures import BLUE, GREY, Figure, Look, axis, layout, points
from coexplore.reports.page import card, drawn, page, paragraph, table_html
from coexplore.systems.reproduction import Reproduction, figures_table

ROW_PX, MARGIN_PX = 46, 130
"""Height of a row of the picture, and of what is around the rows."""


def write_reproduction(path: Path, made: Reproduction) -> None:
    """Write the page, whole or not at all.

    Raises:
        MissingExtraError: plotly is not installed.
        StoreError: it cannot be written.
    """
    write_atomic(path, page(made.order.name, _sections(made)))


def _sections(made: Reproduction) -> list[str]:
    claim = made.order.claim
    table = figures_table(made)
    form = "The quick form: it shows that the script works, and little about the claim. " if made.order.quick else ""
    sections = [
        f"<h1>{html.escape(made.order.name)}</h1>{paragraph(made.order.system.paper, soft=True)}",
        card("The claim", f"{claim.mark.value}: {claim.source}", paragraph(claim.statement)),
        card("Published and here", f"{form}{claim.comparable}", table_html(table)),
    ]
    picture = ratio_figure(made)
    if picture is not None:
        told = "Here over published, where a single number is published; 1 is the published figure."
        sections.append(card("How near", told, drawn("ratios", picture)))
    output = card("What the script printed", "", f"<pre>{html.escape(made.output)}</pre>")
    told = f"{made.command} took {made.seconds:.0f} s with coexplore {coexplore.__version__}."
    return [*sections, output, card("How to make it again", told, "")]


def ratio_figure(made: Reproduction) -> Figure | None:
    """A row for each figure with a published number; None where there is none."""
    ratios = [
        (figure.what, found / figure.value, f"{figure.published} published, {figure.written(made.result)} here")
        for figure in made.order.claim.figures
        if figure.value and isinstance(found := figure.read(made.result), int | float) and found > 0
    ]
    if not ratios:
        return None
    names = [html.escape(what) for what, _, _ in ratios]
    stem: Look = {"mode": "lines", "line": {"color": GREY, "width": 1}, "hoverinfo": "skip", "showlegend": False}
    lines = points("", [x for _, ratio, _ in ratios for x in (1.0, ratio, None)], [], stem)
    lines["y"] = [y for name in names for y in (name, name, None)]
    marks: list[Look] = []
    for label, color, x, texts in (
        ("published", GREY, [1.0] * len(ratios), [text for _, _, text in ratios]),
        ("here", BLUE, [ratio for _, ratio, _ in ratios], [text for _, _, text in ratios]),
    ):
        look: Look = {"text": [html.escape(text) for text in texts], "marker": {"color": color, "size": 12}}
        marks.append({**points(label, list(x), [], look), "y": names})
    span = [ratio for _, ratio, _ in ratios]
    scale: Look = {"type": "log"} if max(span) > 5 or min(span) < 0.2 else {"rangemode": "tozero"}
    axes = {"xaxis": axis("here / published", scale), "yaxis": axis("", {"type": "category", "autorange": "reversed"})}
    return {"data": [lines, *marks], "layout": layout(ROW_PX * len(ratios) + MARGIN_PX, axes)}
