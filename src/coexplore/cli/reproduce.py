"""`coexplore reproduce`: which published claims can be tried, and what comes out beside the published figures?"""

from __future__ import annotations

from pathlib import Path

from coexplore.cli.errors import DONE
from coexplore.cli.output import print_json, print_line, print_news, print_tables
from coexplore.core.errors import ConfigError, MissingExtraError
from coexplore.reports.table import Column, Table
from coexplore.systems.page import write_reproduction
from coexplore.systems.reproduction import RESULT, Order, figures_table, reproduce, reproduction_document
from coexplore.systems.system import SYSTEMS, Claim, System, find_claim

RUNS = Path("runs")
"""Folder of what is left by claims that were tried."""
REPORT = "report.html"


def reproduce_claim(name: str | None, quick: bool, data: Path | None, directory: Path | None, as_json: bool) -> int:
    """Try a claim, or list those there are: all, or the ones of a system with its words.

    Raises:
        UnknownNameError: no such claim or system.
        ConfigError: an option that only a claim takes.
        StudyError: the script failed.
        KeyboardInterrupt: stopped.
    """
    if name is None or name in SYSTEMS:
        if quick or data is not None or directory is not None:
            raise ConfigError("--quick, --data and --directory belong to one claim; name it, as coexplore/golden")
        return _list([SYSTEMS.get(each) for each in SYSTEMS if name in (None, each)], as_json, words=name is not None)
    system, claim = find_claim(name)
    where = directory or RUNS / system.name / (f"{claim.name}-quick" if quick else claim.name)
    try:
        made = reproduce(Order(system, claim, where, quick, data), print_news)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"stopped; what was printed is in {where}") from error
    written = {"report": None, "result_file": str(where / RESULT), "plot": str(made.plot) if made.plot else None}
    try:
        write_reproduction(where / REPORT, made)
        written["report"] = str(where / REPORT)
    except MissingExtraError as error:
        print_news(f"no report: {error}")
    if as_json:
        print_json({**reproduction_document(made), **written})
        return DONE
    print_tables(figures_table(made))
    print_line(claim.comparable)
    if quick:
        print_line("This was the quick form: it shows that the script works, and little about the claim.")
    for what, place in written.items():
        if place is not None:
            print_line(f"{what.removesuffix('_file'):<7} {place}")
    return DONE


def _list(chosen: list[System], as_json: bool, *, words: bool) -> int:
    if as_json:
        print_json({"systems": [_document(system) for system in chosen]})
        return DONE
    for system in chosen:
        print_tables(_claims(system))
        if words:
            columns = (Column("the paper's word", numeric=False), Column("here", numeric=False))
            print_tables(Table("words", columns, system.terms))
            print_line(f"studies: {', '.join(system.studies)}")
    return DONE


def _claims(system: System) -> Table:
    columns = (Column("claim", numeric=False), Column("published", numeric=False), Column("source", numeric=False))
    rows = tuple((f"{system.name}/{c.name}", c.statement, f"{c.mark.value}: {c.source}") for c in system.claims)
    return Table(system.paper, columns, rows)


def _document(system: System) -> dict[str, object]:
    return {
        "name": system.name,
        "paper": system.paper,
        "terms": dict(system.terms),
        "studies": list(system.studies),
        "claims": [_claim_document(system, claim) for claim in system.claims],
    }


def _claim_document(system: System, claim: Claim) -> dict[str, object]:
    return {
        "name": f"{system.name}/{claim.name}",
        "statement": claim.statement,
        "evidence": claim.mark.value,
        "source": claim.source,
        "comparable": claim.comparable,
        "script": f"benchmarks/papers/{system.name}/{claim.script}",
        "figures": [{"what": figure.what, "published": figure.published or None} for figure in claim.figures],
    }
