"""Why does the first command take longer? It compiles the cost kernels, and says so."""

from __future__ import annotations

from numba.core import event as events

from coexplore.cli.output import print_news
from coexplore.cost._compile import is_compiled

COMPILES = "numba:compile"
"""The kind of event; what is loaded from disk is none."""


def announce_compilation() -> None:
    """Say on stderr that kernels are compiled as soon as one is, where no earlier command has compiled them.

    A command that stops before it prices anything says nothing.
    """
    if not is_compiled():
        events.register(COMPILES, _Announcement())


class _Announcement(events.Listener):  # type: ignore[misc]  # numba has no types
    """Speaks once."""

    def __init__(self) -> None:
        self._made = False

    def on_start(self, event: events.Event) -> None:
        """The first compilation begins, in whatever thread."""
        if not self._made:
            self._made = True
            print_news("compiling the cost kernels, once for this installation; this takes about a minute")

    def on_end(self, event: events.Event) -> None:
        """Nothing to say."""
