"""JSON on stdout is always JSON, and tables keep their text."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.cli.output import finite, print_json, print_tables
from coexplore.reports.table import Column, Table

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_every_document_can_be_written_as_strict_json(document: object) -> None:
    text = json.dumps(finite(document), allow_nan=False)
    assert json.loads(text) == finite(document)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_finite_numbers_keep_every_digit(value: float) -> None:
    assert json.loads(json.dumps(finite([value]))) == [value]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_becomes_null(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": (1, [value])})
    assert json.loads(capsys.readouterr().out) == {"a": [1, [None]]}


def test_text_in_a_table_is_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_tables(Table("a [bold]title[/bold] :fire:", (Column(":smile:", numeric=False),), (("[red]x[/red]",),)))
    out = capsys.readouterr().out
    assert "[bold]title[/bold] :fire:" in out
    assert ":smile:" in out
    assert "[red]x[/red]" in out
