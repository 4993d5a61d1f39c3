"""What comes out when a claim is tried? Its script is run, and its last line is set beside the published figures."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from coexplore.core.errors import StudyError
from coexplore.core.files import write_atomic
from coexplore.reports.table import Column, Table
from coexplore.systems.scripts import script_path
from coexplore.systems.system import Claim, Figure, Result, System

OUTPUT, ERRORS, RESULT, PLOT = "output.txt", "errors.txt", "result.json", "plot.html"
"""Files of a reproduction: what the script printed, its stderr, the figures, and its own plot where it draws one."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, and where to leave what comes out."""

    system: System
    claim: Claim
    directory: Path
    quick: bool = False
    """The short form, which shows that it works and little else."""
    data: Path | None = None
    """Folder of reference data; None: the environment variable `COEXPLORE_DATA`, else what the script takes."""

    @property
    def name(self) -> str:
        """Whole name of the claim."""
        return f"{self.system.name}/{self.claim.name}"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A claim that was tried."""

    order: Order
    result: Result
    """Last line of the script."""
    output: str
    """All that it printed before."""
    command: str
    seconds: float
    plot: Path | None
    """Page that the script drew itself."""


def reproduce(order: Order, on_line: Callable[[str], None] = lambda line: None) -> Reproduction:
    """Run the script of a claim to its end.

    Args:
        order: what, where and how.
        on_line: hears every line as it is printed.

    Raises:
        StudyError: the script is not there, it failed, or its last line is no JSON object; says where its text is.
        StoreError: the directory cannot be written.
        KeyboardInterrupt: stopped.
    """
    arguments = _arguments(order)
    began = time.monotonic()
    lines = _run(order, arguments, on_line)
    result = _last_line(order, lines)
    plot = order.directory / PLOT
    made = Reproduction(
        order,
        result,
        "\n".join(lines[:-1]),
        shlex.join(arguments),
        time.monotonic() - began,
        plot if order.claim.plot_option and plot.exists() else None,
    )
    write_atomic(order.directory / RESULT, json.dumps(reproduction_document(made), indent=1) + "\n")
    return made


def _arguments(order: Order) -> list[str]:
    """The command, without the interpreter's own options."""
    data = order.data or (Path(found) if (found := os.environ.get("COEXPLORE_DATA")) else None)
    arguments = [sys.executable, str(script_path(order.system.name, order.claim.script))]
    arguments += ["--quick"] if order.quick else []
    arguments += ["--data", str(data)] if data else []
    arguments += [order.claim.folder_option, str(order.directory / "kept")] if order.claim.folder_option else []
    return arguments + ([order.claim.plot_option, str(order.directory / PLOT)] if order.claim.plot_option else [])


def _run(order: Order, arguments: list[str], on_line: Callable[[str], None]) -> list[str]:
    try:
        order.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"cannot write in {order.directory}: {error.strerror}; choose another directory") from error
    lines, errors = list[str](), list[str]()
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        (order.directory / OUTPUT).open("w") as output,
        (order.directory / ERRORS).open("w") as trouble,
        subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", env=environment
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        beside = threading.Thread(target=_hear, args=(process.stderr, trouble, errors, on_line))
        beside.start()
        _hear(process.stdout, output, lines, on_line)
        beside.join()
    if process.returncode:
        why = next((line for line in reversed(errors) if line.strip()), f"it ended with {process.returncode}")
        raise StudyError(f"{order.name}: the script failed: {why}; all of its text is in {order.directory}")
    return lines


def _hear(stream: IO[str], file: IO[str], lines: list[str], on_line: Callable[[str], None]) -> None:
    """Keep and hand on what a script writes, line by line."""
    for line in stream:
        file.write(line)
        lines.append(line.rstrip("\n"))
        on_line(lines[-1])


def _last_line(order: Order, lines: list[str]) -> Result:
    try:
        found = json.loads(lines[-1]) if lines else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise StudyError(f"{order.name}: the last line of the script is no JSON object; see {order.directory / OUTPUT}")
    return found


def figures_table(made: Reproduction) -> Table:
    """Every figure of the claim: published, and here."""
    claim = made.order.claim
    columns = (Column(made.order.name, numeric=False), Column("published"), Column("here"))
    rows = tuple((f.what, f.published or "-", f.written(made.result)) for f in claim.figures)
    return Table(f"{claim.statement} ({claim.mark.value}: {claim.source})", columns, rows)


def reproduction_document(made: Reproduction) -> dict[str, object]:
    """All of it for machines."""
    claim = made.order.claim
    return {
        "claim": made.order.name,
        "statement": claim.statement,
        "evidence": claim.mark.value,
        "source": claim.source,
        "comparable": claim.comparable,
        "quick": made.order.quick,
        "command": made.command,
        "seconds": made.seconds,
        "figures": [_figure_document(figure, made.result) for figure in claim.figures],
        "result": made.result,
    }


def _figure_document(figure: Figure, result: Result) -> dict[str, object]:
    return {
        "what": figure.what,
        "published": figure.published or None,
        "published_value": figure.value,
        "here": figure.read(result),
        "here_text": figure.written(result),
    }
