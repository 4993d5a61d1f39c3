"""How does a page show that a whole space was priced? The proof in words, and tables around the optimum."""

from __future__ import annotations

from coexplore.reports.exact_tables import exact_tables, knob_table, proof_lines
from coexplore.reports.page import card, paragraph, table_html
from coexplore.reports.table import Table
from coexplore.studies.exact_solution import Solution


def exact_sections(solution: Solution) -> list[str]:
    """The proof, and the tables."""
    lines = "".join(paragraph(line) for line in proof_lines(solution))
    about = "Every accelerator of the space was priced; under these mappings none outside the front can be better."
    knobs = knob_table(solution)
    return [
        card("The proof", about, lines),
        *(card(table.title.capitalize(), _about(table, knobs), table_html(table)) for table in exact_tables(solution)),
    ]


def _about(table: Table, knobs: Table) -> str:
    if table == knobs:
        return "A knob whose best value is the last of its range asks for a wider one, or has a cost the model lacks."
    return ""
