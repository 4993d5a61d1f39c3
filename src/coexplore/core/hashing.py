"""Content hashes: two values with the same content have the same identity, in any process, on any day."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from collections.abc import Mapping, Set

import numpy as np


def content_hash(value: object) -> str:
    """Sha-256 (64 hex digits) of the canonical form of a value.

    Takes frozen dataclasses (with their class name), enums, mappings, sets, sequences, numbers, strings, None and
    arrays.

    Raises:
        TypeError: the value holds something without a canonical form, such as a function.
    """
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: object) -> object:
    """The value as nested lists, dicts and scalars that JSON writes in one way only."""
    if value is None or isinstance(value, bool | int | str):
        return value if not isinstance(value, enum.Enum) else [type(value).__name__, value.name]
    if isinstance(value, enum.Enum):
        return [type(value).__name__, value.name]
    if isinstance(value, float):
        return {"float": value.hex()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: canonical(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, Mapping):
        pairs = [[canonical(k), canonical(v)] for k, v in value.items()]
        return {"map": sorted(pairs, key=lambda pair: json.dumps(pair[0], sort_keys=True))}
    if isinstance(value, Set):
        return {"set": sorted((canonical(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))}
    if isinstance(value, list | tuple):
        return [canonical(v) for v in value]
    if isinstance(value, np.ndarray):
        return {"array": [str(value.dtype), list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]}
    if isinstance(value, np.generic):
        return canonical(value.item())
    raise TypeError(f"no canonical form for {type(value).__name__}: {value!r}")
