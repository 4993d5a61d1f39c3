"""`coexplore run`: start a study or go on with it, then show what came out and where it is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coexplore.accuracy.data import DATASETS
from coexplore.cli.compilation import announce_compilation
from coexplore.cli.errors import DONE, NOTHING_FEASIBLE
from coexplore.cli.output import print_json, print_line, print_news, print_tables
from coexplore.cli.progress import Tally, shown
from coexplore.core.errors import ConfigError, MissingExtraError
from coexplore.core.files import write_atomic
from coexplore.reports.exact_tables import exact_tables, proof_lines
from coexplore.reports.export import export_trial
from coexplore.reports.final_test import measure_front
from coexplore.reports.findings import find
from coexplore.reports.front_table import front_table
from coexplore.reports.html import write_report
from coexplore.reports.joint_tables import joint_lines
from coexplore.reports.pipeline_table import pipeline_table, power_note
from coexplore.reports.suite_export import export_suite
from coexplore.reports.suite_page import write_suite_page
from coexplore.reports.suite_tables import suite_lines, suite_tables
from coexplore.reports.summary import chosen_trial, status_document
from coexplore.studies.config import StudyConfig, build_objectives, load_config
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.settings import make_settings
from coexplore.studies.study import StudyResult, open_study, run_study

STUDIES = Path("studies")
"""Folder of the directories of studies that are given none."""
REPORT, BUNDLE, PIPELINE = "report.html", "bundle", "pipeline.json"
"""Names in a study directory."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, and where. None: not given."""

    study: Path
    directory: Path | None = None
    workers: int | None = None
    data: Path | None = None
    overrides: Sequence[str] = ()
    seed: int | None = None


def run(request: RunRequest, as_json: bool) -> int:
    """Run a study to its end, measure its front on the test part, and write report and bundle.

    Raises:
        CoexploreError: the study is not legal or cannot be run.
        KeyboardInterrupt: stopped; the message says how to go on.
    """
    seed = () if request.seed is None else (f"seed={request.seed}",)
    config = load_config(request.study, [*request.overrides, *seed])
    directory = request.directory or default_directory(config.name)
    announce_compilation()
    try:
        result = _search(config, directory, request)
        tested = _tested(result, request.data)
        written = _write(result, directory)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"stopped; nothing is lost, the same command goes on with {directory}") from error
    if as_json:
        print_json({**status_document(result, tested), **written})
    else:
        _print(result, tested, {"study": str(directory), **written})
    return DONE if result.found else NOTHING_FEASIBLE


def default_directory(name: str) -> Path:
    """Where a study of that name lives when nobody says where.

    Raises:
        ConfigError: the name is no name of a folder.
    """
    if name in (".", "..") or "/" in name or "\0" in name:
        raise ConfigError(f"name: is {name!r}, which cannot be the name of a folder; change it or give --directory")
    return STUDIES / name


def _search(config: StudyConfig, directory: Path, request: RunRequest) -> StudyResult:
    known = open_study(directory).trials if StudyDirectory(directory).study.exists() else ()
    if known:
        print_news(f"going on with {directory}, which has {len(known)} trials")
    workers = len(os.sched_getaffinity(0)) if request.workers is None else request.workers
    with shown(Tally(build_objectives(config), known)) as on_event:
        return run_study(config, directory, workers, on_event, request.data)


def _tested(result: StudyResult, data: Path | None) -> Mapping[str, float]:
    task = result.config.task
    if task is None or task.dataset is None or not any(trial.network for trial in result.front):
        return {}
    print_news("measuring the front on the test part")
    kind = DATASETS.get(task.dataset)
    dataset = make_settings(kind, task.settings, "task", f"data set {task.dataset!r}").load(data)
    return measure_front(result, dataset)


def _write(result: StudyResult, directory: Path) -> dict[str, str | None]:
    """Write report and bundle where what they need is installed; their paths."""
    report, bundle = directory / REPORT, directory / BUNDLE
    if result.suite is not None:
        return _write_suite(result, report, bundle)
    chosen = chosen_trial(result.front, build_objectives(result.config))
    written: dict[str, str | None] = {"report": None, "bundle": None}
    findings = find(result)
    try:
        write_report(report, findings)
        written["report"] = str(report)
    except MissingExtraError as error:
        print_news(f"no report: {error}")
    if findings.pipeline is not None:
        pipeline = directory / PIPELINE
        write_atomic(pipeline, json.dumps(findings.pipeline.cost.document(), indent=1))
        written["pipeline"] = str(pipeline)
    try:
        if chosen is not None:
            export_trial(result, chosen, bundle)
            written["bundle"] = str(bundle)
    except MissingExtraError as error:
        print_news(f"no bundle: {error}")
    return written


def _write_suite(result: StudyResult, report: Path, bundle: Path) -> dict[str, str | None]:
    """As `_write`; the bundle is a folder of one bundle for each member."""
    written: dict[str, str | None] = {"report": None, "bundle": None}
    try:
        write_suite_page(report, result)
        written["report"] = str(report)
    except MissingExtraError as error:
        print_news(f"no report: {error}")
    try:
        if result.found:
            export_suite(result, bundle)
            written["bundle"] = str(bundle)
    except MissingExtraError as error:
        print_news(f"no bundle: {error}")
    return written


def _print(result: StudyResult, tested: Mapping[str, float], places: Mapping[str, str | None]) -> None:
    if result.front:
        pipeline = find(result).pipeline
        print_tables(front_table(result, tested), *([] if pipeline is None else [pipeline_table(pipeline.cost)]))
        if pipeline is not None:
            print_line(power_note(pipeline.cost))
    elif result.explanation:
        print_line(result.explanation)
    if result.suite is not None:
        print_tables(*suite_tables(result))
        for line in suite_lines(result.suite):
            print_line(line)
    if result.solution is not None:
        print_tables(*exact_tables(result.solution))
        for line in proof_lines(result.solution):
            print_line(line)
    if result.joint is not None:
        for line in joint_lines(result.joint):
            print_line(line)
    for what, place in places.items():
        if place is not None:
            print_line(f"{what:<7} {place}")
