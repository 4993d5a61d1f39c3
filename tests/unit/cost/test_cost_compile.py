"""The compiled kernels: kept by content, announced when they are missing."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numba
import pytest
from numba.core import event as events

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


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listeners of a test hear nothing of the next one."""
    monkeypatch.setattr(events, "_registered", defaultdict(list))


def test_a_first_run_says_that_it_compiles_when_it_does_and_once(
    unheard: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(_compile, "_folder", lambda module: str(tmp_path / "kernels"))
    announce_compilation()
    assert capsys.readouterr().err == ""
    for _ in range(2):
        assert numba.njit(lambda x: x + 1)(1) == 2
    assert capsys.readouterr().err.count("once for this installation") == 1


def test_a_later_run_says_nothing(
    unheard: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(_compile, "_folder", lambda module: str(tmp_path / "kernels"))
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "search.nbc").write_bytes(b"")
    announce_compilation()
    assert numba.njit(lambda x: x + 1)(1) == 2
    assert capsys.readouterr().err == ""
