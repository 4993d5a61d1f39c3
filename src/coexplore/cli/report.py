"""`coexplore report`: one page about a study."""

from __future__ import annotations

from pathlib import Path

from coexplore.cli.errors import DONE
from coexplore.cli.output import print_json, print_line
from coexplore.cli.run import REPORT
from coexplore.reports.findings import find
from coexplore.reports.html import write_report
from coexplore.reports.suite_page import write_suite_page
from coexplore.studies.study import open_study


def report(directory: Path, output: Path | None, as_json: bool) -> int:
    """Write the page and print where it is.

    Raises:
        MissingExtraError: plotly is not installed.
        StoreError: there is no study, it is damaged, or the page cannot be written.
    """
    path = output or directory / REPORT
    result = open_study(directory)
    if result.config.network.suite is not None:
        write_suite_page(path, result)
    else:
        write_report(path, find(result))
    if as_json:
        print_json({"report": str(path)})
    else:
        print_line(str(path))
    return DONE
