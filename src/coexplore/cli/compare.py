"""`coexplore compare`: strategies on a study under equal terms, then tables, sentences and a page about them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coexplore.cli.compilation import announce_compilation
from coexplore.cli.errors import DONE, NOTHING_FEASIBLE
from coexplore.cli.output import finite, print_json, print_line, print_news, print_tables
from coexplore.cli.run import default_directory
from coexplore.core.errors import MissingExtraError
from coexplore.core.files import write_atomic
from coexplore.reports.comparison import (
    about_evaluations,
    about_optimum,
    comparison_document,
    comparison_tables,
    statements,
)
from coexplore.reports.comparison_page import write_comparison_page
from coexplore.reports.units import quantity
from coexplore.studies.compare import Comparison, Contender, Run, Terms, compare, contenders
from coexplore.studies.config import load_config
from coexplore.studies.schema import StudyConfig

RESULT, PAGE = "comparison.json", "comparison.html"
"""Names in the directory of a comparison."""


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """What to compare, and where. None: not given."""

    studies: Sequence[Path]
    strategies: Sequence[str] = ()
    evaluations: int | None = None
    seconds: float | None = None
    seeds: int = 10
    by: str | None = None
    directory: Path | None = None
    workers: int | None = None
    data: Path | None = None
    overrides: Sequence[str] = ()


def compare_strategies(request: CompareRequest, as_json: bool) -> int:
    """Run what is missing, compare, print it, and write result and page.

    Raises:
        CoexploreError: a study is not legal or cannot be run, or the terms are not legal.
        KeyboardInterrupt: stopped; the message says how to go on.
    """
    configs = [load_config(path, request.overrides) for path in request.studies]
    entered = _entered(configs, request.strategies)
    terms = _terms(request, configs[0])
    directory = request.directory or default_directory(f"{configs[0].name}-compared")
    announce_compilation()
    done = set[tuple[str, int]]()

    def tell(run: Run) -> None:
        done.add((run.contender, run.seed))
        spent = f"{len(run.trials)} trials in {quantity(run.seconds, 's')}"
        print_news(f"run {len(done)}: {run.contender}, seed {run.seed}, {spent}")

    workers = _workers(request.workers, configs)
    try:
        compared = compare(entered, terms, directory, request.by, workers, tell, request.data)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"stopped; nothing is lost, the same command goes on with {directory}") from error
    document = {**comparison_document(compared), **_written(compared)}
    if as_json:
        print_json(document)
    else:
        _print(compared, document)
    found = any(standing.found for standing in compared.equal_evaluations.standings)
    return DONE if found else NOTHING_FEASIBLE


def _entered(configs: Sequence[StudyConfig], strategies: Sequence[str]) -> tuple[Contender, ...]:
    """Every study with every strategy, or with its own; named after what differs."""
    if len(configs) == 1:
        return contenders(configs[0], strategies)
    named = [(config, contender) for config in configs for contender in contenders(config, strategies)]
    return tuple(
        Contender(f"{config.name}: {contender.name}" if strategies else config.name, contender.config)
        for config, contender in named
    )


def _terms(request: CompareRequest, config: StudyConfig) -> Terms:
    """Without a word on what may be spent: the trials of the study."""
    unsaid = request.evaluations is None and request.seconds is None
    return Terms(config.budget.trials if unsaid else request.evaluations, request.seconds, request.seeds)


def _workers(wanted: int | None, configs: Sequence[StudyConfig]) -> int:
    """Processes pay where networks are trained; to look an accuracy up takes less time than to start one."""
    if wanted is not None:
        return wanted
    trains = any(config.task is not None and config.task.dataset is not None for config in configs)
    return len(os.sched_getaffinity(0)) if trains else 0


def _written(compared: Comparison) -> dict[str, str | None]:
    """Write the result, and the page where what it needs is installed; their paths."""
    result, shown = compared.directory / RESULT, compared.directory / PAGE
    write_atomic(result, json.dumps(finite(comparison_document(compared)), indent=1) + "\n")
    try:
        write_comparison_page(shown, compared)
    except MissingExtraError as error:
        print_news(f"no page: {error}")
        return {"result": str(result), "page": None}
    return {"result": str(result), "page": str(shown)}


def _print(compared: Comparison, document: dict[str, object]) -> None:
    tables = comparison_tables(compared)
    if optimum := about_optimum(compared):
        print_line(optimum)
    for table, standings in zip(tables, (compared.equal_evaluations, compared.equal_time), strict=True):
        print_tables(table)
        about = about_evaluations(compared) if standings is compared.equal_evaluations else ""
        for sentence in (*([about] if about else []), *statements(standings)):
            print_line(sentence)
        print_line("")
    for what, place in (("runs", compared.directory), ("result", document["result"]), ("page", document["page"])):
        if place is not None:
            print_line(f"{what:<7} {place}")
