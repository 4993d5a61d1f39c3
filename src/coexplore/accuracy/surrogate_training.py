"""How is a surrogate of accuracy fitted? Marginal likelihood on random subsets, then one exact solution on all rows.

What is fitted per decision: a place on a line for each of its values, whose distance says how alike two values are, and
how much the decision matters. The ways it was chosen and what else was tried: `benchmarks/papers/nahas/surrogate.py`.

Intervals need the error of each network as if it were new. The weights leave it out in closed form; the kernel and the
spread are fitted again for each fold of the networks, on the others. What still knows of it is the ceiling.

References:
    Rasmussen2006: Rasmussen & Williams, Gaussian Processes for Machine Learning, MIT Press 2006: eq. 5.8 (likelihood),
        5.10 to 5.12 (leaving one out without fitting again).
    Vovk2015: Vovk, Cross-conformal predictors, Annals of Mathematics and Artificial Intelligence 74, 2015: folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexplore.accuracy._settings import MAX_SEED, check_real, check_whole
from coexplore.accuracy._torch import reproducible
from coexplore.accuracy.rated_networks import RatedNetworks
from coexplore.accuracy.surrogate import Surrogate
from coexplore.core.errors import ConfigError, DataError

LEAST_NETWORKS = 20
FOLDS = 1
"""Stream of random numbers that draws the folds."""
FIRST_SPACING, FIRST_SHARE, FIRST_SCALE, FIRST_NOISE = 0.3, 1.0, 3.0, -2.0
"""Where the fit starts: distance of neighbouring values; logarithms of how much a decision matters, of the variance of
the process, of that of the noise."""


@dataclass(frozen=True, slots=True)
class SurrogateSettings:
    """How to fit."""

    headroom: float = 0.05
    """The ceiling of accuracy above the best network, a fraction; chosen by cross-validation."""
    steps: int = 60
    """Of the optimiser."""
    subset: int = 1000
    """Networks drawn for each step."""
    learning_rate: float = 0.1
    """Of Adam."""
    folds: int = 4
    """Of the networks; the errors of each are those of a kernel and a spread fitted on the others."""
    ridge: float = 1000.0
    """Pulls the spread of a value to that of the others; chosen by the likelihood of errors left out."""
    seed: int = 0
    """Draws the subsets and the folds."""
    threads: int = 1
    """Of torch; part of what makes two fits equal to the last bit."""

    def __post_init__(self) -> None:
        check_real("headroom", self.headroom, 1e-6, 1.0)
        check_whole("steps", self.steps, 1, 100_000)
        check_whole("subset", self.subset, LEAST_NETWORKS, 100_000)
        check_real("learning_rate", self.learning_rate, 1e-6, 10.0)
        check_whole("folds", self.folds, 2, LEAST_NETWORKS)
        check_real("ridge", self.ridge, 1e-6)
        check_whole("seed", self.seed, 0, MAX_SEED)
        check_whole("threads", self.threads, 1, 1024)


def train_surrogate(rated: RatedNetworks, settings: SurrogateSettings | None = None) -> Surrogate:
    """Fit a surrogate.

    Raises:
        DataError: too few networks, or all are equally good.
        MissingExtraError: torch is not installed.
    """
    chosen = SurrogateSettings() if settings is None else settings
    if len(rated) < LEAST_NETWORKS or np.ptp(rated.accuracy) == 0:
        raise DataError(
            f"{rated.table}: {len(rated)} networks; a surrogate needs at least {LEAST_NETWORKS}, not all alike"
        )
    legal = [np.unique(column) for column in rated.settings.T]
    indices = np.stack([np.searchsorted(v, c) for v, c in zip(legal, rated.settings.T, strict=True)], axis=1)
    ceiling = float(rated.accuracy.max()) + chosen.headroom
    target = -np.log(ceiling - rated.accuracy)
    centre, spread = float(target.mean()), float(target.std())
    with reproducible(chosen.threads) as torch:
        process = _Process(torch, indices, (target - centre) / spread, [len(values) for values in legal])
        folds = np.random.default_rng([chosen.seed, FOLDS]).permutation(len(rated)) % chosen.folds
        errors = _errors(process, folds, chosen)
        process.fit(chosen, np.arange(len(rated)))
        alike, weights, _ = process.solve()
    rows = process.one_hot
    return Surrogate(
        decisions=rated.decisions, values=np.concatenate(legal), sizes=np.array([len(values) for values in legal]),
        alike=alike, networks=indices, weights=weights * spread, spread=log_spread(rows, errors, chosen.ridge),
        errors=np.sort(_in_spreads(rows, errors, folds, chosen.ridge)) * spread,
        centre=centre, ceiling=ceiling, table=rated.table, data_hash=rated.content_hash,
        settings={name: float(getattr(chosen, name)) for name in SurrogateSettings.__slots__},
    )  # fmt: skip


def _errors(process: _Process, folds: NDArray[np.integer], settings: SurrogateSettings) -> NDArray[np.float64]:
    """(n,) Signed error of each network when the kernel is fitted without its fold, the weights without it alone."""
    errors = np.empty(len(folds))
    for fold in range(settings.folds):
        process.fit(settings, np.flatnonzero(folds != fold))
        errors[folds == fold] = process.solve()[2][folds == fold]
    return errors


def _in_spreads(
    rows: NDArray[np.float64], errors: NDArray[np.float64], folds: NDArray[np.integer], ridge: float
) -> NDArray[np.float64]:
    """(n,) Size of each error over the spread of its network, which is fitted on the errors of the other folds."""
    found = np.empty(len(errors))
    for fold in np.unique(folds):
        own = folds == fold
        found[own] = np.abs(errors[own]) / np.exp(rows[own] @ log_spread(rows[~own], errors[~own], ridge))
    return found


def log_spread(
    rows: NDArray[np.float64], errors: NDArray[np.float64], ridge: float, steps: int = 30
) -> NDArray[np.float64]:
    """What each value adds to the logarithm of the spread of an error, 0 in the mean over the networks.

    The most likely one where errors are normal with a spread that is a product over values, by Fisher's scoring.

    Args:
        rows: (n, v) one-hot; one value of each decision.
        errors: (n,)
        ridge: times half the sum of squares, taken from the logarithm of the likelihood.
        steps: of the scoring.
    """
    means = rows.mean(axis=0)
    inputs = np.column_stack([np.ones(len(rows)), rows - means])
    pull = ridge * np.eye(inputs.shape[1])
    pull[0, 0] = 0.0
    curvature = 2 * inputs.T @ inputs + pull
    found = np.zeros(inputs.shape[1])
    found[0] = 0.5 * np.log(np.mean(errors**2) + np.finfo(float).tiny)
    for _ in range(steps):
        slope = inputs.T @ (errors**2 * np.exp(-2 * inputs @ found) - 1) - pull @ found
        found = found + np.linalg.solve(curvature, slope)
    decisions = rows[0].sum()
    centred: NDArray[np.float64] = found[1:] - means @ found[1:] / decisions
    return centred


class _Process:
    """A Gaussian process under way; everything in float64.

    Args:
        torch: the library.
        indices: (n, d) values of the networks within their decisions.
        target: (n,) with mean 0 and variance 1.
        sizes: values of each decision.
    """

    def __init__(
        self, torch: ModuleType, indices: NDArray[np.integer], target: NDArray[np.float64], sizes: list[int]
    ) -> None:
        self._torch, self._sizes = torch, sizes
        self._target = torch.from_numpy(target)
        rows = np.zeros((len(indices), sum(sizes)))
        np.put_along_axis(rows, indices + (np.cumsum(sizes) - np.array(sizes)), 1.0, axis=1)
        self.one_hot = rows
        """(n, v)"""
        self._rows = torch.from_numpy(rows)
        self._start()

    def _start(self) -> None:
        """Put the kernel back to where its fit starts."""
        torch = self._torch

        def free(values: object) -> Any:  # noqa: ANN401 - a tensor
            return torch.tensor(values, dtype=torch.float64, requires_grad=True)

        self._places = [free([FIRST_SPACING * place for place in range(1, size)]) for size in self._sizes]
        self._shares = free([FIRST_SHARE] * len(self._sizes))
        self._scale, self._noise = free(FIRST_SCALE), free(FIRST_NOISE)

    def fit(self, settings: SurrogateSettings, known: NDArray[np.integer]) -> None:
        """Lower the negative log marginal likelihood per network (Rasmussen2006, eq. 5.8) on random subsets of some.

        From the start every time; `known` are the places of the networks that it may see.
        """
        self._start()
        torch, rng = self._torch, np.random.default_rng(settings.seed)
        count = min(settings.subset, len(known))
        free = [*self._places, self._shares, self._scale, self._noise]
        optimiser = torch.optim.Adam(free, lr=settings.learning_rate)
        for _ in range(settings.steps):
            chosen = torch.from_numpy(known[rng.choice(len(known), count, replace=False)])
            rows, target = self._rows[chosen], self._target[chosen]
            factor = self._factor(self._covariance(rows))
            solved = torch.cholesky_solve(target[:, None], factor)[:, 0]
            loss = (0.5 * target @ solved + torch.log(torch.diagonal(factor)).sum()) / count
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def solve(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The kernel's table (v, v), weights (n,), and signed errors (n,) when one network is left out (eq. 5.12)."""
        torch = self._torch
        with torch.no_grad():
            inverse = torch.cholesky_inverse(self._factor(self._covariance(self._rows)))
            solved = inverse @ self._target
            errors = solved / torch.diagonal(inverse)
            return self._alike().numpy(), (solved * torch.exp(self._scale)).numpy(), errors.numpy()

    def _alike(self) -> Any:  # noqa: ANN401 - a tensor
        """(v, v) log((1 + share * exp(-distance^2 / 2)) / (1 + share)) within a decision, 0 elsewhere."""
        torch = self._torch
        tables = []
        for places, share in zip(self._places, torch.exp(self._shares), strict=True):
            line = torch.cat([torch.zeros(1, dtype=torch.float64), places])
            near = torch.exp(-0.5 * (line[:, None] - line[None]) ** 2)
            tables.append(torch.log1p(share * near) - torch.log1p(share))
        return torch.block_diag(*tables)

    def _covariance(self, rows: Any) -> Any:  # noqa: ANN401 - tensors
        torch = self._torch
        kernel = torch.exp(self._scale) * torch.exp(rows @ self._alike() @ rows.T)
        return kernel + torch.exp(self._noise) * torch.eye(len(rows), dtype=torch.float64)

    def _factor(self, covariance: Any) -> Any:  # noqa: ANN401 - tensors
        try:
            return self._torch.linalg.cholesky(covariance)
        except self._torch.linalg.LinAlgError as error:
            raise ConfigError(f"the fit diverged ({error}); lower learning_rate or steps") from error
