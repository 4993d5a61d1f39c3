"""The cache keeps what was put, also from other threads, and says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coexplore.core.errors import StoreError
from coexplore.studies.cache import EvaluationCache

DOCUMENT = {"value": 0.1 + 0.2, "curve": [0.1, float("inf")], "reason": "é"}


def test_what_was_put_comes_back_after_reopening(tmp_path: Path) -> None:
    cache = EvaluationCache(tmp_path / "cache")
    cache.put("a", DOCUMENT)
    cache.close()
    assert EvaluationCache(tmp_path / "cache").get("a") == DOCUMENT


def test_an_unknown_key_gives_none(tmp_path: Path) -> None:
    assert EvaluationCache(tmp_path / "cache").get("a") is None


def test_any_thread_may_write(tmp_path: Path) -> None:
    cache = EvaluationCache(tmp_path / "cache")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cache.put(str(number), number), range(64)))
    assert [cache.get(str(number)) for number in range(64)] == list(range(64))


def test_what_was_put_survives_a_process_that_dies_right_after(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from coexplore.studies.cache import EvaluationCache;"
        "c = EvaluationCache(pathlib.Path(sys.argv[1])); c.put('a', 1); c.put('b', 2); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "cache")], check=False).returncode == -9
    cache = EvaluationCache(tmp_path / "cache")
    assert (cache.get("a"), cache.get("b")) == (1, 2)


def test_a_file_that_is_no_cache_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match=r"cache: .*delete it"):
        EvaluationCache(tmp_path / "cache")
