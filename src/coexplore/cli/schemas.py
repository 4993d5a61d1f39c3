"""`coexplore schema`: what may stand in a file, for editors and other programs?"""

from __future__ import annotations

from collections.abc import Callable

from coexplore.accelerators.document import accelerator_schema
from coexplore.cli.errors import DONE
from coexplore.cli.output import print_json
from coexplore.core.errors import UnknownNameError
from coexplore.studies.schema import StudyConfig

SCHEMAS: dict[str, Callable[[], dict[str, object]]] = {
    "accelerator": accelerator_schema,
    "study": StudyConfig.model_json_schema,
}
"""By kind of file."""


def show_schema(kind: str) -> int:
    """Print a JSON schema.

    Raises:
        UnknownNameError: no such kind of file.
    """
    if kind not in SCHEMAS:
        raise UnknownNameError("kind of file", kind, SCHEMAS)
    print_json(SCHEMAS[kind]())
    return DONE
