"""Do damaged files bring the readers down? Thousands of mutated ONNX models and accelerator files, read one by one.

A file must give a result or one message. A worker process reads; one that dies, or raises anything but our own error,
is a crash, one that is silent for too long a hang. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from coexplore.testing.reader_cases import ReaderCases

HANG_S = 20.0
"""Longest time for one file; the usual one takes milliseconds."""
MEMORY_LIMIT_BYTES = 4 * 1024**3
"""Address space of a worker."""


def main() -> None:
    """Read all cases, in workers that are replaced when they die."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="an accelerator file to damage too")
    parser.add_argument("--quick", action="store_true", help="600 files")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from-case", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    files = 600 if options.quick else options.files
    if options.from_case is not None:
        work(options.from_case, files, options.seed, options.data)
        return
    begin = time.perf_counter()
    report = Report()
    while report.next_case < files:
        run_worker(report, files, options)
    result = {
        "files": report.next_case,
        "crashes": len(report.crashes),
        "hangs": len(report.hangs),
        "peak_rss_mb": round(report.peak_rss_mb),
        "read": report.outcomes["read"],
        "refused": report.outcomes["refused"],
        "longest_s": round(report.longest_s, 2),
        "wall_s": round(time.perf_counter() - begin, 1),
    }
    for line in (*report.crashes, *report.hangs):
        print(line)
    print(json.dumps(result))


class Report:
    """What the workers have said so far."""

    def __init__(self) -> None:
        self.next_case = 0
        self.outcomes: Counter[str] = Counter()
        self.crashes: list[str] = []
        self.hangs: list[str] = []
        self.peak_rss_mb = 0.0
        self.longest_s = 0.0

    def add(self, line: dict) -> None:
        """One case that a worker has finished."""
        self.next_case = line["case"] + 1
        self.outcomes[line["kind"]] += 1
        self.peak_rss_mb = max(self.peak_rss_mb, line["rss_mb"])
        self.longest_s = max(self.longest_s, line["wall_s"])
        if line["kind"] == "crashed":
            self.crashes.append(f"case {line['case']} ({line['reader']}): {line['detail']}")


def run_worker(report: Report, files: int, options: argparse.Namespace) -> None:
    """Let one worker read until the end, or until it dies or hangs."""
    program = [sys.executable, __file__, "--files", str(files), "--seed", str(options.seed)]
    program += ["--from-case", str(report.next_case), *(["--data", str(options.data)] if options.data else [])]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as worker:
        silent = threading.Event()
        lines = worker.stdout
        assert lines is not None
        while True:
            alarm = threading.Timer(HANG_S, lambda: (silent.set(), worker.kill()))
            alarm.start()
            line = lines.readline()
            alarm.cancel()
            if not line:
                break
            report.add(json.loads(line))
    if report.next_case < files:
        case = report.next_case
        if silent.is_set():
            report.hangs.append(f"case {case}: silent for {HANG_S} s")
        else:
            report.crashes.append(f"case {case}: the worker died with {worker.returncode}")
        report.next_case += 1


def work(first: int, files: int, seed: int, example: Path | None) -> None:
    """Read the cases from one on, and write a line after each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        cases = ReaderCases(Path(folder), seed, None if example is None else example.read_text())
        for number in range(first, files):
            path = cases.write(number)
            begin = time.perf_counter()
            outcome = cases.read(path)
            wall_s = time.perf_counter() - begin
            rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            line = {"case": number, "kind": outcome.kind, "reader": outcome.reader, "wall_s": wall_s, "rss_mb": rss_mb}
            with contextlib.suppress(BrokenPipeError):
                print(json.dumps({**line, "detail": outcome.detail[:300]}), flush=True)


if __name__ == "__main__":
    main()
