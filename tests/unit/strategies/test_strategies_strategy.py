from __future__ import annotations

import math
import subprocess
import sys

import pytest

from coexplore.core.errors import EvaluationError
from coexplore.spaces.space import Point
from coexplore.strategies.strategy import STRATEGIES, Observation, Stage


def observation(stage: Stage = Stage.TRAIN, *, loss: float = 1.0, violation: float = 0.0, feasible: bool = True):
    return Observation(Point(), stage, (loss, 2.0), violation, feasible, 0.0)


def test_registry_names_the_strategies_once_the_package_is_imported():
    import coexplore.strategies  # noqa: F401

    searches = ["boosted", "evolution", "exact", "exact-hardware", "exhaustive", "feature-bo", "genetic", "nsga2"]
    searches += ["one-shot", "ppo", "random", "reinforce", "relax-and-round", "tpe", "two-level"]
    assert list(STRATEGIES) == searches


def test_importing_all_strategies_imports_neither_torch_nor_optuna():
    code = "import sys, coexplore.strategies; print(sorted({'torch', 'optuna'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_feasible_price_with_an_unknown_loss_is_not_final():
    assert not observation(Stage.PRICE, loss=math.inf).final


def test_feasible_price_that_knows_all_losses_is_final():
    assert observation(Stage.PRICE).final


def test_infeasible_price_is_final():
    assert observation(Stage.PRICE, loss=math.inf, violation=0.2, feasible=False).final


def test_training_is_final_even_when_a_loss_stays_unknown():
    assert observation(loss=math.inf).final


@pytest.mark.parametrize(
    ("violation", "feasible", "shortfall"),
    [(0.0, True, 0.0), (0.3, False, 0.3), (0.0, False, math.inf), (math.inf, False, math.inf)],
)
def test_shortfall_is_positive_exactly_when_infeasible(violation, feasible, shortfall):
    assert observation(violation=violation, feasible=feasible).shortfall == shortfall


@pytest.mark.parametrize("position", range(3))
def test_nan_is_refused_wherever_it_stands(position):
    numbers = [1.0, 0.0, 0.5]
    numbers[position] = math.nan
    with pytest.raises(EvaluationError, match="NaN"):
        Observation(Point(), Stage.TRAIN, (numbers[0],), numbers[1], True, numbers[2])
