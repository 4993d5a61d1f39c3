"""Accuracies of networks that are trained already come from a table, or one message says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coexplore.accuracy.tabular import TableSettings
from coexplore.core.errors import ConfigError, DataError, EvaluationError
from coexplore.networks.nas_bench_macro import NasBenchMacro

FAMILY = NasBenchMacro()


def network(digits):
    return FAMILY.lower(FAMILY.space.point({f"block{i}": int(digit) for i, digit in enumerate(digits)}))


def write(folder: Path, **columns: list[object]) -> Path:
    path = folder / "table.parquet"
    pq.write_table(pa.table({"arch": ["00000000", "11111111"], "acc": [50.0, 75.5], **columns}), path)
    return path


def settings(path: Path, **changes) -> TableSettings:
    return TableSettings(**{"path": path.name, "accuracy": "acc", "key": "arch", **changes})


def test_a_network_is_found_by_its_name_and_percent_become_fractions(tmp_path):
    accuracy = settings(write(tmp_path)).load(tmp_path).evaluate(network("11111111"))
    assert (accuracy.value, accuracy.curve, accuracy.epochs) == (0.755, (0.755,), 1)


def test_fractions_are_taken_as_they_are(tmp_path):
    path = write(tmp_path, acc=[0.5, 0.25])
    assert settings(path, percent=False).load(tmp_path).evaluate(network("11111111")).value == 0.25


def test_a_relative_path_starts_from_the_variable(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setenv("COEXPLORE_DATA", str(tmp_path))
    assert settings(tmp_path / "table.parquet").load().accuracies["00000000"] == 0.5


def test_the_identity_is_that_of_the_content(tmp_path):
    first = settings(write(tmp_path)).load(tmp_path).identity
    assert settings(write(tmp_path, other=[1, 2])).load(tmp_path).identity == first
    assert settings(write(tmp_path, acc=[50.0, 75.6])).load(tmp_path).identity != first


def test_a_network_that_is_not_in_the_table_is_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"no '21000000'; its names are like '00000000'"):
        settings(write(tmp_path)).load(tmp_path).evaluate(network("21000000"))


WRONG = [
    ({"accuracy": "ac"}, {}, ConfigError, "accuracy: .*has no column 'ac'; did you mean 'acc'"),
    ({"key": "architecture"}, {}, ConfigError, "key: .*has no column 'architecture'"),
    ({"percent": False}, {}, DataError, "is no accuracy in a fraction"),
    ({}, {"acc": [50.0, float("nan")]}, DataError, "acc of '11111111' is no accuracy"),
    ({}, {"acc": [50.0, 101.0]}, DataError, "is no accuracy in percent"),
    ({}, {"arch": ["a", "a"]}, DataError, "'arch' has 1 names twice"),
    ({}, {"acc": ["high", "low"]}, DataError, "cannot be read as numbers"),
]


@pytest.mark.parametrize(("changes", "columns", "kind", "message"), WRONG, ids=[message for *_, message in WRONG])
def test_what_is_wrong_with_a_table_is_said(tmp_path, changes, columns, kind, message):
    with pytest.raises(kind, match=message):
        settings(write(tmp_path, **columns), **changes).load(tmp_path)


def test_a_file_that_is_no_table_is_named(tmp_path):
    (tmp_path / "table.parquet").write_text("arch,acc")
    for name in ("table.parquet", "absent.parquet"):
        with pytest.raises(DataError, match=f"cannot read the table .*{name}"):
            settings(tmp_path / name).load(tmp_path)
