"""How do settings from a study file become a frozen dataclass, and back? Every name and every type is checked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from coexplore.core.errors import CoexploreError, ConfigError, did_you_mean
from coexplore.studies.schema import explain_validation

T = TypeVar("T")


def make_settings(kind: type[T], settings: Mapping[str, object], path: str, label: str) -> T:
    """An instance of a dataclass from the values in a study file.

    Args:
        kind: the dataclass.
        settings: values by field name; fields left out keep their default.
        path: where the settings stand in the file, for messages.
        label: what the dataclass is, for messages: "network family 'plain-cnn'".

    Raises:
        ConfigError: a field is unknown, or its value is not legal; the message begins with its path.
    """
    known = setting_names(kind)
    for name in settings:
        if name not in known:
            raise ConfigError(f"{path}.{name}: unknown setting of {label}; {did_you_mean(name, known)}")
    try:
        return TypeAdapter(kind).validate_json(json.dumps(settings), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, CoexploreError):
            raise ConfigError(_placed(str(cause), path, known)) from error
        raise ConfigError(explain_validation(first, ".".join([path, *map(str, first["loc"])]))) from error
    except CoexploreError as error:
        raise ConfigError(_placed(str(error), path, known)) from error


def _placed(message: str, path: str, known: Collection[str]) -> str:
    """What a dataclass says of a field of its own, "plain-cnn.kernels is ...", as the path in the study file."""
    place, space, rest = message.partition(" ")
    field = place.rpartition(".")[2]
    return f"{path}.{field}: {rest}" if space and field in known else f"{path}: {message}"


def setting_names(kind: type[object]) -> list[str]:
    """Names of the settings of a dataclass."""
    return [field.name for field in dataclasses.fields(cast("Any", kind)) if field.init]  # any dataclass


def settings_document(value: object) -> dict[str, object]:
    """The settings as lists, dicts and scalars; `make_settings` reads them back."""
    document: dict[str, object] = TypeAdapter(type(value)).dump_python(value, mode="json")
    return document
