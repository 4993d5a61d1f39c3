"""Exact hardware from the command line: the front, its proof, and how it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command_runs import HARDWARE, coexplore, write_study

from coexplore.studies import exact

pytest.importorskip("plotly")
pytest.importorskip("onnx")

CHIPS: dict[str, Any] = {
    **HARDWARE,
    "name": "exact-chips",
    "accelerator": {
        "family": "edge-array",
        "freeze": {"pes_x": 2, "pes_y": 2, "simd_units": 16, "lanes": 2, "local_memory_mb": 0.5},
        "restrict": {"register_file_kb": [8, 16], "io_bandwidth_gb_s": [5, 25]},
    },
    "constraints": [{"metric": "area_mm2", "at_most": 4}],
    "strategy": {},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The directory of a finished study, and what `run --json` said of it."""
    folder = tmp_path_factory.mktemp("exact")
    outcome = coexplore("run", write_study(folder, CHIPS), "--directory", folder / "study", "--json")
    assert outcome.code == 0
    return folder / "study", outcome


def test_a_run_says_what_was_proven(finished: tuple[Path, Any]) -> None:
    document = finished[1].document
    proof = document["exact"]
    assert proof["proven_complete"] is True
    assert (proof["accelerators"], proof["runs"]) == (4, 4)
    assert document["trials_planned"] == document["trials"] == len(document["front"]) == len(proof["equal"])
    assert {knob["knob"] for knob in proof["knobs"]} == {"register_file_kb", "io_bandwidth_gb_s"}
    assert "pairs of op and accelerator" in finished[1].err


def test_the_bundle_costs_what_the_front_says(finished: tuple[Path, Any]) -> None:
    document = finished[1].document
    bundle = coexplore("cost", document["bundle"], "--json").document
    chosen = next(entry for entry in document["front"] if entry["number"] == document["chosen"])
    assert bundle["metrics"] == chosen["metrics"]


def test_status_report_and_export_know_the_proof(finished: tuple[Path, Any], tmp_path: Path) -> None:
    directory = finished[0]
    status = coexplore("status", directory)
    assert "proven complete over 4 accelerators" in status.out
    assert coexplore("status", directory, "--json").document["exact"] == finished[1].document["exact"]
    assert coexplore("report", directory, "--output", tmp_path / "page.html").code == 0
    page = (tmp_path / "page.html").read_text()
    assert "The proof" in page
    assert "One step from the optimum" in page
    assert "The search over time" not in page
    assert coexplore("export", directory, "--trial", "0", "--output", tmp_path / "bundle").code == 0


def test_a_second_run_prices_nothing_again(finished: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("priced again")

    monkeypatch.setattr("coexplore.studies.exact.price_workload_grid", refuse)
    directory = finished[0]
    again = coexplore("run", directory.parent / "study.yaml", "--directory", directory, "--json")
    assert again.document["front"] == finished[1].document["front"]


def test_limits_that_nothing_meets_exit_with_1_and_the_missing_factor(tmp_path: Path) -> None:
    study = write_study(tmp_path, {**CHIPS, "constraints": [{"metric": "area_mm2", "at_most": 0.5}]})
    outcome = coexplore("run", study, "--directory", tmp_path / "study")
    assert outcome.code == 1
    assert "none of 4 accelerators meets area_mm2 <= 0.5" in outcome.out
    assert "times the limit" in outcome.out
    assert "nothing feasible, proven over 4 accelerators" in coexplore("status", tmp_path / "study").out
    assert coexplore("export", tmp_path / "study").code == 1


def test_exact_where_it_cannot_be_exits_with_2(tmp_path: Path) -> None:
    study = write_study(tmp_path, {**CHIPS, "strategy": {"name": "exact", "most": 3}})
    outcome = coexplore("run", study, "--directory", tmp_path / "study")
    assert outcome.code == 2
    assert "at most 3 are priced at once; restrict it, or raise strategy.most" in outcome.err


def test_validate_says_that_all_are_priced(tmp_path: Path) -> None:
    outcome = coexplore("validate", write_study(tmp_path, CHIPS))
    assert "4 accelerators = 4 designs; all of them priced by exact" in outcome.out


def test_stopped_while_pricing_status_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = exact.price_workload_grid
    calls: list[int] = []

    def stop(workload, chips, goal, threads, progress):
        calls.append(len(chips))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(workload, chips, goal, threads, progress)

    monkeypatch.setattr(exact, "CHUNK", 2)
    monkeypatch.setattr(exact, "price_workload_grid", stop)
    study = write_study(tmp_path, CHIPS)
    stopped = coexplore("run", study, "--directory", tmp_path / "study")
    assert stopped.code == 130
    assert "nothing is lost" in stopped.err
    assert "running, 2 accelerators priced and kept" in coexplore("status", tmp_path / "study").out
    assert coexplore("status", tmp_path / "study", "--json").document["screened"] == 2
    assert coexplore("run", study, "--directory", tmp_path / "study").code == 0
