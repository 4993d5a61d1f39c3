"""How is a study run, resumed and read? The public verbs over a study directory."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from optuna.storages import BaseStorage

from coexplore.accuracy.evaluator import Accuracy
from coexplore.core.errors import ConfigError, StoreError
from coexplore.objectives.objective import Objective
from coexplore.objectives.pareto import non_dominated
from coexplore.strategies.exact import Exact
from coexplore.strategies.exact_hardware import ExactHardware
from coexplore.studies import joint, joint_told
from coexplore.studies.checkpoint import read_checkpoint
from coexplore.studies.config import StudyConfig, build_designs, build_objectives, parse_config, resolve
from coexplore.studies.directory import Manifest, StudyDirectory, locked, new_manifest, read_manifest
from coexplore.studies.driver import TOLD_EVERY_S, Budget, Driver, Event, EventKind
from coexplore.studies.evaluation import Evaluation
from coexplore.studies.exact import OnPairs, solve
from coexplore.studies.exact_chunks import priced_so_far
from coexplore.studies.exact_solution import SOLUTIONS, Solution
from coexplore.studies.exact_told import told
from coexplore.studies.executor import Executor, InProcessExecutor, ProcessExecutor
from coexplore.studies.joint_solution import JOINT_SOLUTIONS, JointSolution
from coexplore.studies.phases import Phases, best_by_reward, phase_folders
from coexplore.studies.problem import Looks, Problem, SharedSource
from coexplore.studies.solved import solved
from coexplore.studies.store import TrialStore, open_database, open_journal, read_records
from coexplore.studies.suite_problem import resolve_suite
from coexplore.studies.suite_solution import SUITE_SOLUTIONS, SuiteSolution
from coexplore.studies.suite_study import solve_suite
from coexplore.studies.trainer import PrepareTraining, Trainer, TrainTask
from coexplore.studies.trial import SCREENED, TrialRecord, TrialState, closest_of

__all__ = ["Event", "EventKind", "StudyResult", "StudyState", "open_study", "run_problem", "run_study"]

OnEvent = Callable[[Event], None]


class StudyState(enum.StrEnum):
    """How far a study is."""

    NEW = "new"
    """No trial has begun."""
    RUNNING = "running"
    """Under way, or stopped before its budget was spent."""
    FINISHED = "finished"
    INFEASIBLE = "infeasible"
    """Finished, and no trial is complete."""


@dataclass(frozen=True)
class StudyResult:
    """What is known of a study."""

    config: StudyConfig
    """With every setting written out."""
    state: StudyState
    trials: tuple[TrialRecord, ...]
    front: tuple[TrialRecord, ...]
    """Complete trials that no other one dominates, best first objective first; of equals only the first."""
    trained_networks: int
    """Distinct networks that were trained, however far."""
    screened: int
    """Designs that were priced without becoming trials."""
    directory: Path
    """Where weights and trials are."""
    seconds: float = 0.0
    """Wall time of all runs."""
    closest: TrialRecord | None = None
    """The infeasible design that misses the constraints by least, None where nothing says by how much. Its number is
    `SCREENED` where it was priced without becoming a trial."""
    solution: Solution | None = None
    """Of exact hardware: the proof of the front. None for a search, or as long as the space is not yet priced."""
    joint: JointSolution | None = None
    """Of all networks times all accelerators: the proof of the front, as `solution`."""
    suite: SuiteSolution | None = None
    """Of a suite of networks, which has no trials: its best accelerators."""

    @property
    def planned(self) -> int:
        """Trials that the study will have."""
        proof = self.solution or self.joint or self.suite
        return self.config.budget.trials if proof is None else len(proof.front)

    @property
    def found(self) -> bool:
        """Whether there is a design that meets all constraints."""
        return bool(self.front) or (self.suite is not None and bool(self.suite.front))

    @property
    def explanation(self) -> str:
        """Why nothing is feasible, naming the closest design and by how much it misses; empty where something is."""
        if self.state is not StudyState.INFEASIBLE:
            return ""
        proof = self.solution or self.joint or self.suite
        if proof is not None:
            return proof.reason
        if self.closest is not None:
            number, values = self.closest.number, ", ".join(f"{k} {v}" for k, v in self.closest.point.items())
            name = f"({values})" if number == SCREENED else f"trial {number} ({values})"
            return (
                f"no design meets the constraints; the closest, {name}: {self.closest.reason}; "
                "loosen that constraint or widen the spaces"
            )
        reason = self.trials[0].reason if self.trials else "nothing was suggested"
        return f"no design could be evaluated; the first: {reason}"


def run_study(
    config: StudyConfig,
    directory: Path,
    workers: int = 1,
    on_event: OnEvent = lambda event: None,
    data_root: Path | None = None,
) -> StudyResult:
    """Run a study, or go on with it where its directory has it already.

    Args:
        config: from `load_config` or `parse_config`.
        directory: made if it does not exist.
        workers: processes that train side by side, at most the width of the study; 0 trains in this process. The result
            does not depend on it.
        on_event: hears of the progress.
        data_root: folder that relative paths of data start from.

    Raises:
        ConfigError: the study is not legal; the message begins with the path of the wrong field.
        StoreError: the directory cannot be used, is in use, or belongs to another study.
        StudyError: no evaluation can run here.
        KeyboardInterrupt: stopped by Ctrl-C, everything safe; says how to go on.
    """
    if config.network.suite is not None:
        return _run_suite(config, directory, workers, on_event, data_root)
    resolved = resolve(config, data_root)
    if resolved.config.phases is None:
        return run_problem(resolved.problem, resolved.config, directory, workers, on_event)
    phases = Phases(resolved.config, resolved.problem.designs)
    first_phase = phases.first_phase()
    first_folder, second_folder = phase_folders(directory, resolved.config.phases)
    with _entered(StudyDirectory(directory), resolved.problem.fingerprint, resolved.config):
        first = run_study(first_phase, first_folder, workers, on_event, data_root)
        chosen = best_by_reward(first.trials, resolved.problem.reward)
        if chosen is None:
            return _both_phases(resolved.config, first, None)
        second = run_study(phases.second_phase(chosen.point), second_folder, workers, on_event, data_root)
    return _both_phases(resolved.config, first, second)


def run_problem(
    problem: Problem, config: StudyConfig, directory: Path, workers: int = 1, on_event: OnEvent = lambda event: None
) -> StudyResult:
    """Run a problem made by hand; see `run_study`.

    Args:
        problem: what is solved.
        config: names it, says where the trials are stored and what may be spent.
        directory: made if it does not exist.
        workers: as for `run_study`.
        on_event: as for `run_study`.
    """
    if workers < 0:
        raise ConfigError(f"workers: is {workers}; give the number of processes, or 0 to train in this one")
    files = StudyDirectory(directory)
    with _entered(files, problem.fingerprint, config) as manifest:
        store = TrialStore(_storage(config, files), manifest.identity, problem.objectives, problem.space)
        try:
            if isinstance(problem.strategy, Exact):
                run = _run_exact if problem.accuracy is None else _run_joint
                run(problem, files, store, workers, on_event)
            else:
                if isinstance(problem.strategy, ExactHardware):
                    problem = solved(problem, max(workers, 1))
                _run_search(problem, config, files, store, workers, on_event)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped; nothing is lost, run {directory} again to go on") from None
        return _result(config, problem.objectives, store.records, files)


def _run_search(
    problem: Problem, config: StudyConfig, files: StudyDirectory, store: TrialStore, workers: int, on_event: OnEvent
) -> None:
    limit = config.budget
    budget = Budget(limit.trials, limit.hours, limit.epochs, limit.patience)
    looks: Looks | None = None
    if isinstance(problem.accuracy, SharedSource):
        source = problem.accuracy.ready(files.shared, _on_steps(on_event, limit.trials))
        problem, looks = replace(problem, accuracy=source), source.looking()
    with _trainer(problem, files, workers) as trainer:
        Driver(problem, budget, files, store, Evaluation(problem, trainer, looks), on_event).run()


def _on_steps(on_event: OnEvent, trials: int) -> Callable[[int, int], None]:
    """Tells of steps of shared weights, not too often."""
    began, told_at = time.monotonic(), -TOLD_EVERY_S

    def on_step(done: int, total: int) -> None:
        nonlocal told_at
        now = time.monotonic()
        if done == total or now - told_at > TOLD_EVERY_S:
            told_at = now
            on_event(Event(EventKind.SHARED, 0, trials, 0, {}, now - began, steps=(done, total)))

    return on_step


def _run_exact(problem: Problem, files: StudyDirectory, store: TrialStore, workers: int, on_event: OnEvent) -> None:
    """Price all accelerators, then tell the front. Nothing is searched, so no budget limits it."""
    solution = solve(problem, files, max(workers, 1), _on_pairs(on_event))
    known = told(problem, solution)
    Driver(known, Budget(max(len(solution.front), 1)), files, store, Evaluation(known, None), on_event).run()


def _run_joint(problem: Problem, files: StudyDirectory, store: TrialStore, workers: int, on_event: OnEvent) -> None:
    """Prove the joint front, then tell it."""
    solution = joint.solve(problem, files, max(workers, 1), _on_pairs(on_event))
    known = joint_told.told(problem, solution)
    with _trainer(problem, files, 0) as trainer:
        Driver(known, Budget(max(len(solution.front), 1)), files, store, Evaluation(known, trainer), on_event).run()


def _run_suite(
    config: StudyConfig, directory: Path, workers: int, on_event: OnEvent, data_root: Path | None
) -> StudyResult:
    """Find the best accelerators for a suite. Nothing is searched, so there are no trials and no budget."""
    resolved, files = resolve_suite(config, data_root), StudyDirectory(directory)
    with _entered(files, resolved.problem.fingerprint, resolved.config):
        try:
            solve_suite(resolved.problem, files, max(workers, 1), _on_pairs(on_event))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped; nothing is lost, run {directory} again to go on") from None
        return _suite_result(resolved.config, files)


def _suite_result(config: StudyConfig, files: StudyDirectory) -> StudyResult:
    solution = SUITE_SOLUTIONS.read(files.suite)
    priced = priced_so_far(files.priced) if solution is None else solution.accelerators
    if solution is None:
        state = StudyState.RUNNING if priced else StudyState.NEW
    else:
        state = StudyState.FINISHED if solution.front else StudyState.INFEASIBLE
    seconds = 0.0 if solution is None else solution.seconds
    return StudyResult(config, state, (), (), 0, priced, files.root, seconds, suite=solution)


def _on_pairs(on_event: OnEvent) -> OnPairs:
    began = time.monotonic()

    def priced(done: int, total: int) -> None:
        seconds = time.monotonic() - began
        on_event(Event(EventKind.PRICED, 0, 0, 0, {}, seconds, pairs=(done, total)))

    return priced


def open_study(directory: Path) -> StudyResult:
    """Read a study, also while it runs; writes nothing and needs neither its data nor torch.

    Raises:
        StoreError: there is no study, it is damaged, or of another version.
    """
    files = StudyDirectory(directory)
    manifest = read_manifest(files)
    if manifest is None:
        raise StoreError(f"there is no study in {directory}; start one with `coexplore run`")
    config = parse_config(manifest.config)
    if config.network.suite is not None:
        return _suite_result(config, files)
    if config.phases is not None:
        first, second = (
            open_study(folder) if folder.exists() else None for folder in phase_folders(directory, config.phases)
        )
        return _both_phases(config, first or _result(config, (), (), files), second)
    objectives, space = build_objectives(config), build_designs(config).space
    begun = config.store is not None or files.journal.exists()
    records = read_records(_storage(config, files, writable=False), manifest.identity, space) if begun else []
    return _result(config, objectives, records, files)


@contextmanager
def _entered(files: StudyDirectory, fingerprint: str, config: StudyConfig) -> Iterator[Manifest]:
    """Hold a directory that is new or of this very study."""
    _checked(read_manifest(files), fingerprint, config, files.root)
    with locked(files):
        found = read_manifest(files)
        manifest = _checked(found, fingerprint, config, files.root)
        if manifest != found:
            manifest.write(files)
        yield manifest


def _both_phases(config: StudyConfig, first: StudyResult, second: StudyResult | None) -> StudyResult:
    """One result: trials and front of the later phase, which lie in its folder, and what both have cost."""
    if second is None:
        between = first.state is StudyState.FINISHED
        return replace(first, config=config, state=StudyState.RUNNING if between else first.state)
    return replace(
        second,
        config=config,
        trained_networks=first.trained_networks + second.trained_networks,
        screened=first.screened + second.screened,
        seconds=first.seconds + second.seconds,
    )


def _checked(manifest: Manifest | None, fingerprint: str, config: StudyConfig, directory: Path) -> Manifest:
    """The manifest this run goes by: a new one, or that of the directory with the budget of this run."""
    document = config.document()
    if manifest is None:
        return new_manifest(config.name, document, fingerprint)
    differences = list(_differences(manifest.config, document, ""))
    same = all(manifest.config.get(name) == document.get(name) for name in ("store", "phases"))
    if manifest.fingerprint != fingerprint or not same:
        told = "; ".join(differences[:3]) or "a file it names, its data, or the version of this package has changed"
        raise StoreError(f"{directory} holds another study: {told}; choose another directory")
    before, now = parse_config(manifest.config).budget, config.budget
    for name in ("trials", "hours", "epochs", "patience"):
        was, wanted = getattr(before, name), getattr(now, name)
        if wanted is not None and (was is None or wanted < was):
            raise StoreError(
                f"budget.{name}: is {wanted}, but {directory} was begun with {was or 'no limit'}; it can only grow"
            )
    return replace(manifest, config=document)


def _differences(there: object, here: object, path: str) -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for name in sorted(there.keys() | here.keys()):
            if path or name != "budget":
                yield from _differences(there.get(name), here.get(name), f"{path}.{name}" if path else str(name))
    elif there != here:
        yield f"{path} is {there!r} there and {here!r} here"


def _storage(config: StudyConfig, files: StudyDirectory, *, writable: bool = True) -> BaseStorage:
    return open_database(config.store) if config.store else open_journal(files.journal, writable=writable)


@contextmanager
def _trainer(problem: Problem, files: StudyDirectory, workers: int) -> Iterator[Trainer | None]:
    if problem.accuracy is None:
        yield None
        return
    prepare = PrepareTraining(problem.accuracy)
    executor: Executor[TrainTask, Accuracy]
    executor = ProcessExecutor(prepare, min(workers, problem.width)) if workers else InProcessExecutor(prepare)
    with closing(Trainer(problem.accuracy, executor, files)) as trainer:
        yield trainer


def _result(
    config: StudyConfig, objectives: Sequence[Objective], records: Sequence[TrialRecord], files: StudyDirectory
) -> StudyResult:
    checkpoint = read_checkpoint(files.checkpoint)
    front = _front(objectives, records)
    ended = checkpoint is not None and checkpoint.finished
    solution, both = SOLUTIONS.read(files.solution), JOINT_SOLUTIONS.read(files.joint)
    proof = solution or both
    priced = priced_so_far(files.priced) if proof is None else proof.accelerators
    running = any(record.state is TrialState.RUNNING for record in records)
    if ended and not running:
        state = StudyState.FINISHED if front else StudyState.INFEASIBLE
    else:
        state = StudyState.RUNNING if records or priced else StudyState.NEW
    return StudyResult(
        config=config,
        state=state,
        trials=tuple(records),
        front=front,
        trained_networks=len({record.network for record in records if record.network}),
        screened=priced or (checkpoint.screened if checkpoint else 0),
        directory=files.root,
        seconds=(checkpoint.seconds if checkpoint else 0.0) + (proof.seconds if proof else 0.0),
        closest=closest_of([*records, *([checkpoint.closest] if checkpoint and checkpoint.closest else [])]),
        solution=solution,
        joint=both,
    )


def _front(objectives: Sequence[Objective], records: Sequence[TrialRecord]) -> tuple[TrialRecord, ...]:
    complete = [record for record in records if record.state is TrialState.COMPLETE]
    if not complete:
        return ()
    losses = np.array([[objective.loss(record.metrics) for objective in objectives] for record in complete])
    kept = np.flatnonzero(non_dominated(losses))
    return tuple(complete[index] for index in sorted(kept, key=lambda index: (tuple(losses[index]), index)))
