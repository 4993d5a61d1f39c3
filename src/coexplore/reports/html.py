"""What does one look at after a study? A single HTML file that needs nothing else, no network either."""

from __future__ import annotations

import html
import platform
from importlib import metadata
from pathlib import Path

import yaml

import coexplore
from coexplore.core.files import write_atomic
from coexplore.design import ACCELERATOR, NETWORK
from coexplore.reports.design_figures import area_figure, energy_figure, latency_figure
from coexplore.reports.exact_page import exact_sections
from coexplore.reports.findings import Chosen, ChosenPipeline, Findings
from coexplore.reports.front_table import OF_PIPELINES, front_table
from coexplore.reports.joint_tables import joint_lines
from coexplore.reports.page import card, drawn, page, paragraph, table_html, tiles
from coexplore.reports.pipeline_page import pipeline_cards
from coexplore.reports.study_figures import pareto_figure, progress_figure
from coexplore.reports.summary import measured
from coexplore.reports.units import TEST_ACCURACY, metric_text, metric_title
from coexplore.spaces.space import Point, part
from coexplore.studies.study import StudyState

PACKAGES = ("numpy", "numba", "optuna", "torch")
"""Their versions stand on the page, where they are installed."""
TILES = ("accuracy", "latency_s", "energy_j", "area_mm2")
"""Metrics of the chosen design on top of the page, where they were measured."""


def write_report(path: Path, findings: Findings) -> None:
    """Write the page, whole or not at all.

    Raises:
        MissingExtraError: plotly is not installed.
        StoreError: it cannot be written.
    """
    write_atomic(path, render(findings))


def render(findings: Findings) -> str:
    """The page as text.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    return page(findings.result.config.name, _sections(findings))


def _sections(findings: Findings) -> list[str]:
    sections = [_head(findings), _tiles(findings)]
    if findings.result.explanation:
        sections.append(
            f'<section class="card warning"><h2>Nothing feasible</h2>{paragraph(findings.result.explanation)}</section>'
        )
    if findings.result.trials:
        sections += _search_sections(findings)
    if findings.result.solution is not None:
        sections += exact_sections(findings.result.solution)
    if findings.result.joint is not None:
        lines = "".join(paragraph(line) for line in joint_lines(findings.result.joint))
        sections.append(card("The proof", "No pair outside the front can be better under these mappings.", lines))
    if findings.chosen is not None:
        sections += _design_sections(findings, findings.chosen)
    if findings.pipeline is not None:
        sections += _pipeline_sections(findings.pipeline)
    return [*sections, _origin(findings)]


def _search_sections(findings: Findings) -> list[str]:
    told = "Every mark is a design; hover for its decisions."
    if not findings.front:
        return [card("The designs", told, drawn("pareto", pareto_figure(findings)))]
    if any(member.baseline is not None for member in findings.front):
        told += " A diamond is the network of a design of the front on the baseline accelerator."
    table = front_table(findings.result, findings.tested)
    sections = [
        card("The front", told, drawn("pareto", pareto_figure(findings))),
        card(table.title.capitalize(), "The marked design is the chosen one.", table_html(table)),
    ]
    if findings.result.solution is not None or findings.result.joint is not None:
        return sections
    about = (
        "Left: the main objective. Right: the hypervolume, as a share of the box between the best values and 1.1 times "
        "the worst ones, all objectives scaled alike."
    )
    return [*sections, card("The search over time", about, drawn("progress", progress_figure(findings)))]


def _design_sections(findings: Findings, chosen: Chosen) -> list[str]:
    title = f"The chosen design: trial {chosen.trial.number}"
    names = f"{chosen.design.network.name} on {chosen.design.accelerator.name}"
    beside = "" if chosen.baseline is None else " Grey: the same network on the baseline accelerator."
    if chosen.baseline is not None and not chosen.baseline.feasible:
        beside = f" The same network cannot run on the baseline accelerator: {chosen.baseline.reason}."
    return [
        card(
            title, f"{names}. Latency op by op.{beside}", drawn("latency", latency_figure(chosen.cost, chosen.baseline))
        ),
        '<div class="two">',
        card("Area by component", "", drawn("area", area_figure(chosen, findings.baseline))),
        card("Energy by level", "", drawn("energy", energy_figure(chosen))),
        "</div>",
        '<div class="two">',
        *(card(f"Its {side}", "", _decisions(chosen.trial.point, side)) for side in (NETWORK, ACCELERATOR)),
        "</div>",
    ]


def _pipeline_sections(chosen: ChosenPipeline) -> list[str]:
    title = f"The chosen design: trial {chosen.trial.number}"
    names = f"{chosen.design.network.name} on {chosen.design.accelerator.name}"
    return [
        f"<h2>{html.escape(title)}</h2>{paragraph(names, soft=True)}",
        *pipeline_cards(chosen.cost),
        card("Its network", "", _decisions(chosen.trial.point, NETWORK)),
    ]


def _decisions(point: Point, side: str) -> str:
    lines = "\n".join(f"{name}: {value}" for name, value in part(point, side).items())
    return f"<pre>{html.escape(lines or 'nothing to decide')}</pre>"


def _head(findings: Findings) -> str:
    result = findings.result
    wishes = ", ".join(f"{o.direction.value} {metric_title(o.metric)}" for o in findings.objectives)
    bounds = [
        f"{metric_title(constraint.metric)} {word} {metric_text(constraint.metric, bound)}"
        for constraint in result.config.constraints
        for word, bound in (("at most", constraint.at_most), ("at least", constraint.at_least))
        if bound is not None
    ]
    under = f", with {', '.join(bounds)}" if bounds else ""
    return f"<h1>{html.escape(result.config.name)}</h1>{paragraph(f'{wishes}{under}', soft=True)}"


def _tiles(findings: Findings) -> str:
    result = findings.result
    total = result.planned
    done = {StudyState.FINISHED: "finished", StudyState.INFEASIBLE: "finished, nothing feasible"}.get(
        result.state, "unfinished"
    )
    entries = [
        ("trials", f"{len(result.trials)}", f"of {total}, {done}"),
        ("networks trained", f"{result.trained_networks}", f"{result.screened} designs only priced")
        if (proof := result.solution or result.joint) is None
        else ("accelerators priced", f"{proof.accelerators}", "the whole space"),
        ("front", f"{len(result.front)}", "designs that no other beats"),
    ]
    chosen = findings.chosen or findings.pipeline
    if chosen is not None:
        values = measured(chosen.trial, findings.tested)
        tested = (
            f"{metric_text(TEST_ACCURACY, values[TEST_ACCURACY])} on the test part" if TEST_ACCURACY in values else ""
        )
        for name in (*TILES, *(OF_PIPELINES if "pipeline_efficiency" in values else ())):
            if name in values:
                note = tested if name == "accuracy" else "chosen design"
                entries.append((metric_title(name), metric_text(name, values[name]), note))
    return tiles(entries)


def _origin(findings: Findings) -> str:
    result = findings.result
    versions = [f"coexplore {coexplore.__version__}", f"Python {platform.python_version()}"]
    versions += [f"{name} {version}" for name in PACKAGES if (version := _version(name))]
    told = (
        f"Seed {result.config.seed}, {result.seconds:.0f} s of search. Pictures drawn with {', '.join(versions)}. "
        f"Study directory: {result.directory}."
    )
    config = yaml.safe_dump(result.config.document(), sort_keys=False, allow_unicode=True)
    details = (
        f"<details><summary>study.yaml, every setting written out</summary><pre>{html.escape(config)}</pre></details>"
    )
    return card("How to make it again", told, details)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
