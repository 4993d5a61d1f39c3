"""What do the fidelity benchmarks make of other tables of the same schema, and of damaged ones?"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FIDELITY = Path(__file__).resolve().parents[2] / "benchmarks" / "fidelity"
DOSA = {"timeloop_replay": "dosa_timeloop.parquet", "gemmini_rtl": "dosa_gemmini_rtl.parquet"}


def run(name: str, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FIDELITY / f"{name}.py"), "--quick", "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def last_line(name: str, data: Path) -> dict[str, object]:
    done = run(name, data)
    assert done.returncode == 0, done.stderr[-2000:]

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(done.stdout.splitlines()[-1], parse_constant=refuse)


def refusal(name: str, data: Path) -> str:
    done = run(name, data)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def damaged(table: pa.Table) -> dict[str, tuple[pa.Table, str]]:
    """Tables that must be refused, each with a word of the message."""
    column = table.column_names.index("prob.K")
    empty = pa.nulls(len(table), table.schema.field(column).type)
    return {
        "no rows": (table.slice(0, 0), "no rows"),
        "empty cells": (table.set_column(column, "prob.K", empty), "prob.K"),
        "without a column": (table.drop_columns(["prob.K"]), "prob.K"),
    }


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("kind", ["no rows", "empty cells", "without a column"])
@pytest.mark.parametrize("name", DOSA)
def test_damaged_tables_are_refused_with_one_message(name, kind, data_folder, tmp_path):
    table, word = damaged(pq.read_table(data_folder / DOSA[name]).slice(0, 5))[kind]
    pq.write_table(table, tmp_path / DOSA[name])
    assert word in refusal(name, tmp_path)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", DOSA)
def test_files_that_are_no_table_are_refused(name, tmp_path):
    (tmp_path / DOSA[name]).write_bytes(b"PAR1 and nothing else")
    assert DOSA[name] in refusal(name, tmp_path)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", DOSA)
def test_one_row_under_another_name_is_judged(name, data_folder, tmp_path):
    table = pq.read_table(data_folder / DOSA[name]).slice(7, 1)
    pq.write_table(table.append_column("remark", pa.array(["-"])), tmp_path / "other.parquet")
    assert last_line(name, tmp_path / "other.parquet")["rows"] == 1


@pytest.mark.slow
def test_cases_that_are_none_are_refused(tmp_path):
    for text, word in (("{", "not JSON"), ("[1]", "levels"), ('{"a": {"levels": {}}}', "mapping_text")):
        (tmp_path / "cases.json").write_text(text)
        assert word in refusal("timeloop_cases", tmp_path / "cases.json")


@pytest.mark.slow
@pytest.mark.data
def test_the_order_of_measured_layers_does_not_matter(reference, tmp_path):
    source = reference / "silicon" / "eyeriss_jssc2017_alexnet.csv"
    with source.open(newline="") as stream:
        head, *rows = csv.reader(stream)
    with (tmp_path / source.name).open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *reversed(rows)])
    assert last_line("eyeriss", tmp_path) == last_line("eyeriss", source)


@pytest.mark.slow
@pytest.mark.data
def test_a_single_network_is_not_ranked(reference, tmp_path):
    source = reference / "silicon" / "coral_edgetpu_benchmarks.csv"
    lines = source.read_text().splitlines()
    (tmp_path / source.name).write_text("\n".join([lines[0], *(line for line in lines if "MobileNet v2 224" in line)]))
    assert last_line("devices_zero_shot", tmp_path) == {"devices": {}}
