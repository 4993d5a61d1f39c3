"""How far does a learnt cost model of boosted trees get? The search of compilers: rank a pool, measure the best, refit.

References:
    Chen2018: T. Chen et al., Learning to optimize tensor programs, NeurIPS 2018 (a cost model of boosted trees ranks
        candidates; part of every batch is random).
    Shi2020: Z. Shi et al., arXiv 2010.02075, where this is a baseline.

Departures: scikit-learn's histogram boosting in place of XGBoost; candidates are drawn, not annealed; points that are
infeasible learn the worst loss seen, as failed measurements do in Chen2018.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from coexplore.core.errors import MissingExtraError
from coexplore.spaces.space import Space
from coexplore.strategies.pool_search import PoolSearch, Seen
from coexplore.strategies.settings import check_real, check_whole
from coexplore.strategies.strategy import STRATEGIES, Strategy

Reals = npt.NDArray[np.float64]
WORSE = 1.0
"""An infeasible point learns the worst loss plus so much: of logarithms, a factor of e."""
LEAST_LEAF = 3


@STRATEGIES.register("boosted")
@dataclass(frozen=True, slots=True)
class Boosted:
    """A cost model of gradient-boosted trees ranks drawn points (Chen2018); needs scikit-learn."""

    trees: int = 50
    """Boosting rounds."""
    random: float = 0.1
    """Part of a batch, on average, that is taken by chance, so that the model also learns where it expects nothing."""
    warm_up: int = 10
    """Points drawn first."""
    pool: int = 150
    """Points drawn and ranked at a time."""
    batch: int = 10
    """Points taken from each pool."""

    def __post_init__(self) -> None:
        check_whole("trees", self.trees, at_least=1)
        check_real("random", self.random, 0.0, 1.0)
        check_whole("warm_up", self.warm_up, at_least=1)
        check_whole("pool", self.pool, at_least=1)
        check_whole("batch", self.batch, at_least=1)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh search; several objectives count through the reward.

        Raises:
            MissingExtraError: scikit-learn is not installed.
        """
        _regressor()
        return PoolSearch(space, rng, _Trees(self, rng), self.warm_up, self.pool, self.batch)


@dataclass
class _Trees:
    settings: Boosted
    rng: np.random.Generator
    memory: dict[str, object] = field(default_factory=dict)
    """Empty: a model of a few hundred rows is fitted again in milliseconds."""

    def promise(self, seen: Seen, pool: Reals) -> Reals:
        """Minus the predicted loss; some points come first by chance."""
        lucky = self.rng.random(len(pool)) < self.settings.random * self.settings.batch / len(pool)
        chance = self.rng.random(len(pool))
        if not seen.known.any() or seen.features.shape[1] == 0:
            return chance
        worst = float(seen.loss[seen.known].max()) + WORSE
        targets = np.where(seen.known, seen.loss, worst)
        predicted = self._predicted(seen.features, targets, pool)
        return np.where(lucky, 1.0 + float(np.abs(predicted).max()), -predicted)

    def _predicted(self, features: Reals, targets: Reals, pool: Reals) -> Reals:
        model = _regressor()(
            max_iter=self.settings.trees, min_samples_leaf=LEAST_LEAF, early_stopping=False, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(model.fit(features, targets).predict(pool), np.float64)


def _regressor() -> Any:  # noqa: ANN401  (an optional dependency, untyped)
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError as error:
        raise MissingExtraError("a cost model of boosted trees", "bo") from error
    return HistGradientBoostingRegressor
