"""Registries, content hashes, atomic files: what the layers above rely on."""

from __future__ import annotations

import enum
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from coexplore.core.errors import StoreError, UnknownNameError, did_you_mean
from coexplore.core.files import read_limited, write_atomic
from coexplore.core.hashing import content_hash
from coexplore.core.registry import Registry


class Colour(enum.Enum):
    RED = 1


@dataclass(frozen=True)
class Leaf:
    x: float
    name: str = "leaf"


@dataclass(frozen=True)
class Other:
    x: float
    name: str = "leaf"


VALUES = [1, 1.0, True, "1", None, (1, 2), (2, 1), {"a": 1}, {"a": 2}, Colour.RED, Leaf(1.0), Leaf(2.0), Other(1.0),
          np.arange(3), np.arange(3.0), frozenset({1}), 0.1, 0.1 + 1e-18]  # fmt: skip


def test_different_contents_have_different_hashes():
    hashes = [content_hash(value) for value in VALUES]
    assert len(set(hashes)) == len(VALUES) - 1, "only 0.1 and 0.1 + 1e-18 are the same number"
    assert hashes[-1] == hashes[-2]


def test_order_of_a_mapping_does_not_matter_and_order_of_a_list_does():
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash([1, 2]) != content_hash([2, 1])


def test_hashes_are_the_same_in_another_process():
    program = "from coexplore.core.hashing import content_hash; print(content_hash({'a': (1, 2.5), 'b': {3, 4}}))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == content_hash({"a": (1, 2.5), "b": {3, 4}})


def test_what_has_no_canonical_form_is_refused():
    with pytest.raises(TypeError, match="function"):
        content_hash(lambda: None)


def test_a_registry_refuses_a_second_entry_and_names_the_nearest():
    registry: Registry[int] = Registry("number")
    registry.register("seven")(7)
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("seven")(8)
    with pytest.raises(UnknownNameError, match="did you mean 'seven'"):
        registry.get("sevn")
    assert list(registry) == ["seven"]
    assert did_you_mean("zzz", ["a", "b"]) == "known: a, b"


def test_a_file_is_replaced_whole_and_readable(tmp_path: Path):
    path = tmp_path / "deep" / "file.txt"
    write_atomic(path, "one")
    write_atomic(path, b"two")
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "file.txt"
    write_atomic(path, "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_reading_is_limited(tmp_path: Path):
    path = tmp_path / "large"
    path.write_bytes(b"12345")
    assert read_limited(path, 5, "thing") == b"12345"
    with pytest.raises(StoreError, match="more than the limit of 4"):
        read_limited(path, 4, "thing")
    with pytest.raises(StoreError, match="does not exist"):
        read_limited(tmp_path / "absent", 4, "thing")
    with pytest.raises(StoreError, match="is not a file"):
        read_limited(tmp_path, 10**9, "thing")
