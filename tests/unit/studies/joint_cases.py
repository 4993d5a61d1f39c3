"""A study of tabular networks times accelerators, small enough to try every pair one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from coexplore.networks.nb201 import Nb201
from coexplore.studies.schema import StudyConfig, parse_config

FROZEN = {"edge1_0": "nor_conv_1x1", "edge2_0": "skip_connect", "edge2_1": "none", "edge3_0": "none"}
FAMILY = Nb201(input_shape=(3, 8, 8), cells=1)
SPACE = FAMILY.space.freeze(FROZEN)


def write_table(folder: Path) -> Path:
    """Accuracies of 25 cells, in percent; that of the last one is missing."""
    names = [FAMILY.lower(point).name for point in SPACE.enumerate()]
    accuracy = np.random.default_rng(1).integers(40, 60, len(names)).astype(float)
    path = folder / "cells.parquet"
    pq.write_table(pa.table({"arch_str": names[:-1], "accuracy": accuracy[:-1]}), path)
    return path


def joint_config(table: Path, **fields: object) -> StudyConfig:
    """25 networks x 8 accelerators."""
    document: dict[str, object] = {
        "name": "joint",
        "task": {"tabular": str(table), "accuracy": "accuracy"},
        "network": {"family": "nb201", "input_shape": [3, 8, 8], "cells": 1, "freeze": FROZEN},
        "accelerator": {
            "family": "edge-array",
            "restrict": {
                "pes_x": [1, 2], "pes_y": [1], "simd_units": [16], "lanes": [2], "local_memory_mb": [0.5, 2.0],
                "register_file_kb": [8], "io_bandwidth_gb_s": [5.0, 25.0],
            },
        },
        "objectives": [{"maximize": "accuracy"}, {"minimize": "latency_s"}, {"minimize": "energy_j"}],
        "strategy": {"name": "exact"},
        "budget": {"trials": 1000},
    }  # fmt: skip
    return parse_config({**document, **fields})
