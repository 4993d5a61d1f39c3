"""Where may things be kept that can be made again? The user's cache folder, by the convention of the platform."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "COEXPLORE_CACHE"
"""Environment variable: another folder, or one of `OFF`."""
OFF = ("", "0", "off", "no", "none")


def cache_folder() -> Path | None:
    """The cache folder, which may not exist yet; None where the user wants none or has no home."""
    chosen = os.environ.get(VARIABLE)
    if chosen is not None:
        return None if chosen.strip().lower() in OFF else Path(chosen).expanduser()
    try:
        return _platform_folder(sys.platform, Path.home()) / "coexplore"
    except RuntimeError:
        return None


def _platform_folder(platform: str, home: Path) -> Path:
    if platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if platform == "darwin":
        return home / "Library" / "Caches"
    # The convention asks to ignore relative paths.
    folder = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return folder if folder.is_absolute() else home / ".cache"
