"""Why does the first command take longer? It compiles the cost kernels, and says so."""

from __future__ import annotations

from coexplore.cli.output import print_news
from coexplore.cost._compile import is_compiled


def announce_compilation() -> None:
    """Say on stderr that kernels will be compiled, where no earlier command has."""
    if not is_compiled():
        print_news("compiling the cost kernels, once for this installation; this takes about a minute")
