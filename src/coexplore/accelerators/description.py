"""How is an accelerator written down? As a plain document (YAML, JSON), and back exactly: every number survives."""

from __future__ import annotations

import enum
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.complaint import explain, shown
from coexplore.accelerators.document import FORMAT, AcceleratorSection
from coexplore.accelerators.resolve import build
from coexplore.core.errors import AcceleratorError, ConfigError, StoreError
from coexplore.core.files import read_limited
from coexplore.core.plain_yaml import decode_text, kind_of, load_plain

SIZE_LIMIT_BYTES = 100_000
"""A page of YAML is a few thousand bytes."""
_MARK = re.compile(rb"""^(?:\{\s*)?["']?(?:format|levels)["']?\s*:""", re.MULTILINE)


def to_document(accelerator: Accelerator) -> dict[str, object]:
    """The description as nested lists, dicts and scalars, every number written out."""
    document = {field.name: _plain(getattr(accelerator, field.name)) for field in fields(accelerator)}
    return {"format": FORMAT, **document, "other_area_mm2": dict(accelerator.other_area_mm2)}


def from_document(document: object) -> Accelerator:
    """The accelerator a document describes.

    Raises:
        AcceleratorError: the message begins with the path of the wrong field.
    """
    if not isinstance(document, dict):
        raise AcceleratorError(f"an accelerator description is a mapping, not {kind_of(document)}")
    if "format" not in document:
        raise AcceleratorError(f"format: is missing; an accelerator begins with 'format: {FORMAT}'")
    if document["format"] != FORMAT:
        raise AcceleratorError(f"format: is {shown(document['format'])}; this version reads {FORMAT!r}")
    try:
        section = AcceleratorSection.model_validate(document)
    except ValidationError as error:
        raise AcceleratorError(explain(error.errors())) from error
    return build(section)


def read_accelerator(path: str | Path) -> Accelerator:
    """An accelerator from a YAML file.

    Raises:
        AcceleratorError: not YAML, or not a legal description.
        StoreError: absent, unreadable or larger than `SIZE_LIMIT_BYTES`.
    """
    content = read_limited(path, SIZE_LIMIT_BYTES, "accelerator file")
    try:
        document = load_plain(decode_text(content, str(path)), str(path))
    except ConfigError as error:
        raise AcceleratorError(str(error)) from error
    return from_document(document)


def is_description(path: Path) -> bool:
    """Whether a file looks like an accelerator and not like a study; False where it cannot be read."""
    try:
        return _MARK.search(read_limited(path, SIZE_LIMIT_BYTES, "file")) is not None
    except StoreError:
        return False


def write_text(accelerator: Accelerator) -> str:
    """The description as YAML text."""
    return yaml.safe_dump(to_document(accelerator), sort_keys=False)


def _plain(value: object) -> object:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
