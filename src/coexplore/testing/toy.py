"""What is the smallest world to search? Networks, accelerators, prices and accuracies that take microseconds.

Everything is real in form (points, workloads, accelerators) and invented in number, so studies run without torch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from coexplore.accelerators.accelerator import (
    OPERANDS,
    Accelerator,
    Dim,
    MacUnit,
    MemoryLevel,
    SpatialAxis,
    VectorUnit,
)
from coexplore.accuracy.evaluator import Accuracy
from coexplore.accuracy.halving import Halving, Rung, stop_reason
from coexplore.core.hashing import content_hash
from coexplore.design import Design, DesignSpace
from coexplore.objectives.metrics import Direction
from coexplore.objectives.objective import Constraint, Objective
from coexplore.objectives.reward import ObjectivesReward
from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Point, Space
from coexplore.strategies.random_search import RandomSearch
from coexplore.strategies.strategy import StrategySettings
from coexplore.studies.problem import Curves, Priced, Problem, Train
from coexplore.studies.schema import StudyConfig, parse_config
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d as Convolution
from coexplore.workloads.op import GlobalAveragePool, Linear, Op, Reshape
from coexplore.workloads.weights import Weights

EPOCHS = 6
DIVERGING_WIDTH = 7
"""Networks of this width diverge."""


@dataclass(frozen=True, slots=True)
class ToyNetworks:
    """Chains of one to three convolutions; the kernel of the last is asked for only where there are two or more."""

    name: ClassVar[str] = "toy-networks"

    input_shape: tuple[int, int, int] = (1, 8, 8)
    classes: int = 10
    widths: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8)

    @property
    def space(self) -> Space:
        """Width, depth, and a conditional kernel."""
        return Space(
            (
                Decision("width", self.widths, ordered=True),
                Decision("depth", (1, 2, 3), ordered=True),
                Decision("kernel", (1, 3, 5), ordered=True, condition=Condition("depth", (2, 3))),
            )
        )

    def lower(self, point: Point) -> Workload:
        """The chain."""
        width, depth, kernel = int(point["width"]), int(point["depth"]), int(point.get("kernel", 3))
        return _chain(self.input_shape, self.classes, width, depth, kernel)


@lru_cache(maxsize=1024)
def _chain(input_shape: tuple[int, int, int], classes: int, width: int, depth: int, kernel: int) -> Workload:
    ops: list[Op] = []
    source = "image"
    for index in range(depth):
        size = kernel if index == depth - 1 else 3
        ops.append(Convolution(f"conv{index}", (source,), 8 * width, (size, size), padding=(size // 2, size // 2)))
        source = ops[-1].name
    ops += [GlobalAveragePool("pool", (source,)), Reshape("flat", ("pool",), (1, 8 * width))]
    ops.append(Linear("fc", ("flat",), classes))
    return Workload("toy", (("image", (1, *input_shape)),), tuple(ops), ("fc",))


@dataclass(frozen=True, slots=True)
class ToyAccelerators:
    """Lanes under a memory."""

    lanes: tuple[int, ...] = (1, 2, 4, 8)
    memory_kib: tuple[int, ...] = (1, 4, 16)

    @property
    def space(self) -> Space:
        """Lanes and memory."""
        return Space(
            (Decision("lanes", self.lanes, ordered=True), Decision("memory_kib", self.memory_kib, ordered=True))
        )

    @property
    def presets(self) -> Mapping[str, Point]:
        """The middle."""
        return {"baseline": self.space.point({"lanes": 4, "memory_kib": 4})}

    def decode(self, point: Point) -> Accelerator:
        """Two levels over a row of multipliers."""
        lanes, memory_kib = int(point["lanes"]), int(point["memory_kib"])
        fanout = (SpatialAxis("lane", lanes, (Dim.K, Dim.C)),)
        return Accelerator(
            name=f"toy {lanes} lanes, {memory_kib} KiB",
            clock_hz=1e9,
            levels=(
                MemoryLevel("dram", OPERANDS, None, 8.0, None, 1e-12, 1e-12),
                MemoryLevel(
                    "memory", OPERANDS, 1024 * memory_kib, 16.0, None, 1e-13, 1e-13, 0.1 * memory_kib, fanout=fanout
                ),
            ),
            mac=MacUnit(8, 1e-13, 1.0),
            vector=VectorUnit(lanes, 1e-13),
        )


@dataclass(frozen=True, slots=True)
class ToyPricer:
    """Latency from multiply-accumulates and lanes, energy from memory; weights must fit the memory."""

    def __call__(self, design: Design) -> Priced:
        """All cost metrics that the tests use."""
        workload, accelerator = design.network.workload(), design.chip
        area_mm2 = accelerator.area_mm2
        capacity = accelerator.levels[1].capacity_bytes or 0
        if workload.parameters > 8 * capacity:
            return Priced({"area_mm2": area_mm2}, f"{workload.parameters} weights do not fit {8 * capacity} bytes")
        latency_s = workload.macs / (accelerator.macs_per_cycle * accelerator.clock_hz) + 1e-6
        energy_j = workload.macs * 1e-12 * (1 + area_mm2 / 10)
        return Priced(
            {"latency_s": latency_s, "energy_j": energy_j, "area_mm2": area_mm2, "edp_js": latency_s * energy_j}
        )


@dataclass(frozen=True, slots=True)
class ToyAccuracy:
    """Curves that rise to a height drawn from the content of the network."""

    seconds: float = 0.0
    """Slept in each epoch."""
    fatal_width: int = 0
    """Networks of this width kill their worker, once for each file `died.<n>` that `grave` has not yet."""
    grave: str = field(default="", compare=False)
    deaths: int = field(default=0, compare=False)
    unusable: str = ""
    """Message of the error that preparing raises; empty for none."""
    halving: Halving | None = field(default_factory=lambda: Halving(eta=2, first_epochs=2))

    @property
    def identity(self) -> str:
        """Content hash."""
        return content_hash(self)

    def prepare(self) -> Train:
        """Nothing to load."""
        if self.unusable:
            raise OSError(self.unusable)
        return self._train

    def rungs(self, curves: Curves) -> tuple[Rung, ...]:
        """The bars of successive halving."""
        return self.halving.rungs(curves, EPOCHS) if self.halving else ()

    def _train(self, workload: Workload, rungs: Sequence[Rung]) -> tuple[Accuracy, Weights]:
        width = workload.shapes["conv0"][1] // 8
        self._die_of(width)
        rng = np.random.default_rng(int(content_hash(workload.ops)[:12], 16))
        height, curve, reason = 0.5 + 0.4 * width / 8 + 0.1 * rng.random(), list[float](), ""
        for epoch in range(EPOCHS):
            time.sleep(self.seconds)
            if width == DIVERGING_WIDTH and epoch == 1:
                reason = "training diverged in epoch 2"
                return Accuracy(0.0, epoch, tuple(curve), 0.0, True, reason), {}
            curve.append(float(height * (1 - 0.5 ** (epoch + 1))))
            if epoch + 1 < EPOCHS and (reason := stop_reason(curve, rungs)):
                break
        weights = {"fc.bias": rng.random(4).astype(np.float32)}
        return Accuracy(curve[-1], len(curve), tuple(curve), 0.0, False, reason), weights

    def _die_of(self, width: int) -> None:
        if width != self.fatal_width or not self.grave:
            return
        for death in range(self.deaths):
            mark = Path(self.grave) / f"died.{death}"
            if not mark.exists():
                mark.touch()
                os._exit(13)


def toy_problem(
    strategy: StrategySettings = RandomSearch(),  # noqa: B008 - frozen
    *,
    accuracy: ToyAccuracy | None = ToyAccuracy(),
    constraints: tuple[Constraint, ...] = (Constraint("area_mm2", at_most=8.0),),
    seed: int = 0,
    width: int = 4,
) -> Problem:
    """A study of toys: accuracy (unless `accuracy` is None), latency and energy under a bound on area."""
    objectives = [Objective("latency_s", Direction.MINIMIZE), Objective("energy_j", Direction.MINIMIZE)]
    if accuracy is not None:
        objectives.insert(0, Objective("accuracy", Direction.MAXIMIZE))
    return Problem(
        designs=DesignSpace(ToyNetworks(), ToyAccelerators()),
        objectives=tuple(objectives),
        constraints=constraints,
        reward=ObjectivesReward(tuple(objectives), constraints),
        strategy=strategy,
        pricer=ToyPricer(),
        accuracy=accuracy,
        seed=seed,
        width=width,
    )


def toy_config(trials: int = 20, **fields: object) -> StudyConfig:
    """A config to go with `toy_problem`: its name, and what may be spent."""
    document = {
        "name": "toy",
        "network": {"family": "toy"},
        "accelerator": {"family": "toy"},
        "objectives": [{"minimize": "latency_s"}],
        "budget": {"trials": trials},
    }
    return parse_config({**document, **fields})
