"""Which accelerators are best for a suite, and what does each member get there?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from coexplore.reports.table import Column, Table
from coexplore.reports.units import metric_text, metric_title
from coexplore.studies.config import build_designs, build_objectives
from coexplore.studies.schema import MemberConfig, StudyConfig
from coexplore.studies.study import StudyResult
from coexplore.studies.suite_solution import SuiteDesign, SuiteSolution

ALWAYS = ("accuracy", "latency_s", "energy_j", "area_mm2")
"""Shown where they are known, beside what the study asks for."""
OF_MEMBERS = ("accuracy", "latency_s", "energy_j")
STAR = " *"
"""Marks the chosen accelerator."""


def suite_tables(result: StudyResult) -> tuple[Table, ...]:
    """The front, and the members on its first accelerator; of what comes nearest where nothing is feasible."""
    assert result.suite is not None
    chosen = chosen_design(result.suite)
    if chosen is None:
        return ()
    shown = result.suite.front or (chosen,)
    return (_front(result, shown), member_table(result.config, result.suite, chosen))


def chosen_design(solution: SuiteSolution) -> SuiteDesign | None:
    """The best by the first objective, else what comes nearest to the limits."""
    return solution.front[0] if solution.front else solution.nearest


def member_config(config: StudyConfig, member: MemberConfig) -> StudyConfig:
    """The study of one member alone; poses no question, but says what its designs are."""
    return config.model_copy(update={"network": member.network, "task": member.task})


def suite_lines(solution: SuiteSolution) -> tuple[str, ...]:
    """What was looked at, one sentence each."""
    found = len(solution.front)
    what = (
        f"front of {found} accelerator{'' if found == 1 else 's'}"
        if found
        else "nothing feasible, looked at everything"
    )
    ops = f" x {solution.ops} distinct ops" if solution.ops else ""
    members = ", ".join(
        f"{member.name} (weight {member.weight:g}, {_networks(member.networks)})" for member in solution.members
    )
    lines = [
        f"{what}: all {solution.accelerators:,} accelerators{ops} were priced, each op under its best mapping",
        f"members: {members}",
    ]
    if solution.decodable < solution.accelerators:
        lines.append(f"{solution.accelerators - solution.decodable:,} points of the space stand for no accelerator")
    return tuple(lines)


def member_table(config: StudyConfig, solution: SuiteSolution, design: SuiteDesign) -> Table:
    """The members on one accelerator."""
    sections = config.network.suite or ()
    asked = [limit.metric for section in sections for limit in section.constraints]
    names = _known((*OF_MEMBERS, *asked), [member.metrics for member in design.members])
    columns = (
        Column("member", numeric=False), Column("weight"), *(Column(metric_title(name)) for name in names),
        Column("its limits", numeric=False), Column("network", numeric=False),
    )  # fmt: skip
    rows = tuple(
        (
            member.name,
            f"{section.weight:g}",
            *(metric_text(name, member.metrics.get(name)) for name in names),
            _limits(section),
            _network(section, member.point),
        )
        for section, member in zip(sections, design.members, strict=True)
    )
    title = "members on the chosen accelerator" if solution.front else "members on the nearest accelerator"
    return Table(title, columns, rows)


def _front(result: StudyResult, designs: Iterable[SuiteDesign]) -> Table:
    shown = tuple(designs)
    wanted = [objective.metric for objective in build_objectives(result.config)]
    wanted += [constraint.metric for constraint in result.config.constraints]
    names = _known((*ALWAYS, *wanted), [design.metrics for design in shown])
    columns = (Column("place"), *(Column(metric_title(name)) for name in names), Column("accelerator", numeric=False))
    family = build_designs(member_config(result.config, (result.config.network.suite or ())[0])).accelerator_family
    rows = []
    for place, design in enumerate(shown):
        chip = family.decode(family.space.point(design.point))
        texts = (metric_text(name, design.metrics.get(name)) for name in names)
        rows.append((f"{place}{STAR if place == 0 else ''}", *texts, chip.name))
    assert result.suite is not None
    title = f"front: {len(rows)} accelerator{'' if len(rows) == 1 else 's'}, means over the members by weight"
    return Table(title if result.suite.front else "the nearest accelerator", columns, tuple(rows))


def _known(names: Iterable[str], found: list[dict[str, float]]) -> list[str]:
    return [name for name in dict.fromkeys(names) if any(name in metrics for metrics in found)]


def _networks(count: int) -> str:
    return "fixed" if count == 1 else f"one of {count:,} networks"


def _network(section: MemberConfig, point: Mapping[str, object]) -> str:
    if point:
        return ", ".join(f"{name} {value}" for name, value in point.items())
    return section.network.fixed or section.network.onnx or str(section.network.family)


def _limits(section: MemberConfig) -> str:
    bounds = [
        f"{metric_title(limit.metric)} {word} {metric_text(limit.metric, bound)}"
        for limit in section.constraints
        for word, bound in (("at most", limit.at_most), ("at least", limit.at_least))
        if bound is not None
    ]
    return ", ".join(bounds) or "none"
