"""Runs the command in this process, as a shell would see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from coexplore.cli.app import app

HARDWARE: dict[str, Any] = {
    "name": "chips",
    "network": {"fixed": "mobilenet-v2", "input_shape": [3, 32, 32], "classes": 10},
    "accelerator": {"family": "edge-array"},
    "objectives": [{"minimize": "latency_s"}, {"minimize": "area_mm2"}],
    "strategy": {"name": "random"},
    "budget": {"trials": 6},
}
"""A study that trains nothing."""
DIGITS: dict[str, Any] = {
    "name": "small-digits",
    "task": {"dataset": "digits", "limit": 100},
    "network": {"family": "plain-cnn", "layers": [1], "filters": [4, 8]},
    "accelerator": {"family": "edge-array"},
    "objectives": [{"maximize": "accuracy"}, {"minimize": "latency_s"}],
    "strategy": {"name": "random"},
    "training": {"epochs": 1},
    "budget": {"trials": 3},
}
"""A study that trains for a second."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left on a terminal."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout as the one JSON document it must be, without NaN or infinity."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


def coexplore(*arguments: object) -> Outcome:
    """Run the command with these arguments."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="coexplore")
    return Outcome(result.exit_code, result.stdout, result.stderr)


def write_study(folder: Path, study: dict[str, Any]) -> Path:
    """A study file."""
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    return path
