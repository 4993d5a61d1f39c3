"""A driver that kills itself with SIGKILL while it prices: python exact_driver.py DIRECTORY CHUNK CHUNKS_BEFORE."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from exact_cases import exact_problem, invented_grid

from coexplore.studies import exact
from coexplore.studies.study import run_problem
from coexplore.testing.toy import toy_config


def main() -> None:
    directory, chunk, before = sys.argv[1:]
    left = int(before)

    def price(*arguments):
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return invented_grid(*arguments)

    exact.CHUNK, exact.price_workload_grid = int(chunk), price
    run_problem(exact_problem(), toy_config(), Path(directory))


if __name__ == "__main__":
    main()
