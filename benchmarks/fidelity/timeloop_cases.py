"""Does a replay count what Timeloop counts? Reads, fills and updates of every level and tensor in published results.

Truth: `timeloop_reference.json`, results of the tool's own tutorials and example designs: any names of dimensions and
levels, bypass, several fan-outs, sliding windows, sums spread over instances. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import yaml

from coexplore import replay
from coexplore.accelerators.accelerator import OPERANDS
from coexplore.core.errors import CoexploreError
from coexplore.cost.presets.timeloop import TIMELOOP, count_accesses
from coexplore.cost.presets.timeloop_mapping import read_nest, read_problem

TABLE = "timeloop_reference.json"
DEFAULT = Path(os.environ.get("COEXPLORE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FIELDS = {
    "instances": "Utilized instances (max)",
    "reads": "Scalar reads (per-instance)",
    "fills": "Scalar fills (per-instance)",
    "updates": "Scalar updates (per-instance)",
}


def compare(case: dict) -> list[str]:
    """What differs in one case."""
    problem = read_problem(yaml.safe_load(case["input_yaml"])["problem"])
    accelerator, mapping = read_nest(case["mapping_text"], problem)
    accesses = count_accesses(problem.loops, accelerator, mapping)
    traffic = replay(problem.loops, accelerator, mapping, TIMELOOP).traffic_bits
    read = {(level, operand): bits // 8 for level, operand, bits, _ in traffic}
    names = [level.name for level in accelerator.levels]
    differing = []
    for level, tensors in case["levels"].items():
        if level not in names:
            differing += [f"{level}: not a level of the nest"] * len(FIELDS) * len(tensors)
            continue
        n = names.index(level)
        instances = int(accesses.instances[n])
        for tensor, truth in tensors.items():
            operand = problem.operands[tensor]
            o = OPERANDS.index(operand)
            found = {
                "instances": instances,
                "reads": read.get((level, operand.value), 0) / instances,
                "fills": accesses.fills[n, o] / instances,
                "updates": accesses.updates[n, o] / instances,
            }
            differing += [
                f"{level} {tensor} {key}: {found[key]:g}, Timeloop {truth[field]:g}"
                for key, field in FIELDS.items()
                if found[key] != truth[field]
            ]
    return differing


def read(path: Path) -> dict[str, dict]:
    """The cases of a file by name."""
    try:
        cases = json.loads(path.read_text())
    except ValueError as error:
        raise SystemExit(f"{path} is not JSON: {error}") from error
    needed = {"levels", "input_yaml", "mapping_text"}
    entries = cases.values() if isinstance(cases, dict) else [cases]
    if not all(isinstance(case, dict) and case.keys() >= needed for case in entries):
        raise SystemExit(f"{path} must hold cases by name, each with {', '.join(sorted(needed))}")
    return cases


def main() -> None:
    """Compare, print, and end with one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT, help=f"a file like {TABLE}, or the folder that holds it")
    parser.add_argument("--quick", action="store_true", help="the same; it takes a second")
    options = parser.parse_args()
    path = options.data / TABLE if options.data.is_dir() else options.data
    if not path.is_file():
        parser.error(f"there are no cases at {path}; set --data or COEXPLORE_DATA")
    cases = read(path)
    total = equal = 0
    differences = {}
    for name, case in cases.items():
        counts = len(FIELDS) * sum(len(tensors) for tensors in case["levels"].values())
        total += counts
        try:
            differing = compare(case)
            equal += counts - len(differing)
        except CoexploreError as error:
            differing = [f"{type(error).__name__}: {error}"]
        print(f"{name}: {counts} counts, {len(differing)} differ", *differing, sep="\n  ")
        if differing:
            differences[name] = differing
    print(json.dumps({"cases": len(cases), "counts_compared": total, "counts_equal": equal, "differing": differences}))


if __name__ == "__main__":
    main()
