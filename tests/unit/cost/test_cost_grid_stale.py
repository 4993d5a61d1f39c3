"""The cache of one version is invisible to another, in real processes with real source files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import coexplore

ENGINE = """
import numpy as np
from coexplore.cost.mapper import Goal
PAIR_BYTES = ACCELERATOR_BYTES = 16
Chunk = tuple
def lay_out_chunk(accelerators):
    return accelerators
def price_chunk(ops, chunk, goal, threads):
    table = np.full((len(ops), len(chunk)), {value})
    print("priced", end=" ")
    return table, table
"""
PROGRAM = """
import sys
from pathlib import Path
from coexplore import Loops, find_accelerator
from coexplore.cost.grid import price_grid
from coexplore.cost.grid_cache import GridCache
print("imported", flush=True)
sys.stdin.readline()
cache = GridCache(Path(sys.argv[1]), least_s=0)
print(price_grid([Loops(K=2)], [find_accelerator("edge-array")], cache=cache).latency_s[0, 0])
"""


@pytest.fixture
def package(tmp_path) -> Path:
    """A copy of the package with an engine of three lines."""
    copy = tmp_path / "copy" / "coexplore"
    shutil.copytree(Path(coexplore.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "cost" / "grid_chunk.py").write_text(ENGINE.format(value=1.0))
    return copy


def answer(package: Path, folder: Path, new_engine: str | None = None) -> str:
    """What a fresh process prints; its engine may change on disk after it was imported."""
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment) as process:
        assert process.stdout.readline() == "imported\n"
        if new_engine is not None:
            (package / "cost" / "grid_chunk.py").write_text(new_engine)
        return process.communicate("\n")[0].strip()


@pytest.mark.slow
def test_a_process_never_answers_with_the_prices_of_another_version(package, tmp_path):
    folder = tmp_path / "prices"
    assert answer(package, folder) == "priced 1.0"
    assert answer(package, folder) == "1.0"
    two, three = ENGINE.format(value=2.0), ENGINE.format(value=3.0)
    (package / "cost" / "grid_chunk.py").write_text(two)
    assert answer(package, folder) == "priced 2.0"
    assert answer(package, folder, new_engine=three) == "priced 2.0", "it runs what it imported, and keeps nothing"
    assert answer(package, folder) == "priced 3.0"
    (package / "cost" / "grid_chunk.py").write_text(ENGINE.format(value=1.0))
    assert answer(package, folder) == "1.0"
    with (package / "cost" / "_kernels.py").open("a") as file:
        file.write("\n# another version\n")
    assert answer(package, folder) == "priced 1.0"
