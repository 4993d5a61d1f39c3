"""Tables, sentences, document and page of a comparison made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Objective
from coexplore.reports.comparison import (
    about_evaluations,
    about_optimum,
    comparison_document,
    comparison_tables,
    curve,
    measure_text,
    statements,
)
from coexplore.reports.comparison_page import curves_figure, write_comparison_page
from coexplore.spaces.space import Point
from coexplore.studies.compare import Comparison, Proven, Standing, Table
from coexplore.studies.compare_runs import Run
from coexplore.studies.compare_statistics import all_pairs, median_interval
from coexplore.studies.trial import TrialRecord, TrialState

pytest.importorskip("scipy")
HOSTILE = "<img src=x onerror=alert(1)>"
RECORD = TrialRecord(0, TrialState.COMPLETE, Point(()), {"accuracy": 0.5})


def comparison(samples, screened=0, trains=True, proven=None):
    """Contenders whose runs have these best losses so far, one list per run."""
    runs, traces = [], []
    for name, all_losses in samples.items():
        for seed, losses in enumerate(all_losses):
            runs.append(Run(name, seed, (RECORD,) * len(losses), screened, 2.0 * len(losses), False, Path("d")))
            traces.append(np.array(losses))
    standings = []
    for name, all_losses in samples.items():
        last = tuple(losses[-1] for losses in all_losses)
        found = sum(map(math.isfinite, last))
        standings.append(Standing(name, len(all_losses[0]), last, median_interval(last), found))
    table = Table(tuple(standings), all_pairs([(s.contender, s.losses) for s in standings]))
    wish = (Objective("accuracy", Direction.MAXIMIZE),)
    return Comparison(
        "study", "accuracy", wish, tuple(runs), tuple(traces), table, table, 6.0, trains, proven, Path("d")
    )


GOOD = [[-0.5, -0.8 - 0.01 * seed, -0.9 - 0.01 * seed] for seed in range(5)]
BAD = [[math.inf, math.inf, -0.4 - 0.01 * seed] for seed in range(5)]


def test_the_best_median_stands_first_and_values_are_those_people_know():
    table, at_time = comparison_tables(comparison({"bad": BAD, "good": GOOD}))
    assert [row[:3] for row in table.rows] == [("good", "3", "92.00 %"), ("bad", "3", "42.00 %")]
    assert table.rows[0][3] == "90.00 % to 94.00 % (94 %)"
    assert table.rows[0][4:] == ("5 of 5", "2 s", "0")
    assert "after 6 s" in at_time.title


def test_a_significant_difference_is_said_and_no_difference_is_not_claimed():
    (shown,) = statements(comparison({"bad": BAD, "good": GOOD}).equal_evaluations)
    assert shown == "good is better than bad: in 100 % of the pairs of runs, p = 0.0079"
    (same,) = statements(comparison({"a": GOOD, "b": GOOD}).equal_evaluations)
    assert same.startswith("no difference shown between a and b: the former is better in 50 %")


def test_too_few_runs_are_said_to_be_too_few():
    sentences = statements(comparison({"bad": BAD[:3], "good": GOOD[:3]}).equal_evaluations)
    assert sentences[-1] == "3 runs each cannot show a difference between one pair at 5 %; take 4 or more"
    single = statements(comparison({"bad": BAD[:1], "good": GOOD[:1]}).equal_evaluations)
    assert len(single) == 1


def test_of_many_pairs_without_a_difference_the_number_is_told():
    same = {name: [[-0.5 - 0.01 * seed] for seed in range(8)] for name in "abcde"}
    (told,) = statements(comparison(same).equal_evaluations)
    assert told == "no difference shown between 10 pairs"
    sentences = statements(comparison({**same, "far": [[-0.9 - 0.01 * seed] for seed in range(8)]}).equal_evaluations)
    assert [sentence.split(":")[0] for sentence in sentences[:-1]] == [f"far is better than {name}" for name in "abcde"]
    assert sentences[-1] == "no difference shown between 10 other pairs"


def test_who_has_not_one_trial_is_named_and_not_judged():
    table = comparison({"bad": BAD, "good": GOOD}).equal_evaluations
    idle = replace(table, standings=(replace(table.standings[0], trials=0), table.standings[1]))
    assert statements(idle) == ("bad: not one trial fits; take more seconds",)


def test_runs_that_found_nothing_are_a_dash():
    nothing = [[math.inf] * 3] * 5
    rows = comparison_tables(comparison({"good": GOOD, "none": nothing}))[0].rows
    assert rows[1][2:5] == ("-", "- to - (94 %)", "0 of 5")
    assert measure_text("hypervolume", -math.inf) == "-"
    assert measure_text("hypervolume", 0.25) == "0.2500"


def test_priced_designs_are_explained_only_where_they_count():
    assert about_evaluations(comparison({"a": GOOD, "b": GOOD}, screened=3, trains=False)).startswith("Nothing is")
    assert about_evaluations(comparison({"a": GOOD, "b": GOOD}, screened=3)) == ""
    assert about_evaluations(comparison({"a": GOOD, "b": GOOD}, trains=False)) == ""


def test_the_distance_from_the_proven_optimum_is_a_column_and_a_line():
    truth = Proven(Run("exact", 0, (RECORD,), 1234, 2.0, True, Path("d")), -0.95)
    compared = comparison({"good": GOOD, "bad": BAD}, proven=truth)
    table = comparison_tables(compared)[0]
    assert [row[3] for row in table.rows] == ["3.00 %", "53.00 %"]
    assert about_optimum(compared) == "Proven optimum: 95.00 %, by exact, which priced all 1,234 in 2 s."
    assert comparison_document(compared)["proven"]["value"] == 0.95
    lines = [trace for trace in curves_figure(compared)["data"] if trace["name"] == "proven optimum"]
    assert [(line["x"], line["y"]) for line in lines] == [([0.0, 3.0], [0.95, 0.95]), ([0.0, 6.0], [0.95, 0.95])]
    assert about_optimum(comparison({"good": GOOD, "bad": BAD})) == ""


def test_a_curve_has_the_median_and_its_interval_in_order():
    numbers, rows = curve(comparison({"good": GOOD, "bad": BAD}), "good")
    assert numbers == [1, 2, 3]
    assert rows[0] == [0.5, 0.5, 0.5]
    assert rows[2] == pytest.approx([0.92, 0.9, 0.94])


def test_a_long_curve_is_thinned_and_keeps_both_ends():
    long = [[-float(index) for index in range(5000)]] * 2
    numbers, rows = curve(comparison({"a": long, "b": long}), "a")
    assert len(numbers) <= 400
    assert (numbers[0], numbers[-1], rows[-1][0]) == (1, 5000, 4999.0)


def test_the_document_holds_every_value():
    document = comparison_document(comparison({"good": GOOD, "bad": BAD}))
    good = document["equal_evaluations"]["contenders"][0]
    assert good["values"] == pytest.approx([0.9, 0.91, 0.92, 0.93, 0.94])
    assert good["interval"] == pytest.approx([0.9, 0.94])
    assert document["equal_evaluations"]["pairs"][0]["significant"] is True
    assert document["equal_time"]["seconds"] == 6.0
    assert [run["trials"] for run in document["runs"]] == [3] * 10


def test_a_band_begins_where_every_end_is_known():
    figure = curves_figure(comparison({"bad": BAD, "good": GOOD}))
    high = [trace for trace in figure["data"] if trace["name"] == "high"]
    assert [trace["x"] for trace in high[:1]] == [[3]]
    lines = [trace for trace in figure["data"] if trace["name"] == "bad"]
    assert lines[0]["y"][:2] == [None, None]
    assert lines[1]["x"] == [2.0, 4.0, 6.0]


def test_the_page_has_both_tables_and_text_stays_text(tmp_path):
    pytest.importorskip("plotly")
    write_comparison_page(tmp_path / "page.html", comparison({HOSTILE: BAD, "good": GOOD}))
    page = (tmp_path / "page.html").read_text()
    assert "At equal evaluations" in page
    assert "At equal time" in page
    assert HOSTILE not in page
