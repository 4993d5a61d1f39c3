"""Every code fence of the documentation runs, every study and accelerator is legal, and every file it names exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from coexplore.accelerators.description import from_document
from coexplore.core.plain_yaml import load_plain
from coexplore.studies.config import parse_config

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETUP = ("pip install -c constraints.txt -e '.[train,report]' && coexplore run examples/quickstart.yaml",
         "pip install -c constraints.txt -e '.[dev]' && pytest")  # fmt: skip
KINDS = {"python", "yaml", "bash", "text"}


def fences(kind: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        found += [(page.name, body) for language, body in FENCE.findall(page.read_text()) if language == kind]
    return found


def test_every_fence_is_of_a_kind_that_is_checked():
    for page in PAGES:
        assert page.read_text().count("```") == 2 * len(FENCE.findall(page.read_text())), page
        assert {language for language, _ in FENCE.findall(page.read_text())} <= KINDS, page


@pytest.mark.parametrize(("page", "body"), fences("python"))
def test_python_fences_run(page, body, tmp_path):
    subprocess.run([sys.executable, "-W", "error", "-c", body], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize(("page", "body"), fences("yaml"))
def test_yaml_fences_are_legal_studies_or_accelerators(page, body):
    document = load_plain(body, page)
    if "format" in document:
        assert from_document(document).levels
    else:
        assert parse_config(document).objectives


@pytest.mark.parametrize(("page", "body"), fences("bash"))
def test_bash_fences_are_the_two_commands_that_the_check_script_and_the_newcomer_run(page, body):
    assert body.strip() in SETUP


def test_files_named_in_the_documentation_exist():
    for page in PAGES:
        for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page.read_text()):
            assert (ROOT / "src" / "coexplore" / name).exists() or (ROOT / name).exists(), f"{page.name}: {name}"
