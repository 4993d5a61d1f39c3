"""The proof of a front in words and tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coexplore.cost.candidates import BlockedOp
from coexplore.reports.exact_page import exact_sections
from coexplore.reports.exact_tables import exact_tables, knob_table, looser_table, proof_lines, step_table
from coexplore.reports.summary import solution_document
from coexplore.studies.exact_solution import BrokenLimit, Knob, KnobStep, Looser, Solution, Survivor

BEST = {"latency_s": 1e-3, "energy_j": 2e-3, "area_mm2": 10.0}
FASTER = {"latency_s": 5e-4, "energy_j": 2e-3, "area_mm2": 15.0}
SOLUTION = Solution(
    fingerprint="0" * 64,
    accelerators=50_000,
    ops=31,
    decodable=49_000,
    runs=48_000,
    feasible=1_200,
    blocked=(BlockedOp("conv", 1_000, "level 'latch' needs 2 bytes and holds 1"),),
    limits=(BrokenLimit("area_mm2 <= 12", 46_800),),
    front=(Survivor({"accelerator.lanes": 2}, BEST, 2), Survivor({"accelerator.lanes": 1}, BEST)),
    nearest=None,
    reason="",
    steps=(
        KnobStep("lanes", 2, 4, FASTER, "area_mm2 is 15", "lane", {"latency_s": -2.5e-4, "area_mm2": 2.5}),
        KnobStep("kind", "a", "b", None, "", "", None),
    ),
    knobs=(Knob("lanes", (1, 2, 4), 4, "high end", 0.25, 0.5),),
    looser=(Looser("area_mm2 <= 15", FASTER),),
)


def test_the_proof_counts_what_is_in_and_says_why_the_rest_is_out() -> None:
    text = "\n".join(proof_lines(SOLUTION))
    assert "front of 2 designs, proven complete over 50,000 accelerators x 31 distinct ops" in text
    assert "48,000 run the network, 1,200 meet all limits" in text
    assert "1,000 points of the space stand for no accelerator" in text
    assert "op 'conv' cannot run on 1,000 of them: level 'latch' needs 2 bytes and holds 1" in text
    assert "area_mm2 <= 12 is broken by 46,800 of those that run" in text


def test_a_step_shows_its_change_its_rate_and_what_it_breaks() -> None:
    rows = step_table(SOLUTION).rows
    assert rows[0] == (
        "lanes", "2", "4", "-50.00 %", "+0.00 %", "+50.00 %", "-250 µs, +2.5 mm² per lane", "area_mm2 is 15",
    )  # fmt: skip
    assert rows[1][-1] == "the network cannot run"


def test_ends_and_looser_limits_have_a_row_each() -> None:
    assert knob_table(SOLUTION).rows == (("lanes", "1 to 4", "4", "high end", "25.00 %", "50.00 %"),)
    assert looser_table(SOLUTION).rows == (("area_mm2 <= 15", "500 µs", "2 mJ", "15 mm²"),)


def test_the_page_leaves_out_tables_without_rows() -> None:
    pytest.importorskip("plotly")
    bare = replace(SOLUTION, steps=(), looser=(), knobs=())
    assert exact_tables(bare) == ()
    assert len(exact_sections(SOLUTION)) == len(exact_sections(bare)) + 3


def test_the_document_counts_equals_and_leaves_the_front_to_the_study() -> None:
    document = solution_document(SOLUTION)
    assert document["equal"] == [2, 1]
    assert document["proven_complete"] is True
    assert "front" not in document
