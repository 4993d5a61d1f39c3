"""What does a paper claim, on what evidence, and which script tries it? A system is a paper, its words, its claims."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coexplore.core.errors import UnknownNameError
from coexplore.core.registry import Registry

Result = Mapping[str, object]
"""The last line of a script: one JSON object."""


class Mark(enum.Enum):
    """How a published statement is known. What is only recalled is no claim: it is never printed."""

    VERIFIED = "verified"
    """Read in a public source, which is named."""
    MEASURED = "measured"
    """Made again by running or writing down a public formula."""
    DERIVED = "derived"
    """Arithmetic on verified figures."""
    OURS = "ours"
    """Nothing is published to stand beside it; claims of the paper rest on it here."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a claim is about."""

    what: str
    read: Callable[[Result], object]
    """The number here (or text), from the result of the script; None where it was not reached."""
    text: str = "{:.4g}"
    """How the number here is written."""
    published: str = ""
    """As the source has it; empty where there is none to stand beside."""
    value: float | None = None
    """The published number in the unit of the number here, where it is a single one; then both are drawn."""
    full_only: bool = False
    """The quick form does not reach it."""

    def written(self, result: Result) -> str:
        """The number here in words; a dash where it was not reached."""
        found = self.read(result)
        return "-" if found is None else found if isinstance(found, str) else self.text.format(found)


@dataclass(frozen=True, slots=True)
class Claim:
    """A published statement and the script that tries it."""

    name: str
    """Within its system; the script has the same name with underscores."""
    statement: str
    mark: Mark
    source: str
    """Where the statement stands."""
    comparable: str
    """What may be compared with the published figures, and what may not."""
    figures: tuple[Figure, ...]
    folder_option: str = ""
    """Option of the script that names a folder to keep files in, where it has one."""
    plot_option: str = ""
    """Option of the script that names a page for a plot of its own, where it has one."""

    @property
    def script(self) -> str:
        """File name of the script in the folder of its system."""
        return f"{self.name.replace('-', '_')}.py"


@dataclass(frozen=True, slots=True)
class System:
    """One published method."""

    name: str
    """Also the folder of its scripts."""
    paper: str
    terms: tuple[tuple[str, str], ...]
    """The paper's words, and what they are called here."""
    studies: tuple[str, ...]
    """Study files in `examples/` that run it."""
    claims: tuple[Claim, ...]


SYSTEMS: Registry[System] = Registry("system")
"""By name."""


def enter(system: System) -> System:
    """Put a system where `coexplore reproduce` finds it."""
    return SYSTEMS.register(system.name)(system)


def all_claims() -> dict[str, tuple[System, Claim]]:
    """Every claim by its whole name, `system/claim`."""
    systems = [SYSTEMS.get(name) for name in SYSTEMS]
    return {f"{system.name}/{claim.name}": (system, claim) for system in systems for claim in system.claims}


def find_claim(name: str) -> tuple[System, Claim]:
    """The claim of a whole name.

    Raises:
        UnknownNameError: with the nearest name.
    """
    claims = all_claims()
    if name not in claims:
        raise UnknownNameError("claim", name, claims)
    return claims[name]


def at(*path: str | int) -> Callable[[Result], object]:
    """Reads what stands under these keys and positions (-1: the last) of a result; None where there is nothing."""

    def read(result: Result) -> object:
        inside: object = result
        for key in path:
            inside = _inside(inside, key)
        return inside

    return read


def between(*path: str | int, text: str = "{:.2f}") -> Callable[[Result], object]:
    """Reads a pair of numbers under these keys, and writes it as a range."""
    find = at(*path)

    def read(result: Result) -> object:
        found = find(result)
        if not isinstance(found, list) or len(found) != 2:
            return None
        return f"{text.format(found[0])} to {text.format(found[1])}"

    return read


def _inside(value: object, key: str | int) -> object:
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return None
