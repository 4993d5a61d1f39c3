"""A driver to be killed: python toy_driver.py DIRECTORY WORKERS TRIALS SECONDS_PER_EPOCH."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from coexplore.strategies.two_level import TwoLevel
from coexplore.studies.study import Event, EventKind, run_problem
from coexplore.testing.toy import ToyAccuracy, toy_config, toy_problem

STRATEGY = TwoLevel("evolution", {"population": 6, "tournament": 2})


def tell(event: Event) -> None:
    """One line for the start and for every trial that ended."""
    if event.kind in (EventKind.STARTED, EventKind.TRIAL):
        print(event.kind.value, flush=True)


def main() -> None:
    # A test run started in the background may hand down a SIGINT that is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    directory, workers, trials, seconds = sys.argv[1:]
    problem = toy_problem(STRATEGY, accuracy=ToyAccuracy(seconds=float(seconds)))
    try:
        run_problem(problem, toy_config(int(trials)), Path(directory), int(workers), tell)
    except KeyboardInterrupt as stopped:
        print(stopped)


if __name__ == "__main__":
    main()
