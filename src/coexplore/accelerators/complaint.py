"""What is wrong with an accelerator file? A sentence that begins with the path of a field and says what to write."""

from __future__ import annotations

import json

from pydantic_core import ErrorDetails

from coexplore.accelerators.document import SECTIONS
from coexplore.core.errors import did_you_mean

LONGEST_SHOWN = 60
UNITS = {
    "operations_per_cycle": "operations per cycle",
    "bytes_per_cycle": "bytes per cycle",
    "gb_per_s": "GB (1e9 bytes) per second",
    "j_per_bit": "joule per bit",
    "bytes": "bytes",
    "kib": "KiB (1024 bytes)",
    "hz": "hertz",
    "mm2": "square millimetres",
    "bits": "bits",
    "cycles": "cycles",
    "j": "joule",
    "w": "watt",
    "technology": "nanometres",
}
"""By the end of a field's name, longest first."""


NUMBERS = {
    "int_type": "write a whole number{unit}",
    "int_from_float": "write a whole number{unit}",
    "float_type": "write a number{unit}",
    "finite_number": "write a finite number{unit}",
    "greater_than": "write a number{unit} above {gt}",
    "greater_than_equal": "write a number{unit} from {ge}",
    "less_than_equal": "write a number{unit} up to {le}",
}
LENGTHS = {"too_short": "at least {min_length} is needed", "too_long": "at most {max_length} are read"}
ADVICE = {
    "model_type": "write a mapping",
    "dict_type": "write a mapping",
    "list_type": "write a list",
    "string_type": "write text",
    "string_too_short": "write at least one character",
    "string_too_long": "write at most {max_length} characters",
    "bool_type": "write true or false",
    "literal_error": "write {expected}",
}
"""What to write instead, by kind of finding."""


def explain(errors: list[ErrorDetails]) -> str:
    """The first finding in words, and how many more there are."""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return _sentence(errors[0]) + more


def shown(value: object) -> str:
    """A value for a message, cut where it is long."""
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _sentence(error: ErrorDetails) -> str:
    names = tuple(part for part in error["loc"] if isinstance(part, str) and part != "[key]")
    path = ".".join(str(part) for part in error["loc"] if part != "[key]") or "accelerator"
    given, kind = error["input"], error["type"]
    if kind == "missing":
        return f"{path}: is missing; add it"
    if kind == "extra_forbidden":
        return f"{path}: unknown field; {did_you_mean(names[-1], SECTIONS[names[:-1]].model_fields)}"
    if kind == "value_error":
        return f"{path}: {error['ctx']['error']}"
    if kind in LENGTHS:
        return f"{path}: has {error['ctx']['actual_length']} entries; {_advice(error, '')}"
    unit = _unit(names[-1] if names else "")
    if isinstance(given, str) and unit:
        return f"{path}: is {shown(given)}; write a plain number of {unit}"
    return f"{path}: is {shown(given)}; {_advice(error, f' of {unit}' if unit else '')}"


def _advice(error: ErrorDetails, unit: str) -> str:
    """What to write instead."""
    template = {**NUMBERS, **LENGTHS, **ADVICE}.get(error["type"])
    return (
        error["msg"][:1].lower() + error["msg"][1:]
        if template is None
        else template.format(unit=unit, **error.get("ctx", {}))
    )


def _unit(field: str) -> str:
    return next((unit for end, unit in UNITS.items() if field == end or field.endswith(f"_{end}")), "")
