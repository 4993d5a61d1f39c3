"""How does a study run? Suggest, price, train, observe, in an order that depends on the study alone.

Before trial i is suggested, the strategy has heard of the trials up to i - width, in trial order; a price is answered
at once. Everything is written in that order too: a trial when it is suggested, its end when it is observed, then the
checkpoint. After a kill the steps since the last checkpoint are done again. They come out the same, and what the store
already holds of them is taken instead of evaluating once more.
"""

from __future__ import annotations

import enum
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from coexplore.accuracy.halving import Rung
from coexplore.core.errors import StoreError
from coexplore.objectives.metrics import Direction
from coexplore.objectives.reward import next_baseline
from coexplore.spaces.space import Point
from coexplore.strategies.strategy import Stage, Strategy
from coexplore.studies.checkpoint import Checkpoint, Pending, read_checkpoint
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.evaluation import Conclude, Evaluation
from coexplore.studies.problem import Problem
from coexplore.studies.store import TrialStore
from coexplore.studies.trial import SCREENED, TrialRecord, TrialState, closest_of

SAVED_EVERY_S = 5.0
"""A screen without a trial is saved this often."""
TOLD_EVERY_S = 0.2
"""A screen without a trial is reported this often."""


class EventKind(enum.Enum):
    """What happened."""

    STARTED = "started"
    PRICED = "priced"
    """A part of a space that is priced whole."""
    SHARED = "shared"
    """Steps of weights that networks share, before a search or in its looks."""
    SCREENED = "screened"
    TRIAL = "trial"
    """A trial ended."""
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Event:
    """News of a study, for a progress bar."""

    kind: EventKind
    trials_done: int
    trials_total: int
    screened: int
    """Designs that were priced without becoming trials."""
    best: dict[str, float]
    """Best value of each objective so far, by metric."""
    seconds: float
    """Wall time of the study over all its runs."""
    trial: TrialRecord | None = None
    """The trial that ended."""
    pairs: tuple[int, int] = (0, 0)
    """Pairs of ops and accelerators that are priced, and those there are, while a space is priced whole."""
    steps: tuple[int, int] = (0, 0)
    """Steps of shared weights that are done, and those there will be, while they are trained."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a study may spend; None is unlimited.

    Trials and epochs end a study at the same trial on any machine, hours do not.
    """

    trials: int
    hours: float | None = None
    """Wall time of all runs; looked at before each suggestion, so trials under way still end."""
    epochs: int | None = None
    """Epochs of training, summed over networks; looked at before each suggestion."""
    patience: int | None = None
    """Designs, priced or trained, before the first that meets the constraints; then the study gives up."""


@dataclass(slots=True)
class _Ticket:
    """A trial under way."""

    pending: Pending
    point: Point
    conclude: Conclude


@dataclass(slots=True)
class _Progress:
    """What the driver counts; `Checkpoint` explains the fields."""

    observed: int = 0
    screened: int = 0
    looks: int = 0
    barren: int | None = 0
    closest: TrialRecord | None = None
    baseline: float | None = None
    exhausted: bool = False
    seconds: float = 0.0
    curves: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Of the networks of observed trials, by content hash."""


class Driver:
    """Runs one study; the caller holds the lock of the directory.

    Args:
        problem: what is wanted.
        budget: what may be spent.
        directory: where the checkpoint is.
        store: where the trials are.
        evaluation: what evaluates them.
        on_event: hears of the progress.

    Raises:
        StoreError: the checkpoint is damaged or does not fit the store.
    """

    def __init__(
        self,
        problem: Problem,
        budget: Budget,
        directory: StudyDirectory,
        store: TrialStore,
        evaluation: Evaluation,
        on_event: Callable[[Event], None],
    ) -> None:
        self._problem, self._budget, self._directory = problem, budget, directory
        self._store, self._evaluation, self._on_event = store, evaluation, on_event
        self._strategy: Strategy = problem.strategy.start(
            problem.space, np.random.default_rng(problem.seed), len(problem.objectives)
        )
        self._progress = _Progress()
        self._tickets: deque[_Ticket] = deque()
        self._distinct: set[Point] = set()
        self._best: dict[str, float] = {}
        self._done = 0
        self._saved_at = self._told_at = self._started_at = time.monotonic()

    def run(self) -> None:
        """Go on from the last checkpoint until the budget is spent or nothing more is suggested.

        Raises:
            StoreError: not writable, the disk is full, or store and checkpoint do not belong together.
            StudyError: no evaluation can run here, because something is not installed or cannot be read.
        """
        self._resume()
        self._tell(EventKind.STARTED)
        while not self._over():
            while len(self._tickets) >= self._problem.width:
                self._observe()
            suggestions = self._strategy.suggest(1)
            if not suggestions:
                self._progress.exhausted = True
            elif suggestions[0].stage is Stage.PRICE:
                self._screen(suggestions[0].point)
            elif suggestions[0].stage is Stage.LOOK:
                self._look(suggestions[0].point)
            else:
                self._suggested(suggestions[0].point)
        for ticket in self._tickets:
            self._settle(ticket)
        self._save(finished=True)
        self._tell(EventKind.FINISHED)

    def _over(self) -> bool:
        budget, progress = self._budget, self._progress
        hours = budget.hours is not None and self._seconds() >= 3600 * budget.hours
        epochs = budget.epochs is not None and sum(map(len, progress.curves.values())) >= budget.epochs
        whole = len(self._distinct) >= self._problem.space.size
        spent = progress.observed + len(self._tickets) >= budget.trials
        hopeless = budget.patience is not None and (progress.barren or 0) >= budget.patience
        return progress.exhausted or whole or spent or hours or epochs or hopeless

    def _resume(self) -> None:
        saved = read_checkpoint(self._directory.checkpoint)
        for record in self._store.records:
            if record.state is not TrialState.RUNNING:
                self._count(record)
        if self._evaluation.looks is not None:
            self._evaluation.looks.resume(saved.looks if saved else 0)
        if saved is None:
            return
        self._strategy.restore(saved.strategy)
        self._progress = _Progress(
            saved.observed,
            saved.screened,
            saved.looks,
            saved.barren,
            saved.closest,
            saved.baseline,
            saved.exhausted,
            saved.seconds,
        )
        if saved.observed + len(saved.pending) > len(self._store.records):
            raise StoreError(
                f"{self._directory.root}: the checkpoint knows {saved.observed + len(saved.pending)} trials, the store "
                f"holds {len(self._store.records)}; restore the store from a copy, or choose another directory"
            )
        for record in self._store.records[: saved.observed]:
            self._distinct.add(record.point)
            self._learn_curve(record)
        for pending in saved.pending:
            self._begin(self._problem.space.point(pending.point), pending.rungs)

    def _screen(self, point: Point) -> None:
        record = self._evaluation.price(SCREENED, point)
        self._progress.screened += 1
        self._answer(record, EventKind.SCREENED)

    def _look(self, point: Point) -> None:
        record = self._evaluation.look(point)
        self._progress.looks += 1
        self._answer(record, EventKind.SHARED)

    def _answer(self, record: TrialRecord, kind: EventKind) -> None:
        """Tell the strategy at once what is known of a design that is no trial."""
        self._strategy.observe([self._evaluation.observation(record, self._progress.baseline or 0.0)])
        self._progress.closest = closest_of([r for r in (self._progress.closest, record) if r is not None])
        self._count_barren(record)
        now = time.monotonic()
        if now - self._told_at > TOLD_EVERY_S:
            self._tell(kind)
        if now - self._saved_at > SAVED_EVERY_S:
            self._save()

    def _suggested(self, point: Point) -> None:
        source = self._problem.accuracy
        rungs = source.rungs(tuple(self._progress.curves.values())) if source else ()
        self._begin(point, rungs)
        self._save()

    def _begin(self, point: Point, rungs: tuple[Rung, ...]) -> None:
        number = self._progress.observed + len(self._tickets)
        if number == len(self._store.records):
            self._store.create(point)
        record = self._store.records[number]
        if record.point != point:
            raise StoreError(
                f"trial {number} of the store is another design than this study suggests; its store or its checkpoint "
                "was changed; restore both from a copy, or choose another directory"
            )
        running = record.state is TrialState.RUNNING
        conclude = self._evaluation.begin(number, point, rungs) if running else lambda: record
        self._tickets.append(_Ticket(Pending(number, point, rungs), point, conclude))
        self._distinct.add(point)

    def _settle(self, ticket: _Ticket) -> TrialRecord:
        """The trial as it ended, told to the store if it was not yet."""
        number = ticket.pending.number
        if self._store.records[number].state is TrialState.RUNNING:
            record = ticket.conclude()
            self._store.finish(record)
            self._count(record)
            self._tell(EventKind.TRIAL, record)
        return self._store.records[number]

    def _observe(self) -> None:
        record = self._settle(self._tickets[0])
        self._strategy.observe([self._evaluation.observation(record, self._progress.baseline or 0.0)])
        if record.state is TrialState.COMPLETE and "accuracy" in record.metrics:
            self._progress.baseline = next_baseline(self._progress.baseline, record.metrics["accuracy"])
        self._learn_curve(record)
        self._count_barren(record)
        self._tickets.popleft()
        self._progress.observed += 1

    def _learn_curve(self, record: TrialRecord) -> None:
        if record.curve:
            self._progress.curves.setdefault(record.network, record.curve)

    def _count_barren(self, record: TrialRecord) -> None:
        """Count infeasible designs until the first feasible one ends the count for good."""
        if record.state is not TrialState.INFEASIBLE:
            self._progress.barren = None
        elif self._progress.barren is not None:
            self._progress.barren += 1

    def _count(self, record: TrialRecord) -> None:
        self._done += 1
        if record.state is TrialState.COMPLETE:
            for objective in self._problem.objectives:
                value = record.metrics[objective.metric]
                better = max if objective.direction is Direction.MAXIMIZE else min
                self._best[objective.metric] = better(value, self._best.get(objective.metric, value))

    def _seconds(self) -> float:
        return self._progress.seconds + time.monotonic() - self._started_at

    def _save(self, *, finished: bool = False) -> None:
        progress, looks = self._progress, self._evaluation.looks
        if looks is not None:
            looks.save()
        Checkpoint(
            strategy=self._strategy.state(),
            observed=progress.observed,
            pending=tuple(ticket.pending for ticket in self._tickets),
            screened=progress.screened,
            looks=progress.looks,
            barren=progress.barren,
            closest=progress.closest,
            baseline=progress.baseline,
            exhausted=progress.exhausted,
            finished=finished,
            seconds=self._seconds(),
        ).write(self._directory.checkpoint)
        self._saved_at = time.monotonic()

    def _tell(self, kind: EventKind, trial: TrialRecord | None = None) -> None:
        self._told_at = time.monotonic()
        total, screened, looks = self._budget.trials, self._progress.screened, self._evaluation.looks
        steps = (looks.step, looks.steps) if looks is not None else (0, 0)
        self._on_event(Event(kind, self._done, total, screened, dict(self._best), self._seconds(), trial, steps=steps))
