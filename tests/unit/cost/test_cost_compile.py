"""The compiled kernels: kept by content, announced when they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexplore.cli.compilation import announce_compilation
from coexplore.cost import _compile


def test_the_folder_changes_with_every_kernel_source_it_builds_on_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "_kernels.py").write_text("x = 1")
    (tmp_path / "_other.py").write_text("x = 1")
    (tmp_path / "_search.py").write_text("from coexplore.cost._kernels import x")
    monkeypatch.setattr(_compile, "HERE", tmp_path)
    before = _compile._folder.__wrapped__("_search")
    (tmp_path / "_other.py").write_text("x = 2")
    assert _compile._folder.__wrapped__("_search") == before
    (tmp_path / "_kernels.py").write_text("x = 2")
    assert _compile._folder.__wrapped__("_search") != before


def test_a_first_run_says_that_it_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(_compile, "_folder", lambda module: str(tmp_path / "kernels"))
    announce_compilation()
    assert "once for this installation" in capsys.readouterr().err
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "search.nbc").write_bytes(b"")
    announce_compilation()
    assert capsys.readouterr().err == ""
