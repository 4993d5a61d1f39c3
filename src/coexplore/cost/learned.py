"""What would a design cost, by a network that learned it from prices? A multilayer perceptron on one-hot decisions.

The alternative to the engine that co-search papers use (Zhou2021): quick for one design of a space too large to price,
but never exact, and it says nothing of a mapping. It predicts the logarithms of latency, energy and area, and how
likely a design is valid: that it runs and meets the limits it was taught. It is fitted by `learned_training`; here is
only NumPy.

Axes: `n` designs, `c` one-hot columns of the decisions of network and accelerator.

References:
    Zhou2021: Zhou et al., "Rethinking co-design of neural architectures and hardware accelerators", arXiv 2102.08619.

Departures: depth, widths and training are ours; the paper's are not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coexplore.core.array_file import ArrayFormat
from coexplore.core.errors import DataError, SpaceError
from coexplore.core.hashing import content_hash
from coexplore.spaces.encode import one_hot_columns, to_indices, to_one_hot
from coexplore.spaces.space import Point, Space

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

COST_VERSION = 1
"""Raised when the same file comes to give other costs."""
LAYERS = 3
"""Two hidden ones, and the outputs."""
OUTPUTS = ("latency_s", "energy_j", "area_mm2", "valid")
_LAYER_ARRAYS = tuple(f"{name}{layer}" for layer in range(LAYERS) for name in ("weight", "bias"))
FORMAT = ArrayFormat("learned cost model", COST_VERSION, (*_LAYER_ARRAYS, "centre", "spread"))
BLOCK = 8192
"""Designs predicted at once, which bounds the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class LearnedCosts:
    """Predicted costs of designs, each (n,)."""

    latency_s: Floats
    energy_j: Floats
    area_mm2: Floats
    valid: Floats
    """How likely the design runs and meets the limits that were taught, from 0 to 1."""


@dataclass(frozen=True, eq=False)
class LearnedCost:
    """A trained cost model of one space of designs.

    Raises:
        DataError: the parts do not belong together.
    """

    columns: tuple[str, ...]
    """`decision=value` of each of the c one-hot columns."""
    weights: tuple[Singles, ...]
    """Of each layer, (inputs, outputs)."""
    biases: tuple[Singles, ...]
    """Of each layer, (outputs,)."""
    centre: Floats
    """(3,) Means of log latency, log energy, log area."""
    spread: Floats
    """(3,) Their standard deviations."""
    settings: dict[str, int] = field(default_factory=dict)
    """Those of the training."""

    def __post_init__(self) -> None:
        widths = [len(self.columns), *(len(bias) for bias in self.biases)]
        shapes = [weight.shape for weight in self.weights]
        if shapes != list(pairwise(widths)) or widths[-1] != len(OUTPUTS):
            raise DataError(f"a cost model of {widths[0]} columns has layers of shapes {shapes}; train it again")
        finite = all(np.isfinite(part).all() for part in (*self.weights, *self.biases))
        scales = np.array([self.centre, self.spread])
        if scales.shape != (2, 3) or not (finite and np.isfinite(scales).all()):
            raise DataError("a cost model holds numbers that are not finite; train it again")

    @cached_property
    def identity(self) -> str:
        """Content hash: models with the same one predict the same."""
        return content_hash((COST_VERSION, self.columns, self.weights, self.biases, self.centre, self.spread))

    def predict(self, encoded: NDArray[np.generic]) -> LearnedCosts:
        """Costs of designs by their one-hot rows (n, c), as `spaces.encode.to_one_hot` makes them.

        Raises:
            SpaceError: the rows have another width.
        """
        if encoded.ndim != 2 or encoded.shape[1] != len(self.columns):
            raise SpaceError(f"one-hot rows have shape {encoded.shape}; the cost model reads (n, {len(self.columns)})")
        blocks = [self._outputs(encoded[begin : begin + BLOCK]) for begin in range(0, len(encoded), BLOCK)]
        outputs = np.concatenate(blocks or [np.empty((0, len(OUTPUTS)))])
        latency, energy, area = np.exp(outputs[:, :3] * self.spread + self.centre).T
        return LearnedCosts(latency, energy, area, 1 / (1 + np.exp(-outputs[:, 3])))

    def predict_points(self, space: Space, points: Sequence[Point]) -> LearnedCosts:
        """Costs of points of the space it was trained on.

        Raises:
            SpaceError: it was trained on another space.
        """
        self.check(space)
        return self.predict(to_one_hot(space, to_indices(space, points)))

    def check(self, space: Space) -> None:
        """Refuse a space that it was not trained on.

        Raises:
            SpaceError: naming the first decision that differs.
        """
        named = column_names(space)
        if named != self.columns:
            strange = sorted(set(named) ^ set(self.columns)) or ["the order of the decisions"]
            raise SpaceError(
                f"the learned cost model was trained on another space of designs; {strange[0]} is on one side only. "
                "Train one on this space"
            )

    def _outputs(self, encoded: NDArray[np.generic]) -> Floats:
        """(n, 4) What the last layer puts out; ReLU before it."""
        values = encoded.astype(np.float32)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = values @ weight + bias
            if layer < LAYERS - 1:
                np.maximum(values, 0, out=values)
        return values.astype(np.float64)

    def save(self, path: Path) -> None:
        """Write it to a file.

        Raises:
            StoreError: it cannot be written.
        """
        layers = {f"weight{layer}": weight for layer, weight in enumerate(self.weights)}
        layers |= {f"bias{layer}": bias for layer, bias in enumerate(self.biases)}
        header = {"columns": list(self.columns), "settings": self.settings}
        FORMAT.write(path, header, {**layers, "centre": self.centre, "spread": self.spread})


def load_learned(path: Path) -> LearnedCost:
    """Read a cost model from a file.

    Raises:
        DataError: absent, damaged, of another kind or version.
    """
    header, arrays = FORMAT.read(path)
    try:
        return LearnedCost(
            columns=tuple(str(name) for name in header["columns"]),
            weights=tuple(arrays[f"weight{layer}"].astype(np.float32) for layer in range(LAYERS)),
            biases=tuple(arrays[f"bias{layer}"].astype(np.float32) for layer in range(LAYERS)),
            centre=arrays["centre"].astype(np.float64),
            spread=arrays["spread"].astype(np.float64),
            settings=dict(header["settings"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: its header is not that of a cost model ({error}); train it again") from error


def column_names(space: Space) -> tuple[str, ...]:
    """`decision=value` of each one-hot column of a space."""
    return tuple(f"{name}={value}" for name, value in one_hot_columns(space))
