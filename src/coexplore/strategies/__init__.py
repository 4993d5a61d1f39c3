"""How to look: searches that know only points and numbers. Importing this package enters them all in `STRATEGIES`.

Optuna is imported when a search that needs it starts.
"""

from coexplore.strategies import (
    evolution,
    exact,
    exact_hardware,
    exhaustive,
    nsga2,
    one_shot,
    ppo,
    random_search,
    reinforce,
    two_level,
)

__all__ = [
    "evolution",
    "exact",
    "exact_hardware",
    "exhaustive",
    "nsga2",
    "one_shot",
    "ppo",
    "random_search",
    "reinforce",
    "two_level",
]
