"""`coexplore validate`: is a file legal, and what does it stand for? Of a study, or of an accelerator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coexplore.accelerators.description import is_description, read_accelerator
from coexplore.cli.errors import DONE
from coexplore.cli.output import print_json, print_line
from coexplore.core.errors import ConfigError
from coexplore.design import ACCELERATOR, NETWORK
from coexplore.spaces.space import Space
from coexplore.strategies.exact import Exact
from coexplore.studies.config import StudyConfig, load_config, resolve
from coexplore.studies.suite_problem import resolve_suite


def validate(path: Path, overrides: Sequence[str], data: Path | None, as_json: bool) -> int:
    """Read a file, look every name up, and print what it stands for.

    Raises:
        CoexploreError: the message begins with the path of the wrong field.
    """
    if is_description(path):
        if overrides or data is not None:
            raise ConfigError(f"{path}: is an accelerator; --set and --data belong to studies")
        return _validate_accelerator(path, as_json)
    return _validate_study(path, overrides, data, as_json)


def _validate_accelerator(path: Path, as_json: bool) -> int:
    accelerator = read_accelerator(path)
    document: dict[str, object] = {
        "valid": True,
        "name": accelerator.name,
        "levels": [level.name for level in accelerator.levels],
        "multipliers": accelerator.macs_per_cycle,
        "peak_tops": accelerator.peak_tops,
        "area_mm2": accelerator.area_mm2,
        "leakage_w": accelerator.leakage_w,
    }
    if as_json:
        print_json(document)
    else:
        print_line(
            f"ok: {accelerator.name}: {' > '.join(level.name for level in accelerator.levels)}; "
            f"{accelerator.macs_per_cycle:,} multipliers, {accelerator.peak_tops:.3g} TOPS, "
            f"{accelerator.area_mm2:.3g} mm2, {accelerator.leakage_w:.3g} W leakage"
        )
    return DONE


def _validate_study(path: Path, overrides: Sequence[str], data: Path | None, as_json: bool) -> int:
    config = load_config(path, overrides)
    if config.network.suite is not None:
        return _validate_suite(config, data, as_json)
    resolved = resolve(config, data)
    problem = resolved.problem
    sizes = {side: _size(problem.space, side) for side in (NETWORK, ACCELERATOR)}
    document: dict[str, object] = {
        "valid": True,
        "name": config.name,
        "networks": sizes[NETWORK],
        "accelerators": sizes[ACCELERATOR],
        "designs": problem.space.size,
        "objectives": [f"{o.direction.value} {o.metric}" for o in problem.objectives],
        "constraints": [str(constraint) for constraint in problem.constraints],
        "strategy": resolved.config.strategy.name,
        "trials": None if isinstance(problem.strategy, Exact) else config.budget.trials,
        "trains": problem.accuracy is not None,
    }
    if as_json:
        print_json(document)
    else:
        print_line(_sentence(document))
    return DONE


def _validate_suite(config: StudyConfig, data: Path | None, as_json: bool) -> int:
    problem = resolve_suite(config, data).problem
    members = {member.name: _size(member.problem.space, NETWORK) for member in problem.members}
    accelerators = _size(problem.designs.space, ACCELERATOR)
    document: dict[str, object] = {
        "valid": True,
        "name": config.name,
        "members": members,
        "accelerators": accelerators,
        "objectives": [f"{o.direction.value} {o.metric}" for o in problem.objectives],
        "constraints": [str(constraint) for constraint in problem.constraints],
        "strategy": "exact",
    }
    if as_json:
        print_json(document)
    else:
        told = ", ".join(f"{name} ({'fixed' if size == 1 else f'{size:,} networks'})" for name, size in members.items())
        print_line(f"ok: {config.name}: one of {accelerators:,} accelerators for {told}; all of them priced by exact")
    return DONE


def _size(space: Space, side: str) -> int:
    return Space(tuple(decision for decision in space.decisions if decision.name.startswith(f"{side}."))).size


def _sentence(document: dict[str, object]) -> str:
    named = ("networks", "accelerators", "designs", "trials")
    counts = {what: f"{document[what]:,} {what}" for what in named if document[what] is not None}
    counts = {what: text.removesuffix("s") if document[what] == 1 else text for what, text in counts.items()}
    return (
        f"ok: {document['name']}: {counts['networks']} x {counts['accelerators']} = {counts['designs']}; "
        f"{counts.get('trials', 'all of them priced')} by {document['strategy']}"
    )
