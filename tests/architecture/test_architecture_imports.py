"""What importing costs and what it may not bring along."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "pandas", "matplotlib", "plotly", "onnx", "sklearn")
CPU_LIMIT_S = 0.5

MEASURE = """
import time, numpy, numba, optuna
start = time.process_time()
import coexplore
print(time.process_time() - start)
"""


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def loaded(module: str) -> set[str]:
    return set(run(f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))").split())


@pytest.mark.parametrize(
    "module",
    [f"coexplore{part}" for part in ("", ".cost.model", ".studies.study", ".networks.torch_build", ".cli.app")],
)
def test_importing_brings_nothing_heavy(module):
    assert loaded(module) == set()


def test_the_check_for_heavy_modules_can_fail():
    assert loaded("onnx") == {"onnx"}


def test_importing_is_quick():
    assert min(float(run(MEASURE)) for _ in range(3)) < CPU_LIMIT_S
