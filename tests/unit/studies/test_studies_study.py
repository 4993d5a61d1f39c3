"""What a study does with its trials, in which order, and what it tells."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from study_traces import result_trace, trace

from coexplore.core.errors import ConfigError, StoreError, StudyError
from coexplore.objectives.objective import Constraint
from coexplore.objectives.pareto import dominates
from coexplore.spaces.space import Space
from coexplore.strategies.exhaustive import Exhaustive
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.strategy import Observation, Stage, Strategy, Suggestion
from coexplore.strategies.two_level import TwoLevel
from coexplore.studies.checkpoint import read_checkpoint
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.study import Event, EventKind, StudyResult, StudyState, open_study, run_problem
from coexplore.studies.trial import TrialState
from coexplore.testing.toy import DIVERGING_WIDTH, EPOCHS, ToyAccuracy, toy_config, toy_problem

NEVER_MET = Constraint("area_mm2", at_most=0.001)


def run(directory: Path, trials: int = 20, workers: int = 0, **choices: object) -> StudyResult:
    return run_problem(toy_problem(**choices), toy_config(trials), directory, workers)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Listening:
    """Random search that writes down what it is asked and told."""

    heard: tuple[list[tuple[str, object]], ...]
    prices: bool = False

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        strategy = RandomSearch().start(space, rng, objectives)
        return _Listening(strategy, self.heard[0], self.prices)


class _Listening:
    def __init__(self, inner: Strategy, heard: list[tuple[str, object]], prices: bool) -> None:
        self.inner, self.heard, self.prices = inner, heard, prices

    def suggest(self, n: int) -> list[Suggestion]:
        (suggestion,) = self.inner.suggest(n)
        if self.prices and sum(kind == "suggested" for kind, _ in self.heard) % 2 == 0:
            suggestion = replace(suggestion, stage=Stage.PRICE)
        self.heard.append(("suggested", suggestion))
        return [suggestion]

    def observe(self, new: Sequence[Observation]) -> None:
        self.heard += [("observed", observation) for observation in new]
        self.inner.observe(new)

    def state(self) -> dict[str, object]:
        return self.inner.state()

    def restore(self, state: Mapping[str, object]) -> None:
        self.inner.restore(state)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_changes_nothing(workers: int, tmp_path: Path) -> None:
    here = run(tmp_path / "here")
    there = run(tmp_path / "there", workers=workers)
    assert result_trace(here) == result_trace(there)
    assert trace(tmp_path / "here") == trace(tmp_path / "there")


@pytest.mark.parametrize("width", [1, 3])
def test_a_suggestion_has_heard_of_the_trials_up_to_its_own_number_minus_the_width(width: int, tmp_path: Path) -> None:
    heard: list[tuple[str, object]] = []
    run(tmp_path, strategy=Listening((heard,)), width=width)
    kinds = [kind for kind, _ in heard]
    assert kinds == ["suggested"] * width + ["observed", "suggested"] * (20 - width)
    suggested = [event.point for kind, event in heard if kind == "suggested"]  # type: ignore[attr-defined]
    observed = [event.point for kind, event in heard if kind == "observed"]  # type: ignore[attr-defined]
    assert observed == suggested[: 20 - width]


def test_a_price_is_answered_before_the_next_suggestion_and_is_no_trial(tmp_path: Path) -> None:
    heard: list[tuple[str, object]] = []
    result = run(tmp_path, trials=6, strategy=Listening((heard,), prices=True))
    assert (len(result.trials), result.screened) == (6, 6)
    for (_, asked), (kind, told) in itertools.pairwise(heard):
        if isinstance(asked, Suggestion) and asked.stage is Stage.PRICE:
            assert kind == "observed"
            assert isinstance(told, Observation)
            assert (told.point, told.stage) == (asked.point, Stage.PRICE)
            assert not told.feasible or np.isinf(told.losses[0])


def test_what_breaks_a_constraint_before_training_is_not_trained(tmp_path: Path) -> None:
    result = run(tmp_path, trials=40)
    gated = [trial for trial in result.trials if trial.state is TrialState.INFEASIBLE]
    assert gated
    for trial in gated:
        assert trial.curve == ()
        assert trial.network == ""
        assert "accuracy" not in trial.metrics
        assert trial.reason
    priced = [trial for trial in gated if trial.violation]
    assert all("area_mm2" in trial.reason for trial in priced)
    assert any("do not fit" in trial.reason for trial in gated if not trial.violation)


def test_a_constraint_on_accuracy_is_judged_after_training(tmp_path: Path) -> None:
    result = run(tmp_path, trials=30, constraints=(Constraint("accuracy", at_least=0.8),))
    missed = [trial for trial in result.trials if trial.violation]
    assert missed
    assert all(trial.state is TrialState.INFEASIBLE and trial.curve for trial in missed)
    assert all(trial.metrics["accuracy"] >= 0.8 for trial in result.front)


def test_a_network_is_trained_once_whatever_runs_it(tmp_path: Path) -> None:
    result = run(tmp_path, trials=80)
    trained = [trial for trial in result.trials if trial.network]
    assert len(trained) > result.trained_networks == len({trial.network for trial in trained})
    assert len(trace(tmp_path)["cache"]) == result.trained_networks
    curves: dict[str, set[tuple[float, ...]]] = {}
    for trial in trained:
        curves.setdefault(trial.network, set()).add(trial.curve)
    assert all(len(found) == 1 for found in curves.values())


def test_every_complete_trial_has_its_weights_on_disk(tmp_path: Path) -> None:
    result = run(tmp_path)
    for trial in result.trials:
        assert StudyDirectory(tmp_path).weights(trial.network).exists() is (trial.state is TrialState.COMPLETE)


def test_a_training_that_diverges_is_a_failed_trial_and_the_study_goes_on(tmp_path: Path) -> None:
    result = run(tmp_path, trials=40)
    failed = [trial for trial in result.trials if trial.state is TrialState.FAILED]
    assert failed
    for trial in failed:
        assert trial.point["network.width"] == DIVERGING_WIDTH
        assert trial.reason == "training diverged in epoch 2"
    assert result.state is StudyState.FINISHED


def test_later_trainings_stop_early_below_the_bar(tmp_path: Path) -> None:
    result = run(tmp_path, trials=40)
    lengths = [len(trial.curve) for trial in result.trials if trial.state is TrialState.COMPLETE]
    assert lengths[:2] == [EPOCHS] * 2
    assert min(lengths) < EPOCHS


@pytest.mark.parametrize(("deaths", "state"), [(1, TrialState.COMPLETE), (9, TrialState.FAILED)])
def test_a_worker_may_die_once_but_not_twice(deaths: int, state: TrialState, tmp_path: Path) -> None:
    accuracy = ToyAccuracy(fatal_width=8, grave=str(tmp_path), deaths=deaths)
    result = run(tmp_path / "study", trials=12, workers=2, accuracy=accuracy, constraints=())
    deadly = [trial for trial in result.trials if trial.point["network.width"] == 8 and trial.metrics.get("latency_s")]
    assert deadly
    assert {trial.state for trial in deadly} == {state}
    if state is TrialState.FAILED:
        assert "died 2 times" in deadly[0].reason
    others = [trial for trial in result.trials if trial.point["network.width"] not in (7, 8) and trial.curve]
    assert all(trial.state is TrialState.COMPLETE for trial in others)


@pytest.mark.parametrize("workers", [0, 1])
def test_when_nothing_can_be_trained_here_the_study_stops_and_can_go_on_elsewhere(workers: int, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no evaluation can run: OSError: no data"):
        run(tmp_path, workers=workers, accuracy=ToyAccuracy(unusable="no data"))
    assert not [trial for trial in trace(tmp_path)["trials"] if trial[1] == "FAIL"]


def test_the_front_holds_what_no_complete_trial_dominates(tmp_path: Path) -> None:
    problem = toy_problem()
    result = run(tmp_path, trials=60)
    losses = {
        trial.number: [objective.loss(trial.metrics) for objective in problem.objectives]
        for trial in result.trials
        if trial.state is TrialState.COMPLETE
    }
    front = {trial.number for trial in result.front}
    for number, own in losses.items():
        beaten = any(dominates(other, own) or (other == own and at < number) for at, other in losses.items())
        assert beaten is (number not in front)
    accuracies = [trial.metrics["accuracy"] for trial in result.front]
    assert accuracies == sorted(accuracies, reverse=True)


@pytest.mark.parametrize("strategy", [RandomSearch(), TwoLevel("random", screens=5)], ids=lambda s: type(s).__name__)
def test_when_no_design_is_feasible_the_closest_is_named_with_its_distance(strategy: object, tmp_path: Path) -> None:
    result = run(tmp_path, trials=10, strategy=strategy, constraints=(NEVER_MET,))
    assert result.state is StudyState.INFEASIBLE
    assert result.front == ()
    assert result.closest is not None
    assert result.closest.violation == min(trial.violation for trial in result.trials if trial.violation)
    assert f"trial {result.closest.number} (" in result.explanation
    assert "): area_mm2 is " in result.explanation
    assert "%) above at_most = 0.001" in result.explanation
    assert result.trained_networks == 0


@pytest.mark.parametrize("strategy", [RandomSearch(), TwoLevel("random")], ids=lambda s: type(s).__name__)
def test_a_study_without_hope_gives_up(strategy: object, tmp_path: Path) -> None:
    budget = {"trials": 100, "patience": 12}
    problem = toy_problem(strategy, constraints=(NEVER_MET,))  # type: ignore[arg-type]
    result = run_problem(problem, toy_config(budget=budget), tmp_path, workers=0)
    assert result.state is StudyState.INFEASIBLE
    assert len(result.trials) + result.screened <= 12 + problem.width
    assert result.closest is not None
    assert "the closest, " in result.explanation
    assert "): area_mm2 is " in result.explanation
    saved = read_checkpoint(StudyDirectory(tmp_path).checkpoint)
    assert saved is not None
    assert saved.closest == (result.closest if result.screened else None)


def test_patience_is_about_the_first_feasible_design_alone(tmp_path: Path) -> None:
    patient = run_problem(toy_problem(), toy_config(40), tmp_path / "patient", workers=0)
    first = next(trial.number for trial in patient.trials if trial.state is TrialState.COMPLETE)
    budget = {"trials": 40, "patience": first + 1}
    assert sum(trial.state is TrialState.INFEASIBLE for trial in patient.trials) > first + 1
    enough = run_problem(toy_problem(), toy_config(budget=budget), tmp_path / "enough", workers=0)
    assert len(enough.trials) == 40


def test_when_every_evaluation_fails_the_first_reason_is_named(tmp_path: Path) -> None:
    accuracy = ToyAccuracy(fatal_width=8, grave=str(tmp_path), deaths=99)
    problem = toy_problem(accuracy=accuracy, constraints=())
    only = replace(problem.designs, restrictions=(("network.width", (8,)), ("network.depth", (1,))))
    result = run_problem(replace(problem, designs=only), toy_config(2), tmp_path / "study", workers=1)
    assert result.state is StudyState.INFEASIBLE
    assert "no design could be evaluated" in result.explanation
    assert "died 2 times" in result.explanation


def test_a_study_ends_when_its_space_is_exhausted(tmp_path: Path) -> None:
    for name, strategy in (("all", Exhaustive()), ("random", RandomSearch())):
        problem = toy_problem(strategy)
        few = replace(problem.designs, restrictions=(("network.width", (2, 3)), ("network.depth", (1,))))
        problem = replace(problem, designs=few)
        run_problem(problem, toy_config(10), tmp_path / name, workers=0)
        result = run_problem(problem, toy_config(1000), tmp_path / name, workers=0)
        assert (result.state, len(result.trials)) == (StudyState.FINISHED, 24)


def test_the_epochs_of_a_budget_count_each_network_once(tmp_path: Path) -> None:
    problem = toy_problem(accuracy=ToyAccuracy(halving=None), width=1)
    result = run_problem(problem, toy_config(1000, budget={"trials": 1000, "epochs": 30}), tmp_path, workers=0)
    curves = {trial.network: len(trial.curve) for trial in result.trials}
    assert 30 <= sum(curves.values()) < 30 + EPOCHS
    assert result.state is StudyState.FINISHED


def test_the_hours_of_a_budget_end_a_study_and_more_hours_go_on(tmp_path: Path) -> None:
    problem = toy_problem()
    short = run_problem(problem, toy_config(30, budget={"trials": 30, "hours": 1e-9}), tmp_path, workers=0)
    assert short.state is StudyState.INFEASIBLE
    assert "nothing was suggested" in short.explanation
    longer = run_problem(problem, toy_config(30, budget={"trials": 30}), tmp_path, workers=0)
    assert (longer.state, len(longer.trials)) == (StudyState.FINISHED, 30)
    assert longer.seconds > short.seconds


def test_events_count_up_and_carry_the_best_so_far(tmp_path: Path) -> None:
    events: list[Event] = []
    result = run_problem(toy_problem(), toy_config(20), tmp_path, 0, events.append)
    assert [event.kind for event in events] == [EventKind.STARTED, *[EventKind.TRIAL] * 20, EventKind.FINISHED]
    assert [event.trials_done for event in events] == [0, *range(1, 21), 20]
    assert events[-1].best["accuracy"] == max(trial.metrics["accuracy"] for trial in result.front)
    assert events[-1].best["latency_s"] == min(trial.metrics["latency_s"] for trial in result.front)
    assert [event.trial for event in events[1:-1]] == list(result.trials)
    assert [event.seconds for event in events] == sorted(event.seconds for event in events)
    again: list[Event] = []
    run_problem(toy_problem(), toy_config(20), tmp_path, 0, again.append)
    assert [(event.kind, event.trials_done) for event in again] == [(EventKind.STARTED, 20), (EventKind.FINISHED, 20)]
    assert again[0].best == events[-1].best


def test_a_negative_number_of_workers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^workers: is -1"):
        run(tmp_path, workers=-1)


def test_a_directory_that_cannot_be_written_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot write in .*Not a directory"):
        run(tmp_path / "file" / "study")


def test_a_directory_without_a_study_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no study in"):
        open_study(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("document", "message"),
    [("{", "is damaged"), ("[]", "holds a list"), ('{"schema": 99}', "schema 99"), ('{"schema": 1}', "is missing")],
)
def test_a_directory_of_another_version_is_refused_untouched(document: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(document)
    with pytest.raises(StoreError, match=message):
        run(tmp_path)
    with pytest.raises(StoreError, match=message):
        open_study(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]


def test_a_foreign_journal_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "journal.log").write_text("mine\n")
    with pytest.raises(StoreError, match="no study of ours"):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["journal.log"]


LIMITED = """
import resource, sys
from pathlib import Path
from coexplore.core.errors import StoreError
from coexplore.studies.study import run_problem
from coexplore.testing.toy import toy_config, toy_problem
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    run_problem(toy_problem(), toy_config(20), Path(sys.argv[1]), workers=0)
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("limit_bytes", [300, 4000, 9000, 17000])
def test_a_full_disk_stops_the_study_with_one_message_and_loses_nothing(limit_bytes: int, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", LIMITED, str(tmp_path / "full"), str(limit_bytes)]
    told = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert told.startswith("cannot ")
    assert told.count("\n") == 1
    run(tmp_path / "full")
    run(tmp_path / "whole")
    assert trace(tmp_path / "full") == trace(tmp_path / "whole")


COST_ONLY = """
import sys
from pathlib import Path
from coexplore.studies.study import open_study, run_problem
from coexplore.testing.toy import toy_config, toy_problem
assert run_problem(toy_problem(accuracy=None), toy_config(20), Path(sys.argv[1]), workers=2).front
print(sorted(name for name in ("torch", "sklearn", "onnx") if name in sys.modules))
"""


def test_a_study_that_asks_for_no_accuracy_needs_no_torch_and_trains_nothing(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", COST_ONLY, str(tmp_path)]
    assert subprocess.run(arguments, capture_output=True, text=True, check=True).stdout == "[]\n"
    assert not StudyDirectory(tmp_path).cache.exists()
    assert not StudyDirectory(tmp_path).networks.exists()


def test_the_checkpoint_is_json_any_tool_can_read(tmp_path: Path) -> None:
    run(tmp_path)
    text = StudyDirectory(tmp_path).checkpoint.read_text()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))["finished"] is True
