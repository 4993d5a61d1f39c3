"""How to look: searches that know only points and numbers. Importing this package enters them all in `STRATEGIES`.

Optuna, BoTorch and scikit-learn are imported when a search that needs them starts.
"""

from coexplore.strategies import (
    boosted,
    evolution,
    exact,
    exact_hardware,
    exhaustive,
    feature_bo,
    genetic,
    nsga2,
    one_shot,
    ppo,
    random_search,
    reinforce,
    relax_round,
    tpe,
    two_level,
)

__all__ = [
    "boosted",
    "evolution",
    "exact",
    "exact_hardware",
    "exhaustive",
    "feature_bo",
    "genetic",
    "nsga2",
    "one_shot",
    "ppo",
    "random_search",
    "reinforce",
    "relax_round",
    "tpe",
    "two_level",
]
