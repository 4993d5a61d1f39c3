"""The compiled kernels: kept by content, announced when they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexplore.cli.compilation import announce_compilation
from coexplore.cost import _compile


def test_the_folder_changes_with_any_kernel_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("_kernels.py", "nest.py"):
        (tmp_path / name).write_text("x = 1")
    monkeypatch.setattr(_compile, "__file__", str(tmp_path / "_compile.py"))
    before = _compile._folder.__wrapped__()
    (tmp_path / "_kernels.py").write_text("x = 2")
    assert _compile._folder.__wrapped__() != before


def test_a_first_run_says_that_it_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(_compile, "_folder", lambda: str(tmp_path / "kernels"))
    announce_compilation()
    assert "once for this installation" in capsys.readouterr().err
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "search.nbc").write_bytes(b"")
    announce_compilation()
    assert capsys.readouterr().err == ""
