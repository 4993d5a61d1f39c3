"""The command as a whole: its verbs, its version, its imports, and what it says to nonsense."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_runs import coexplore

import coexplore as package

VERBS = ("list", "validate", "schema", "cost", "run", "status", "report", "export",
         "convert", "train-surrogate", "train-cost-model")  # fmt: skip
HEAVY = ("torch", "optuna", "plotly", "onnx", "sklearn", "sqlalchemy")


def test_the_version_is_that_of_the_package() -> None:
    outcome = coexplore("--version")
    assert (outcome.code, outcome.out) == (0, f"coexplore {package.__version__}\n")


def test_help_names_every_verb() -> None:
    outcome = coexplore("--help")
    assert outcome.code == 0
    assert all(f"  {verb} " in outcome.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_json(verb: str) -> None:
    outcome = coexplore(verb, "--help")
    assert outcome.code == 0
    assert "--json" in outcome.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("cost",),
        ("cost", "--nonsense"),
        ("run", "a.yaml", "--seed", "many"),
        ("status",),
        ("--nonsense",),
    ],
)
def test_nonsense_is_bad_input(arguments: tuple[str, ...]) -> None:
    outcome = coexplore(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Error" in outcome.err


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*(name for name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return set(run.stdout.split())


def test_the_command_starts_without_anything_heavy() -> None:
    loaded = loaded_by("import coexplore.cli.app")
    assert not loaded & {*HEAVY, "numpy", "numba", "rich"}


def test_pricing_starts_without_anything_it_does_not_need() -> None:
    loaded = loaded_by("import coexplore.cli.cost")
    assert "numba" in loaded
    assert not loaded & {*HEAVY, "rich"}


def test_the_installed_command_runs_and_ends_with_the_exit_code(tmp_path: Path) -> None:
    script = "from coexplore.cli.app import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", script, "status", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("error: there is no study")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    script = "from coexplore.cli.app import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", script, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=120) == 0
