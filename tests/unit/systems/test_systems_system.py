"""Claims: every script has one, every one has a script, and nothing that is only recalled is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexplore.core.errors import UnknownNameError
from coexplore.systems.scripts import CHECKOUT, script_path
from coexplore.systems.system import SYSTEMS, Figure, all_claims, at, between, find_claim

ROOT = Path(__file__).resolve().parents[3]
CLAIMS = sorted(all_claims())


def test_every_script_of_a_paper_has_a_claim_and_every_claim_a_script():
    scripts = {
        f"{path.parent.name}/{path.stem.replace('_', '-')}"
        for path in CHECKOUT.rglob("*.py")
        if not path.name.startswith("_")
    }
    assert scripts == set(CLAIMS), "add a line to the table in src/coexplore/systems/<system>.py"


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_says_what_is_published_where_and_what_may_be_compared(name):
    system, claim = find_claim(name)
    assert script_path(system.name, claim.script).is_file()
    assert claim.statement
    assert claim.source
    assert claim.comparable.endswith(".")
    assert claim.figures
    assert "recalled" not in f"{claim.statement} {claim.source} {claim.mark.value}".lower()
    for figure in claim.figures:
        assert figure.published or figure.value is None
    options = [option for option in (claim.folder_option, claim.plot_option) if option]
    text = script_path(system.name, claim.script).read_text()
    for option in ("--quick", "--data", *options):
        assert f'"{option}"' in text


@pytest.mark.parametrize("name", list(SYSTEMS))
def test_the_studies_of_a_system_are_there(name):
    for study in SYSTEMS.get(name).studies:
        assert (ROOT / study).is_file()


@pytest.mark.parametrize("name", list(SYSTEMS))
def test_files_that_words_lead_to_exist(name):
    for _, ours in SYSTEMS.get(name).terms:
        for word in ours.replace("(", " ").replace(")", " ").replace(",", " ").split():
            if word.endswith(".py"):
                assert (ROOT / "src" / "coexplore" / word).is_file(), word


def test_an_unknown_claim_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'coexplore/golden'"):
        find_claim("coexplore/gulden")


def test_a_path_that_leads_nowhere_is_none():
    result = {"a": {"b": [1, {"c": 2.5}]}, "n": None}
    assert at("a", "b", 1, "c")(result) == 2.5
    assert at("a", "b", 0)(result) == 1
    assert at("a", "b", -1, "c")(result) == 2.5
    for path in (("a", "x"), ("a", "b", 7), ("a", "b", -3), ("a", "b", "c"), ("n", "b"), ("a", "b", 0, "c")):
        assert at(*path)(result) is None


def test_a_range_is_two_numbers_or_nothing():
    read = between("gain", text="{:+.1f}")
    assert read({"gain": [-0.5, 1.25]}) == "-0.5 to +1.2"
    assert read({"gain": [1.0]}) is None
    assert read({}) is None


def test_a_figure_is_written_in_its_form_and_a_missing_one_is_a_dash():
    figure = Figure("gain", at("gain"), "x {:.2f}", "x 1.35", 1.35)
    assert figure.written({"gain": 1.2}) == "x 1.20"
    assert figure.written({}) == figure.written({"gain": None}) == "-"
    assert figure.written({"gain": "all"}) == "all"
