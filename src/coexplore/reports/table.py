"""What is a table? Text in rows, without a word on how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how the cells below it stand."""

    title: str
    numeric: bool = True
    """Numbers stand to the right."""


@dataclass(frozen=True, slots=True)
class Table:
    """Text in rows, one cell per column."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


def name_table(title: str, entries: Sequence[tuple[str, str]]) -> Table:
    """Names with a line of explanation each."""
    return Table(title, (Column("name", numeric=False), Column("what it is", numeric=False)), tuple(entries))
