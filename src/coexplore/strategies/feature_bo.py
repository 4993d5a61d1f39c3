"""Which points does a Gaussian process on features want to see, where many are infeasible? Constrained Bayesian search.

A surrogate of the loss on the features of the space, a second one of feasibility, and an acquisition that multiplies
both over a pool of drawn points. The same search serves accelerators and mappings; one inside the other they are the
nested search of Shi2020.

References:
    Shi2020: Z. Shi et al., Learned hardware/software co-design of neural accelerators, arXiv 2010.02075.
    Gardner2014: J. Gardner et al., Bayesian optimization with inequality constraints, ICML 2014. Acquisition times
        probability of feasibility.
    Ament2023: S. Ament et al., Unexpected improvements to expected improvement for Bayesian optimization, NeurIPS 2023.

Departures:
    Feasibility is not a bit: a Gaussian process with the squared-exponential kernel learns how near a point comes, in a
    study of accelerators the part of ops that can be mapped, and the probability is that of passing the largest value
    of an infeasible point half way to 1. As the lower confidence bound may have any sign, what is multiplied by the
    probability is how far the bound lies below the largest one of the pool. Hyper-parameters are fitted onwards from
    the last fit whenever a fifth more is known, instead of from scratch. Half of a pool is drawn around the best points
    seen, as 150 draws from millions of points hold none. Of points under way the surrogate is told what it believes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import ConfigError, did_you_mean
from coexplore.spaces.space import Space
from coexplore.strategies.pool_search import PoolSearch, Seen
from coexplore.strategies.settings import check_real, check_whole
from coexplore.strategies.strategy import STRATEGIES, Strategy
from coexplore.strategies.surrogate import Belief, Hyperparameters, Kernel, Surrogate, learn, require_botorch

Reals = npt.NDArray[np.float64]
REFIT_GROWTH = 1.2
"""Hyper-parameters are fitted again when so many times as much is known."""


def lower_bound(belief: Belief, best: float, weight: float) -> Reals:
    """(m,) How far the lower confidence bound lies below the largest of the pool."""
    bound = belief.mean - weight * belief.deviation
    return cast(Reals, bound.max() - bound)


def expected_improvement(belief: Belief, best: float, weight: float) -> Reals:
    """(m,) Of the best loss, in expectation; `weight` scales the deviation."""
    spread = np.maximum(weight * belief.deviation, 1e-12)
    z = (best - belief.mean) / spread
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return np.maximum(spread * (density + z * _normal(z)), 0.0)


ACQUISITIONS: dict[str, Callable[[Belief, float, float], Reals]] = {
    "lcb": lower_bound,
    "ei": expected_improvement,
}
KERNELS = {kernel.value: kernel for kernel in Kernel}


@STRATEGIES.register("feature-bo")
@dataclass(frozen=True, slots=True)
class FeatureBo:
    """Constrained Bayesian optimisation on features (Shi2020); needs the extra `bo`."""

    kernel: str = "linear+matern"
    """Of the loss: `linear`, `linear+matern` or `smooth`, each with white noise."""
    acquisition: str = "lcb"
    """`lcb` or `ei`."""
    weight: float = 1.0
    """Of the deviation in the acquisition."""
    feasibility: bool = True
    """Whether feasibility is learnt; without, infeasible points teach nothing."""
    warm_up: int = 10
    """Points drawn first."""
    pool: int = 150
    """Points drawn and ranked at a time (Shi2020, recalled)."""
    near: float = 0.5
    """Share of them that is drawn around the best points seen: they differ in one decision or two."""
    batch: int = 1
    """Points taken from each pool; more where evaluations are cheaper than a ranking, as those of mappings are."""

    def __post_init__(self) -> None:
        for field_, known in (("kernel", KERNELS), ("acquisition", ACQUISITIONS)):
            if getattr(self, field_) not in known:
                raise ConfigError(
                    f"{field_}: is {getattr(self, field_)!r}; {did_you_mean(getattr(self, field_), known)}"
                )
        check_real("weight", self.weight, 0.0, 100.0)
        check_whole("warm_up", self.warm_up, at_least=1)
        check_whole("pool", self.pool, at_least=1)
        check_real("near", self.near, 0.0, 1.0)
        check_whole("batch", self.batch, at_least=1)
        if not isinstance(self.feasibility, bool):
            raise ConfigError(f"feasibility: is {self.feasibility!r}; give true or false")

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh search; several objectives count through the reward.

        Raises:
            MissingExtraError: BoTorch is not installed.
        """
        require_botorch()
        return PoolSearch(space, rng, _Acquisition(self), self.warm_up, self.pool, self.batch, self.near)


@dataclass
class _Acquisition:
    settings: FeatureBo
    memory: dict[str, object] = field(default_factory=dict)
    """By surrogate: how much was known at its last fit, and its hyper-parameters."""

    def promise(self, seen: Seen, pool: Reals) -> Reals:
        """Acquisition times probability of feasibility; either alone where the other knows nothing yet."""
        promise = np.ones(len(pool))
        known = seen.known
        if known.any():
            kernel = KERNELS[self.settings.kernel]
            surrogate = self._learn("loss", kernel, seen.features[known], seen.loss[known], pool)
            if len(seen.pending):
                surrogate = _believing(surrogate, kernel, seen, pool)
            wanted = ACQUISITIONS[self.settings.acquisition]
            promise = wanted(surrogate.believe(pool), float(seen.loss[known].min()), self.settings.weight)
        if self.settings.feasibility and not seen.feasible.all():
            promise = promise * self._feasible(seen, pool)
        return promise

    def _feasible(self, seen: Seen, pool: Reals) -> Reals:
        belief = self._learn("feasibility", Kernel.SMOOTH, seen.features, seen.met, pool).believe(pool)
        passing = (1.0 + float(seen.met[~seen.feasible].max())) / 2
        return _normal((belief.mean - passing) / np.maximum(belief.deviation, 1e-6))

    def _learn(self, name: str, kernel: Kernel, features: Reals, targets: Reals, pool: Reals) -> Surrogate:
        known, start = cast("tuple[int, Hyperparameters]", self.memory.get(name, (0, {})))
        fit = len(targets) >= REFIT_GROWTH * known
        surrogate = learn(kernel, features, targets, start, fit, pool)
        if fit:
            self.memory[name] = [len(targets), surrogate.hyperparameters]
        return surrogate


def _believing(surrogate: Surrogate, kernel: Kernel, seen: Seen, pool: Reals) -> Surrogate:
    """The same process, told of points under way what it believes of them: it is no longer curious about them."""
    features = np.vstack([seen.features[seen.known], seen.pending])
    losses = np.concatenate([seen.loss[seen.known], surrogate.believe(seen.pending).mean])
    return learn(kernel, features, losses, surrogate.hyperparameters, False, pool)


def _normal(z: Reals) -> Reals:
    """Distribution function of the standard normal."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])
