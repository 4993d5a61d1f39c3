"""`coexplore validate`: is a study file legal, and how large is what it spans?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coexplore.cli.errors import DONE
from coexplore.cli.output import print_json, print_line
from coexplore.design import ACCELERATOR, NETWORK
from coexplore.spaces.space import Space
from coexplore.studies.config import build, load_config


def validate(path: Path, overrides: Sequence[str], data: Path | None, as_json: bool) -> int:
    """Read a study file, look every name up, load its data, and print what it spans.

    Raises:
        CoexploreError: the message begins with the path of the wrong field.
    """
    config = load_config(path, overrides)
    problem = build(config, data)
    sizes = {side: _size(problem.space, side) for side in (NETWORK, ACCELERATOR)}
    document: dict[str, object] = {
        "valid": True,
        "name": config.name,
        "networks": sizes[NETWORK],
        "accelerators": sizes[ACCELERATOR],
        "designs": problem.space.size,
        "objectives": [f"{o.direction.value} {o.metric}" for o in problem.objectives],
        "constraints": [str(constraint) for constraint in problem.constraints],
        "strategy": config.strategy.name,
        "trials": config.budget.trials,
        "trains": problem.accuracy is not None,
    }
    if as_json:
        print_json(document)
    else:
        print_line(_sentence(document))
    return DONE


def _size(space: Space, side: str) -> int:
    return Space(tuple(decision for decision in space.decisions if decision.name.startswith(f"{side}."))).size


def _sentence(document: dict[str, object]) -> str:
    counts = {what: f"{document[what]:,} {what}" for what in ("networks", "accelerators", "designs", "trials")}
    counts = {what: text.removesuffix("s") if document[what] == 1 else text for what, text in counts.items()}
    return (
        f"ok: {document['name']}: {counts['networks']} x {counts['accelerators']} = {counts['designs']}; "
        f"{counts['trials']} by {document['strategy']}"
    )
