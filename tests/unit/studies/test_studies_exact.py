"""Exact hardware: the front is the front, whatever the chunks, the kills and what lies in the directory."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from exact_cases import AREA, ENERGY, FAMILY, LATENCY, SMALL, exact_problem, invented, invented_grid
from study_traces import result_trace

from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.errors import AcceleratorError, ConfigError, StoreError
from coexplore.cost.model import price
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.design import DesignSpace
from coexplore.networks.network import FixedNetwork
from coexplore.objectives.objective import Constraint, feasibility
from coexplore.objectives.pareto import dominates
from coexplore.spaces.space import Point
from coexplore.strategies.exact import Exact
from coexplore.strategies.exhaustive import Exhaustive
from coexplore.studies import exact, exact_chunks
from coexplore.studies.config import load_config, parse_config, resolve
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.exact_solution import SOLUTIONS
from coexplore.studies.exact_survivors import accelerator_space, places_of, points_at
from coexplore.studies.problem import Problem
from coexplore.studies.sources import CostPricer
from coexplore.studies.study import Event, EventKind, StudyResult, StudyState, run_problem
from coexplore.studies.trial import TrialState
from coexplore.testing.strategy_contract import MIXED
from coexplore.testing.toy import toy_config

DRIVER = Path(__file__).with_name("exact_driver.py")


@pytest.fixture
def prices(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Invented prices; the list grows by the number of accelerators of each call."""
    asked: list[int] = []

    def grid(workload, chips, goal, threads, progress):
        asked.append(len(chips))
        return invented_grid(workload, chips, goal, threads, progress)

    monkeypatch.setattr(exact, "price_workload_grid", grid)
    monkeypatch.setattr(exact_chunks, "engine_version", lambda: "0" * 64)
    return asked


def run(problem: Problem, directory: Path, told: list[Event] | None = None) -> StudyResult:
    return run_problem(problem, toy_config(), directory, on_event=(told if told is not None else []).append)


def metrics_of(chip: Accelerator) -> dict[str, float]:
    latency, energy = invented(chip)
    return {"latency_s": latency, "energy_j": energy, "area_mm2": chip.area_mm2, "edp_js": energy * latency}


def front_by_hand(problem: Problem) -> set[Point]:
    """Every pair of accelerators compared; of equals the first."""
    found: list[tuple[Point, tuple[float, ...]]] = []
    for point in problem.space.enumerate():
        metrics = metrics_of(problem.designs.decode(point).chip)
        if feasibility(problem.constraints, metrics).feasible:
            found.append((point, tuple(objective.loss(metrics) for objective in problem.objectives)))
    return {
        point
        for place, (point, losses) in enumerate(found)
        if not any(dominates(other, losses) for _, other in found)
        and all(other != losses for _, other in found[:place])
    }


@pytest.mark.parametrize("objectives", [(LATENCY, ENERGY, AREA), (LATENCY, AREA), (ENERGY,)])
@pytest.mark.parametrize("limits", [(), (Constraint("area_mm2", at_most=6.0), Constraint("edp_js", at_most=0.5))])
def test_the_front_is_that_of_every_pair_compared(prices, objectives, limits, tmp_path: Path) -> None:
    problem = exact_problem(objectives, limits)
    result = run(problem, tmp_path)
    assert result.state is StudyState.FINISHED
    assert {trial.point for trial in result.trials} == front_by_hand(problem)
    assert result.front == result.trials
    for trial in result.trials:
        assert trial.state is TrialState.COMPLETE
        known = metrics_of(problem.designs.decode(trial.point).chip)
        assert {name: trial.metrics[name] for name in known} == known
    assert result.solution is not None
    assert (result.solution.accelerators, result.solution.runs) == (288, 288)
    assert sum(prices) == problem.space.size == 288


def test_chunks_and_threads_change_nothing(prices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = exact_problem(constraints=[Constraint("area_mm2", at_most=6.0)])
    whole = run(problem, tmp_path / "whole")
    monkeypatch.setattr(exact, "CHUNK", 37)
    parts = run_problem(problem, toy_config(), tmp_path / "parts", workers=3)
    assert result_trace(parts) == result_trace(whole)
    assert replace(parts.solution, seconds=0.0) == replace(whole.solution, seconds=0.0)


def test_killed_while_pricing_it_goes_on_with_what_is_left(prices, tmp_path: Path, monkeypatch) -> None:
    killed = subprocess.run([sys.executable, str(DRIVER), str(tmp_path / "killed"), "24", "5"], check=False)
    assert killed.returncode == -signal.SIGKILL
    files = StudyDirectory(tmp_path / "killed")
    assert len(list(files.priced.glob("*.npz"))) == 5
    monkeypatch.setattr(exact, "CHUNK", 24)
    monkeypatch.undo()
    monkeypatch.setattr(exact, "CHUNK", 24)
    monkeypatch.setattr(exact, "price_workload_grid", counted := Counted())
    result = run(exact_problem(), tmp_path / "killed")
    assert counted.asked == [24] * 7
    assert result_trace(result) == result_trace(run(exact_problem(), tmp_path / "whole"))


class Counted:
    """Invented prices, and how many were asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, workload, chips: Sequence[Accelerator], goal, threads, progress):
        self.asked.append(len(chips))
        return invented_grid(workload, chips, goal, threads, progress)


def test_interrupted_while_the_front_is_told_it_is_not_priced_again(prices, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.kind is EventKind.TRIAL and event.trials_done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="again to go on"):
        run_problem(exact_problem(), toy_config(), tmp_path / "cut", on_event=stop)
    asked = len(prices)
    result = run(exact_problem(), tmp_path / "cut")
    assert len(prices) == asked
    assert result_trace(result) == result_trace(run(exact_problem(), tmp_path / "whole"))


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "version"])
def test_a_file_that_does_not_hold_is_made_again(prices, tmp_path: Path, monkeypatch, harm: str) -> None:
    monkeypatch.setattr(exact, "CHUNK", 96)
    whole = run(exact_problem(), tmp_path)
    files = StudyDirectory(tmp_path)
    path = sorted(files.priced.glob("*.npz"))[1]
    content = path.read_bytes()
    if harm == "version":
        monkeypatch.setattr(exact_chunks, "engine_version", lambda: "1" * 64)
    else:
        spoilt = {"cut": content[:-40], "empty": b"", "flip": content[:900] + b"\xff\x00" + content[902:]}[harm]
        path.write_bytes(spoilt)
    before = len(prices)
    files.solution.unlink()
    solution = exact.solve(exact_problem(), files, 1, lambda done, total: None)
    assert replace(solution, seconds=0.0) == replace(whole.solution, seconds=0.0)
    assert len(prices) - before == (3 if harm == "version" else 1)


def test_a_damaged_solution_says_what_to_do(prices, tmp_path: Path) -> None:
    run(exact_problem(), tmp_path)
    path = StudyDirectory(tmp_path).solution
    path.write_text(path.read_text()[:200])
    with pytest.raises(StoreError, match=r"exact\.json is damaged.*delete it, and the space is priced again"):
        SOLUTIONS.read(path)


def test_progress_counts_pairs_up_to_all(prices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "CHUNK", 100)
    told: list[Event] = []
    run(exact_problem(), tmp_path, told)
    pairs = [event.pairs for event in told if event.kind is EventKind.PRICED]
    assert pairs[0] == (0, 288)
    assert pairs[-1] == (288, 288)
    assert pairs == sorted(pairs)


def test_limits_that_nothing_meets_name_the_nearest_and_the_missing_factor(prices, tmp_path: Path) -> None:
    problem = exact_problem(constraints=[Constraint("area_mm2", at_most=0.5)])
    result = run(problem, tmp_path)
    smallest = min(problem.designs.decode(point).chip.area_mm2 for point in problem.space.enumerate())
    assert result.state is StudyState.INFEASIBLE
    assert result.trials == ()
    assert result.closest is not None
    assert result.closest.metrics["area_mm2"] == smallest
    assert result.solution is not None
    assert [(limit.constraint, limit.broken_by) for limit in result.solution.limits] == [("area_mm2 <= 0.5", 288)]
    assert f"{smallest / 0.5:.4g} times the limit" in result.explanation
    assert "pes_x 1" in result.explanation


def test_a_space_that_nothing_runs_on_names_op_level_and_room_needed(tmp_path: Path) -> None:
    family = EdgeArray(
        pes_x=(1,), pes_y=(1,), simd_units=(16,), lanes=(1,), local_memory_mb=(0.5,), register_file_kb=(0, 1),
        io_bandwidth_gb_s=(5.0,),
    )  # fmt: skip
    tiny = Tiny(family)
    problem = replace(exact_problem(), designs=DesignSpace(FixedNetwork(SMALL), tiny))
    result = run(problem, tmp_path)
    assert result.state is StudyState.INFEASIBLE
    assert result.solution is not None
    assert result.solution.runs == 0
    assert "none of 2 accelerators runs the network; op 'conv' cannot run on 2" in result.explanation
    assert "level 'register_file' needs" in result.explanation
    assert "raise capacity_bytes to at least" in result.explanation


@dataclass(frozen=True, slots=True)
class Tiny:
    """A family whose register files hold a byte."""

    family: EdgeArray

    @property
    def space(self):
        return self.family.space

    @property
    def presets(self):
        return {}

    def decode(self, point: Point) -> Accelerator:
        chip = FAMILY.decode(FAMILY.space.point({**point, "register_file_kb": 8, "local_memory_mb": 0.5}))
        levels = list(chip.levels)
        levels[2] = replace(levels[2], capacity_bytes=1 + int(point["register_file_kb"]))
        return replace(chip, levels=tuple(levels))


@dataclass(frozen=True, slots=True)
class Patchy:
    """A family in which some points stand for no accelerator."""

    only: int

    @property
    def space(self):
        return FAMILY.space

    @property
    def presets(self):
        return {}

    def decode(self, point: Point) -> Accelerator:
        if point["pes_x"] != self.only:
            raise AcceleratorError(f"no mesh of {point['pes_x']}")
        return FAMILY.decode(point)


def test_points_that_stand_for_nothing_are_counted_and_left_out(prices, tmp_path: Path) -> None:
    result = run(replace(exact_problem(), designs=DesignSpace(FixedNetwork(SMALL), Patchy(2))), tmp_path / "some")
    assert result.solution is not None
    assert (result.solution.decodable, result.solution.runs) == (96, 96)
    assert {trial.point["accelerator.pes_x"] for trial in result.trials} == {2}
    none = run(replace(exact_problem(), designs=DesignSpace(FixedNetwork(SMALL), Patchy(9))), tmp_path / "none")
    assert "no point of the space stands for an accelerator; the first (pes_x 1, pes_y 1, " in none.explanation
    assert "): no mesh of 1; widen the space" in none.explanation


def test_steps_and_ends_are_those_of_the_optimum(prices, tmp_path: Path) -> None:
    problem = exact_problem(constraints=[Constraint("area_mm2", at_most=6.0)])
    solution = run(problem, tmp_path).solution
    assert solution is not None
    optimum = solution.front[0]
    assert optimum.metrics["latency_s"] == min(survivor.metrics["latency_s"] for survivor in solution.front)
    for step in solution.steps:
        assert optimum.point[f"accelerator.{step.knob}"] == step.before
        chip = problem.designs.decode(
            problem.space.point({**optimum.point, f"accelerator.{step.knob}": step.after})
        ).chip
        assert step.metrics is not None
        assert step.metrics["latency_s"] == invented(chip)[0]
        assert bool(step.broken) == (chip.area_mm2 > 6.0)
    assert {knob.knob: knob.optimum for knob in solution.knobs} == {
        name.removeprefix("accelerator."): value for name, value in optimum.point.items()
    }
    looser = solution.looser[0]
    assert looser.metrics["latency_s"] < optimum.metrics["latency_s"]
    assert looser.metrics["area_mm2"] > 6.0


def test_places_and_points_are_inverse_with_and_without_conditions() -> None:
    for space in (MIXED, FAMILY.space):
        places = np.array([0, 3, 100, space.size - 1])
        points = points_at(space, places)
        whole = list(space.enumerate())
        assert points == [whole[place] for place in places]
        assert places_of(space, points) == places.tolist()


def test_the_space_of_accelerators_has_the_names_of_the_family() -> None:
    assert accelerator_space(exact_problem().designs) == FAMILY.space


BASE: dict[str, object] = {
    "name": "chips",
    "network": {"fixed": "mobilenet-v2", "input_shape": [3, 32, 32]},
    "accelerator": {"family": "edge-array"},
    "objectives": [{"minimize": "latency_s"}, {"minimize": "area_mm2"}],
}
TRAINED = {
    "network": {"fixed": "mobilenet-v2"},
    "objectives": [{"maximize": "accuracy"}],
    "task": {"dataset": "digits", "limit": 100},
}
REFUSED = [
    ({"network": {"family": "plain-cnn"}}, "the network is not fixed"),
    (TRAINED, "accuracy is not a cost"),
    ({"strategy": {"name": "exact", "most": 49_999}}, "the space has 50,000 accelerators and at most 49,999 are"),
]


@pytest.mark.parametrize(("change", "reason"), REFUSED)
def test_exact_says_why_it_cannot_be(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"strategy\.name: is exact, but {reason}"):
        resolve(parse_config({**BASE, "strategy": {"name": "exact"}, **change}))


def test_it_is_the_default_where_everything_can_be_priced() -> None:
    assert resolve(parse_config(BASE)).config.document()["strategy"] == {"name": "exact", "most": 1_000_000}
    for change in ({"network": {"family": "plain-cnn"}}, TRAINED, {"strategy": {"controller": "evolution"}}):
        assert resolve(parse_config({**BASE, **change})).config.strategy.name == "two-level"


def test_the_example_is_exact_and_small_until_its_restriction_goes() -> None:
    path = Path(__file__).resolve().parents[3] / "examples" / "hardware_for_network.yaml"
    assert resolve(load_config(path)).problem.space.size == 240
    assert resolve(load_config(path, ["accelerator.restrict={}"])).problem.space.size == 50_000


def test_it_assumes_the_residency_of_the_study() -> None:
    resolved = resolve(parse_config({**BASE, "cost": {"residency": {}}}))
    assert resolved.config.strategy.name == "exact"
    assert resolved.problem.pricer == CostPricer(residency=Residency())


def test_the_written_out_study_is_the_same_study() -> None:
    first = resolve(parse_config(BASE))
    again = resolve(parse_config(first.config.document()))
    assert again.config == first.config
    assert again.problem.fingerprint == first.problem.fingerprint


def test_another_limit_on_the_size_of_the_space_is_legal_only_if_positive() -> None:
    with pytest.raises(ConfigError, match="most: is 0"):
        Exact(0)


@pytest.mark.slow
@pytest.mark.parametrize("residency", [MAIN_MEMORY, Residency(0.5, 0.5)], ids=["main-memory", "on-chip"])
def test_the_real_engine_gives_what_pricing_one_by_one_gives(residency: Residency, tmp_path: Path) -> None:
    family = replace(
        FAMILY, pes_x=(2, 4), pes_y=(2,), simd_units=(16,), lanes=(1, 2), local_memory_mb=(0.5,),
        register_file_kb=(8, 32), io_bandwidth_gb_s=(5.0, 25.0),
    )  # fmt: skip
    problem = exact_problem(constraints=[Constraint("area_mm2", at_most=4.0)], family=family)
    problem = replace(problem, pricer=CostPricer(residency=residency))
    ours = run(problem, tmp_path / "exact")
    one_by_one = run(replace(problem, strategy=Exhaustive()), tmp_path / "one")
    assert [(t.point, t.metrics) for t in ours.front] == [(t.point, t.metrics) for t in one_by_one.front]
    assert ours.solution is not None
    assert ours.solution.feasible == sum(trial.state is TrialState.COMPLETE for trial in one_by_one.trials)
    for trial in ours.front:
        chip = problem.designs.decode(trial.point).chip
        assert trial.metrics == price(SMALL, chip, residency=residency).metrics()
