"""What does a search look like? The front against each cost, and how it came about over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Objective
from coexplore.objectives.pareto import Losses, hypervolume, non_dominated
from coexplore.reports.figures import (
    BLUE,
    GREY,
    LIGHT,
    ORANGE,
    TEAL,
    Figure,
    Look,
    axis,
    hover,
    layout,
    metric_axis,
    points,
)
from coexplore.reports.findings import Findings, Member
from coexplore.reports.summary import measured
from coexplore.studies.trial import TrialRecord, TrialState

MAX_PANELS = 3
TIES = "ties"
"""Lines from designs to their networks on the baseline; not in the legend."""
MAX_POINTS = 4000
"""Markers of one kind in a picture; of more, evenly spaced ones are drawn."""
MAX_VOLUME_OBJECTIVES = 5
"""With more objectives the hypervolume takes too long to be drawn."""
REFERENCE = 1.1
"""Reference of the hypervolume, where 0 is the best and 1 the worst value of a complete trial."""


def main_objective(findings: Findings) -> Objective:
    """What is shown upwards: accuracy where it was measured, else the first objective."""
    first = findings.objectives[0]
    return next((objective for objective in findings.objectives if objective.metric == "accuracy"), first)


def pareto_figure(findings: Findings) -> Figure:
    """The main objective against each of the others."""
    upward = main_objective(findings).metric
    costs = [objective.metric for objective in findings.objectives if objective.metric != upward]
    costs = costs or [name for name in ("latency_s", "energy_j") if name != upward]
    panels = costs[:MAX_PANELS]
    traces: list[Look] = []
    axes: dict[str, Look] = {}
    for number, cost in enumerate(panels):
        suffix = str(number + 1) if number else ""
        traces += [
            {**trace, "xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "showlegend": number == 0 and trace["name"] != TIES}
            for trace in _panel(findings, cost, upward)
        ]
        values = [trial.metrics[cost] for trial in findings.result.trials if cost in trial.metrics]
        domain = [(number + 0.06 * (number > 0)) / len(panels), (number + 0.94) / len(panels)]
        axes[f"xaxis{suffix}"] = metric_axis(cost, values, {"domain": domain, "anchor": f"y{suffix}"})
        heights = [trial.metrics[upward] for trial in findings.result.trials if upward in trial.metrics]
        axes[f"yaxis{suffix}"] = metric_axis(
            upward, heights, {"anchor": f"x{suffix}", **({"matches": "y", "title": None} if number else {})}
        )
    return {"data": traces, "layout": layout(480, axes)}


def _panel(findings: Findings, x: str, y: str) -> list[Look]:
    trials, front = findings.result.trials, {member.trial.number for member in findings.front}
    measured_both = [trial for trial in trials if x in trial.metrics and y in trial.metrics]
    out = [trial for trial in measured_both if trial.state is not TrialState.COMPLETE]
    beaten = [trial for trial in measured_both if trial.state is TrialState.COMPLETE and trial.number not in front]
    untrained = [trial for trial in trials if x in trial.metrics and y not in trial.metrics]
    lowest = min((trial.metrics[y] for trial in measured_both), default=0.0)
    cross: Look = {"symbol": "x-thin", "size": 8, "line": {"color": GREY, "width": 1.5}}
    tick: Look = {"symbol": "line-ns", "size": 9, "line": {"color": GREY, "width": 1.5}}
    dot: Look = {"color": LIGHT, "size": 8, "line": {"color": GREY, "width": 1}}
    traces = [
        _markers(findings, "infeasible or failed", out, x, y, cross),
        _markers(findings, "infeasible, not evaluated (bottom)", untrained, x, y, tick, lowest),
        _markers(findings, "evaluated", beaten, x, y, dot),
        *_baseline(findings.front, x, y),
        _markers(findings, "front", [m.trial for m in findings.front], x, y, {"color": BLUE, "size": 11}),
    ]  # fmt: skip
    if findings.chosen is not None:
        star = {"symbol": "star", "size": 18, "color": ORANGE, "line": {"color": "white", "width": 1}}
        traces.append(_markers(findings, "chosen", [findings.chosen.trial], x, y, star))
    return [trace for trace in traces if trace["x"]]


def _markers(
    findings: Findings, name: str, trials: Sequence[TrialRecord], x: str, y: str, marker: dict[str, object],
    missing: float | None = None,
) -> Look:  # fmt: skip
    shown = thinned(trials)
    return points(
        name,
        [trial.metrics.get(x) for trial in shown],
        [trial.metrics.get(y, missing) for trial in shown],
        {"text": [_hover(findings, trial) for trial in shown], "marker": marker},
    )


def _hover(findings: Findings, trial: TrialRecord) -> str:
    state = "" if trial.state is TrialState.COMPLETE else f" ({trial.state.value}: {trial.reason})"
    metrics = measured(trial, findings.tested)
    kept = ["accuracy", "test_accuracy", "latency_s", "energy_j", "area_mm2"]
    kept += [objective.metric for objective in findings.objectives if objective.metric not in kept]
    shown = {name: metrics[name] for name in kept if name in metrics}
    return hover(f"trial {trial.number}{state}", shown, trial.point)


def _baseline(front: Sequence[Member], x: str, y: str) -> list[Look]:
    """The networks of the front on the baseline accelerator, tied to their designs where there are several networks."""
    priced = [member for member in front if member.baseline is not None]
    here = [(member.trial.metrics[x], member.trial.metrics[y]) for member in priced]
    there = [((member.baseline or {}).get(x, ours[0]), (member.baseline or {}).get(y, ours[1]))
             for member, ours in zip(priced, here, strict=True)]  # fmt: skip
    texts = [
        hover(f"network of trial {member.trial.number} on the baseline accelerator", {x: ends[0], y: ends[1]}, {})
        for member, ends in zip(priced, there, strict=True)
    ]
    marker = {"symbol": "diamond-open", "size": 9, "color": TEAL, "line": {"width": 1.5}}
    look: Look = {"text": texts, "marker": marker}
    marks = points("same networks, baseline accelerator", [e[0] for e in there], [e[1] for e in there], look)
    return [_ties(here, there), marks] if len(set(there)) > 1 else [marks]


def _ties(here: Sequence[tuple[float, float]], there: Sequence[tuple[float, float]]) -> Look:
    ends = [end for pair in zip(here, there, strict=True) for end in (*pair, (None, None))]
    look: Look = {"mode": "lines", "line": {"color": TEAL, "width": 1, "dash": "dot"}, "hoverinfo": "skip"}
    return points(TIES, [x for x, _ in ends], [y for _, y in ends], look)


def progress_figure(findings: Findings) -> Figure:
    """The main objective of each trial with the best so far, and the hypervolume of all objectives."""
    objective = main_objective(findings)
    complete = [trial for trial in findings.result.trials if trial.state is TrialState.COMPLETE]
    values = [trial.metrics[objective.metric] for trial in complete]
    pick = np.maximum if objective.direction is Direction.MAXIMIZE else np.minimum
    best = pick.accumulate(values).tolist() if values else []
    numbers = [trial.number for trial in complete]
    shown = thinned(complete)
    traces = [
        points(
            "trial", [t.number for t in shown], [t.metrics[objective.metric] for t in shown],
            {
                "text": [_hover(findings, trial) for trial in shown],
                "marker": {"color": LIGHT, "size": 7, "line": {"color": GREY, "width": 1}},
            },
        ),
        _steps("best so far", numbers, best, BLUE),
    ]  # fmt: skip
    axes = {
        "xaxis": axis("trial", {"domain": [0, 0.46], "rangemode": "tozero"}),
        "yaxis": metric_axis(objective.metric, values, {}),
    }
    if len(findings.objectives) <= MAX_VOLUME_OBJECTIVES:
        volumes = hypervolumes(complete, findings.objectives)
        traces.append({**_steps("hypervolume", numbers, volumes, TEAL), "xaxis": "x2", "yaxis": "y2"})
        axes["xaxis2"] = axis("trial", {"domain": [0.55, 1], "anchor": "y2", "rangemode": "tozero"})
        axes["yaxis2"] = axis("hypervolume (share)", {"anchor": "x2", "rangemode": "tozero", "tickformat": ".2f"})
    return {"data": traces, "layout": layout(360, axes)}


def _steps(name: str, x: Sequence[int], y: Sequence[float], color: str) -> Look:
    line = {"color": color, "width": 2, "shape": "hv"}
    return points(name, x, y, {"mode": "lines", "line": line, "hoverinfo": "x+y"})


def hypervolumes(complete: Sequence[TrialRecord], objectives: Sequence[Objective]) -> list[float]:
    """After each complete trial, the share of the box between the best values and the reference that is dominated.

    Every objective is scaled by the best and the worst value of all complete trials, so the last value says how well
    the front fills its own box, not how good it is.
    """
    if not complete:
        return []
    losses = np.array([[objective.loss(trial.metrics) for objective in objectives] for trial in complete])
    span = np.ptp(losses, axis=0)
    scaled = (losses - losses.min(axis=0)) / np.where(span > 0, span, 1.0)
    reference = np.full(len(objectives), REFERENCE)
    front: Losses = np.empty((0, len(objectives)))
    volumes: list[float] = []
    for row in scaled:
        if (front <= row).all(axis=1).any():
            volumes.append(volumes[-1])
            continue
        front = np.vstack([front, row])
        front = front[non_dominated(front)]
        volumes.append(hypervolume(front, reference) / REFERENCE ** len(objectives))
    return volumes


def thinned(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """At most `MAX_POINTS` of the trials, evenly spaced."""
    if len(trials) <= MAX_POINTS:
        return list(trials)
    kept = np.linspace(0, len(trials) - 1, MAX_POINTS).astype(int)
    return [trials[index] for index in kept]
