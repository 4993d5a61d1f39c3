"""How does a command end? With an exit code, and where something is wrong with one message on stderr."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn, ParamSpec

import typer

from coexplore.core.errors import CoexploreError

DONE = 0
NOTHING_FEASIBLE = 1
"""It ran; no design is feasible."""
BAD_INPUT = 2
UNEXPECTED = 70
"""A defect of this program (EX_SOFTWARE)."""
INTERRUPTED = 130
"""Ended by Ctrl-C, as shells count it."""
DEBUG_VARIABLE = "COEXPLORE_DEBUG"

P = ParamSpec("P")


def reported(command: Callable[P, int]) -> Callable[P, NoReturn]:
    """Turn what a command returns or raises into the end of the process: exit code and message, no traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> NoReturn:
        raise typer.Exit(_outcome(functools.partial(command, *args, **kwargs)))

    return run


def _outcome(command: Callable[[], int]) -> int:
    try:
        code = command()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as error:
        _say(str(error) or "interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except (CoexploreError, OSError) as error:
        _say(f"error: {error}")
        _trace()
        return BAD_INPUT
    except Exception as error:
        _say(
            f"internal error: {type(error).__name__}: {error}\n"
            f"This is a defect of coexplore; please report it. {DEBUG_VARIABLE}=1 shows where it happened."
        )
        _trace()
        return UNEXPECTED


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _trace() -> None:
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exc()


def _closed_pipe() -> int:
    """The reader (such as `head`) has seen enough; keep the interpreter from complaining when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE
