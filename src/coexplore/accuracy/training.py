"""How well does a network do when it is really trained? A plain PyTorch loop.

AdamW with one learning-rate cycle: a linear rise, then half a cosine down to zero at the last epoch of the recipe. A
rung that stops training early does not change the cycle, so a stopped run is the beginning of the full one.

The result holds the weights and the accuracy *after the last epoch run*, not those of the best epoch: the cycle ends at
a rate of zero, and the best of many noisy measurements on few images would promise more than the weights keep.

The same workload, data and recipe give the same curve and weights to the last bit, whatever ran before in the process;
torch's global generator is left alone.

References:
    Loshchilov2019: Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019, arXiv 1711.05101 (AdamW).
    Smith2018: Smith and Topin, Super-Convergence, arXiv 1708.07120 (one cycle).
    Szegedy2016: Szegedy et al., Rethinking the Inception Architecture, CVPR 2016, arXiv 1512.00567 (label smoothing).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from coexplore.accuracy._settings import MAX_SEED, check_real, check_whole
from coexplore.accuracy._torch import reproducible
from coexplore.accuracy.dataset import Dataset, Images, Labels
from coexplore.accuracy.halving import MAX_EPOCHS, Rung, stop_reason
from coexplore.accuracy.measures import measure_of
from coexplore.accuracy.pictures import resize
from coexplore.core.errors import EvaluationError
from coexplore.networks.torch_build import build_module, load_weights, weights_of
from coexplore.workloads.graph import Workload
from coexplore.workloads.weights import Weights

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 128
"""Images at once when nothing is learned; several times more fall out of the caches of a core."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained. The defaults are measured on the digits: 12 epochs take seconds on one core."""

    epochs: int = 12
    batch_size: int = 32
    """Images a step; the last incomplete batch of an epoch is left out."""
    learning_rate: float = 0.02
    """At the top of the cycle."""
    warmup_fraction: float = 0.25
    """Share of all steps in which the learning rate rises; 0 starts at the top."""
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    seed: int = 0
    """Draws the initial weights and the order of the images."""
    threads: int = 1
    """Cores of one training; another number may change the last bits of a result."""

    def __post_init__(self) -> None:
        check_whole("recipe.epochs", self.epochs, 1, MAX_EPOCHS)
        check_whole("recipe.batch_size", self.batch_size, 2, 2**20)
        check_real("recipe.learning_rate", self.learning_rate, 0.0)
        check_real("recipe.warmup_fraction", self.warmup_fraction, 0.0, 1.0)
        check_real("recipe.weight_decay", self.weight_decay, 0.0)
        check_real("recipe.label_smoothing", self.label_smoothing, 0.0, 1.0)
        check_whole("recipe.seed", self.seed, 0, MAX_SEED)
        check_whole("recipe.threads", self.threads, 1, 1024)

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step, counted from 0, of a training of `steps` steps (Smith2018, with a cosine)."""
        done, rise = (step + 1) / steps, self.warmup_fraction
        if done < rise:
            return self.learning_rate * done / rise
        fall = (done - rise) / (1 - rise) if rise < 1 else 0.0
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * fall))


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """What one training gave."""

    curve: tuple[float, ...]
    """Validation accuracy after each epoch run, fractions."""
    weights: dict[str, npt.NDArray[np.float32]]
    """After the last epoch run; empty when training diverged."""
    seconds: float
    """Wall time."""
    diverged: bool = False
    """An output on the validation part became NaN or infinite."""
    reason: str = ""
    """Why it ended before its last epoch; empty when it did not."""


def train(
    workload: Workload,
    dataset: Dataset,
    recipe: Recipe,
    rungs: Sequence[Rung] = (),
    on_epoch: Callable[[int, float], None] | None = None,
) -> TrainingResult:
    """Train from scratch, measuring the validation part after each epoch; the test part is not touched.

    Args:
        workload: the network; images are resized to what it reads.
        dataset: what it learns and is measured on.
        recipe: how.
        rungs: training stops early where it does not pass one; one at the last epoch has no effect.
        on_epoch: told the number of epochs done and the validation accuracy.

    Raises:
        EvaluationError: the network does not fit the data, or has nothing to train.
        MissingExtraError: torch is not installed.
    """
    check_fits(workload, dataset)
    started, curve, reason, diverged = time.perf_counter(), list[float](), "", False
    with reproducible(recipe.threads) as torch:
        module = build_module(workload, recipe.seed).to(memory_format=torch.channels_last)
        learner = _Learner(module, recipe, *tensors(workload, dataset.x_train, dataset.y_train, dataset.name))
        validation = tensors(workload, dataset.x_validation, dataset.y_validation, dataset.name)
        for epoch in range(recipe.epochs):
            learner.run_epoch(epoch)
            accuracy = measure(module, *validation)
            if accuracy is None:
                diverged, reason = True, _divergence(epoch, recipe)
                break
            curve.append(accuracy)
            if on_epoch is not None:
                on_epoch(epoch + 1, accuracy)
            if epoch + 1 < recipe.epochs and (reason := stop_reason(curve, rungs)):
                break
        weights = {} if diverged else weights_of(module)
    return TrainingResult(tuple(curve), weights, time.perf_counter() - started, diverged, reason)


def test_accuracy(workload: Workload, weights: Weights, dataset: Dataset) -> float:
    """Share of the test part that a trained network gets right. For the final report, never for a search.

    Raises:
        EvaluationError: the network does not fit the data, or its outputs are not finite.
        MissingExtraError: torch is not installed.
        WorkloadError: the weights are not those of this network.
    """
    check_fits(workload, dataset)
    with reproducible(threads=1) as torch:
        module = build_module(workload)
        load_weights(module, weights)
        module = module.to(memory_format=torch.channels_last)
        accuracy = measure(module, *tensors(workload, dataset.x_test, dataset.y_test, dataset.name))
    if accuracy is None:
        raise EvaluationError(f"network {workload.name!r}: an output is NaN or infinite with these weights")
    return accuracy


class _Learner:
    """A module in training: its optimizer, and the generator that orders the images."""

    def __init__(self, module: nn.Module, recipe: Recipe, x: torch.Tensor, y: torch.Tensor) -> None:
        import torch

        self.module, self.recipe, self.x, self.y = module, recipe, x, y
        self.batch = min(recipe.batch_size, len(y))
        self.optimizer = torch.optim.AdamW(
            module.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self.generator = torch.Generator().manual_seed(recipe.seed)

    def run_epoch(self, epoch: int) -> None:
        """Learn from every image once, but for those that do not fill a batch."""
        import torch

        self.module.train()
        batches = torch.randperm(len(self.y), generator=self.generator).split(self.batch)[: len(self.y) // self.batch]
        for index, batch in enumerate(batches):
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.rate(epoch * len(batches) + index, self.recipe.epochs * len(batches))
            loss = torch.nn.functional.cross_entropy(
                self.module(self.x[batch]), self.y[batch], label_smoothing=self.recipe.label_smoothing
            )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


def measure(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float | None:
    """How right a module is, from now on in evaluation, by `measure_of` its labels; None when an output is not finite.

    Args:
        module: what answers.
        x: (n, C, H, W) images.
        y: (n,) or (n, H, W) labels.
    """
    import torch

    module.eval()
    pairs = torch.zeros(0, dtype=torch.int64)
    with torch.no_grad():
        for images, labels in zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH), strict=True):
            outputs = module(images)
            if not torch.isfinite(outputs).all():
                return None
            classes = outputs.shape[1]
            seen = torch.bincount((labels * classes + outputs.argmax(1)).flatten(), minlength=classes**2)
            pairs = pairs + seen.cpu() if len(pairs) else seen.cpu()
    return measure_of(y.ndim)(pairs.reshape(classes, classes).numpy())


def tensors(workload: Workload, x: Images, y: Labels, where: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images at the size the network reads, in the memory layout that convolutions on a CPU are fastest with."""
    import torch

    height, width = workload.inputs[0][1][2:]
    images = torch.tensor(resize(where, x, (height, width)))
    return images.contiguous(memory_format=torch.channels_last), torch.tensor(y)


def check_fits(workload: Workload, dataset: Dataset) -> None:
    """Check that a network reads the images of a data set and tells its classes apart.

    Raises:
        EvaluationError: it does not, or has nothing to train.
    """

    def need(condition: bool, what: str) -> None:
        if not condition:
            raise EvaluationError(f"network {workload.name!r} does not fit data set {dataset.name!r}: {what}")

    shapes = [shape for _, shape in workload.inputs]
    need(len(shapes) == 1 and len(shapes[0]) == 4, f"it reads {shapes}; expected one input (N, C, H, W)")
    found, expected = shapes[0][1], dataset.input_shape[0]
    need(found == expected, f"it reads {found} channels, the images have {expected}; set input_shape of the network")
    outputs = [workload.shapes[name] for name in workload.outputs]
    expected_output = (dataset.classes, *dataset.label_shape)
    need(
        len(outputs) == 1 and outputs[0][1:] == expected_output,
        f"it returns {outputs}; expected one output (N, {', '.join(map(str, expected_output))}); set classes of the "
        "network, or take a family with one output per label",
    )
    need(workload.parameters > 0, "it has no weights to train")


def _divergence(epoch: int, recipe: Recipe) -> str:
    return (
        f"training diverged in epoch {epoch + 1} of {recipe.epochs}: an output is NaN or infinite; "
        f"lower recipe.learning_rate ({recipe.learning_rate:g})"
    )
