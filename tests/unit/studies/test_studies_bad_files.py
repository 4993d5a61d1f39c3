"""Files that are absent, cut off, of another kind or hostile: one message names them, and nothing in them is run."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coexplore.core.errors import CoexploreError, ConfigError
from coexplore.studies.config import resolve
from coexplore.studies.schema import parse_config


class Payload:
    """What a pickle may hold: a call of any function there is."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


def absent(path, marker):
    return None


def cut_off(path, marker):
    content = pa.BufferOutputStream()
    pq.write_table(pa.table({"arch_str": ["a"] * 999, "acc": [50.0] * 999}), content)
    path.write_bytes(content.getvalue().to_pybytes()[:-9])


def empty(path, marker):
    path.write_bytes(b"")


def hostile(path, marker):
    path.write_bytes(pickle.dumps(Payload(marker)))


def hostile_array(path, marker):
    with path.open("wb") as file:
        np.savez(file, header=np.array([Payload(marker)], dtype=object))


def folder(path, marker):
    path.mkdir()


SECTIONS = {
    "table": lambda path: {"task": {"tabular": str(path), "accuracy": "acc"}, "objectives": [{"maximize": "accuracy"}]},
    "surrogate": lambda path: {
        "task": {"surrogate": str(path)}, "objectives": [{"maximize": "accuracy"}],
        "network": {"family": "accel-nasbench"},
    },
    "cost model": lambda path: {"cost": {"learned": str(path)}, "objectives": [{"minimize": "latency_s"}]},
}  # fmt: skip


@pytest.mark.parametrize("what", SECTIONS)
@pytest.mark.parametrize("make", [absent, cut_off, empty, hostile, hostile_array, folder])
def test_a_bad_file_is_one_message_and_nothing_of_it_is_run(what, make, tmp_path):
    path, marker = tmp_path / "file", tmp_path / "executed"
    make(path, marker)
    document = {
        "name": "bad", "network": {"family": "nb201"}, "accelerator": {"family": "edge-array"},
        "strategy": {"name": "random"}, **SECTIONS[what](path),
    }  # fmt: skip
    with pytest.raises(CoexploreError) as caught:
        resolve(parse_config(document))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not marker.exists()


def test_a_table_of_another_version_says_what_it_has(tmp_path):
    pq.write_table(pa.table({"cell": ["a"], "acc_v2": [50.0]}), tmp_path / "table.parquet")
    document = {
        "name": "bad", "network": {"family": "nb201"}, "accelerator": {"family": "edge-array"},
        "objectives": [{"maximize": "accuracy"}], "task": {"tabular": "table.parquet", "accuracy": "acc"},
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"task\.key: .*no column 'arch_str'; .*known: acc_v2, cell"):
        resolve(parse_config(document), tmp_path)
