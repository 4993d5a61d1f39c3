"""How is a learned cost model trained? In torch, on priced designs: squared errors of logarithms, and cross-entropy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexplore.core.errors import ConfigError, DataError, MissingExtraError
from coexplore.cost.learned import OUTPUTS, LearnedCost, column_names
from coexplore.cost.learned_labels import Choices, Labels
from coexplore.spaces.space import Space

LEAST_DESIGNS = 20
LEARNING_RATE = 2e-3
"""Of Adam at its highest; it rises over a twentieth of the steps and falls as a cosine to 0."""


@dataclass(frozen=True, slots=True)
class LearnedSettings:
    """How to train."""

    width: int = 128
    """Of each hidden layer."""
    steps: int = 4000
    """Of the optimiser, whatever the number of designs."""
    batch: int = 1024
    """Designs of a step, drawn with replacement."""
    seed: int = 0
    """Of the first weights and of the batches."""
    threads: int = 1
    """Of torch; part of what makes two trainings equal to the last bit."""

    def __post_init__(self) -> None:
        for name, most in (("width", 8192), ("steps", 10**7), ("batch", 10**6), ("threads", 1024)):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= most:
                raise ConfigError(f"{name} is {value!r}; give a whole number from 1 to {most}")


def train_learned(
    space: Space, labels: Labels, settings: LearnedSettings | None = None, most_area_mm2: float = math.inf
) -> LearnedCost:
    """Train a cost model.

    Args:
        space: of the designs, network first; its one-hot columns are those of the labels.
        labels: what is learned from. Costs are learned from the designs that run, validity from all.
        settings: of the training.
        most_area_mm2: a limit that valid designs meet, beside that they run.

    Raises:
        DataError: too few designs, or none that runs.
        MissingExtraError: torch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("training a cost model", "train") from error
    chosen = LearnedSettings() if settings is None else settings
    runs = np.isfinite(labels.latency_s)
    columns = column_names(space)
    if len(labels) < LEAST_DESIGNS or not runs.any():
        raise DataError(f"{len(labels)} designs, {int(runs.sum())} of which run; a cost model needs {LEAST_DESIGNS}")
    if labels.encoded.shape[1] != len(columns):
        raise DataError(f"the designs have {labels.encoded.shape[1]} columns, their space {len(columns)}; they differ")
    costs = np.stack([labels.latency_s, labels.energy_j, labels.area_mm2], axis=1)
    logs = np.log(np.where(runs[:, None], costs, 1.0))
    centre, spread = logs[runs].mean(axis=0), np.maximum(logs[runs].std(axis=0), 1e-6)
    targets = np.where(runs[:, None], (logs - centre) / spread, 0.0).astype(np.float32)
    valid = runs & (labels.area_mm2 <= most_area_mm2)
    before = torch.get_num_threads()
    torch.set_num_threads(chosen.threads)
    try:
        layers = _fit(torch, labels.encoded, targets, runs, valid, chosen)
    finally:
        torch.set_num_threads(before)
    return LearnedCost(
        columns=columns,
        weights=tuple(weight for weight, _ in layers),
        biases=tuple(bias for _, bias in layers),
        centre=centre,
        spread=spread,
        settings={name: getattr(chosen, name) for name in LearnedSettings.__slots__} | {"designs": len(labels)},
    )


def _fit(
    torch: ModuleType,
    encoded: Choices,
    targets: NDArray[np.float32],
    runs: NDArray[np.bool_],
    valid: NDArray[np.bool_],
    settings: LearnedSettings,
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Weights and biases of the layers."""
    generator = torch.Generator().manual_seed(settings.seed)
    widths = (encoded.shape[1], settings.width, settings.width, len(OUTPUTS))
    layers = [_first(torch, inputs, outputs, generator) for inputs, outputs in pairwise(widths)]
    optimiser = torch.optim.Adam([part for layer in layers for part in layer], lr=LEARNING_RATE)
    rows, wanted = torch.from_numpy(encoded), torch.from_numpy(targets)
    counted, legal = (torch.from_numpy(part.astype(np.float32)) for part in (runs, valid))
    batch = min(settings.batch, len(encoded))
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * _share(step, settings.steps)
        chosen = torch.randint(len(encoded), (batch,), generator=generator)
        outputs = _forward(torch, rows[chosen].float(), layers)
        squared = ((outputs[:, :3] - wanted[chosen]) ** 2).mean(dim=1)
        errors = (squared * counted[chosen]).sum() / counted[chosen].sum().clamp(min=1)
        loss = errors + torch.nn.functional.binary_cross_entropy_with_logits(outputs[:, 3], legal[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return [(weight.detach().numpy(), bias.detach().numpy()) for weight, bias in layers]


def _share(step: int, steps: int) -> float:
    """Of the highest learning rate."""
    rising = max(steps // 20, 1)
    return (step + 1) / rising if step < rising else 0.5 + 0.5 * math.cos(math.pi * (step - rising) / (steps - rising))


def _first(torch: ModuleType, inputs: int, outputs: int, generator: Any) -> tuple[Any, Any]:  # noqa: ANN401 - tensors
    """Weights of variance 2 / inputs, as suits ReLU; no bias."""
    weight = torch.randn(inputs, outputs, generator=generator) * math.sqrt(2 / inputs)
    return weight.requires_grad_(), torch.zeros(outputs, requires_grad=True)


def _forward(torch: ModuleType, rows: Any, layers: list[tuple[Any, Any]]) -> Any:  # noqa: ANN401 - tensors
    for weight, bias in layers[:-1]:
        rows = torch.relu(rows @ weight + bias)
    return rows @ layers[-1][0] + layers[-1][1]
