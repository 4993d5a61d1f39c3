"""How well does a genetic algorithm spread over the Pareto front? NSGA-II, through Optuna.

References:
    Deb2002: K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, A fast and elitist multiobjective genetic algorithm: NSGA-II,
        IEEE Transactions on Evolutionary Computation 6(2), 2002. As implemented by `optuna.samplers.NSGAIISampler`.

Departures: a child that was suggested or observed before is bred again; see `coexplore.strategies.optuna_search`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from coexplore.spaces.space import Space
from coexplore.strategies.optuna_search import OptunaSearch
from coexplore.strategies.settings import check_real, check_whole
from coexplore.strategies.strategy import STRATEGIES, Strategy

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@STRATEGIES.register("nsga2")
@dataclass(frozen=True, slots=True)
class Nsga2:
    """NSGA-II with uniform crossover; constraints by Deb's rule on the violation."""

    population: int = 32
    """Members of a generation; the first is drawn uniformly."""
    crossover: float = 0.9
    """Probability that a child has two parents instead of one."""
    swapping: float = 0.5
    """Probability, with two parents, that a decision comes from the second."""

    def __post_init__(self) -> None:
        check_whole("population", self.population, at_least=2)
        check_real("crossover", self.crossover, 0.0, 1.0)
        check_real("swapping", self.swapping, 0.0, 1.0)

    def start(self, space: Space, rng: np.random.Generator, objectives: int) -> Strategy:
        """A fresh population; draws one seed from `rng` and leaves it alone afterwards."""
        return OptunaSearch("nsga2", self._sampler, space, int(rng.integers(2**31)), objectives)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import NSGAIISampler

        return NSGAIISampler(
            population_size=self.population, crossover_prob=self.crossover, swapping_prob=self.swapping, seed=seed
        )
