"""How do all networks of a space share one set of weights? An array for each op name, at its largest; parts of it.

Networks share where their ops have the same name and kind of array: a family gives an op the same name in all networks
that have it. A network takes the first channels along the channel axes and the middle of a kernel, so that a 3x3 kernel
is the core of a 5x5 one (Cai2020). What it computes is the module of `networks/torch_build.py` for its own workload on
these parts: the graph that is priced, no second description of the networks.

The statistics of batch normalisation are not shared, since no two networks have the same ones: while learning they are
those of the batch, and `adopt` measures them anew for one network (Yu2019).

References:
    Cai2020: Cai et al., Once-for-All: Train One Network and Specialize it, ICLR 2020, arXiv 1908.09791.
    Guo2020: Guo et al., Single Path One-Shot Neural Architecture Search, ECCV 2020, arXiv 1904.00420.
    Yu2019: Yu and Huang, Universally Slimmable Networks and Improved Training Techniques, ICCV 2019, arXiv 1903.05134.

Departures:
    A small kernel is cut from a large one as it is; Cai2020 learns a small matrix for each step down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from coexplore.accuracy._torch import import_torch
from coexplore.core.errors import EvaluationError
from coexplore.networks.network import NetworkFamily
from coexplore.networks.torch_build import Frames, array_paths, build_module, weights_of
from coexplore.spaces.conditions import deactivate
from coexplore.spaces.space import Point, Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Shape
from coexplore.workloads.weights import weight_shapes

if TYPE_CHECKING:
    import torch
    from torch import nn

    Step = Callable[..., torch.Tensor]

STATISTICS = ("running_mean", "running_var")
"""Arrays of batch normalisation that are measured, not learned."""
KERNEL_AXES = 2
"""Arrays with this many axes beyond the channels are kernels, cut out of the middle."""


def largest_points(space: Space) -> list[Point]:
    """Points whose networks hold every array of the space at its largest.

    The last value of each ordered decision counts as its largest. Values without an order may be different ops, so each
    of them stands in one of the points.
    """
    last = np.array(space.sizes, dtype=np.int64) - 1
    rows = [last]
    for position, decision in enumerate(space.decisions):
        if not decision.ordered:
            for index in range(len(decision.values) - 1):
                row = last.copy()
                row[position] = index
                rows.append(row)
    settled = deactivate(space.links, np.array(rows, dtype=np.int64).reshape(len(rows), len(space.decisions)))
    return list(dict.fromkeys(space.at(row) for row in settled.tolist()))


def smallest_point(space: Space) -> Point:
    """The first value of every decision."""
    return next(space.enumerate())


def points_one_apart(space: Space) -> list[Point]:
    """Points that differ in one decision from the first of the largest, itself among them."""
    largest = space.indices(largest_points(space)[0])
    found = []
    for position, decision in enumerate(space.decisions):
        for index in range(len(decision.values)):
            row = np.array([[*largest[:position], index, *largest[position + 1 :]]], dtype=np.int64)
            found.append(space.at(deactivate(space.links, np.maximum(row, 0))[0].tolist()))
    return list(dict.fromkeys(found))


def shared_shapes(family: NetworkFamily, space: Space) -> dict[str, Shape]:
    """Name and shape of every shared array, each as large as any network needs it; needs no torch.

    Ops that the largest networks do not have, such as those of blocks that do not widen, are as large as networks that
    differ from the largest in one decision need them.

    Raises:
        EvaluationError: two networks hold arrays under one name of which neither contains the other.
    """
    found = _largest_shapes(family, largest_points(space))
    others = _largest_shapes(family, points_one_apart(space))
    return found | {name: shape for name, shape in others.items() if name not in found}


def _largest_shapes(family: NetworkFamily, points: list[Point]) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for point in points:
        for name, shape in weight_shapes(family.lower(point)).items():
            if not _measured(name) and (name not in found or _contains(name, shape, found[name])):
                found[name] = shape
    return found


def check_shared(family: NetworkFamily, space: Space) -> None:
    """Check that the networks of a space can share weights, by those that differ in one decision from the largest.

    Raises:
        EvaluationError: they cannot; the message says why.
    """
    shapes = shared_shapes(family, space)
    for point in points_one_apart(space):
        for name, shape in weight_shapes(family.lower(point)).items():
            if not _measured(name):
                _check_within(name, shape, shapes.get(name))


class Supernet:
    """The shared weights of all networks of a space, initialised from a seed.

    Args:
        family: lowers the points of `space`.
        space: the points that may share, those of the family or some of them.
        seed: draws the weights; torch's global generator is left alone.

    Raises:
        MissingExtraError: torch is not installed.
        EvaluationError: two networks hold arrays under one name of which neither contains the other.
    """

    def __init__(self, family: NetworkFamily, space: Space, seed: int = 0) -> None:
        torch = import_torch("training a network")
        shapes = shared_shapes(family, space)
        found: dict[str, nn.Parameter] = {}
        for point in (*largest_points(space), *points_one_apart(space)):
            workload = family.lower(point)
            if any(name not in found and shape == shapes.get(name) for name, shape in weight_shapes(workload).items()):
                for name, array in weights_of(build_module(workload, seed)).items():
                    if name not in found and array.shape == shapes.get(name):
                        found[name] = torch.nn.Parameter(torch.from_numpy(array))
        self.arrays = {name: found[name] for name in shapes}
        """Learned arrays by the names of `weight_shapes`, each as large as any network needs it."""
        self._frames = Frames()

    def parts(self, workload: Workload) -> dict[str, torch.Tensor]:
        """What a network takes of the shared arrays, by name: views that gradients flow through.

        Raises:
            EvaluationError: the network is not of this space.
        """
        shapes = weight_shapes(workload)
        return {name: self._part(name, shape) for name, shape in shapes.items() if not _measured(name)}

    def _part(self, name: str, shape: Shape) -> torch.Tensor:
        _check_within(name, shape, tuple(self.arrays[name].shape) if name in self.arrays else None)
        whole = self.arrays[name]
        return whole[_window(shape, tuple(whole.shape))]

    def outputs(self, workload: Workload, images: torch.Tensor) -> torch.Tensor:
        """Outputs (n, classes) of a network with its part of the weights, normalised by the statistics of the batch.

        Args:
            workload: of a network of the space.
            images: (n, C, H, W) at the size it reads.
        """
        torch = import_torch("training a network")
        module, paths = self._frames.module(workload).train(), array_paths(workload)
        arrays = {paths[name]: part for name, part in self.parts(workload).items()}
        call: Step = torch.func.functional_call
        return call(module, arrays, (images,))

    def adopt(self, workload: Workload, images: torch.Tensor, batch: int) -> nn.Module:
        """A network with a copy of its part of the weights, and with statistics measured over images.

        Args:
            workload: of a network of the space.
            images: (n, C, H, W) at the size it reads, n a multiple of `batch`, so that all batches weigh alike.
            batch: images at once.
        """
        torch = import_torch("training a network")
        module, paths = build_module(workload).train(), array_paths(workload)
        with torch.no_grad():
            held = dict(module.named_parameters())
            for name, part in self.parts(workload).items():
                held[paths[name]].copy_(part)
            norms = [layer for layer in module.modules() if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)]
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # the plain mean over all batches
            for some in images.split(batch):
                module(some)
        return module.eval()


def _measured(name: str) -> bool:
    return name.rpartition(".")[2] in STATISTICS


def _check_within(name: str, shape: Shape, whole: Shape | None) -> None:
    if whole is None or len(shape) != len(whole) or any(map(int.__gt__, shape, whole)):
        size = "absent" if whole is None else f"only {whole}"
        raise EvaluationError(
            f"the shared weights are {size} where a network needs {name!r} of {shape}; give the space that the network "
            "is of, and let ordered decisions end with their largest value"
        )


def _contains(name: str, shape: Shape, other: Shape) -> bool:
    """Whether the first shape is the larger one, where one must be."""
    pairs = list(zip(shape, other, strict=False))
    if len(shape) == len(other) and (all(a >= b for a, b in pairs) or all(a <= b for a, b in pairs)):
        return all(a >= b for a, b in pairs)
    raise EvaluationError(
        f"array {name!r} is {tuple(shape)} in one network and {tuple(other)} in another; neither contains the other, "
        "so they cannot share it; give their ops different names"
    )


def _window(shape: Shape, whole: Shape) -> tuple[slice, ...]:
    """The first entries along channels, the middle ones along the axes of a kernel."""
    starts = [0] * len(shape)
    if len(shape) == 2 + KERNEL_AXES:
        starts[2:] = [(outer - inner) // 2 for inner, outer in zip(shape[2:], whole[2:], strict=True)]
    return tuple(slice(start, start + size) for start, size in zip(starts, shape, strict=True))
