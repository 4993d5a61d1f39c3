"""What was proven of a whole space of accelerators, and what would one more of a knob or of a limit buy?"""

from __future__ import annotations

from coexplore.reports.table import Column, Table
from coexplore.reports.units import metric_text, metric_title, metric_unit, quantity
from coexplore.studies.exact_solution import KnobStep, Solution

SHOWN = ("latency_s", "energy_j", "area_mm2")
"""Metrics whose changes are shown."""


def proof_lines(solution: Solution) -> tuple[str, ...]:
    """What was looked at, what is out and why, one sentence each."""
    found = len(solution.front)
    what = (
        f"front of {found} design{'' if found == 1 else 's'}, proven complete" if found else "nothing feasible, proven"
    )
    lines = [
        f"{what} over {solution.accelerators:,} accelerators x {solution.ops} distinct ops, each op under its best "
        f"mapping: {solution.runs:,} run the network, {solution.feasible:,} meet all limits"
    ]
    if solution.decodable < solution.accelerators:
        lines.append(f"{solution.accelerators - solution.decodable:,} points of the space stand for no accelerator")
    lines += [f"op {op.op!r} cannot run on {op.accelerators:,} of them: {op.reason}" for op in solution.blocked]
    lines += [f"{limit.constraint} is broken by {limit.broken_by:,} of those that run" for limit in solution.limits]
    return tuple(lines)


def step_table(solution: Solution) -> Table:
    """What one step of each knob changes at the optimum."""
    columns = (
        Column("knob", numeric=False), Column("from"), Column("to"), *(Column(metric_title(name)) for name in SHOWN),
        Column("for each unit", numeric=False), Column("then", numeric=False),
    )  # fmt: skip
    rows = tuple(_step_row(solution.front[0].metrics, step) for step in solution.steps)
    return Table("one step from the optimum, all else held", columns, rows)


def knob_table(solution: Solution) -> Table:
    """Where in its range each knob is chosen."""
    columns = (
        Column("knob", numeric=False), Column("range", numeric=False), Column("optimum"), Column("", numeric=False),
        Column("front at the low end"), Column("front at the high end"),
    )  # fmt: skip
    rows = [
        (
            knob.knob, f"{knob.values[0]} to {knob.values[-1]}", f"{knob.optimum}", knob.end,
            quantity(knob.low_share, "fraction"), quantity(knob.high_share, "fraction"),
        )
        for knob in solution.knobs
    ]  # fmt: skip
    return Table("knobs within their ranges", columns, tuple(rows))


def looser_table(solution: Solution) -> Table:
    """What the optimum would be if a limit gave way by as little as helps."""
    columns = (Column("limit", numeric=False), *(Column(metric_title(name)) for name in SHOWN))
    rows = [
        (looser.constraint, *(metric_text(name, looser.metrics[name]) for name in SHOWN)) for looser in solution.looser
    ]
    return Table("the optimum under a looser limit", columns, tuple(rows))


def exact_tables(solution: Solution) -> tuple[Table, ...]:
    """The tables that have rows."""
    tables = (step_table(solution), knob_table(solution), looser_table(solution))
    return tuple(table for table in tables if table.rows)


def _step_row(optimum: dict[str, float], step: KnobStep) -> tuple[str, ...]:
    if step.metrics is None:
        return (step.knob, f"{step.before}", f"{step.after}", "-", "-", "-", "", "the network cannot run")
    changes = (_change(optimum[name], step.metrics[name]) for name in SHOWN)
    rates = "" if step.per_unit is None else _rates(step)
    return (step.knob, f"{step.before}", f"{step.after}", *changes, rates, step.broken or "meets all limits")


def _change(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.2f} %" if before > 0 else quantity(after, "")


def _rates(step: KnobStep) -> str:
    per_unit = step.per_unit or {}
    texts = (f"{'+' if rate > 0 else ''}{quantity(rate, metric_unit(name))}" for name, rate in per_unit.items())
    return f"{', '.join(texts)} per {step.unit}"
