"""How are shared weights trained, step by step, and how good is a network that takes its part of them?

A step learns one batch of images with one or a few networks at once; who chooses them is the caller's business: a rule
of `supernet_sampling` before a search (`learn_all`), or a search that learns at the same time (`look`). The learning
rate follows the cycle of the recipe over all steps. Every random choice is a function of the seed and the number of the
step, so that the arrays, the memory of the optimizer and that number are all there is to save.

References:
    Bender2020: G. Bender et al., Can Weight Sharing Outperform Random Architecture Search? An Investigation With TuNAS,
        CVPR 2020, arXiv 2008.06120: one network learns a batch, then its accuracy on a batch held out is its reward.

Departures:
    AdamW and one cycle instead of Bender2020's RMSProp; label smoothing 0.1 as there.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from coexplore.accuracy._settings import check_whole
from coexplore.accuracy._torch import import_torch, reproducible
from coexplore.accuracy.dataset import Dataset
from coexplore.accuracy.supernet import Supernet, largest_points
from coexplore.accuracy.supernet_sampling import SAMPLINGS
from coexplore.accuracy.training import Recipe, check_fits, measure, tensors
from coexplore.core.errors import StoreError, StudyError
from coexplore.core.files import read_limited, write_atomic
from coexplore.networks.network import NetworkFamily
from coexplore.networks.torch_build import weights_of
from coexplore.spaces.space import Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.weights import Weights

if TYPE_CHECKING:
    import torch

FORMAT = 2
"""Of a file of shared weights; another one is refused."""
LIMIT_BYTES = 1 << 32
SAVED_EVERY_S = 30.0
ORDER, PATHS, HELD_OUT, STATISTICS = range(4)
"""Streams of random numbers."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """What is special about training shared weights; the rest is in the recipe."""

    sampling: str = "uniform"
    """Name of the rule that chooses the networks of a step: `uniform` or `sandwich`."""
    paths: int = 1
    """Networks drawn at random in each step."""
    recalibration_images: int = 2048
    """Training images over which the statistics of batch normalisation of one network are measured."""
    held_out_batches: int = 4
    """Batches of the validation part that a network is looked at with, where a search learns with the weights; 4 is
    that of the published code of Bender2020."""

    def __post_init__(self) -> None:
        SAMPLINGS.get(self.sampling)
        check_whole("sharing.paths", self.paths, 1, 64)
        check_whole("sharing.recalibration_images", self.recalibration_images, 2, 2**20)
        check_whole("sharing.held_out_batches", self.held_out_batches, 1, 4096)


class SharedTraining:
    """The shared weights of a space in training, at some step.

    Args:
        family: of the networks.
        space: the points that share.
        dataset: what they learn and are measured on.
        recipe: how; `epochs` only where `steps` is None.
        sharing: how they share.
        steps: length of the whole training; None for the epochs of the recipe.

    Raises:
        EvaluationError: the networks cannot share.
        MissingExtraError: torch is not installed.
    """

    def __init__(
        self,
        family: NetworkFamily,
        space: Space,
        dataset: Dataset,
        recipe: Recipe,
        sharing: Sharing,
        steps: int | None = None,
    ) -> None:
        torch = import_torch("training a network")
        self._family, self._space, self._recipe, self._sharing = family, space, recipe, sharing
        workload = family.lower(largest_points(space)[0])
        check_fits(workload, dataset)
        self._train = tensors(workload, dataset.x_train, dataset.y_train, dataset.name)
        self._validation = tensors(workload, dataset.x_validation, dataset.y_validation, dataset.name)
        self._batch = min(recipe.batch_size, len(dataset.y_train))
        self._epoch_steps = len(dataset.y_train) // self._batch
        self.steps = recipe.epochs * self._epoch_steps if steps is None else steps
        """Of the whole training."""
        self.step = 0
        """Steps done."""
        self.seconds = 0.0
        """Wall time of these steps, in all runs together."""
        self.supernet = Supernet(family, space, recipe.seed)
        self._optimizer = torch.optim.AdamW(
            self.supernet.arrays.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )

    def learn(self, workloads: Sequence[Workload]) -> None:
        """One step: the next batch, and the mean loss of some networks on it.

        Raises:
            EvaluationError: a network is not of the space.
            StudyError: training diverged.
        """
        began = time.perf_counter()
        with self._computing() as torch:
            images, labels = self._next_batch()
            for group in self._optimizer.param_groups:
                group["lr"] = self._recipe.rate(self.step, self.steps)
            self._optimizer.zero_grad()
            total = 0.0
            for workload in workloads:
                loss = torch.nn.functional.cross_entropy(
                    self.supernet.outputs(workload, images), labels, label_smoothing=self._recipe.label_smoothing
                )
                (loss / len(workloads)).backward()
                total += float(loss.detach())
            if not np.isfinite(total):
                raise StudyError(
                    f"training of the shared weights diverged in step {self.step + 1} of {self.steps}; lower "
                    f"training.learning_rate ({self._recipe.learning_rate:g})"
                )
            self._optimizer.step()
        self.step += 1
        self.seconds += time.perf_counter() - began

    def learn_all(self, folder: Path, on_step: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Train to the end with the networks that the sampling chooses, from the newest file of a folder.

        Saved there now and then, and at the end; killed at any instant and begun again, the weights come out the same.

        Args:
            folder: of this training alone.
            on_step: told the steps done and those there are.

        Raises:
            StoreError: the folder is not writable, or its newest file is damaged or of another training.
            StudyError: training diverged.
        """
        self.resume(folder)
        choose, saved_at = SAMPLINGS.get(self._sharing.sampling), time.monotonic()
        on_step(self.step, self.steps)
        while self.step < self.steps:
            points = choose(self._space, self._rng(PATHS, self.step), self._sharing.paths)
            self.learn([self._family.lower(point) for point in points])
            on_step(self.step, self.steps)
            if self.step == self.steps or time.monotonic() - saved_at > SAVED_EVERY_S:
                self.save(folder)
                saved_at = time.monotonic()

    def look(self, workload: Workload) -> float:
        """One step with one network, then its accuracy (fraction) on images held out, drawn anew for each step.

        Batch normalisation goes by the statistics of these images.

        Raises:
            EvaluationError: the network is not of the space.
            StudyError: training diverged.
        """
        self.learn([workload])
        x, y = self._validation
        count = min(self._sharing.held_out_batches * self._batch, len(y))
        chosen = self._rng(HELD_OUT, self.step).choice(len(y), count, replace=False)
        with self._computing() as torch, torch.no_grad():
            right = self.supernet.outputs(workload, x[chosen]).argmax(1) == y[chosen]
            return float(right.double().mean())

    def skip(self) -> None:
        """Count a step in which nothing is learned."""
        self.step += 1

    def evaluate(self, workload: Workload) -> tuple[float | None, Weights]:
        """Accuracy (fraction) of a network on the whole validation part, and its weights.

        Statistics of batch normalisation are measured first, over training images that are the same for every network.

        Returns:
            None and no weights when an output is NaN or infinite.
        """
        x, _ = self._train
        batch = min(self._batch, self._sharing.recalibration_images)
        count = min(self._sharing.recalibration_images, len(x)) // batch * batch
        chosen = self._rng(STATISTICS, 0).choice(len(x), count, replace=False)
        with self._computing():
            module = self.supernet.adopt(workload, x[chosen], batch)
            value = measure(module, *self._validation)
        return value, {} if value is None else weights_of(module)

    def save(self, folder: Path) -> None:
        """Write everything that the next step depends on; the file before this one is kept, older ones go.

        Raises:
            StoreError: not writable, or the disk is full.
        """
        torch = import_torch("training a network")
        content = io.BytesIO()
        state = {
            "format": FORMAT,
            "step": self.step,
            "steps": self.steps,
            "seconds": self.seconds,
            "arrays": {name: array.detach() for name, array in self.supernet.arrays.items()},
            "optimizer": self._optimizer.state_dict()["state"],
        }
        torch.save(state, content)
        write_atomic(_file(folder, self.step), content.getvalue())
        for step in saved_steps(folder)[:-2]:
            _file(folder, step).unlink(missing_ok=True)

    def resume(self, folder: Path, step: int | None = None) -> None:
        """Go on from a file of `save`: that of a step, by default the newest; from the beginning where there is none.

        Later files go: what they hold is trained again.

        Raises:
            StoreError: the file is absent, damaged or of another training.
        """
        newest = max(saved_steps(folder), default=0)
        step = newest if step is None else step
        for later in range(step + 1, newest + 1):
            _file(folder, later).unlink(missing_ok=True)
        if step == 0:
            return
        path = _file(folder, step)
        state = _read(path)
        try:
            self._take(state)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise StoreError(f"{path} is damaged or of another training ({error}); delete {folder}") from error

    def _take(self, state: dict[str, object]) -> None:
        torch = import_torch("training a network")
        arrays, memory = state["arrays"], state["optimizer"]
        if state["format"] != FORMAT or state["steps"] != self.steps:
            raise ValueError(f"format {state['format']}, {state['steps']} steps in place of {self.steps}")
        if not isinstance(arrays, dict) or arrays.keys() != self.supernet.arrays.keys():
            raise ValueError("it holds other arrays")
        with torch.no_grad():
            for name, array in self.supernet.arrays.items():
                if arrays[name].shape != array.shape:
                    raise ValueError(f"{name!r} is {tuple(arrays[name].shape)} there and {tuple(array.shape)} here")
                array.copy_(arrays[name])
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": memory})
        step, seconds = state["step"], state["seconds"]
        if not isinstance(step, int) or not isinstance(seconds, float):
            raise TypeError(f"step {step!r}, seconds {seconds!r}")
        self.step, self.seconds = step, seconds

    @contextmanager
    def _computing(self) -> Iterator[ModuleType]:
        with reproducible(self._recipe.threads) as torch:
            yield torch

    def _rng(self, stream: int, index: int) -> np.random.Generator:
        return np.random.default_rng([self._recipe.seed, stream, index])

    def _next_batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        epoch, place = divmod(self.step, self._epoch_steps)
        order = self._rng(ORDER, epoch).permutation(len(self._train[1]))
        chosen = order[place * self._batch : (place + 1) * self._batch]
        return self._train[0][chosen], self._train[1][chosen]


def saved_steps(folder: Path) -> list[int]:
    """Steps after which there are files of `SharedTraining.save`, in order."""
    return sorted(int(path.stem.removeprefix("step-")) for path in folder.glob("step-*.pt"))


def _file(folder: Path, step: int) -> Path:
    return folder / f"step-{step}.pt"


def _read(path: Path) -> dict[str, object]:
    """Tensors, numbers and names only: a file that would execute anything is refused."""
    torch = import_torch("training a network")
    content = read_limited(path, LIMIT_BYTES, "file of shared weights")
    try:
        state = torch.load(io.BytesIO(content), weights_only=True)
    except Exception as error:  # torch raises whatever the damage leads to
        raise StoreError(f"{path} is damaged ({type(error).__name__}); delete it, and its steps run again") from error
    if not isinstance(state, dict):
        raise StoreError(f"{path} holds a {type(state).__name__}, not shared weights; delete it")
    return state
