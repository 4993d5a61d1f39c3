"""A study from the command line: run, resume, status, report, export, and how each of them fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_runs import DIGITS, HARDWARE, coexplore, write_study

from coexplore.cli import run as run_module
from coexplore.core.errors import MissingExtraError

pytest.importorskip("plotly")
pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished study that trained nothing."""
    folder = tmp_path_factory.mktemp("finished")
    assert coexplore("run", write_study(folder, HARDWARE), "--directory", folder / "study").code == 0
    return folder / "study"


def test_a_run_ends_with_front_report_and_bundle(tmp_path: Path) -> None:
    outcome = coexplore("run", write_study(tmp_path, HARDWARE), "--directory", tmp_path / "study", "--json")
    document = outcome.document
    assert outcome.code == 0
    assert document["state"] == "finished"
    assert document["trials"] == 6
    assert Path(document["report"]).read_text().startswith("<!DOCTYPE html>")
    bundle = coexplore("cost", document["bundle"], "--json").document
    chosen = next(entry for entry in document["front"] if entry["number"] == document["chosen"])
    assert bundle["metrics"] == chosen["metrics"]


def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    study = write_study(tmp_path, HARDWARE)
    arguments = ("--directory", tmp_path / "study", "--json")
    first = coexplore("run", study, *arguments, "--set", "budget.trials=3")
    again = coexplore("run", study, *arguments)
    whole = coexplore("run", study, "--directory", tmp_path / "whole", "--json")
    assert first.document["trials"] == 3
    assert "going on with" in again.err
    assert again.document["front"] == whole.document["front"]


def test_the_seed_option_is_the_seed_of_the_study(tmp_path: Path) -> None:
    study = write_study(tmp_path, HARDWARE)
    by_option = coexplore("run", study, "--directory", tmp_path / "a", "--seed", "5", "--json").document
    by_set = coexplore("run", study, "--directory", tmp_path / "b", "--set", "seed=5", "--json").document
    default = coexplore("run", study, "--directory", tmp_path / "c", "--json").document
    assert by_option["seed"] == 5
    assert by_option["front"] == by_set["front"] != default["front"]


def test_by_default_a_study_lives_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = write_study(tmp_path, HARDWARE)
    assert coexplore("run", study, "--set", "budget.trials=1").code == 0
    assert (tmp_path / "studies" / "chips" / "study.json").is_file()


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "..", "a/b"])
def test_a_name_never_leads_out_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = coexplore("run", write_study(tmp_path, {**HARDWARE, "name": name}))
    assert outcome.code == 2
    assert outcome.err.startswith("error: name: is")
    assert [entry.name for entry in tmp_path.iterdir()] == ["study.yaml"]


def test_a_study_with_training_measures_its_front_on_the_test_part(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    study = write_study(tmp_path, DIGITS)
    outcome = coexplore("run", study, "--directory", tmp_path / "study", "--workers", "0", "--json")
    front = outcome.document["front"]
    assert outcome.code == 0
    assert front
    assert all(0 <= entry["metrics"]["test_accuracy"] <= 1 for entry in front)
    assert (Path(outcome.document["bundle"]) / "weights.npz").is_file()
    assert coexplore("status", tmp_path / "study", "--json").document["front"] == front
    assert "test accuracy" in coexplore("status", tmp_path / "study").out


def test_a_constraint_that_nothing_meets_names_the_closest_design(tmp_path: Path) -> None:
    study = write_study(tmp_path, {**HARDWARE, "constraints": [{"metric": "area_mm2", "at_most": 0.5}]})
    outcome = coexplore("run", study, "--directory", tmp_path / "study", "--json")
    assert outcome.code == 1
    assert outcome.document["state"] == "infeasible"
    assert "at_most = 0.5" in outcome.document["closest"]["reason"]
    assert outcome.document["report"] is not None
    assert outcome.document["bundle"] is None
    text = coexplore("run", study, "--directory", tmp_path / "study")
    assert text.code == 1
    assert "the closest" in text.out
    assert coexplore("export", tmp_path / "study").code == 1
    assert coexplore("status", tmp_path / "study").code == 0


def test_an_interrupt_says_that_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "run_study", interrupted)
    outcome = coexplore("run", write_study(tmp_path, HARDWARE), "--directory", tmp_path / "study")
    assert outcome.code == 130
    assert "the same command goes on" in outcome.err


def test_a_run_without_plotly_or_onnx_still_ends_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object) -> None:
        raise MissingExtraError("this", "report")

    monkeypatch.setattr(run_module, "write_report", missing)
    monkeypatch.setattr(run_module, "export_trial", missing)
    outcome = coexplore("run", write_study(tmp_path, HARDWARE), "--directory", tmp_path / "study", "--json")
    assert outcome.code == 0
    assert (outcome.document["report"], outcome.document["bundle"]) == (None, None)
    assert "no report: this needs" in outcome.err
    assert "no bundle: this needs" in outcome.err


def test_both_phases_of_a_study_have_one_report_and_one_status(tmp_path: Path) -> None:
    phased = {**HARDWARE, "network": {"family": "plain-cnn", "layers": [1]}, "phases": {}}
    outcome = coexplore("run", write_study(tmp_path, phased), "--directory", tmp_path / "study", "--json")
    assert outcome.code == 0
    assert outcome.document["report"] == str(tmp_path / "study" / "report.html")
    assert coexplore("status", tmp_path / "study", "--json").document["front"] == outcome.document["front"]
    assert coexplore("export", tmp_path / "study").out == f"{outcome.document['bundle']}\n"


def test_text_after_a_run_names_the_places(tmp_path: Path) -> None:
    out = coexplore("run", write_study(tmp_path, HARDWARE), "--directory", tmp_path / "study").out
    assert f"study   {tmp_path / 'study'}" in out
    assert f"report  {tmp_path / 'study' / 'report.html'}" in out
    assert f"bundle  {tmp_path / 'study' / 'bundle'}" in out


def test_status_shows_the_front(finished: Path) -> None:
    text, document = coexplore("status", finished), coexplore("status", finished, "--json").document
    assert text.code == 0
    assert "finished, 6 of 6 trials" in text.out
    assert {"state", "trials", "trained_networks", "front"} <= set(document)
    for entry in document["front"]:
        assert {"number", "metrics", "point"} <= set(entry)
        assert f" {entry['number']} " in text.out


def test_a_report_goes_where_it_is_wanted(finished: Path, tmp_path: Path) -> None:
    outcome = coexplore("report", finished, "--output", tmp_path / "page.html", "--json")
    assert outcome.document == {"report": str(tmp_path / "page.html")}
    assert (tmp_path / "page.html").stat().st_size > 1_000_000
    assert coexplore("report", finished).out == f"{finished / 'report.html'}\n"


def test_any_complete_trial_can_be_exported(finished: Path, tmp_path: Path) -> None:
    outcome = coexplore("export", finished, "--trial", "2", "--output", tmp_path / "b", "--json")
    assert outcome.document == {"bundle": str(tmp_path / "b"), "trial": 2}
    assert json.loads((tmp_path / "b" / "metrics.json").read_text())["trial"] == 2
    assert coexplore("export", finished, "--trial", "2").out == f"{finished / 'bundle-2'}\n"


def test_a_trial_that_is_not_there_is_bad_input(finished: Path) -> None:
    outcome = coexplore("export", finished, "--trial", "99")
    assert outcome.code == 2
    assert "there is no trial 99" in outcome.err


@pytest.mark.parametrize("verb", ["status", "report", "export"])
def test_a_folder_without_a_study_is_bad_input(tmp_path: Path, verb: str) -> None:
    outcome = coexplore(verb, tmp_path)
    assert outcome.code == 2
    assert "there is no study" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_another_config_in_the_same_directory_is_bad_input(finished: Path, tmp_path: Path) -> None:
    outcome = coexplore("run", write_study(tmp_path, HARDWARE), "--directory", finished, "--seed", "9")
    assert outcome.code == 2
    assert "seed is 0 there and 9 here" in outcome.err


@pytest.mark.parametrize("verb", ["run", "validate"])
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("budget.trails=3", "budget.trails: unknown field; did you mean 'trials'"),
        ("strategy.name=evolutoin", "did you mean 'evolution'"),
        ("network.fixed=resnet-17", "did you mean 'resnet-18'"),
        ("objectives.0.minimize=latency", "did you mean 'latency_s'"),
        ("budget.trials=many", "budget.trials"),
        ("nonsense", "path=value"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(tmp_path: Path, verb: str, override: str, message: str) -> None:
    outcome = coexplore(verb, write_study(tmp_path, HARDWARE), "--set", override)
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_validate_says_how_large_the_spaces_are(tmp_path: Path) -> None:
    path = write_study(tmp_path, HARDWARE)
    document = coexplore("validate", path, "--json").document
    assert (document["networks"], document["accelerators"], document["designs"]) == (1, 50_000, 50_000)
    assert coexplore("validate", path).out == (
        "ok: chips: 1 network x 50,000 accelerators = 50,000 designs; 6 trials by random\n"
    )


def test_validate_counts_what_is_frozen(tmp_path: Path) -> None:
    path = write_study(tmp_path, HARDWARE)
    outcome = coexplore("validate", path, "--set", "accelerator.freeze={pes_x: 4, lanes: 2}", "--json")
    assert outcome.document["accelerators"] == 50_000 // 5 // 4
