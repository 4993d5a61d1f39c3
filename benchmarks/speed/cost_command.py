"""How long does a user wait for `coexplore cost`? Wall time of the whole command with compiled kernels at hand.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

COMMAND = ["cost", "mobilenet-v2", "--accelerator", "edge-array", "--json"]


def main() -> None:
    """Time the command after one run that fills the kernel cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="unused")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    program = [sys.executable, "-m", "coexplore", *COMMAND]
    cold = run(program)
    times = [run(program) for _ in range(3 if options.quick else 10)]
    result = {
        "first_s": round(cold, 2),
        "median_s": round(statistics.median(times), 3),
        "least_s": round(min(times), 3),
    }
    print(json.dumps(result))


def run(program: list[str]) -> float:
    """Wall seconds of one run, its answer checked."""
    begin = time.perf_counter()
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    wall_s = time.perf_counter() - begin
    assert json.loads(done.stdout)["feasible"]
    return wall_s


if __name__ == "__main__":
    main()
