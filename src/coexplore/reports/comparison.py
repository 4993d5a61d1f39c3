"""What does a comparison say? A table at equal evaluations, one at equal time, and a sentence for each pair."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from coexplore.reports.table import Column, Table
from coexplore.reports.units import metric_text, metric_title, quantity
from coexplore.studies.compare import Comparison, Standing
from coexplore.studies.compare import Table as Standings
from coexplore.studies.compare_runs import typical_screened, typical_seconds
from coexplore.studies.compare_statistics import LEVEL, Versus, least_runs, median_interval
from coexplore.studies.compare_values import HYPERVOLUME, REWARD, value_of

MOST_SENTENCES = 6
"""Of more pairs without a difference, the number is told instead."""
MOST_POINTS = 400
"""Points of a curve; of more trials, evenly spaced ones are kept."""


def percent(share: float) -> str:
    """A share in words."""
    return f"{100 * share:.0f} %"


def measure_title(by: str) -> str:
    """What runs are judged by, in words."""
    return by if by in (HYPERVOLUME, REWARD) else metric_title(by)


def measure_text(by: str, value: float) -> str:
    """A value of it; a dash where a run found nothing feasible."""
    if by in (HYPERVOLUME, REWARD):
        return f"{value:.4f}" if math.isfinite(value) else "-"
    return metric_text(by, value)


def comparison_tables(comparison: Comparison) -> tuple[Table, Table]:
    """At equal evaluations, and at equal time; the best median first."""
    by, runs = measure_title(comparison.by), len(comparison.runs_of(comparison.contenders[0]))
    tables = (
        (f"at equal evaluations: best {by} of {runs} runs each", comparison.equal_evaluations),
        (f"at equal time: best {by} after {quantity(comparison.seconds, 's')}", comparison.equal_time),
    )
    columns = (
        Column("strategy", numeric=False),
        Column("trials"),
        Column("median"),
        *([] if comparison.proven is None else [Column("from the optimum")]),
        Column("interval of the median"),
        Column("feasible"),
        Column("time per trial"),
        Column("priced per trial"),
    )
    first, second = (Table(title, columns, _rows(comparison, standings)) for title, standings in tables)
    return first, second


def _rows(comparison: Comparison, standings: Standings) -> tuple[tuple[str, ...], ...]:
    ordered = sorted(standings.standings, key=lambda standing: standing.median.median)
    return tuple(_row(comparison, standing) for standing in ordered)


def _row(comparison: Comparison, standing: Standing) -> tuple[str, ...]:
    median = standing.median
    ends = (median.median, median.low, median.high)
    middle, *interval = [value_of(comparison.by, comparison.objectives, loss) for loss in ends]
    low, high = (measure_text(comparison.by, value) for value in sorted(interval))
    sure = f"{low} to {high} ({percent(median.confidence)})" if median.confidence else "-"
    found = f"{standing.found} of {len(standing.losses)}"
    seconds, priced = _rates(comparison, standing.contender)
    proven = () if comparison.proven is None else (measure_text(comparison.by, regret(comparison, standing)),)
    cells = (standing.contender, f"{standing.trials}", measure_text(comparison.by, middle), *proven, sure, found)
    return (*cells, quantity(seconds, "s"), f"{priced:.3g}")


def regret(comparison: Comparison, standing: Standing) -> float:
    """How far the median is from the proven optimum; not a number where there is none."""
    return standing.median.median - comparison.proven.loss if comparison.proven is not None else math.nan


def about_optimum(comparison: Comparison) -> str:
    """The proven optimum in words; empty where nothing was proven."""
    if comparison.proven is None:
        return ""
    run, by = comparison.proven.run, comparison.by
    best = measure_text(by, value_of(by, comparison.objectives, comparison.proven.loss))
    seconds = quantity(run.seconds, "s")
    return f"Proven optimum: {best}, by {run.contender}, which priced all {run.screened:,} in {seconds}."


def _rates(comparison: Comparison, contender: str) -> tuple[float, float]:
    """Seconds, and designs that were only priced, of one trial."""
    runs = comparison.runs_of(contender)
    return typical_seconds(runs), typical_screened(runs)


def statements(standings: Standings) -> tuple[str, ...]:
    """What is shown, what is not, and where trials or runs are too few to show anything."""
    idle = [standing.contender for standing in standings.standings if not standing.trials]
    sentences = [f"{', '.join(idle)}: not one trial fits; take more seconds"] if idle else []
    pairs = [pair for pair in standings.pairs if not {pair.better, pair.worse} & set(idle)]
    sentences += [statement(pair) for pair in pairs if pair.shown]
    others = [pair for pair in pairs if not pair.shown]
    if len(others) <= MOST_SENTENCES:
        sentences += [statement(pair) for pair in others]
    else:
        sentences.append(f"no difference shown between {len(others)}{' other' * (len(others) < len(pairs))} pairs")
    runs = min(len(standing.losses) for standing in standings.standings)
    count = len(standings.standings) * (len(standings.standings) - 1) // 2
    least = least_runs(count)
    if runs < least:
        told = "one pair" if count == 1 else f"{count} pairs"
        sentences.append(
            f"{runs} runs each cannot show a difference between {told} at {percent(LEVEL)}; take {least} or more"
        )
    return tuple(sentences)


def about_evaluations(comparison: Comparison) -> str:
    """What counts as an evaluation; empty where nothing is to be said."""
    if comparison.trains or not any(run.screened for run in comparison.runs):
        return ""
    return "Nothing is trained, so a design that is only priced is an evaluation too: who prices some has fewer trials."


def statement(pair: Versus) -> str:
    """One pair in words."""
    if pair.shown:
        return (
            f"{pair.better} is better than {pair.worse}: in {percent(pair.superiority)} of the pairs of runs, "
            f"p = {pair.p_adjusted:.2g}"
        )
    return (
        f"no difference shown between {pair.better} and {pair.worse}: the former is better in "
        f"{percent(pair.superiority)} of the pairs of runs, p = {pair.p_adjusted:.2g}"
    )


def comparison_document(comparison: Comparison) -> dict[str, object]:
    """All of it for machines; numbers that are not finite become null when written."""
    return {
        "name": comparison.name,
        "directory": str(comparison.directory),
        "by": comparison.by,
        "trains": comparison.trains,
        "seeds": len(comparison.runs_of(comparison.contenders[0])),
        "proven": _proven_document(comparison),
        "equal_evaluations": _standings_document(comparison, comparison.equal_evaluations),
        "equal_time": {"seconds": comparison.seconds, **_standings_document(comparison, comparison.equal_time)},
        "curves": {name: _curve_document(comparison, name) for name in comparison.contenders},
        "runs": [
            {
                "contender": run.contender,
                "seed": run.seed,
                "trials": len(run.trials),
                "priced": run.screened,
                "seconds": run.seconds,
                "directory": str(run.directory),
            }
            for run in comparison.runs
        ],
    }


def _proven_document(comparison: Comparison) -> dict[str, object] | None:
    if comparison.proven is None:
        return None
    run = comparison.proven.run
    value = value_of(comparison.by, comparison.objectives, comparison.proven.loss)
    return {"name": run.contender, "value": value, "priced": run.screened, "seconds": run.seconds}


def _standings_document(comparison: Comparison, standings: Standings) -> dict[str, object]:
    def values(losses: Sequence[float]) -> list[float]:
        return [value_of(comparison.by, comparison.objectives, loss) for loss in losses]

    return {
        "contenders": [
            {
                "name": standing.contender,
                "trials": standing.trials,
                "feasible_runs": standing.found,
                "values": values(standing.losses),
                "median": values([standing.median.median])[0],
                "interval": sorted(values([standing.median.low, standing.median.high])),
                "confidence": standing.median.confidence,
                "regret": regret(comparison, standing),
                "seconds_per_trial": _rates(comparison, standing.contender)[0],
                "priced_per_trial": _rates(comparison, standing.contender)[1],
            }
            for standing in standings.standings
        ],
        "pairs": [
            {
                "better": pair.better,
                "worse": pair.worse,
                "superiority": pair.superiority,
                "p": pair.p,
                "p_adjusted": pair.p_adjusted,
                "significant": pair.shown,
            }
            for pair in standings.pairs
        ],
        "statements": list(statements(standings)),
    }


def curve(comparison: Comparison, contender: str) -> tuple[list[int], list[list[float]]]:
    """Trials, and after each of them the median over the runs and its interval (low, high), as values."""
    longest = max(len(run.trials) for run in comparison.runs_of(contender))
    numbers = sorted({int(number) for number in np.linspace(1, longest, min(longest, MOST_POINTS))}) if longest else []
    rows = []
    for number in numbers:
        found = median_interval(comparison.losses_after(contender, number))
        ends = [value_of(comparison.by, comparison.objectives, loss) for loss in (found.median, found.low, found.high)]
        rows.append([ends[0], min(ends[1:]), max(ends[1:])])
    return numbers, rows


def _curve_document(comparison: Comparison, contender: str) -> dict[str, object]:
    numbers, rows = curve(comparison, contender)
    columns = {name: [row[index] for row in rows] for index, name in enumerate(("median", "low", "high"))}
    return {"trials": numbers, **columns}
