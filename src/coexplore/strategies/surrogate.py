"""What do a few observations say about the points not yet tried? Gaussian processes on features, through BoTorch.

Axes: `n` observations, `m` points, `f` features. Features and targets are standardised here, features by what was
observed and what may come next: by chance a few observations may all be alike in one. A feature that is the same
everywhere says nothing and becomes 0. Hyper-parameters are kept by the caller and fitted onwards from where they were.

Without priors the likelihood of a dozen observations is highest where the smooth part of a sum of kernels is nothing
and all that is not linear is noise; the process is then far too sure of itself. So noise is expected to be small, and
the smooth part to be there.

References:
    Hvarfner2024: C. Hvarfner, E. Hellsten, L. Nardi, Vanilla Bayesian optimization performs great in high dimensions,
        ICML 2024. Length scales grow with the root of the number of features.
    Balandat2020: M. Balandat et al., BoTorch: a framework for efficient Monte-Carlo Bayesian optimization, NeurIPS
        2020.
"""

from __future__ import annotations

import enum
import math
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
    from gpytorch.kernels import Kernel as KernelModule
    from gpytorch.likelihoods import GaussianLikelihood

Reals = npt.NDArray[np.float64]
Hyperparameters = dict[str, list[float]]
"""Raw values by name, as JSON."""

STEPS = 40
"""Of L-BFGS in one fit; the next fit goes on from there."""
LEAST_NOISE = 1e-4
"""Variance of the white noise over that of the targets: it keeps covariance matrices invertible."""
USUAL_NOISE = (-4.0, 1.0)
"""Logarithm of that variance before anything is known, and its deviation: the prior of BoTorch."""
REACH = 2.0
"""Length scale over the root of the number of features, before anything is known: standardised points that are drawn
lie 1.4 roots apart."""
SMOOTH_PART = (2.0, 2.0)
"""Gamma prior of the variance of the smooth part: none is unlikely, and so is much more than that of the targets."""


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
    """(f,) Features that differ among the points that are known."""
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


def learn(
    kernel: Kernel, seen: Reals, targets: Reals, start: Hyperparameters, fit: bool, around: Reals | None = None
) -> Surrogate:
    """A process over what was observed.

    Args:
        kernel: which functions are likely.
        seen: (n, f) features of what was observed, n from 1 on.
        targets: (n,) finite.
        start: hyper-parameters to begin with; empty for the usual ones.
        fit: whether to improve them.
        around: (m, f) points that may be asked for, for the scale of the features; None: observed ones alone.

    Raises:
        MissingExtraError: BoTorch is not installed.
    """
    _torch()
    known = seen if around is None else np.vstack([seen, around])
    features, target = scale_of(known), scale_of(targets)
    varying = np.ptp(known, axis=0) > 0
    with _quiet():
        model = _model(kernel, np.where(varying, features.standard(seen), 0.0), target.standard(targets))
        _load(model, start)
        if fit and len(targets) > 1:
            _fit(model)
        model.eval()
    return Surrogate(model, features, varying, target)


def require_botorch() -> None:
    """Refuse to begin a search that could not go on after its warm-up.

    Raises:
        MissingExtraError: BoTorch is not installed.
    """
    _torch()


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
    from gpytorch.kernels import LinearKernel, MaternKernel, RBFKernel

    if kernel is Kernel.SMOOTH:
        covariance = _part(RBFKernel, inputs.shape[1])
    elif kernel is Kernel.LINEAR:
        covariance = LinearKernel()
    else:
        covariance = LinearKernel() + _part(MaternKernel, inputs.shape[1])
    return SingleTaskGP(
        torch.from_numpy(inputs),
        torch.from_numpy(targets[:, None]),
        likelihood=_noise(),
        covar_module=covariance,
        outcome_transform=None,
    ).double()


def _part(kernel: type[KernelModule], features: int) -> KernelModule:
    """A stationary kernel of one length scale; the Matern one with its usual smoothness of 5/2."""
    from gpytorch.constraints import GreaterThan
    from gpytorch.kernels import ScaleKernel
    from gpytorch.priors import GammaPrior, LogNormalPrior

    usual = REACH * math.sqrt(max(features, 1))
    reach = LogNormalPrior(math.log(usual), 1.0)
    inner = kernel(lengthscale_prior=reach, lengthscale_constraint=GreaterThan(0.025, initial_value=usual))
    return ScaleKernel(inner, outputscale_prior=GammaPrior(*SMOOTH_PART))


def _noise() -> GaussianLikelihood:
    from gpytorch.constraints import GreaterThan
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.priors import LogNormalPrior

    floor = GreaterThan(LEAST_NOISE, initial_value=math.exp(USUAL_NOISE[0]))
    return GaussianLikelihood(noise_prior=LogNormalPrior(*USUAL_NOISE), noise_constraint=floor)


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
