"""`coexplore compare` from a shell: what it prints and writes, how it goes on, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from command_runs import coexplore, write_study

from coexplore.cli import compare as compare_module
from coexplore.core.errors import MissingExtraError
from coexplore.studies import compare_statistics

pytest.importorskip("plotly")
pytest.importorskip("scipy")
CHIPS: dict[str, Any] = {
    "name": "chips",
    "network": {"family": "plain-cnn", "layers": [1], "filters": [8, 16], "input_shape": [1, 8, 8]},
    "accelerator": {"family": "edge-array", "restrict": {"pes_x": [1, 2], "pes_y": [1]}},
    "objectives": [{"minimize": "latency_s"}, {"minimize": "energy_j"}],
    "budget": {"trials": 4},
}
"""A study that trains nothing."""
TWO = ("--strategy", "random", "--strategy", "nsga2,population=4", "--seeds", "2")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished comparison; the study file lies beside it."""
    folder = tmp_path_factory.mktemp("compared")
    assert coexplore("compare", write_study(folder, CHIPS), *TWO, "--directory", folder / "runs").code == 0
    return folder / "runs"


def test_both_tables_the_sentences_and_the_places_are_printed(compared: Path) -> None:
    outcome = coexplore("compare", compared.parent / "study.yaml", *TWO, "--directory", compared)
    assert outcome.code == 0
    assert "at equal evaluations: best hypervolume of 2 runs each" in outcome.out
    assert "at equal time" in outcome.out
    assert "2 runs each cannot show a difference" in outcome.out
    assert f"page    {compared / 'comparison.html'}" in outcome.out
    assert "run 4: " in outcome.err


def test_json_is_the_file_and_names_the_page(compared: Path) -> None:
    outcome = coexplore("compare", compared.parent / "study.yaml", *TWO, "--directory", compared, "--json")
    written = yaml.safe_load((compared / "comparison.json").read_text())
    assert {name: outcome.document[name] for name in written} == written
    assert Path(outcome.document["page"]).read_text().startswith("<!DOCTYPE html>")
    assert [entry["trials"] for entry in written["equal_evaluations"]["contenders"]] == [4, 4]


def test_a_run_of_a_comparison_is_a_study(compared: Path) -> None:
    document = coexplore("status", compared / "random" / "seed-1", "--json").document
    assert (document["state"], document["trials"], document["seed"]) == ("finished", 4, 1)


def test_several_studies_are_compared_by_their_own_strategies(tmp_path: Path) -> None:
    first = write_study(tmp_path, {**CHIPS, "strategy": {"name": "random"}})
    second = tmp_path / "other.yaml"
    second.write_text(yaml.safe_dump({**CHIPS, "name": "fixed", "accelerator": {"fixed": "edge-array/baseline"}}))
    outcome = coexplore(
        "compare", first, second, "--by", "energy_j", "--seeds", "1", "--directory", tmp_path / "runs", "--json"
    )
    assert [entry["name"] for entry in outcome.document["equal_evaluations"]["contenders"]] == ["chips", "fixed"]
    assert outcome.document["by"] == "energy_j"


def test_nothing_feasible_ends_with_one(tmp_path: Path) -> None:
    study = write_study(tmp_path, {**CHIPS, "constraints": [{"metric": "area_mm2", "at_most": 0.01}]})
    outcome = coexplore("compare", study, *TWO, "--directory", tmp_path / "runs", "--json")
    assert outcome.code == 1
    assert outcome.document["equal_evaluations"]["contenders"][0]["median"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--strategy", "random", "--strategy", "evolutoin"), "did you mean 'evolution'"),
        (("--strategy", "random"), "at least two"),
        ((), "at least two"),
        ((*TWO, "--seeds", "0"), "seeds: is 0"),
        ((*TWO, "--evaluations", "0"), "evaluations: is 0"),
        ((*TWO, "--seconds", "-1"), "seconds: is -1"),
        ((*TWO, "--by", "latency"), "did you mean 'latency_s'"),
        ((*TWO, "--by", "accuracy"), "by: accuracy is not measured"),
        ((*TWO, "--set", "budget.trails=3"), "did you mean 'trials'"),
        ((*TWO, "--workers", "-1"), "workers: is -1"),
    ],
)
def test_bad_input_is_one_message(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    outcome = coexplore("compare", write_study(tmp_path, CHIPS), *arguments, "--directory", tmp_path / "runs")
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_study_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert coexplore("compare", tmp_path / "none.yaml", *TWO).code == 2


def test_an_interrupt_says_that_the_same_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(compare_module, "compare", interrupted)
    outcome = coexplore("compare", write_study(tmp_path, CHIPS), *TWO, "--directory", tmp_path / "runs")
    assert outcome.code == 130
    assert "the same command goes on" in outcome.err


def test_without_plotly_there_is_no_page_and_all_the_rest(compared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object) -> None:
        raise MissingExtraError("a report with pictures", "report")

    monkeypatch.setattr(compare_module, "write_comparison_page", missing)
    outcome = coexplore("compare", compared.parent / "study.yaml", *TWO, "--directory", compared, "--json")
    assert outcome.code == 0
    assert outcome.document["page"] is None
    assert "no page: " in outcome.err


def test_without_scipy_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(compare_statistics.importlib, "import_module", absent)
    outcome = coexplore("compare", write_study(tmp_path, CHIPS), *TWO, "--directory", tmp_path / "runs")
    assert outcome.code == 2
    assert "coexplore[train]" in outcome.err
    assert not (tmp_path / "runs").exists()


def test_the_example_is_legal_and_runs(tmp_path: Path) -> None:
    example = Path(__file__).resolve().parents[3] / "examples" / "compare.yaml"
    arguments = ("--strategy", "random", "--strategy", "evolution,population=10", "--seeds", "1", "--evaluations", "2")
    assert coexplore("compare", example, *arguments, "--directory", tmp_path / "runs").code == 0
