"""Which tables describe a priced workload? Ops, totals and area, for the terminal and the page alike."""

from __future__ import annotations

import math
from collections import defaultdict

from coexplore.accelerators.accelerator import Accelerator
from coexplore.cost.fused import FusedCost
from coexplore.cost.model import Goal, OpCost, WorkloadCost
from coexplore.cost.residency import MAIN_MEMORY
from coexplore.reports.table import Column, Table
from coexplore.reports.units import metric_text, metric_title, quantity

TOTALS = (
    "latency_s",
    "energy_j",
    "edp_js",
    "power_w",
    "throughput_per_s",
    "utilisation",
    "macs",
    "parameters",
    "area_mm2",
)
"""Metrics of the totals, in reading order."""


def op_table(cost: WorkloadCost) -> Table:
    """One row per op that takes time; ops that are part of another one are left out."""
    columns = (
        Column("op", numeric=False),
        Column("kind", numeric=False),
        *(Column(title) for title in ("MACs", "latency", "share", "energy", "utilisation")),
        Column("bound by", numeric=False),
    )
    rows = tuple(_op_row(op, cost) for op in cost.ops if op.total_cycles > 0)
    assumed = "" if cost.residency == MAIN_MEMORY else f"; {cost.residency.text}"
    return Table(f"{cost.workload} on {cost.accelerator}{assumed}", columns, rows)


def _op_row(op: OpCost, cost: WorkloadCost) -> tuple[str, ...]:
    if not op.feasible:
        return (op.name, op.kind, quantity(op.macs, "MAC"), "-", "-", "-", "-", "cannot run")
    share = f"{100 * op.latency_s / cost.latency_s:.1f} %" if cost.feasible else "-"
    return (
        op.name,
        op.kind,
        quantity(op.macs, "MAC") if op.macs else "-",
        quantity(op.latency_s, "s"),
        share,
        quantity(op.energy_j, "J"),
        f"{100 * op.utilisation:.1f} %" if op.macs else "-",
        op.bound,
    )


def gap_text(cost: WorkloadCost) -> str:
    """What limited searches left open, in words."""
    gaps = {op.name: op.gap for op in cost.ops if op.gap is not None}
    open_ = {name: gap for name, gap in gaps.items() if gap > 0}
    if not open_:
        return "not reached; every mapping is proven to be the best of its mapspace"
    worst = max(open_, key=lambda name: open_[name])
    rest = "" if len(open_) == len(gaps) else "; the others are proven to be the best"
    return (
        f"reached by the mappings of {len(open_)} of {len(gaps)} ops; another mapping may cost less, by at most "
        f"{100 * open_[worst]:.3g} % of what this one does (op {worst}){rest}"
    )


def goal_text(goal: Goal, edp_js: float, least_edp_js: float | None) -> str:
    """What was optimised, in words; `least_edp_js` is what no choice of mappings goes below, where that is known."""
    if goal is not Goal.EDP:
        return f"goal: the {goal.value} of every op, and so their sum"
    text = "goal: the energy-delay product of every op, which is not that of their sums"
    if least_edp_js is None or not least_edp_js > 0:
        return text
    return f"{text}: other mappings may lower that by at most {100 * max(0.0, 1 - least_edp_js / edp_js):.3g} %"


def energy_table(cost: WorkloadCost) -> Table:
    """Energy by level and operand over all ops; the cells add up to the energy of the run."""
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for op in cost.ops:
        for level, operand, joule in op.energy_by:
            found[level, operand].append(joule)
    sums = {key: math.fsum(joules) for key, joules in found.items()}
    levels, operands = list(dict.fromkeys(level for level, _ in sums)), list(dict.fromkeys(name for _, name in sums))
    rows = tuple(_energy_row(level, operands, sums, cost.energy_j) for level in levels)
    head = (Column("level", numeric=False), *(Column(name) for name in operands), Column("share"))
    return Table("energy by level and operand", head, rows)


def _energy_row(level: str, operands: list[str], sums: dict[tuple[str, str], float], total: float) -> tuple[str, ...]:
    cells = [sums.get((level, operand), 0.0) for operand in operands]
    share = math.fsum(cells) / total if total > 0 else 0.0
    return (level, *(quantity(cell, "J") if cell > 0 else "-" for cell in cells), f"{100 * share:.1f} %")


def total_table(cost: WorkloadCost) -> Table:
    """The sums over all ops, and what belongs to the accelerator."""
    metrics = cost.metrics()
    rows = tuple((metric_title(name), metric_text(name, metrics[name])) for name in TOTALS)
    return Table("total", (Column("metric", numeric=False), Column("value")), rows)


def fused_table(fused: FusedCost) -> Table:
    """One row per fused chain, and one for the whole workload: what it costs without and with fusion."""
    titles = ("rows per tile", "tiles", "latency alone", "latency fused", "energy alone", "energy fused")
    columns = (Column("chain", numeric=False), *(Column(title) for title in titles))
    rows: list[tuple[str, ...]] = [
        (
            " > ".join(chain.ops),
            str(chain.rows),
            str(chain.tiles),
            quantity(chain.unfused_latency_s, "s"),
            quantity(chain.latency_s, "s"),
            quantity(chain.unfused_energy_j, "J"),
            quantity(chain.energy_j, "J"),
        )
        for chain in fused.chains
    ]
    before = fused.unfused
    totals = (before.latency_s, "s"), (fused.latency_s, "s"), (before.energy_j, "J"), (fused.energy_j, "J")
    rows.append(("total", "-", "-", *(quantity(value, unit) for value, unit in totals)))
    return Table(f"chains fused for {fused.goal.value}", columns, tuple(rows))


def area_table(accelerator: Accelerator) -> Table:
    """Silicon by component, and its sum."""
    areas = accelerator.area_by_component_mm2()
    total = accelerator.area_mm2
    rows = [(name, quantity(area, "mm2"), f"{100 * area / total:.1f} %") for name, area in areas.items() if area > 0]
    rows.append(("total", quantity(total, "mm2"), "100.0 %"))
    return Table("area", (Column("component", numeric=False), Column("area"), Column("share")), tuple(rows))
