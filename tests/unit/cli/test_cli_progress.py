"""What progress says is counted right."""

from __future__ import annotations

import pytest

from coexplore.cli.progress import Tally, counted, duration, shown
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Objective
from coexplore.spaces.space import Point
from coexplore.studies.study import Event, EventKind
from coexplore.studies.trial import TrialRecord, TrialState

OBJECTIVES = (Objective("accuracy", Direction.MAXIMIZE), Objective("latency_s", Direction.MINIMIZE))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def trial(accuracy: float, latency_s: float, state: TrialState = TrialState.COMPLETE) -> TrialRecord:
    return TrialRecord(0, state, Point(), {"accuracy": accuracy, "latency_s": latency_s})


def event(done: int, ended: TrialRecord | None = None, screened: int = 0, kind: EventKind = EventKind.TRIAL) -> Event:
    return Event(kind, done, 10, screened, {"accuracy": 0.975, "latency_s": 1.0}, 1.0, ended)


def test_speed_and_time_left_count_from_the_first_trial_of_this_run() -> None:
    clock = Clock()
    tally = Tally(OBJECTIVES, (), clock)
    tally.describe(event(3, kind=EventKind.STARTED))
    clock.now += 60.0
    tally.describe(event(4, trial(0.9, 1.0)))
    clock.now += 4.0
    text = tally.describe(event(6, trial(0.9, 1.0)))
    assert "0.5 trials/s" in text
    assert "8 s left" in text


def test_a_second_phase_has_a_speed_of_its_own() -> None:
    clock = Clock()
    tally = Tally(OBJECTIVES, (), clock)
    tally.describe(event(9, trial(0.9, 1.0)))
    tally.describe(event(0, kind=EventKind.STARTED))
    tally.describe(event(1, trial(0.9, 1.0)))
    clock.now += 1.0
    assert "2 trials/s" in tally.describe(event(3, trial(0.9, 1.0)))


def test_a_space_priced_whole_counts_pairs_from_where_this_run_began() -> None:
    clock = Clock()
    tally = Tally(OBJECTIVES, (), clock)

    def priced(done: int) -> Event:
        return Event(EventKind.PRICED, 0, 0, 0, {}, 1.0, pairs=(done, 1000))

    assert "pairs/s" not in tally.describe(priced(500))
    clock.now += 10.0
    assert tally.describe(priced(600)) == "10 pairs/s, 40 s left"
    assert counted(priced(600)) == (600, 1000, "pairs of op and accelerator")
    assert counted(event(3)) == (3, 10, "trials")


def test_steps_of_shared_weights_have_a_speed_and_a_time_left_of_their_own() -> None:
    clock = Clock()
    tally = Tally(OBJECTIVES, (), clock)

    def shared(done: int) -> Event:
        return Event(EventKind.SHARED, 0, 4, 0, {}, 1.0, steps=(done, 1000))

    assert tally.describe(shared(100)) == "training shared weights"
    clock.now += 10.0
    assert tally.describe(shared(200)) == "10 steps/s, 1 min 20 s left"
    assert counted(shared(200)) == (200, 1000, "steps of shared weights")


def test_before_the_first_trial_there_is_no_speed() -> None:
    text = Tally(OBJECTIVES, (), Clock()).describe(event(0, kind=EventKind.STARTED))
    assert "trials/s" not in text
    assert "left" not in text


def test_the_front_counts_what_no_other_beats_in_this_run_and_before() -> None:
    tally = Tally(OBJECTIVES, (trial(0.9, 1.0), trial(0.8, 2.0)))
    assert "front 1" in tally.describe(event(2, kind=EventKind.STARTED))
    assert "front 2" in tally.describe(event(3, trial(0.95, 3.0)))
    assert "front 2" in tally.describe(event(4, trial(0.99, 0.1, TrialState.INFEASIBLE)))
    assert "front 1" in tally.describe(event(5, trial(0.99, 0.1)))


def test_the_best_accuracy_and_the_screened_designs_are_shown() -> None:
    text = Tally(OBJECTIVES, ()).describe(event(1, screened=1234))
    assert "best accuracy 97.50 %" in text
    assert "1234 only priced" in text


def test_without_accuracy_the_first_objective_is_shown() -> None:
    tally = Tally(OBJECTIVES[1:], ())
    text = tally.describe(Event(EventKind.TRIAL, 1, 10, 0, {"latency_s": 0.001}, 1.0))
    assert "best latency 1 ms" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.0, "59 s"), (61.0, "1 min 1 s"), (7265.0, "2 h 1 min"), (119.7, "1 min 59 s")],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_off_a_terminal_lines_are_few_and_the_last_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(Tally(OBJECTIVES, ())) as on_event:
        on_event(event(0, kind=EventKind.STARTED))
        for done in range(1, 11):
            on_event(event(done, trial(0.9, 1.0)))
        on_event(event(10, kind=EventKind.FINISHED))
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert [line.split(" ")[0] for line in lines] == ["0/10", "10/10"]


def test_on_a_terminal_there_is_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with shown(Tally(OBJECTIVES, ())) as on_event:
        on_event(event(3, trial(0.9, 1.0)))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3/10" in captured.err
