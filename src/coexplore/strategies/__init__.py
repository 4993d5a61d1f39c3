"""How to look: searches that know only points and numbers. Importing this package enters them all in `STRATEGIES`.

Optuna is imported when a search that needs it starts.
"""

from coexplore.strategies import evolution, exact, exhaustive, nsga2, one_shot, random_search, reinforce, two_level

__all__ = ["evolution", "exact", "exhaustive", "nsga2", "one_shot", "random_search", "reinforce", "two_level"]
