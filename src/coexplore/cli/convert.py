"""`coexplore convert`: how do official benchmark files become a table that studies read?"""

from __future__ import annotations

from pathlib import Path

from coexplore.accuracy.nb201_table import convert_nb201
from coexplore.cli.errors import DONE
from coexplore.cli.output import print_json, print_line


def convert(source: Path, table: Path, partial: bool, as_json: bool) -> int:
    """Write the table, and print what is in it.

    Raises:
        DataError: the source cannot be read or is not whole.
        StoreError: the table cannot be written.
    """
    converted = convert_nb201(source, table, partial=partial)
    if as_json:
        print_json({"table": str(table), "cells": converted.cells, "columns": list(converted.columns)})
    else:
        print_line(f"{table}: {converted.cells:,} cells; columns {', '.join(converted.columns)}")
        print_line(f"in a study: task: {{tabular: {table}, accuracy: {converted.columns[0]}}}")
    return DONE
