"""Pictures show the numbers they are made from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_cases import make_result, small_config

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.cost.model import price
from coexplore.networks.mobilenet_v2 import mobilenet_v2
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Objective
from coexplore.objectives.pareto import hypervolume
from coexplore.reports import design_figures, study_figures
from coexplore.reports.design_figures import (
    BASELINE,
    area_figure,
    energy_by_level,
    energy_figure,
    latency_figure,
    slowest_ops,
)
from coexplore.reports.figures import hover
from coexplore.reports.findings import Findings, find
from coexplore.reports.study_figures import (
    REFERENCE,
    hypervolumes,
    main_objective,
    pareto_figure,
    progress_figure,
    thinned,
)
from coexplore.studies.trial import TrialState

go = pytest.importorskip("plotly.graph_objects")


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return find(make_result(tmp_path_factory.mktemp("study")))


def traces(figure: Any) -> dict[str, Any]:
    """Traces of the first panel by name."""
    return {trace["name"]: trace for trace in figure["data"] if trace.get("xaxis", "x") == "x"}


def test_plotly_takes_every_figure(findings: Findings) -> None:
    chosen = findings.chosen
    assert chosen is not None
    for figure in (
        pareto_figure(findings),
        progress_figure(findings),
        latency_figure(chosen.cost, chosen.baseline),
        area_figure(chosen, findings.baseline),
        energy_figure(chosen),
    ):
        assert go.Figure(figure).data


def test_the_front_stands_in_the_picture_where_it_was_measured(findings: Findings) -> None:
    front = traces(pareto_figure(findings))["front"]
    expected = {(t.metrics["latency_s"], t.metrics["accuracy"]) for t in findings.result.front}
    assert set(zip(front["x"], front["y"], strict=True)) == expected


def test_every_trial_is_in_the_picture_once_beside_the_chosen_one(findings: Findings) -> None:
    shown = traces(pareto_figure(findings))
    kinds = ("front", "evaluated", "infeasible or failed", "infeasible, not evaluated (bottom)")
    assert sum(len(shown[kind]["x"]) for kind in kinds if kind in shown) == len(findings.result.trials)


def test_the_baseline_prices_the_same_networks(findings: Findings) -> None:
    shown = traces(pareto_figure(findings))["same networks, baseline accelerator"]
    assert findings.baseline is not None
    for member, latency, accuracy in zip(findings.front, shown["x"], shown["y"], strict=True):
        assert latency == price(member.design.network.workload(), findings.baseline).latency_s
        assert accuracy == member.trial.metrics["accuracy"]


def test_a_study_with_one_accelerator_has_no_baseline(tmp_path: Path) -> None:
    fixed = find(make_result(tmp_path, small_config(accelerator={"fixed": "edge-array"})))
    assert fixed.baseline is None
    assert fixed.chosen is not None
    assert fixed.chosen.baseline is None
    assert "same networks, baseline accelerator" not in traces(pareto_figure(fixed))
    assert BASELINE not in traces(latency_figure(fixed.chosen.cost, fixed.chosen.baseline))


def test_a_design_on_the_baseline_accelerator_has_nothing_beside_it(tmp_path: Path) -> None:
    baseline = dict(EdgeArray().presets["baseline"])
    found = find(make_result(tmp_path, small_config(accelerator={"family": "edge-array", "freeze": baseline})))
    assert found.chosen is not None
    assert found.chosen.design.accelerator == found.baseline
    assert found.chosen.baseline is None


def test_what_is_shown_on_hovering_is_text() -> None:
    text = hover("<i>trial</i>", {"latency_s": 1.0}, {"<b>kernel</b>": "<script>"})
    assert text == ("<b>&lt;i&gt;trial&lt;/i&gt;</b><br>latency: 1 s<br>&lt;b&gt;kernel&lt;/b&gt; &lt;script&gt;")


def test_latency_bars_add_up_to_the_latency(findings: Findings) -> None:
    chosen = findings.chosen
    assert chosen is not None
    bars = [trace for name, trace in traces(latency_figure(chosen.cost, chosen.baseline)).items() if name != BASELINE]
    assert math.fsum(y for trace in bars for y in trace["y"]) == pytest.approx(chosen.cost.latency_s, rel=1e-12)


def test_of_many_ops_the_slowest_are_drawn_in_their_order(findings: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design_figures, "MAX_OPS", 7)
    chosen = findings.chosen
    assert chosen is not None
    cost = price(mobilenet_v2((3, 32, 32), 10), chosen.design.accelerator)
    drawn = slowest_ops(cost)
    rest = [op for op in cost.ops if op.name not in {op.name for op in drawn}]
    assert len(drawn) == 7
    assert max(op.latency_s for op in rest) <= min(op.latency_s for op in drawn)
    assert [op.name for op in drawn] == [op.name for op in cost.ops if op in drawn]


def test_energy_by_level_adds_up_to_the_energy(findings: Findings) -> None:
    assert findings.chosen is not None
    cost = findings.chosen.cost
    assert math.fsum(energy_by_level(cost).values()) == pytest.approx(cost.energy_j, rel=1e-12)


def test_the_hypervolume_never_falls_and_ends_at_that_of_all_trials(findings: Findings) -> None:
    complete = [trial for trial in findings.result.trials if trial.state is TrialState.COMPLETE]
    volumes = hypervolumes(complete, findings.objectives)
    losses = np.array([[objective.loss(t.metrics) for objective in findings.objectives] for t in complete])
    scaled = (losses - losses.min(0)) / np.ptp(losses, 0)
    assert volumes == sorted(volumes)
    assert volumes[-1] == pytest.approx(hypervolume(scaled, [REFERENCE] * 3) / REFERENCE**3, rel=1e-12)
    assert 0 < volumes[-1] < 1


def test_objectives_that_never_differ_do_not_break_the_hypervolume(findings: Findings) -> None:
    complete = [trial for trial in findings.result.trials if trial.state is TrialState.COMPLETE][:1]
    assert hypervolumes(complete, findings.objectives) == [1.0]
    assert hypervolumes([], findings.objectives) == []


def test_accuracy_goes_upwards_wherever_it_stands(findings: Findings) -> None:
    assert main_objective(findings).metric == "accuracy"


def test_a_wish_for_cost_alone_shows_the_first_objective(tmp_path: Path) -> None:
    config = small_config(objectives=[{"minimize": "energy_j"}])
    found = find(make_result(tmp_path, config))
    assert main_objective(found) == Objective("energy_j", Direction.MINIMIZE)
    assert {"x", "y"} <= traces(pareto_figure(found))["front"].keys()


def test_many_trials_are_thinned_evenly(findings: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_figures, "MAX_POINTS", 5)
    kept = [trial.number for trial in thinned(findings.result.trials)]
    assert len(kept) == 5
    assert (kept[0], kept[-1]) == (0, len(findings.result.trials) - 1)
    assert kept == sorted(kept)
