"""How is a running study shown? One bar on a terminal, a line now and then everywhere else; always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from coexplore.cli.output import print_news
from coexplore.objectives.objective import Objective
from coexplore.objectives.pareto import Losses, non_dominated
from coexplore.reports.units import metric_text, metric_title
from coexplore.studies.study import Event, EventKind
from coexplore.studies.trial import TrialRecord, TrialState

LINE_EVERY_S = 5.0
"""Least time between two lines."""
STEADY = {
    EventKind.PRICED: ("pairs", "pricing the whole space"),
    EventKind.SHARED: ("steps", "training shared weights"),
}
"""Kinds of events about steps that all take alike: the unit, and what is said before the first."""


class Tally:
    """What an event says in words; counts what events leave out.

    Args:
        objectives: of the study.
        known: the trials of earlier runs.
        clock: seconds, from any start.
    """

    def __init__(
        self, objectives: Sequence[Objective], known: Sequence[TrialRecord], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._objectives, self._clock = objectives, clock
        self._front: Losses = np.empty((0, len(objectives)))
        for trial in known:
            self._add(trial)
        self._started: tuple[float, int] | None = None
        self._steadily: dict[EventKind, tuple[float, int]] = {}

    def describe(self, event: Event) -> str:
        """Speed, best, front and time left, after the news of an event."""
        if event.kind in STEADY:
            return self._steady(event)
        if event.kind is EventKind.STARTED:
            self._started = None
        if event.trial is not None:
            self._started = self._started or (self._clock(), event.trials_done)
            self._add(event.trial)
        parts = [self._speed(event), self._best(event), f"front {len(self._front)}"]
        if event.screened:
            parts.append(f"{event.screened} only priced")
        return ", ".join(part for part in (*parts, self._left(event)) if part)

    def _steady(self, event: Event) -> str:
        """Speed and time left of steps that all take alike; what an earlier run did is no measure."""
        done, total, _ = counted(event)
        unit, nothing_yet = STEADY[event.kind]
        began, before = self._steadily.setdefault(event.kind, (self._clock(), done))
        seconds = self._clock() - began
        rate = (done - before) / seconds if seconds > 0 else 0.0
        return f"{rate:.3g} {unit}/s, {duration((total - done) / rate)} left" if rate > 0 else nothing_yet

    def _add(self, trial: TrialRecord) -> None:
        if trial.state is TrialState.COMPLETE:
            row = [objective.loss(trial.metrics) for objective in self._objectives]
            rows = np.vstack([self._front, row])
            self._front = rows[non_dominated(rows)]

    def _rate(self, event: Event) -> float:
        """Trials per second since the first one of this run ended; workers that start up are no measure."""
        if self._started is None:
            return 0.0
        began, before = self._started
        seconds = self._clock() - began
        return (event.trials_done - before) / seconds if seconds > 0 else 0.0

    def _speed(self, event: Event) -> str:
        rate = self._rate(event)
        return f"{rate:.3g} trials/s" if rate > 0 else ""

    def _best(self, event: Event) -> str:
        metric = "accuracy" if "accuracy" in event.best else self._objectives[0].metric
        return f"best {metric_title(metric)} {metric_text(metric, event.best.get(metric))}"

    def _left(self, event: Event) -> str:
        rate, left = self._rate(event), event.trials_total - event.trials_done
        return f"{duration(left / rate)} left" if rate > 0 and left > 0 else ""


def duration(seconds: float) -> str:
    """Seconds in words, no finer than a person wants to know."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def counted(event: Event) -> tuple[int, int, str]:
    """How much is done, of how much, and of what."""
    if event.kind is EventKind.PRICED:
        return *event.pairs, "pairs of op and accelerator"
    if event.kind is EventKind.SHARED:
        return *event.steps, "steps of shared weights"
    return event.trials_done, event.trials_total, "trials"


@contextmanager
def shown(tally: Tally) -> Iterator[Callable[[Event], None]]:
    """Shows the events it is handed until the block ends."""
    if sys.stderr.isatty():
        with _bar(tally) as on_event:
            yield on_event
    else:
        yield _Lines(tally)


class _Lines:
    """Writes a line for a trial, not too often, and one at the end."""

    def __init__(self, tally: Tally) -> None:
        self._tally, self._told_at = tally, -LINE_EVERY_S

    def __call__(self, event: Event) -> None:
        text = self._tally.describe(event)
        now, ends = time.monotonic(), event.kind is EventKind.FINISHED
        if ends or now - self._told_at >= LINE_EVERY_S:
            self._told_at = now
            done, total, what = counted(event)
            print_news(f"{done}/{total} {what}, {text}")


@contextmanager
def _bar(tally: Tally) -> Iterator[Callable[[Event], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=None)

        def on_event(event: Event) -> None:
            text = tally.describe(event)
            done, total, what = counted(event)
            progress.update(task, completed=done, total=total, description=f"{what}, {text}")

        yield on_event
