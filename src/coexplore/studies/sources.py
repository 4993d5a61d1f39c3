"""Where do price and accuracy really come from? The cost engines; training in torch on a data set, or a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coexplore.accelerators.fpga_boards import FpgaBoards
from coexplore.accuracy._torch import import_torch
from coexplore.accuracy.data import DatasetSettings
from coexplore.accuracy.evaluator import Accuracy, TrainingEvaluator, accuracy_of
from coexplore.accuracy.halving import Halving, Rung
from coexplore.accuracy.surrogate_evaluator import PredictionSettings
from coexplore.accuracy.tabular import Table, TableSettings
from coexplore.accuracy.training import Recipe, train
from coexplore.core.errors import AcceleratorError, DataError
from coexplore.cost.boards import BoardsCost, price_on_boards
from coexplore.cost.model import Goal, price
from coexplore.cost.residency import MAIN_MEMORY, Residency
from coexplore.design import NETWORK, Design
from coexplore.studies.problem import Curves, Priced, Train
from coexplore.workloads.graph import Workload
from coexplore.workloads.weights import Weights

NOT_THE_ENGINES = (
    "its prices are not those of the engine for an accelerator described level by level; take another strategy for "
    "pools of FPGAs, for mappings that are searched by trials or with a limit, and for prices that are learned"
)
"""Why a study cannot be priced whole, whose pricer is no `CostPricer`."""


@dataclass(frozen=True, slots=True)
class CostPricer:
    """Prices a design with the best mapping of every op."""

    goal: Goal = Goal.EDP
    """What the mappings minimise."""
    residency: Residency = MAIN_MEMORY
    """What is assumed to stay on chip."""

    def __call__(self, design: Design) -> Priced:
        """Cost metrics, or which op cannot run."""
        cost = price(design.network.workload(), design.chip, self.goal, residency=self.residency)
        if cost.feasible:
            return Priced(cost.metrics())
        return Priced({"area_mm2": cost.area_mm2}, cost.reason)


@dataclass(frozen=True, slots=True)
class BoardsPricer:
    """Prices a design with the best pipeline on its FPGAs; tilings, cuts and boards are solved for each network."""

    def __call__(self, design: Design) -> Priced:
        """Cost metrics, or the stage in the way and the factor it misses; and how busy each decision's stage is."""
        if not isinstance(design.accelerator, FpgaBoards):
            raise AcceleratorError(f"{design.accelerator.name!r} is no pool of FPGAs")
        cost = price_on_boards(design.network.workload(), design.accelerator)
        return Priced(cost.metrics(), cost.reason, cost.violation, _shares(design, cost))


def _shares(design: Design, cost: BoardsCost) -> tuple[tuple[str, float], ...]:
    """For each decision of the network the mean over the layers it shapes; all layers where the family says none."""
    found = []
    for decision in design.network.point:
        layers = cost.stages.table.layers
        shaped = design.network.shapes(decision, layers) or layers
        busy = [share for layer in shaped if (share := cost.utilisation_of(layer)) is not None]
        if busy:
            found.append((f"{NETWORK}.{decision}", math.fsum(busy) / len(busy)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class RealTraining:
    """Trains every network from scratch on a data set."""

    dataset: DatasetSettings
    recipe: Recipe
    halving: Halving | None
    """None trains every network to the end."""
    identity: str
    """Content hash of pixels, labels, recipe and the version of the training loop (`TrainingEvaluator.identity`)."""
    data_root: Path | None = field(default=None, compare=False)
    """Folder that relative paths of the data start from."""

    def prepare(self) -> Train:
        """Load the data and torch here.

        Raises:
            DataError: the data cannot be read, or are not those of `identity` any more.
            MissingExtraError: torch is not installed.
        """
        import_torch("training a network")
        dataset, recipe = self.dataset.load(self.data_root), self.recipe
        if TrainingEvaluator(dataset, recipe).identity != self.identity:
            raise DataError(f"the data set {dataset.name!r} has changed since the study began; begin another study")

        def run(workload: Workload, rungs: Sequence[Rung]) -> tuple[Accuracy, Weights]:
            result = train(workload, dataset, recipe, rungs)
            return accuracy_of(result), result.weights

        return run

    def rungs(self, curves: Curves) -> tuple[Rung, ...]:
        """The bars successive halving sets."""
        return self.halving.rungs(curves, self.recipe.epochs) if self.halving else ()


@dataclass(frozen=True, slots=True)
class TableAccuracy:
    """Looks the accuracy of every network up in a table; nothing is trained, and there are no weights."""

    table: TableSettings
    identity: str
    """Content hash of names and accuracies (`Table.identity`)."""
    data_root: Path | None = field(default=None, compare=False)
    """Folder that a relative path of the table starts from."""

    def read(self) -> Table:
        """The table.

        Raises:
            DataError: it cannot be read, or is not that of `identity` any more.
        """
        table = self.table.load(self.data_root)
        if table.identity != self.identity:
            raise DataError(f"the table {table.name!r} has changed since the study began; begin another study")
        return table

    def prepare(self) -> Train:
        """Read the table here.

        Raises:
            DataError: as `read`.
        """
        table = self.read()
        return lambda workload, rungs: (table.evaluate(workload), {})

    def rungs(self, curves: Curves) -> tuple[Rung, ...]:
        """None: a table has one value."""
        return ()


@dataclass(frozen=True, slots=True)
class SurrogateAccuracy:
    """Predicts the accuracy of every network by a trained surrogate; nothing is trained, and there are no weights."""

    surrogate: PredictionSettings
    identity: str
    """Content hash of the surrogate and of what is taken from its interval (`SurrogateEvaluator.identity`)."""
    data_root: Path | None = field(default=None, compare=False)
    """Folder that a relative path of the surrogate starts from."""

    def prepare(self) -> Train:
        """Read the surrogate here.

        Raises:
            DataError: it cannot be read, or is not that of `identity` any more.
        """
        evaluator = self.surrogate.load(self.data_root)
        if evaluator.identity != self.identity:
            raise DataError(
                f"the surrogate {self.surrogate.path} has changed since the study began; begin another study"
            )
        return lambda workload, rungs: (evaluator.evaluate(workload), {})

    def rungs(self, curves: Curves) -> tuple[Rung, ...]:
        """None: a prediction has one value."""
        return ()
