"""`coexplore status`: how far is a study, and what has it found?"""

from __future__ import annotations

from pathlib import Path

from coexplore.cli.errors import DONE
from coexplore.cli.output import print_json, print_line, print_tables
from coexplore.reports.exact_tables import proof_lines
from coexplore.reports.final_test import read_tested
from coexplore.reports.front_table import front_table
from coexplore.reports.joint_tables import joint_lines
from coexplore.reports.suite_tables import suite_lines, suite_tables
from coexplore.reports.summary import status_document
from coexplore.studies.config import EXACT
from coexplore.studies.study import StudyResult, open_study


def show_status(directory: Path, as_json: bool) -> int:
    """Print the state of a study, also while it runs.

    Raises:
        StoreError: there is no study, or it is damaged.
    """
    result = open_study(directory)
    tested = read_tested(result.directory)
    if as_json:
        print_json(status_document(result, tested))
        return DONE
    if result.config.network.suite is not None:
        return _show_suite(result)
    planned = result.planned
    if result.config.strategy.name == EXACT and result.solution is None and result.joint is None:
        print_line(f"{result.config.name}: {result.state.value}, {result.screened} accelerators priced and kept")
        return DONE
    print_line(
        f"{result.config.name}: {result.state.value}, {len(result.trials)} of {planned} trials, "
        f"{result.trained_networks} networks trained, {result.screened} designs only priced"
    )
    if result.front:
        print_tables(front_table(result, tested))
    if result.solution is not None:
        for line in proof_lines(result.solution):
            print_line(line)
    if result.joint is not None:
        for line in joint_lines(result.joint):
            print_line(line)
    if result.explanation:
        print_line(result.explanation)
    return DONE


def _show_suite(result: StudyResult) -> int:
    """A suite has no trials."""
    print_line(f"{result.config.name}: {result.state.value}, {result.screened} accelerators priced and kept")
    if result.suite is not None:
        print_tables(*suite_tables(result))
        for line in suite_lines(result.suite):
            print_line(line)
    if result.explanation:
        print_line(result.explanation)
    return DONE
