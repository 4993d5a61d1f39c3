"""Accelerators as plain documents (YAML, JSON), both ways, exactly: every number survives the round trip."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from coexplore.accelerators.accelerator import Accelerator
from coexplore.core.errors import AcceleratorError, did_you_mean
from coexplore.core.files import read_limited

FORMAT = "coexplore-accelerator/1"
SIZE_LIMIT_BYTES = 1_000_000


class _Document(BaseModel):
    """Carries the strictness that pydantic hands down to the dataclasses inside."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    accelerator: Accelerator


def to_document(accelerator: Accelerator) -> dict[str, Any]:
    """The description as nested lists, dicts and scalars."""
    return {"format": FORMAT, **_Document(accelerator=accelerator).model_dump(mode="json")["accelerator"]}


def from_document(document: object) -> Accelerator:
    """The accelerator a document describes.

    Raises:
        AcceleratorError: the message begins with the path of the wrong field.
    """
    if not isinstance(document, dict):
        raise AcceleratorError(f"an accelerator description is a mapping, not {type(document).__name__}")
    body = dict(document)
    if body.pop("format", None) != FORMAT:
        raise AcceleratorError(f"format is {document.get('format')!r}; this version reads {FORMAT!r}")
    try:
        return _Document.model_validate({"accelerator": body}).accelerator
    except ValidationError as error:
        raise AcceleratorError(_explain(error)) from error


def read_accelerator(path: Path) -> Accelerator:
    """An accelerator from a YAML file.

    Raises:
        AcceleratorError: not YAML, or not a legal description.
        StoreError: absent, unreadable or larger than one megabyte.
    """
    text = read_limited(path, SIZE_LIMIT_BYTES, "accelerator file")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise AcceleratorError(f"{path} is not valid YAML: {str(error).splitlines()[0]}") from error
    return from_document(document)


def write_text(accelerator: Accelerator) -> str:
    """The description as YAML text."""
    return yaml.safe_dump(to_document(accelerator), sort_keys=False)


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"][1:])
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        name = str(first["loc"][-1])
        return f"{path}: unknown field {name!r}; {did_you_mean(name, [f.name for f in fields(Accelerator)])}"
    return f"{path}: {first['msg']}" if path else first["msg"]
