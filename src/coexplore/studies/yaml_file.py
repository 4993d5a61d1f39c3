"""How is a study file read? As the part of YAML 1.2 that JSON can say too: no aliases, no tags, no double keys."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from pathlib import Path

import yaml

from coexplore.core.errors import ConfigError
from coexplore.core.files import read_limited

SIZE_LIMIT_BYTES = 1_000_000

_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL = re.compile(r"~|null|Null|NULL|")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")


class _Loader(yaml.SafeLoader):
    """Scalars as YAML 1.2 reads them: `1e-3` is a number, `on` and `12:30` are text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML wants it

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.get_mark().line + 1
            raise yaml.YAMLError(f"line {line}: aliases (*name) are not read; write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    line = key.start_mark.line + 1
                    raise yaml.YAMLError(f"line {line}: the key {key.value!r} stands there twice")
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", _BOOL, "tTfF"),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("null", _NULL, ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern.pattern})$"), list(_first))


def read_study_file(path: Path) -> dict[str, object]:
    """The mapping in a study file.

    Raises:
        ConfigError: not YAML of the kind above, or not a mapping with text keys.
        StoreError: absent, unreadable or larger than one megabyte.
    """
    content = read_limited(path, SIZE_LIMIT_BYTES, "study file")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8 ({error}); a study file is YAML") from error
    document = _load(text, str(path))
    if not isinstance(document, dict):
        raise ConfigError(f"{path} holds {_kind(document)}; a study file is a mapping that begins with 'name: ...'")
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
        changed = _replaced(changed, path.strip().split("."), _load(text, path), path)
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
        raise ConfigError(f"{whole}: there is {_kind(inside)} before {key!r}, which holds nothing below it")
    return {**inside, key: _set(inside.get(key), rest, value, whole)}


def _load(text: str, what: str) -> object:
    try:
        document: object = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"{what} is not valid YAML: {place}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{what} is not valid YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise ConfigError(f"{what} is nested too deeply; a study file needs five levels") from error
    _check_plain(document, "")
    return document


def _check_plain(value: object, path: str) -> None:
    """Refuse what tags can bring in, and numbers that are none."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        if isinstance(value, dict) and not isinstance(key, str):
            raise ConfigError(f"{path or 'study file'}: the key {key!r} is {_kind(key)}; keys are text")
        _check_plain(item, f"{path}.{key}" if path else str(key))
    plain = isinstance(value, dict | list | str | int | float) or value is None
    if not plain or (isinstance(value, float) and not math.isfinite(value)):
        raise ConfigError(f"{path}: is {value!r}; give a mapping, a list, text, true, false or a finite number")


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "nothing" if value is None else f"a {type(value).__name__}")
