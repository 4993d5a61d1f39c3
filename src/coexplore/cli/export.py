"""`coexplore export`: take a design out of a study."""

from __future__ import annotations

from pathlib import Path

from coexplore.cli.errors import DONE, NOTHING_FEASIBLE
from coexplore.cli.output import print_json, print_line, print_news
from coexplore.cli.run import BUNDLE
from coexplore.reports.export import complete_trial, export_trial
from coexplore.reports.suite_export import export_suite
from coexplore.reports.summary import chosen_trial
from coexplore.studies.config import build_objectives
from coexplore.studies.study import StudyResult, open_study


def export(directory: Path, number: int | None, output: Path | None, as_json: bool) -> int:
    """Write the bundle of a trial, the chosen one by default, and print where it is.

    Raises:
        MissingExtraError: onnx is not installed.
        StudyError: there is no such trial, it is not complete, or the bundle cannot be written.
    """
    result = open_study(directory)
    if result.config.network.suite is not None:
        return _export_suite(result, number, output, as_json)
    chosen = chosen_trial(result.front, build_objectives(result.config))
    trial = chosen if number is None else complete_trial(result, number)
    if trial is None:
        print_news(result.explanation or f"no trial of {directory} is complete yet; `coexplore run` goes on with it")
        return NOTHING_FEASIBLE
    folder = output or directory / (BUNDLE if number is None else f"{BUNDLE}-{number}")
    export_trial(result, trial, folder)
    if as_json:
        print_json({"bundle": str(folder), "trial": trial.number})
    else:
        print_line(str(folder))
    return DONE


def _export_suite(result: StudyResult, place: int | None, output: Path | None, as_json: bool) -> int:
    """One bundle for each member; the number is a place in the front."""
    if not result.found and place is None:
        print_news(result.explanation or f"{result.directory} is not solved yet; `coexplore run` goes on with it")
        return NOTHING_FEASIBLE
    folder = output or result.directory / (BUNDLE if place is None else f"{BUNDLE}-{place}")
    export_suite(result, folder, place or 0)
    if as_json:
        print_json({"bundle": str(folder), "place": place or 0})
    else:
        print_line(str(folder))
    return DONE
