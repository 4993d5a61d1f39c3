"""What is a page made of? One HTML file that needs nothing else, no network either: cards, tables and pictures."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib import resources
from string import Template

from coexplore.core.errors import MissingExtraError
from coexplore.reports.figures import Figure
from coexplore.reports.front_table import STAR
from coexplore.reports.table import Table


def page(title: str, sections: Iterable[str]) -> str:
    """The page as text.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtraError("a report with pictures", "report") from error
    template = Template((resources.files("coexplore.reports") / "page.html").read_text(encoding="utf-8"))
    body = "\n".join(sections)
    return template.substitute(title=html.escape(f"{title} - coexplore"), plotly=get_plotlyjs(), body=body)


def card(title: str, text: str, content: str) -> str:
    """A titled box: what it is about, and its content."""
    return f'<section class="card"><h2>{html.escape(title)}</h2>{paragraph(text, soft=True)}{content}</section>'


def paragraph(text: str, *, soft: bool = False) -> str:
    """Text as a paragraph; nothing for no text."""
    style = ' class="soft"' if soft else ""
    return f"<p{style}>{html.escape(text)}</p>" if text else ""


def drawn(name: str, figure: Figure) -> str:
    """A picture to hover over."""
    from plotly import graph_objects, io

    config = {"displaylogo": False, "responsive": True, "modeBarButtons": [["toImage", "resetScale2d"]]}
    text: str = io.to_html(
        graph_objects.Figure(figure), config=config, include_plotlyjs=False, full_html=False, div_id=f"figure-{name}"
    )
    return text


def table_html(table: Table) -> str:
    """A table; the row whose first cell ends with a star is marked."""

    def cells(tag: str, texts: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=number' if column.numeric else ''}>{html.escape(text)}</{tag}>"
            for column, text in zip(table.columns, texts, strict=True)
        )

    head = f"<tr>{cells('th', [column.title for column in table.columns])}</tr>"
    rows = (f"<tr{' class=chosen' if row[0].endswith(STAR) else ''}>{cells('td', row)}</tr>" for row in table.rows)
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
    """A row of small boxes: what, its value, and a note."""
    cells = (
        f'<div class="tile"><span>{html.escape(title)}</span><b>{html.escape(value)}</b>'
        f"<small>{html.escape(note)}</small></div>"
        for title, value, note in entries
    )
    return f'<div class="tiles">{"".join(cells)}</div>'
