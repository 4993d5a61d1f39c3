"""How does the accelerator of a suite leave its study? As one bundle for each member, all with the same accelerator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coexplore.core.errors import StudyError
from coexplore.cost.model import price
from coexplore.design import ACCELERATOR, NETWORK, DesignSpace
from coexplore.reports.bundle import Contents, write_bundle
from coexplore.reports.findings import mapping_goal
from coexplore.reports.suite_tables import member_config
from coexplore.spaces.decision import Value
from coexplore.spaces.space import Point, factor, join
from coexplore.studies.config import build_designs, residency_of
from coexplore.studies.study import StudyResult
from coexplore.studies.suite_solution import MemberDesign


def export_suite(result: StudyResult, folder: Path, place: int = 0) -> None:
    """Write a folder with the bundle of every member.

    Args:
        result: of a study whose network is a suite.
        folder: of the bundles, each of which is called as its member.
        place: of the accelerator in the front.

    Raises:
        StudyError: the front has no such place.
        MissingExtraError: onnx is not installed.
        StoreError: something else is at that place, or it cannot be written.
    """
    front = () if result.suite is None else result.suite.front
    if not 0 <= place < len(front):
        raise StudyError(f"there is no accelerator {place}; the front of the suite has {len(front)}, counted from 0")
    sections = result.config.network.suite or ()
    for section, member in zip(sections, front[place].members, strict=True):
        designs = build_designs(member_config(result.config, section))
        contents = _contents(result, designs, member, front[place].point, place)
        write_bundle(folder / member.name, contents)


def _contents(
    result: StudyResult, designs: DesignSpace, member: MemberDesign, chip: Mapping[str, Value], place: int
) -> Contents:
    own = factor(designs.space, ACCELERATOR).point(chip)
    network = _network(designs, member)
    design = designs.decode(designs.space.point(join(**{NETWORK: network, ACCELERATOR: own})))
    workload = design.network.workload()
    cost = price(workload, design.chip, mapping_goal(result), residency=residency_of(result.config))
    metrics = {**member.metrics, "area_mm2": cost.area_mm2}
    return Contents(workload, design.accelerator, cost, {}, result.config.document(), place, metrics)


def _network(designs: DesignSpace, member: MemberDesign) -> Point:
    return factor(designs.space, NETWORK).point(member.point)
