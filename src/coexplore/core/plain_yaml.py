"""How is YAML that came from outside read? As what JSON can say too: no aliases, no tags, no double keys."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable

import yaml

from coexplore.core.errors import ConfigError

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


def decode_text(content: bytes, what: str) -> str:
    """The bytes of a file as text.

    Raises:
        ConfigError: not UTF-8.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what} is not text in UTF-8 ({error}); it should be YAML") from error


def load_plain(text: str, what: str) -> object:
    """The one document in a text: mappings with text keys, lists, text, finite numbers, true, false and null.

    Args:
        text: YAML.
        what: where it stands, for messages.

    Raises:
        ConfigError: not YAML, or more than the above.
    """
    try:
        document: object = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"{what} is not valid YAML: {place}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{what} is not valid YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise ConfigError(f"{what} is nested too deeply; no file of ours needs ten levels") from error
    _check_plain(document, "")
    return document


def _check_plain(value: object, path: str) -> None:
    """Refuse what tags can bring in, and numbers that are none."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        if isinstance(value, dict) and not isinstance(key, str):
            raise ConfigError(f"{path or 'at the top'}: the key {key!r} is {kind_of(key)}; keys are text")
        _check_plain(item, f"{path}.{key}" if path else str(key))
    plain = isinstance(value, dict | list | str | int | float) or value is None
    if not plain or (isinstance(value, float) and not math.isfinite(value)):
        raise ConfigError(f"{path}: is {value!r}; give a mapping, a list, text, true, false or a finite number")


def kind_of(value: object) -> str:
    """What a value is, in words."""
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "nothing" if value is None else f"a {type(value).__name__}")
