"""How does a page show the accelerator that is best for several networks?"""

from __future__ import annotations

import html
from pathlib import Path

import yaml

from coexplore.core.files import write_atomic
from coexplore.reports.page import card, page, paragraph, table_html, tiles
from coexplore.reports.suite_tables import ALWAYS, chosen_design, suite_lines, suite_tables
from coexplore.reports.units import metric_text, metric_title
from coexplore.studies.study import StudyResult


def write_suite_page(path: Path, result: StudyResult) -> None:
    """Write the page, whole or not at all.

    Args:
        path: of the page.
        result: of a study whose network is a suite.

    Raises:
        MissingExtraError: plotly is not installed.
        StoreError: it cannot be written.
    """
    write_atomic(path, page(result.config.name, _sections(result)))


def _sections(result: StudyResult) -> list[str]:
    sections = [f"<h1>{html.escape(result.config.name)}</h1>"]
    if result.suite is None:
        return [*sections, card("Not solved yet", "Run the study to its end.", ""), _origin(result)]
    chosen = chosen_design(result.suite)
    note = "chosen accelerator" if result.suite.front else "nearest accelerator"
    metrics = {} if chosen is None else chosen.metrics
    sections.append(
        tiles(
            [
                ("accelerators priced", f"{result.suite.accelerators}", "the whole space"),
                ("front", f"{len(result.suite.front)}", "accelerators that no other beats"),
                *((metric_title(name), metric_text(name, metrics[name]), note) for name in ALWAYS if name in metrics),
            ]
        )
    )
    if result.explanation:
        sections.append(
            f'<section class="card warning"><h2>Nothing feasible</h2>{paragraph(result.explanation)}</section>'
        )
    sections += [card(table.title.capitalize(), "", table_html(table)) for table in suite_tables(result)]
    lines = "".join(paragraph(line) for line in suite_lines(result.suite))
    sections.append(card("What was looked at", "No other accelerator is better under these mappings.", lines))
    return [*sections, _origin(result)]


def _origin(result: StudyResult) -> str:
    config = yaml.safe_dump(result.config.document(), sort_keys=False, allow_unicode=True)
    details = (
        f"<details><summary>study.yaml, every setting written out</summary><pre>{html.escape(config)}</pre></details>"
    )
    told = f"{result.seconds:.0f} s of pricing. Study directory: {result.directory}."
    return card("How to make it again", told, details)
