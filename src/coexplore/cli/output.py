"""What goes to which stream? Results to stdout, as text or as one JSON document; everything else to stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from coexplore.reports.table import Table

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160
"""Columns of text that goes into a file or a pipe."""


def print_json(document: object) -> None:
    """Write one JSON document to stdout; a number that is not finite becomes null."""
    sys.stdout.write(json.dumps(finite(document), indent=1, allow_nan=False) + "\n")


def finite(value: object) -> object:
    """The document with null in place of every number that JSON cannot write."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return value


def print_tables(*tables: Table) -> None:
    """Write tables to stdout."""
    console = _console()
    with console.capture() as captured:
        for table in tables:
            console.print(table.title, _rich_table(table), sep="\n")
    sys.stdout.write(captured.get())


def print_line(text: str) -> None:
    """Write a line to stdout."""
    sys.stdout.write(f"{text}\n")


def print_news(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{text}\n")


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, markup=False, highlight=False, emoji=False)


def _rich_table(table: Table) -> object:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    rich = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        rich.add_column(Text(column.title), justify="right" if column.numeric else "left", overflow="fold")
    for row in table.rows:
        rich.add_row(*map(Text, row))
    return rich
