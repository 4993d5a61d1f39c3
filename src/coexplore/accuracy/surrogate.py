"""How good would a network be that nobody has trained? Predicted from the trained ones of its space, with an interval.

A Gaussian process over the choices of a network. Its kernel is a product over the decisions, each with a table of how
alike its values are, so all orders of interaction are in it; it predicts `-log(ceiling - accuracy)`, in which gains add
up better than in accuracy. Intervals are conformal: their half-width is a quantile of the errors that leaving out one
network at a time makes, so they hold the share they promise of networks drawn like those, whether or not the process
is right. Errors are measured in the spread of their networks, a factor for each value of each decision, which makes
intervals narrow where the process errs little. It is fitted by `surrogate_training`; here is only NumPy.

Axes: `n` networks it was fitted on, `m` networks asked about, `d` decisions, `v` values of all decisions side by side.

References:
    Rasmussen2006: Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press 2006, eq. 2.25 and 5.12.
    Vovk2005: Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, Springer 2005: conformal prediction.
    Barber2021: Barber et al., Predictive inference with the jackknife+, Annals of Statistics 49, 2021: leaving one out.
    Lei2018: Lei et al., Distribution-Free Predictive Inference for Regression, JASA 113, 2018: errors over spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coexplore.core.array_file import ArrayFormat
from coexplore.core.errors import DataError, EvaluationError
from coexplore.core.hashing import content_hash

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SURROGATE_VERSION = 2
"""Raised when the same file comes to give other predictions."""
FORMAT = ArrayFormat(
    "surrogate of accuracy", SURROGATE_VERSION, ("values", "sizes", "alike", "networks", "weights", "spread", "errors")
)
BLOCK = 1024
"""Networks asked about at once, which bounds the memory."""


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A fitted surrogate.

    Raises:
        DataError: the parts do not belong together.
    """

    decisions: tuple[str, ...]
    """Names, d of them."""
    values: Ints
    """(v,) What each decision may be, one decision after the other."""
    sizes: Ints
    """(d,) Values of each decision."""
    alike: Floats
    """(v, v) Logarithm of the kernel's factor for two values of one decision; 0 between decisions."""
    networks: Ints
    """(n, d) Index of the value each network has, within its decision."""
    weights: Floats
    """(n,) What each network adds, times the kernel."""
    spread: Floats
    """(v,) Logarithm of what each value multiplies the spread of an error by; a network's sum is 0 in the mean."""
    errors: Floats
    """(n,) Sorted sizes of the errors when each network alone is left out, each over the spread of its network."""
    centre: float
    """What is added to the sum, in the scale that is predicted."""
    ceiling: float
    """Fraction that no accuracy reaches."""
    table: str
    """Name of the table it was fitted on."""
    data_hash: str
    """Content hash of what was taken from the table."""
    settings: dict[str, float] = field(default_factory=dict)
    """Those of the fit."""

    def __post_init__(self) -> None:
        v, d, n = len(self.values), len(self.decisions), len(self.weights)
        parts = (self.sizes, self.alike, self.networks, self.spread, self.errors)
        shapes = tuple(part.shape for part in parts)
        if (
            shapes != ((d,), (v, v), (n, d), (v,), (n,))
            or int(self.sizes.sum()) != v
            or n == 0
            or (self.sizes < 1).any()
        ):
            raise DataError(f"the parts of a surrogate of {d} decisions have shapes {shapes}; train it again")
        if (self.networks < 0).any() or (self.networks >= self.sizes).any():
            raise DataError("a surrogate has networks outside its own values; train it again")
        numbers = (self.alike, self.weights, self.spread, self.errors, np.array([self.centre, self.ceiling]))
        if not all(np.isfinite(part).all() for part in numbers):
            raise DataError("a surrogate holds numbers that are not finite; train it again")

    @cached_property
    def identity(self) -> str:
        """Content hash: surrogates with the same one predict the same."""
        parts = (self.values, self.sizes, self.alike, self.networks, self.weights, self.spread, self.errors)
        return content_hash((SURROGATE_VERSION, self.decisions, parts, self.centre, self.ceiling))

    def predict(self, settings: Sequence[Sequence[int]] | Ints) -> Floats:
        """Accuracy (m,), fractions, of networks by their (m, d) settings.

        Raises:
            EvaluationError: a setting is none of those it was fitted on.
        """
        return self._accuracy(self._scores(self._one_hot(self._indices(settings))))

    def interval(self, settings: Sequence[Sequence[int]] | Ints, coverage: float = 0.9) -> tuple[Floats, Floats]:
        """Lowest and highest accuracy, each (m,), between which a share `coverage` of networks is expected.

        Raises:
            EvaluationError: as `predict`, or the coverage is not between 0 and what so many networks can promise.
        """
        rows = self._one_hot(self._indices(settings))
        scores, half = self._scores(rows), self.error_at(coverage) * np.exp(rows @ self.spread)
        return self._accuracy(scores - half), self._accuracy(scores + half)

    def error_at(self, coverage: float) -> float:
        """The error, in the spread of its network, that the share `coverage` stays below (Vovk2005; Lei2018).

        Raises:
            EvaluationError: as `interval`.
        """
        n = len(self.errors)
        rank = math.ceil(coverage * (n + 1)) if 0 < coverage < 1 else n + 1
        if rank > n:
            raise EvaluationError(
                f"coverage is {coverage!r}; {n} networks can promise more than 0 and at most {n / (n + 1):.6g}"
            )
        return float(self.errors[rank - 1])

    def _scores(self, rows: Floats) -> Floats:
        """The kernel is the exponential of a sum over decisions, so of a product of one-hot rows."""
        asked = rows @ self.alike
        known = self._known
        blocks = [asked[begin : begin + BLOCK] for begin in range(0, len(asked), BLOCK)]
        return np.concatenate([np.exp(block @ known) @ self.weights for block in blocks] or [np.empty(0)]) + self.centre

    def _accuracy(self, scores: Floats) -> Floats:
        return np.clip(self.ceiling - np.exp(-scores), 0.0, 1.0)

    @cached_property
    def _known(self) -> Floats:
        return np.ascontiguousarray(self._one_hot(self.networks).T)

    def _one_hot(self, indices: Ints) -> Floats:
        rows = np.zeros((len(indices), len(self.values)))
        np.put_along_axis(rows, indices + (np.cumsum(self.sizes) - self.sizes), 1.0, axis=1)
        return rows

    def _indices(self, settings: Sequence[Sequence[int]] | Ints) -> Ints:
        given = np.asarray(settings, np.int64).reshape(-1, len(self.decisions))
        found = np.empty_like(given)
        ends = np.cumsum(self.sizes)
        for column, (end, size) in enumerate(zip(ends, self.sizes, strict=True)):
            legal = self.values[end - size : end]
            same = given[:, column, None] == legal
            if not same.any(axis=1).all():
                wrong = int(given[~same.any(axis=1), column][0])
                raise EvaluationError(
                    f"{self.decisions[column]} is {wrong}; the surrogate knows {', '.join(map(str, legal.tolist()))}"
                )
            found[:, column] = same.argmax(axis=1)
        return found

    def save(self, path: Path) -> None:
        """Write it to a file.

        Raises:
            StoreError: it cannot be written.
        """
        header = {
            "decisions": list(self.decisions), "centre": self.centre, "ceiling": self.ceiling, "table": self.table,
            "data_hash": self.data_hash, "settings": self.settings,
        }  # fmt: skip
        arrays = {name: getattr(self, name) for name in FORMAT.arrays}
        FORMAT.write(path, header, arrays)


def load_surrogate(path: Path) -> Surrogate:
    """Read a surrogate from a file.

    Raises:
        DataError: absent, damaged, of another kind or version.
    """
    header, arrays = FORMAT.read(path)
    try:
        return Surrogate(
            decisions=tuple(str(name) for name in header["decisions"]),
            values=arrays["values"].astype(np.int64),
            sizes=arrays["sizes"].astype(np.int64),
            alike=arrays["alike"].astype(np.float64),
            networks=arrays["networks"].astype(np.int64),
            weights=arrays["weights"].astype(np.float64),
            spread=arrays["spread"].astype(np.float64),
            errors=arrays["errors"].astype(np.float64),
            centre=float(header["centre"]),
            ceiling=float(header["ceiling"]),
            table=str(header["table"]),
            data_hash=str(header["data_hash"]),
            settings=dict(header["settings"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: its header is not that of a surrogate ({error}); train it again") from error
