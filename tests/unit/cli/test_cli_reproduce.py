"""`coexplore reproduce` from a shell: the list, a claim, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_runs import coexplore

from coexplore.cli import reproduce as reproduce_module
from coexplore.core.errors import MissingExtraError
from coexplore.systems.system import SYSTEMS, all_claims

pytest.importorskip("plotly")


def test_without_a_name_all_claims_are_listed() -> None:
    document = coexplore("reproduce", "--json").document
    assert [system["name"] for system in document["systems"]] == list(SYSTEMS)
    assert {claim["name"] for system in document["systems"] for claim in system["claims"]} == set(all_claims())
    out = coexplore("reproduce").out
    for name in all_claims():
        assert name in out


def test_a_system_is_listed_with_its_words_and_studies() -> None:
    out = coexplore("reproduce", "coexplore").out
    assert "the paper's word" in out
    assert "examples/fpga/co_exploration.yaml" in out
    (system,) = coexplore("reproduce", "coexplore", "--json").document["systems"]
    assert system["claims"][0]["script"] == "benchmarks/papers/coexplore/modes.py"


def test_a_claim_is_tried_and_leaves_report_and_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = coexplore("reproduce", "coexplore/partition", "--quick", "--json")
    document = outcome.document
    assert outcome.code == 0
    assert document["claim"] == "coexplore/partition"
    assert document["figures"][0]["here"] == document["figures"][1]["here"] == 100
    assert document["result"]["cases"] == 100
    left = Path("runs/coexplore/partition-quick")
    assert document["report"] == str(left / "report.html")
    assert (left / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert (left / "result.json").is_file()
    assert "resnet50" in outcome.err


def test_text_has_the_table_what_may_be_compared_and_the_places(tmp_path: Path) -> None:
    outcome = coexplore("reproduce", "coexplore/dse-speed", "--quick", "--directory", tmp_path)
    assert outcome.code == 0
    assert "1,283" in outcome.out
    assert "Not the same machine" in outcome.out
    assert "quick form" in outcome.out
    assert f"report  {tmp_path / 'report.html'}" in outcome.out


def test_missing_data_are_one_message(tmp_path: Path) -> None:
    outcome = coexplore("reproduce", "coexplore/boards", "--data", tmp_path / "none", "--directory", tmp_path / "left")
    assert outcome.code == 2
    assert outcome.out == ""
    last = outcome.err.splitlines()[-1]
    assert last.startswith("error: coexplore/boards: the script failed: ")
    assert "does not exist; pass --data" in last
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("coexplore/gold",), "did you mean 'coexplore/golden'"),
        (("coexplor",), "known: "),
        (("--quick",), "belong to one claim"),
        (("coexplore", "--data", "x"), "belong to one claim"),
    ],
)
def test_bad_input_is_one_message(arguments: tuple[str, ...], message: str) -> None:
    outcome = coexplore("reproduce", *arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err


def test_without_plotly_there_is_no_report_and_all_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object) -> None:
        raise MissingExtraError("a report with pictures", "report")

    monkeypatch.setattr(reproduce_module, "write_reproduction", missing)
    outcome = coexplore("reproduce", "coexplore/partition", "--quick", "--directory", tmp_path, "--json")
    assert outcome.code == 0
    assert outcome.document["report"] is None


def test_an_interrupt_says_where_what_was_printed_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduce_module, "reproduce", interrupted)
    outcome = coexplore("reproduce", "coexplore/golden", "--directory", tmp_path)
    assert outcome.code == 130
    assert str(tmp_path) in outcome.err


def test_systems_and_claims_are_listed_among_the_names() -> None:
    assert "coexplore" in {entry["name"] for entry in coexplore("list", "systems", "--json").document["systems"]}
    assert {entry["name"] for entry in coexplore("list", "claims", "--json").document["claims"]} == set(all_claims())
