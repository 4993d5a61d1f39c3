"""How is a study file read? As the part of YAML 1.2 that JSON can say too: no aliases, no tags, no double keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coexplore.core.errors import ConfigError
from coexplore.core.files import read_limited
from coexplore.core.plain_yaml import decode_text, kind_of, load_plain

SIZE_LIMIT_BYTES = 1_000_000


def read_study_file(path: Path) -> dict[str, object]:
    """The mapping in a study file.

    Raises:
        ConfigError: not YAML of the kind above, or not a mapping with text keys.
        StoreError: absent, unreadable or larger than one megabyte.
    """
    content = read_limited(path, SIZE_LIMIT_BYTES, "study file")
    document = load_plain(decode_text(content, str(path)), str(path))
    if not isinstance(document, dict):
        raise ConfigError(f"{path} holds {kind_of(document)}; a study file is a mapping that begins with 'name: ...'")
    return document


def apply_overrides(document: dict[str, object], overrides: Sequence[str]) -> dict[str, object]:
    """The document with some values replaced.

    Args:
        document: of a study file; left as it is.
        overrides: each `path=value`, such as `budget.trials=20` or `objectives.0.maximize=accuracy`; the value is YAML.
            Mappings on the way are made where they are missing.

    Raises:
        ConfigError: without `=`, or the path leads nowhere.
    """
    changed = document
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path.strip():
            raise ConfigError(f"{override}: write an override as path=value, such as budget.trials=20")
        changed = _replaced(changed, path.strip().split("."), load_plain(text, path), path)
    return changed


def _replaced(document: object, path: Sequence[str], value: object, whole: str) -> dict[str, object]:
    found = _set(document, list(path), value, whole)
    assert isinstance(found, dict)
    return found


def _set(inside: object, path: list[str], value: object, whole: str) -> object:
    if not path:
        return value
    key, *rest = path
    if isinstance(inside, list):
        if not key.isdecimal() or int(key) >= len(inside):
            raise ConfigError(f"{whole}: {key!r} is no position in a list of {len(inside)}; they count from 0")
        place = int(key)
        return [*inside[:place], _set(inside[place], rest, value, whole), *inside[place + 1 :]]
    if inside is None:
        inside = {}
    if not isinstance(inside, dict):
        raise ConfigError(f"{whole}: there is {kind_of(inside)} before {key!r}, which holds nothing below it")
    return {**inside, key: _set(inside.get(key), rest, value, whole)}
