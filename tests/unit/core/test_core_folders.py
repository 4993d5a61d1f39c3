"""The cache folder is where the platform and the user want it."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexplore.core import folders

HOME = Path("/home/someone")


@pytest.mark.parametrize("word", folders.OFF)
def test_a_user_can_have_no_cache(monkeypatch, word):
    monkeypatch.setenv(folders.VARIABLE, word)
    assert folders.cache_folder() is None


def test_a_user_can_move_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv(folders.VARIABLE, str(tmp_path))
    assert folders.cache_folder() == tmp_path


def test_without_a_home_there_is_no_cache(monkeypatch):
    def no_home():
        raise RuntimeError("no home")

    monkeypatch.delenv(folders.VARIABLE, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert folders.cache_folder() is None


@pytest.mark.parametrize(
    ("platform", "variable", "value", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "/elsewhere", Path("/elsewhere")),
        ("linux", "XDG_CACHE_HOME", "relative", HOME / ".cache"),
        ("linux", "XDG_CACHE_HOME", "", HOME / ".cache"),
        ("darwin", "XDG_CACHE_HOME", "/elsewhere", HOME / "Library" / "Caches"),
        ("win32", "LOCALAPPDATA", "/local", Path("/local")),
        ("win32", "LOCALAPPDATA", "", HOME / "AppData" / "Local"),
    ],
)
def test_each_platform_has_its_convention(monkeypatch, platform, variable, value, expected):
    monkeypatch.setenv(variable, value)
    assert folders._platform_folder(platform, HOME) == expected
