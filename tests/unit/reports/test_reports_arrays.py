"""Files of weights come from outside: only plain numbers within a size are read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from coexplore.core.errors import StoreError
from coexplore.reports import arrays
from coexplore.reports.arrays import read_arrays


def test_arrays_read_back_as_they_were_written(tmp_path: Path) -> None:
    written = {"conv.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "fc.bias": np.zeros(0, np.float32)}
    np.savez(tmp_path / "w.npz", **written)
    found = read_arrays(tmp_path / "w.npz")
    assert found.keys() == written.keys()
    assert all(np.array_equal(found[name], written[name]) for name in written)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StoreError, match="damaged"):
        read_arrays(tmp_path / "w.npz")


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 truncated"])
def test_what_is_no_npz_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        read_arrays(tmp_path / "w.npz")


def test_text_in_an_npz_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(StoreError, match="damaged"):
        read_arrays(tmp_path / "w.npz")


def test_an_archive_that_unpacks_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "w.npz", zeros=np.zeros(100_000, np.float32))
    monkeypatch.setattr(arrays, "LIMIT_BYTES", 10_000)
    assert (tmp_path / "w.npz").stat().st_size < 10_000
    with pytest.raises(StoreError, match="unpacks to"):
        read_arrays(tmp_path / "w.npz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"w\.npz does not exist"):
        read_arrays(tmp_path / "w.npz")
