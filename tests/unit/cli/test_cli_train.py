"""`convert`, `train-surrogate` and `train-cost-model` write what a study can use, or say in one message why not."""

from __future__ import annotations

import itertools
import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from command_runs import coexplore

from coexplore.accuracy.stage_settings import COLUMNS
from coexplore.accuracy.surrogate import load_surrogate
from coexplore.cost.learned import load_learned
from coexplore.networks.nb201 import EDGES, OPERATIONS, arch_string
from coexplore.studies.config import build, parse_config

STUDY = {
    "name": "estimated",
    "network": {"family": "nb201", "cells": 1, "freeze": {f"edge3_{n}": "skip_connect" for n in range(3)}},
    "accelerator": {
        "family": "edge-array", "pes_x": [1], "pes_y": [2], "simd_units": [16], "lanes": [1],
        "local_memory_mb": [0.5, 2.0], "register_file_kb": [8], "io_bandwidth_gb_s": [5.0, 20.0],
    },
    "objectives": [{"minimize": "latency_s"}],
    "strategy": {"name": "random"},
}  # fmt: skip


def names() -> list[str]:
    return [arch_string(cell) for cell in itertools.product(OPERATIONS, repeat=len(EDGES))]


def write_pth(path: Path, content: object) -> Path:
    parts = (0x1950A86A20F9469CFC6C, 1001, {}, content, [])
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    return path


def test_official_files_become_a_table(tmp_path: Path) -> None:
    cells = names()
    trial = {"epochs": 12, "eval_acc1es": {"x-valid@11": 55.5}}
    infos = {7: {"less": {"arch_str": cells[7], "all_results": {("cifar10-valid", 777): trial}}}}
    source = write_pth(tmp_path / "file.pth", {"meta_archs": cells, "arch2infos": infos})
    refused = coexplore("convert", source, tmp_path / "table.parquet")
    assert (refused.code, refused.out) == (2, "")
    assert "has results of 1 of 15,625 cells" in refused.err
    done = coexplore("convert", source, tmp_path / "table.parquet", "--partial", "--json")
    assert done.code == 0
    assert done.document["columns"] == ["cifar10_val_acc_12ep"]
    assert pq.read_table(tmp_path / "table.parquet").to_pylist() == [
        {"arch_index": 7, "arch_str": cells[7], "cifar10_val_acc_12ep": 55.5}
    ]
    assert "task: {tabular:" in coexplore("convert", source, tmp_path / "table.parquet", "--partial").out


def test_a_malicious_file_is_one_message_and_no_deed(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.system, (f"touch {tmp_path / 'executed'}",))

    source = write_pth(tmp_path / "file.pth", {"meta_archs": Payload()})
    outcome = coexplore("convert", source, tmp_path / "table.parquet")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "nothing of it was run" in outcome.err
    assert not (tmp_path / "executed").exists()


def test_a_surrogate_is_trained_on_a_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(1, 3, 80) for name in COLUMNS}
    total = np.sum(list(columns.values()), axis=0)
    pq.write_table(pa.table(columns | {"val_top1": 40.0 + total / 4}), tmp_path / "table.parquet")
    done = coexplore("train-surrogate", tmp_path / "table.parquet", tmp_path / "surrogate.npz", "--json")
    assert done.code == 0
    assert done.document["networks"] == len(load_surrogate(tmp_path / "surrogate.npz").weights) == 80
    absent = coexplore("train-surrogate", tmp_path / "absent.parquet", tmp_path / "surrogate.npz")
    assert absent.code == 2
    assert "absent.parquet" in absent.err


def test_a_cost_model_is_trained_on_the_designs_of_a_study(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(STUDY))
    few = ("--networks", 12, "--pairs", 40, "--steps", 50)
    done = coexplore("train-cost-model", study, tmp_path / "m.npz", *few, "--json")
    assert done.code == 0, done.err
    assert (done.document["designs"], done.document["held_out"]) == (30, 2)  # 10 x 3 and 2 x 1 of 12 x 4
    problem = build(parse_config(STUDY | {"cost": {"learned": str(tmp_path / "m.npz")}}))
    load_learned(tmp_path / "m.npz").check(problem.space)
    study.write_text(yaml.safe_dump(STUDY | {"accelerator": {"fixed": "edge-array"}}))
    refused = coexplore("train-cost-model", study, tmp_path / "m.npz")
    assert refused.code == 2
    assert "accelerator: is fixed" in refused.err
