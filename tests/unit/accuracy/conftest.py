"""Small data and small networks for the tests of accuracy; one thread for torch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from coexplore.accuracy.dataset import Dataset
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import BatchNorm, Conv2d, Elementwise, Function, GlobalAveragePool, Linear, Reshape


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def bright_corners(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise of 6x6 pixels with one bright corner; the label says which of three corners."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(count, 1, 6, 6)).astype(np.float32), np.arange(count, dtype=np.int64) % 3
    for image, label in zip(x, y, strict=True):
        image[0, slice(0, 3) if label < 2 else slice(3, 6), slice(0, 3) if label % 2 == 0 else slice(3, 6)] += 1.0
    return x, y


@pytest.fixture(scope="session")
def corners() -> Dataset:
    """Three classes, 6x6 pixels, learned partly within a few epochs."""
    parts = [bright_corners(count, seed) for seed, count in enumerate((90, 60, 60))]
    return Dataset("corners", *(array for part in parts for array in part), classes=3)


@pytest.fixture(scope="session")
def small_network() -> Workload:
    """Convolution, normalisation, and a linear layer on all positions."""
    return Workload(
        name="small",
        inputs=(("image", (1, 1, 6, 6)),),
        ops=(
            Conv2d("conv", ("image",), out_channels=4, kernel=(3, 3), padding=(1, 1)),
            BatchNorm("norm", ("conv",)),
            Elementwise("act", ("norm",), Function.RELU),
            Reshape("flat", ("act",), (1, -1)),
            Linear("fc", ("flat",), 3),
        ),
        outputs=("fc",),
    )


@pytest.fixture(scope="session")
def pooled_network() -> Workload:
    """The same for any image size: the mean over the image before the linear layer; it reads 12x12 pixels."""
    return Workload(
        name="pooled",
        inputs=(("image", (1, 1, 12, 12)),),
        ops=(
            Conv2d("conv", ("image",), out_channels=4, kernel=(3, 3), padding=(1, 1)),
            GlobalAveragePool("pool", ("conv",)),
            Reshape("flat", ("pool",), (1, 4)),
            Linear("fc", ("flat",), 3),
        ),
        outputs=("fc",),
    )
