"""What do a few observations say about the points not yet tried? Gaussian processes on features, through BoTorch.

Axes: `n` observations, `m` points, `f` features. Features and targets are standardised here; a feature that is the same
everywhere says nothing and becomes 0. Hyper-parameters are kept by the caller and fitted onwards from where they were.

References:
    Balandat2020: M. Balandat et al., BoTorch: a framework for efficient Monte-Carlo Bayesian optimization, NeurIPS
        2020.
"""

from __future__ import annotations

import enum
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import MissingExtraError

if TYPE_CHECKING:
    from botorch.models import SingleTaskGP

Reals = npt.NDArray[np.float64]
Hyperparameters = dict[str, list[float]]
"""Raw values by name, as JSON."""

STEPS = 40
"""Of L-BFGS in one fit; the next fit goes on from there."""
LEAST_NOISE = 1e-4
"""Variance of the white noise over that of the targets: it keeps covariance matrices invertible."""


class Kernel(enum.Enum):
    """Which functions are likely."""

    LINEAR = "linear"
    LINEAR_MATERN = "linear+matern"
    SMOOTH = "smooth"
    """Squared exponential."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is thought of m points."""

    mean: Reals
    """(m,)"""
    deviation: Reals
    """(m,) Of the function, without the noise of an observation."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and spread of columns; the spread of a constant column is 1."""

    mean: Reals
    spread: Reals

    def standard(self, values: Reals) -> Reals:
        """The values with mean 0 and spread 1; 0 in columns that were constant."""
        return (values - self.mean) / self.spread


def scale_of(values: Reals) -> Scale:
    """Of (n,) or (n, f) finite values."""
    spread = values.std(axis=0)
    return Scale(values.mean(axis=0), np.where(spread > 1e-12 * (1 + np.abs(values).max(axis=0)), spread, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Surrogate:
    """A process that has seen observations; made by `learn`."""

    model: SingleTaskGP
    features: Scale
    varying: npt.NDArray[np.bool_]
    """(f,) Features that differ among the observations."""
    target: Scale

    def believe(self, points: Reals) -> Belief:
        """What is thought of points (m, f)."""
        torch = _torch()
        asked = np.where(self.varying, self.features.standard(points), 0.0)
        with _quiet(), torch.no_grad():
            posterior = self.model.posterior(torch.from_numpy(asked))
            mean = posterior.mean.squeeze(-1).numpy()
            deviation = posterior.variance.clamp_min(0.0).sqrt().squeeze(-1).numpy()
        spread = float(self.target.spread)
        return Belief(mean * spread + float(self.target.mean), deviation * spread)

    @property
    def hyperparameters(self) -> Hyperparameters:
        """To go on from."""
        return _hyperparameters(self.model)


def learn(kernel: Kernel, seen: Reals, targets: Reals, start: Hyperparameters, fit: bool) -> Surrogate:
    """A process over what was observed.

    Args:
        kernel: which functions are likely.
        seen: (n, f) features of what was observed, n from 1 on.
        targets: (n,) finite.
        start: hyper-parameters to begin with; empty for the usual ones.
        fit: whether to improve them.

    Raises:
        MissingExtraError: BoTorch is not installed.
    """
    _torch()
    features, target = scale_of(seen), scale_of(targets)
    varying = np.ptp(seen, axis=0) > 0
    with _quiet():
        model = _model(kernel, np.where(varying, features.standard(seen), 0.0), target.standard(targets))
        _load(model, start)
        if fit and len(targets) > 1:
            _fit(model)
        model.eval()
    return Surrogate(model, features, varying, target)


def _torch() -> Any:  # noqa: ANN401  (an optional dependency, untyped)
    try:
        with _quiet():
            import botorch  # noqa: F401
            import torch
    except ImportError as error:
        raise MissingExtraError("Bayesian optimisation with Gaussian processes", "bo") from error
    return torch


@contextmanager
def _quiet() -> Iterator[None]:
    """Their warnings are about data scaling and unfinished fits, both of which are meant here, and about themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _model(kernel: Kernel, inputs: Reals, targets: Reals) -> SingleTaskGP:
    import torch
    from botorch.models import SingleTaskGP
    from gpytorch.constraints import GreaterThan
    from gpytorch.kernels import LinearKernel, MaternKernel, RBFKernel, ScaleKernel
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.priors import GammaPrior

    if kernel is Kernel.SMOOTH:
        covariance = ScaleKernel(RBFKernel(lengthscale_prior=GammaPrior(3.0, 1.0)))
    elif kernel is Kernel.LINEAR:
        covariance = LinearKernel()
    else:
        covariance = LinearKernel() + ScaleKernel(MaternKernel(nu=2.5, lengthscale_prior=GammaPrior(3.0, 1.0)))
    noise = GaussianLikelihood(noise_constraint=GreaterThan(LEAST_NOISE, initial_value=0.1))
    return SingleTaskGP(
        torch.from_numpy(inputs),
        torch.from_numpy(targets[:, None]),
        likelihood=noise,
        covar_module=covariance,
        outcome_transform=None,
    ).double()


def _load(model: SingleTaskGP, start: Hyperparameters) -> None:
    import torch

    for name, parameter in model.named_parameters():
        if name in start:
            parameter.data = torch.tensor(start[name], dtype=torch.float64).reshape(parameter.shape)


def _fit(model: SingleTaskGP) -> None:
    """Maximise the marginal likelihood a few steps; where that fails numerically, what was there stays."""
    from botorch.exceptions import ModelFittingError
    from botorch.fit import fit_gpytorch_mll
    from gpytorch.mlls import ExactMarginalLogLikelihood

    before = _hyperparameters(model)
    likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
    try:
        fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": STEPS}}, max_attempts=1)
    except ModelFittingError:
        _load(model, before)


def _hyperparameters(model: SingleTaskGP) -> Hyperparameters:
    return {name: parameter.detach().reshape(-1).tolist() for name, parameter in model.named_parameters()}
