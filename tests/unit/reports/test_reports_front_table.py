"""The table of a front."""

from __future__ import annotations

from pathlib import Path

from report_cases import make_result

from coexplore.reports.front_table import STAR, front_table
from coexplore.reports.summary import chosen_trial
from coexplore.studies.config import build_objectives


def test_each_design_of_the_front_has_a_row_and_one_a_star(tmp_path: Path) -> None:
    result = make_result(tmp_path)
    table = front_table(result, {})
    chosen = chosen_trial(result.front, build_objectives(result.config))
    assert chosen is not None
    assert [row[0].removesuffix(STAR) for row in table.rows] == [str(trial.number) for trial in result.front]
    assert [row[0] for row in table.rows if row[0].endswith(STAR)] == [f"{chosen.number}{STAR}"]
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_metrics_of_objectives_and_constraints_are_columns(tmp_path: Path) -> None:
    titles = [column.title for column in front_table(make_result(tmp_path), {}).columns]
    assert titles == ["trial", "accuracy", "latency", "energy", "area", "network", "accelerator"]


def test_the_test_accuracy_is_a_column_once_one_is_known(tmp_path: Path) -> None:
    result = make_result(tmp_path)
    table = front_table(result, {result.front[0].network: 0.875})
    place = [column.title for column in table.columns].index("test accuracy")
    assert table.rows[0][place] == "87.50 %"
    assert {row[place] for row in table.rows[1:]} <= {"-"}
