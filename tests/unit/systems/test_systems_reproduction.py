"""A claim is tried: the script runs with its options, its last line is read, and each way to fail says what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from system_cases import GOOD, order

from coexplore.core.errors import StudyError
from coexplore.systems.page import ratio_figure, write_reproduction
from coexplore.systems.reproduction import OUTPUT, RESULT, figures_table, reproduce
from coexplore.systems.system import all_claims

ROOT = Path(__file__).resolve().parents[3]


def test_the_last_line_stands_beside_the_published_figures(tmp_path, monkeypatch):
    heard: list[str] = []
    made = reproduce(order(monkeypatch, tmp_path, GOOD), heard.append)
    assert figures_table(made).rows == (("gain", "x 1.50", "x 1.20"), ("loss", "-", "-"))
    assert made.output == "a line <b>"
    assert heard[0] == "a line <b>"
    assert (tmp_path / "left" / OUTPUT).read_text().startswith("a line <b>")
    written = json.loads((tmp_path / "left" / RESULT).read_text())
    assert written["figures"][0] == {
        "what": "gain", "published": "x 1.50", "published_value": 1.5, "here": 1.2, "here_text": "x 1.20"
    }  # fmt: skip


def test_options_are_handed_on_only_where_they_are_asked_for(tmp_path, monkeypatch):
    plain = reproduce(order(monkeypatch, tmp_path / "a", GOOD)).result
    assert plain == {"gain": 1.2, "data": None, "out": None, "plot": None, "quick": False}
    asked = order(monkeypatch, tmp_path / "b", GOOD, folder_option="--out", plot_option="--plot")
    made = reproduce(replace(asked, quick=True, data=Path("there")))
    left = tmp_path / "b" / "left"
    assert made.result == {
        "gain": 1.2, "data": "there", "out": str(left / "kept"), "plot": str(left / "plot.html"), "quick": True
    }  # fmt: skip
    assert made.plot == left / "plot.html"


def test_reference_data_come_from_the_environment_too(tmp_path, monkeypatch):
    asked = order(monkeypatch, tmp_path, GOOD)
    monkeypatch.setenv("COEXPLORE_DATA", "elsewhere")
    assert reproduce(asked).result["data"] == "elsewhere"
    assert reproduce(replace(asked, data=Path("here"))).result["data"] == "here"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise SystemExit('there is no table; pass --data')", "there is no table; pass --data"),
        ("import os; os._exit(7)", "it ended with 7"),
        ("print('{not json')", "no JSON object"),
        ("print('[1]')", "no JSON object"),
        ("", "no JSON object"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_script_that_fails_is_one_message_that_says_where_its_text_is(tmp_path, monkeypatch, script, message):
    with pytest.raises(StudyError, match=message) as error:
        reproduce(order(monkeypatch, tmp_path, script))
    assert str(tmp_path / "left") in str(error.value)


def test_a_script_that_is_not_there_is_named(tmp_path, monkeypatch):
    asked = order(monkeypatch, tmp_path, GOOD)
    shutil.rmtree(tmp_path / "scripts")
    with pytest.raises(StudyError, match=r"toy/it_works\.py"):
        reproduce(asked)


def test_a_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    asked = order(monkeypatch, tmp_path, GOOD)
    (tmp_path / "left").write_text("a file")
    with pytest.raises(StudyError, match="choose another directory"):
        reproduce(asked)


def test_the_page_has_the_figures_the_output_as_text_and_the_ratio(tmp_path, monkeypatch):
    pytest.importorskip("plotly")
    made = reproduce(order(monkeypatch, tmp_path, GOOD))
    write_reproduction(tmp_path / "page.html", made)
    page = (tmp_path / "page.html").read_text()
    for text in ("it works", "x 1.50", "a line &lt;b&gt;", "All of it.", "figure-ratios"):
        assert text in page
    picture = ratio_figure(made)
    assert picture is not None
    assert picture["data"][2]["x"] == [pytest.approx(0.8)]


def test_without_a_number_on_both_sides_nothing_is_drawn(tmp_path, monkeypatch):
    made = reproduce(order(monkeypatch, tmp_path, "print('{}')"))
    assert ratio_figure(made) is None


def test_an_installed_package_finds_the_scripts_that_its_wheel_brings(tmp_path):
    """What pyproject.toml includes lies where the package looks, without any checkout around it."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "coexplore", tmp_path / "coexplore", ignore=ignored)
    for source, target in build["force-include"].items():
        shutil.copytree(ROOT / source, tmp_path / target, ignore=ignored)
    program = (
        "from coexplore.systems.system import all_claims\nfrom coexplore.systems.scripts import script_path\n"
        "for name, (system, claim) in all_claims().items(): print(script_path(system.name, claim.script))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    found = [Path(line) for line in done.stdout.splitlines()]
    assert len(found) == len(all_claims())
    assert all(path.is_relative_to(tmp_path) for path in found)
