"""How far does a tree-structured Parzen estimator get? TPE, through Optuna.

References:
    Bergstra2011: J. Bergstra et al., Algorithms for hyper-parameter optimization, NeurIPS 2011. As implemented by
        `optuna.samplers.TPESampler`.

Departures: a point that was suggested or observed before is drawn again; see `coexplore.strategies.optuna_search`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from coexplore.spaces.space import Space
from coexplore.strategies.optuna_search import OptunaSearch
from coexplore.strategies.settings import check_whole
from coexplore.strategies.strategy import STRATEGIES, Strategy

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

LITTER = 4
"""Draws in search of an untried point: each takes as long as a dozen of other searches."""


@STRATEGIES.register("tpe")
@dataclass(frozen=True, slots=True)
class Tpe:
    """A tree-structured Parzen estimator (Bergstra2011); constraints count through the violation."""

    warm_up: int = 10
    """Points drawn uniformly first."""
    candidates: int = 24
    """Draws from the good points' density, of which the most promising is taken."""

    def __post_init__(self) -> None:
        check_whole("warm_up", self.warm_up, at_least=1)
        check_whole("candidates", self.candidates, at_least=1)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh sampler; draws one seed from `rng` and leaves it alone afterwards."""
        return OptunaSearch("tpe", self._sampler, space, int(rng.integers(2**31)), objectives, LITTER)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        return TPESampler(n_startup_trials=self.warm_up, n_ei_candidates=self.candidates, seed=seed)
