"""Which spaces have been trained whole by others? Networks with a table of accuracies, for comparing searches."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from coexplore.networks.nas_bench_macro import BLOCKS, NasBenchMacro
from coexplore.networks.nb201 import EDGES, Nb201
from coexplore.spaces.space import Point
from coexplore.workloads.graph import Workload


@dataclass(frozen=True, slots=True)
class TabularSpace:
    """Networks, where their accuracies stand, and what is asked of the hardware."""

    family: NasBenchMacro | Nb201
    table: str
    key: str
    """Column with the names of the networks."""
    seen: str
    """Column with the accuracy, percent, that a search may see."""
    unseen: tuple[str, ...]
    """Columns whose mean says how good a network is beyond what the search saw, percent."""
    unseen_is: str
    built_for: Mapping[str, object]
    """The network whose fastest pipeline the fixed boards are."""
    largest_kernel: int
    """Of the space; the buffers of fixed boards hold it."""
    required_per_s: float
    """About four fifths of what the whole pool gives the network that the fixed boards are built for."""
    frozen: Mapping[str, object]
    """Decisions of the quick form that are not searched."""

    @property
    def reference(self) -> Workload:
        """The network that the fixed boards are built for."""
        return self.family.lower(self.family.space.point(dict(self.built_for)))

    def workload(self, point: Point) -> Workload:
        """The graph of ops of a point of the family."""
        return self.family.lower(point)


@dataclass(frozen=True, slots=True)
class Accuracies:
    """What the table says beyond the accuracy a search sees."""

    unseen: Mapping[str, float]
    """Fraction, by the name of the network."""
    rank_correlation: float
    """Of seen and unseen accuracies over all networks (Spearman)."""
    spread: float | None
    """Median distance of the trainings of one network, percent points; None where the table has one of a kind."""


def read_accuracies(space: TabularSpace, data: Path) -> Accuracies:
    """Read the table."""
    table = pq.read_table(data / space.table).to_pydict()
    unseen = [statistics.fmean(row) for row in zip(*(table[column] for column in space.unseen), strict=True)]
    names = [str(name) for name in table[space.key]]
    spread = None
    if len(space.unseen) > 1:
        alike = zip(table[space.seen], *(table[column] for column in space.unseen), strict=True)
        spread = statistics.median(max(row) - min(row) for row in alike)
    return Accuracies(
        {name: accuracy / 100 for name, accuracy in zip(names, unseen, strict=True)},
        float(np.corrcoef(_ranks(table[space.seen]), _ranks(unseen))[0, 1]),
        spread,
    )


def _ranks(values: Sequence[float]) -> np.ndarray:
    """Mean rank of each value."""
    _, which, counts = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]


RESIDUAL_CELL = dict(
    zip(
        (f"edge{to}_{origin}" for to, origin in EDGES),
        ("nor_conv_3x3", "none", "nor_conv_3x3", "skip_connect", "none", "skip_connect"),
        strict=True,
    )
)
"""Two 3x3 convolutions one after the other, their result, and the cell's input passed on beside them."""

SPACES = {
    "nas-bench-macro": TabularSpace(
        family=NasBenchMacro(),
        table="nas_bench_macro.parquet",
        key="arch",
        seen="acc_seed0",
        unseen=("acc_seed1", "acc_seed2"),
        unseen_is="mean of the two other trainings",
        built_for={f"block{index}": 1 for index in range(BLOCKS)},
        largest_kernel=5,
        required_per_s=450.0,
        frozen={f"block{index}": 1 for index in range(5)},
    ),
    "nb201": TabularSpace(
        family=Nb201(),
        table="nb201_cells.parquet",
        key="arch_str",
        seen="cifar10_val_acc_12ep",
        unseen=("cifar10_test_acc_200ep",),
        unseen_is="on the test part after 200 epochs",
        built_for=RESIDUAL_CELL,
        largest_kernel=3,
        required_per_s=500.0,
        frozen={name: operation for name, operation in RESIDUAL_CELL.items() if name != "edge2_1"},
    ),
}
