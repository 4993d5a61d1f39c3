"""Contenders under equal terms: the same trials as alone, resumable, scaled by time, and bad input refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from coexplore.core.errors import ConfigError, MissingExtraError, StoreError, UnknownNameError
from coexplore.studies import compare_runs
from coexplore.studies.compare import Contender, Terms, compare, contenders
from coexplore.studies.compare_runs import Run, run_all
from coexplore.studies.config import parse_config
from coexplore.studies.schema import BudgetConfig
from coexplore.studies.study import open_study, run_study

pytest.importorskip("scipy")
TWO = ["random", "evolution,population=3,tournament=2"]


def study(**sections):
    """One convolution on 60 accelerators."""
    document = {
        "name": "small",
        "network": {"family": "plain-cnn", "layers": [1], "filters": [8, 16], "input_shape": [1, 8, 8]},
        "accelerator": {
            "family": "edge-array",
            "restrict": {
                "pes_x": [1, 2],
                "pes_y": [1],
                "simd_units": [16, 32],
                "lanes": [1, 2],
                "io_bandwidth_gb_s": [5, 10],
            },
            "freeze": {"local_memory_mb": 0.5, "register_file_kb": 8},
        },
        "objectives": [{"minimize": "edp_js"}],
        "seed": 7,
    }
    return parse_config({**document, **sections})


def losses(compared):
    return {standing.contender: standing.losses for standing in compared.equal_evaluations.standings}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    return compare(contenders(study(), TWO), Terms(evaluations=5, seeds=3), tmp_path_factory.mktemp("whole"))


def test_every_run_has_the_same_evaluations_and_is_the_study_alone(compared, tmp_path):
    assert [(run.contender, run.seed) for run in compared.runs] == [(name, seed) for name in TWO for seed in (7, 8, 9)]
    assert {len(run.trials) for run in compared.runs} == {5}
    alone = study(strategy={"name": "random"}, seed=8).model_copy(update={"budget": BudgetConfig(trials=5)})
    assert run_study(alone, tmp_path / "alone", workers=0).trials == compared.runs[1].trials
    best = min(trial.metrics["edp_js"] for trial in compared.runs[1].trials)
    assert losses(compared)["random"][1] == best


def test_every_run_is_a_study_that_can_be_opened(compared):
    for run in compared.runs:
        assert open_study(run.directory).trials == run.trials


def test_at_equal_time_nobody_has_more_than_it_needed(compared):
    rate = {name: compare_runs.typical_seconds(compared.runs_of(name)) for name in TWO}
    assert compared.seconds == pytest.approx(5 * min(rate.values()))
    for standing in compared.equal_time.standings:
        assert standing.trials * rate[standing.contender] <= compared.seconds * (1 + 1e-6)
        assert (standing.trials + 1) * rate[standing.contender] > compared.seconds


def test_a_stopped_comparison_goes_on_where_it_was(compared, tmp_path):
    seen: list[Run] = []

    def stop(run):
        seen.append(run)
        if len(seen) == 4:
            raise KeyboardInterrupt

    arguments = (contenders(study(), TWO), Terms(evaluations=5, seeds=3), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        compare(*arguments, on_run=stop)
    before = {run.directory: (run.directory / "journal.log").stat().st_mtime_ns for run in seen}
    again = compare(*arguments)
    assert losses(again) == losses(compared)
    assert {place: (place / "journal.log").stat().st_mtime_ns for place in before} == before


def test_what_is_finished_is_read_not_run(compared, monkeypatch):
    monkeypatch.setattr(compare_runs, "run_study", None)
    again = compare(contenders(study(), TWO), Terms(evaluations=5, seeds=3), compared.directory)
    assert again.equal_time == compared.equal_time
    assert again.seconds == compared.seconds


def test_a_larger_comparison_keeps_a_smaller_one(compared, tmp_path):
    small = compare(contenders(study(), TWO), Terms(evaluations=3, seeds=2), tmp_path)
    grown = compare(contenders(study(), TWO), Terms(evaluations=5, seeds=3), tmp_path)
    assert losses(grown) == losses(compared)
    assert losses(compare(contenders(study(), TWO), Terms(evaluations=3, seeds=2), tmp_path)) == losses(small)


def test_another_study_under_a_name_that_is_there_is_refused(compared):
    with pytest.raises(StoreError, match="holds another study"):
        compare(contenders(study(mapping_goal="latency"), TWO), Terms(evaluations=5, seeds=1), compared.directory)


def test_what_is_priced_is_an_evaluation_where_nothing_is_trained(tmp_path):
    entered = contenders(study(), ["random", "two-level,controller=evolution"])
    found = compare(entered, Terms(evaluations=6, seeds=2), tmp_path)
    ours, theirs = found.equal_evaluations.standings
    priced = compare_runs.typical_screened(found.runs_of(theirs.contender))
    assert not found.trains
    assert priced > 0
    assert (ours.trials, theirs.trials) == (6, int(6 / (1 + priced)))


def test_trials_of_both_phases_count(tmp_path):
    phased = study(phases={"accelerator_trials": 2})
    entered = (Contender("joint", study()), Contender("phase", phased))
    found = compare(entered, Terms(evaluations=5, seeds=1), tmp_path)
    joint, phase = found.runs
    assert (len(joint.trials), len(phase.trials)) == (5, 5)
    assert {trial.point["network.filters0"] for trial in phase.trials[:2]} == {8}
    assert len({frozenset(p for p in t.point.items() if p[0].startswith("acc")) for t in phase.trials[2:]}) == 1
    with pytest.raises(ConfigError, match="divides its budget"):
        compare(entered, Terms(seconds=1.0), tmp_path)


def test_a_space_that_is_exhausted_ends_a_run_and_its_best_stays(tmp_path):
    tiny = study(accelerator={"fixed": "edge-array/baseline"}, strategy={"name": "random"})
    found = compare(contenders(tiny, ["random", "exhaustive"]), Terms(evaluations=50, seeds=2), tmp_path)
    assert all(run.ended and len(run.trials) < 50 for run in found.runs)
    assert len({loss for standing in found.equal_evaluations.standings for loss in standing.losses}) == 1


def faked(monkeypatch, seconds_of):
    """Runs that take `seconds_of(contender, trials)` seconds and do nothing; what was asked for, in order."""
    asked = []

    def run(contender, seed, evaluations, directory, workers, data_root):
        asked.append((contender.name, seed, evaluations))
        return Run(
            contender.name, seed, (None,) * evaluations, 0, seconds_of(contender.name, evaluations), False, directory
        )

    monkeypatch.setattr(compare_runs, "run_one", run)
    return asked


def run_faked(terms):
    return run_all(contenders(study(), TWO), terms, Path("nowhere"), 0, lambda run: None, None)


def test_a_time_is_filled_by_each_at_its_own_speed(monkeypatch):
    faked(monkeypatch, lambda name, n: n * (0.5 if name == "random" else 2.0))
    runs = run_faked(Terms(seconds=60.0, seeds=2))
    assert {(run.contender, len(run.trials)) for run in runs} == {(TWO[0], 120), (TWO[1], 30)}


def test_a_strategy_that_gets_slower_is_not_overrun(monkeypatch):
    faked(monkeypatch, lambda name, n: n * 0.01 if name == "random" else 0.01 * n**2)
    runs = run_faked(Terms(seconds=10.0, seeds=2))
    for run in runs:
        assert run.seconds >= 10.0
        assert run.seconds / len(run.trials) * int(10.0 / run.seconds_per_trial) <= 10.0
    assert max(run.seconds for run in runs) <= 40.0


def test_contenders_take_turns_and_each_begins(monkeypatch):
    asked = faked(monkeypatch, lambda name, n: 1.0)
    run_faked(Terms(evaluations=3, seeds=4))
    assert [seed for _, seed, _ in asked] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [name for name, _, _ in asked[::2]] == [TWO[0], TWO[1], TWO[0], TWO[1]]


def test_settings_with_commas_in_brackets_stay_whole():
    (only,) = contenders(study(), ["two-level,controller=evolution,settings={population: 6, tournament: 2},screens=3"])
    assert only.config.strategy.settings == {
        "controller": "evolution", "settings": {"population": 6, "tournament": 2}, "screens": 3
    }  # fmt: skip
    assert "/" not in Contender("a/b: c", study()).folder


@pytest.mark.parametrize(
    ("strategies", "terms", "by", "message"),
    [
        (["random"], {}, None, "1 to compare"),
        (["random", "random"], {}, None, "stands there twice"),
        (["random", "evolution,population=0"], {}, None, "strategy.population"),
        (["random", "evolution,"], {}, None, "SETTING=VALUE"),
        (["random", ",a=1"], {}, None, "SETTING=VALUE"),
        (["random", "reinforce"], {}, "speed", "by: unknown measure"),
        (["random", "reinforce"], {}, "accuracy", "by: accuracy is not measured"),
        (["random", "reinforce"], {"evaluations": 0}, None, "evaluations: is 0"),
        (["random", "reinforce"], {"evaluations": -3}, None, "evaluations: is -3"),
        (["random", "reinforce"], {"seeds": 0}, None, "seeds: is 0"),
        (["random", "reinforce"], {"seconds": 0.0}, None, "seconds: is 0"),
        (["random", "reinforce"], {"seconds": float("nan")}, None, "seconds: is nan"),
        (["random", "reinforce"], {"evaluations": None}, None, "evaluations: is missing"),
    ],
)
def test_bad_input_is_refused_with_its_name(tmp_path, strategies, terms, by, message):
    with pytest.raises(ConfigError, match=message):
        compare(contenders(study(), strategies), Terms(**{"evaluations": 1, "seeds": 1, **terms}), tmp_path, by)


def test_an_unknown_strategy_is_refused_before_anything_runs(tmp_path):
    with pytest.raises((ConfigError, UnknownNameError), match="did you mean 'random'"):
        compare(contenders(study(), ["evolution", "randm"]), Terms(evaluations=1, seeds=1), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_is_not_installed_is_named_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "botorch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'coexplore\[bo\]'"):
        compare(contenders(study(), ["random", "feature-bo"]), Terms(evaluations=1, seeds=1), tmp_path)
    assert list(tmp_path.iterdir()) == []


def one_network():
    """A study whose accelerators can all be priced."""
    family = {"family": "plain-cnn", "layers": [1], "filters": [8], "kernels": [3], "input_shape": [1, 8, 8]}
    return study(network=family)


def test_a_strategy_that_prices_everything_is_the_optimum_and_no_contender(tmp_path):
    found = compare(contenders(one_network(), ["random", "exact", "exhaustive"]), Terms(4, seeds=2), tmp_path)
    assert found.contenders == ("random", "exhaustive")
    assert found.proven is not None
    assert found.proven.run.screened == 16
    whole = compare(contenders(one_network(), ["random", "exhaustive"]), Terms(100, seeds=1), tmp_path)
    best = min(loss for standing in whole.equal_evaluations.standings for loss in standing.losses)
    assert found.proven.loss == best
    assert all(loss >= best for standing in found.equal_evaluations.standings for loss in standing.losses)


def test_two_optima_or_nothing_but_them_are_refused(tmp_path):
    for strategies in (["exact", "exact,most=500"], ["exact", "random", "exact,most=500"]):
        with pytest.raises(ConfigError, match="price the whole space"):
            compare(contenders(one_network(), strategies), Terms(1, seeds=1), tmp_path)


def test_different_objectives_need_a_common_metric(tmp_path):
    entered = (Contender("a", study()), Contender("b", study(objectives=[{"minimize": "latency_s"}])))
    with pytest.raises(ConfigError, match="name a metric that all measure"):
        compare(entered, Terms(evaluations=2, seeds=1), tmp_path)
    assert compare(entered, Terms(evaluations=2, seeds=1), tmp_path, "energy_j").by == "energy_j"
