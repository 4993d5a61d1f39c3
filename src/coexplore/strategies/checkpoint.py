"""How is the memory of a strategy written as JSON and read back without losing a bit?

Points are rows of value indices (-1 where a decision is inactive), which only the same space can read.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict, cast

import numpy as np

from coexplore.spaces.space import Point, Space
from coexplore.strategies.strategy import Observation, Stage


class SavedArray(TypedDict):
    """An array as JSON."""

    dtype: str
    shape: list[int]
    base64: str


class SavedObservation(TypedDict):
    """An observation as JSON."""

    row: list[int]
    stage: str
    losses: list[str]
    violation: str
    feasible: bool
    reward: str
    shares: list[tuple[str, str]]


def save_rng(rng: np.random.Generator) -> dict[str, object]:
    """State of a generator, of any kind NumPy has."""
    return cast("dict[str, object]", _plain(rng.bit_generator.state))


def load_rng(rng: np.random.Generator, saved: object) -> None:
    """Put a generator of the same kind back into a saved state."""
    rng.bit_generator.state = cast("dict[str, object]", saved)


def save_array(array: np.ndarray) -> SavedArray:
    """The bytes of an array, little-endian and in C order."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
    text = base64.b64encode(little.tobytes()).decode("ascii")
    return {"dtype": little.dtype.str, "shape": list(array.shape), "base64": text}


def load_array(saved: SavedArray) -> np.ndarray:
    """A fresh array equal to the saved one."""
    flat = np.frombuffer(base64.b64decode(saved["base64"]), dtype=saved["dtype"])
    return flat.reshape(saved["shape"]).astype(flat.dtype.newbyteorder("="), copy=True)


def save_points(space: Space, points: Iterable[Point]) -> list[list[int]]:
    """One row of value indices per point."""
    return [space.indices(point) for point in points]


def load_points(space: Space, rows: Sequence[Sequence[int]]) -> list[Point]:
    """The points of `save_points`."""
    return [space.at(row) for row in rows]


def save_observation(space: Space, observation: Observation) -> SavedObservation:
    """An observation; its numbers as text, because they may be infinite."""
    return {
        "row": space.indices(observation.point),
        "stage": observation.stage.value,
        "losses": [repr(float(loss)) for loss in observation.losses],
        "violation": repr(float(observation.violation)),
        "feasible": bool(observation.feasible),
        "reward": repr(float(observation.reward)),
        "shares": [(name, repr(float(share))) for name, share in observation.shares],
    }


def load_observation(space: Space, saved: SavedObservation) -> Observation:
    """The observation of `save_observation`."""
    return Observation(
        point=space.at(saved["row"]),
        stage=Stage(saved["stage"]),
        losses=tuple(float(loss) for loss in saved["losses"]),
        violation=float(saved["violation"]),
        feasible=saved["feasible"],
        reward=float(saved["reward"]),
        shares=tuple((name, float(share)) for name, share in saved["shares"]),
    )


def _plain(value: object) -> object:
    """Nested dictionaries with arrays as lists and NumPy numbers as Python's."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
