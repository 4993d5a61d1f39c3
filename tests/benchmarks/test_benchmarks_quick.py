"""Every benchmark has a quick form that ends with one JSON object."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "benchmarks").rglob("*.py"))
KEYS = {
    "cost_command": {"first_s", "median_s", "least_s"},
    "kill_resume": {"kills", "equal"},
    "quickstart_modes": {"trials", "seeds", "wall_s", "modes"},
    "study_overhead": set(),
}


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_quick_form_ends_with_its_keys(script):
    done = subprocess.run([sys.executable, str(script), "--quick"], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]).keys() >= KEYS[script.stem]
