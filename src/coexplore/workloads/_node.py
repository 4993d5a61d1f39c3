"""What do all ops have in common? A name, what they read, bits, and the arrays they own."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from coexplore.core.errors import WorkloadError
from coexplore.workloads.loops import DEFAULT_BITS, Bits, Loops, Shape


@dataclass(frozen=True, slots=True)
class Op:
    """A node: its name, the names of what it reads (ops or workload inputs), and bits. Its output has its name."""

    name: str
    inputs: tuple[str, ...]
    bits: Bits = field(default=DEFAULT_BITS, kw_only=True)
    tied: tuple[tuple[str, str], ...] = field(default=(), kw_only=True)
    """(array of this op, full name of the array of an earlier op that it is), such as a head that is the embedding."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Shape of the output for the shapes of the inputs, in order.

        Raises:
            WorkloadError: the shapes do not fit this op.
        """
        raise NotImplementedError

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """Shapes of the stored arrays by short name, tied ones included; most ops have none."""
        return {}

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """Trainable parameters that no earlier op owns, as torch counts them."""
        shared = {array for array, _ in self.tied}
        return sum(math.prod(shape) for array, shape in self.arrays(shapes).items() if array not in shared)

    def loops(self, shapes: tuple[Shape, ...]) -> Loops | None:
        """The multiply-accumulate loops, or None for an op of the vector unit."""
        return None

    def _error(self, what: str) -> WorkloadError:
        return WorkloadError(f"op {self.name!r} ({type(self).__name__}): {what}")

    def _only_image(self, shapes: tuple[Shape, ...]) -> tuple[int, int, int, int]:
        if len(shapes) != 1 or len(shapes[0]) != 4:
            raise self._error(f"needs one (N, C, H, W) input, got {shapes}")
        n, c, h, w = shapes[0]
        return n, c, h, w

    def _only(self, shapes: tuple[Shape, ...], least_rank: int) -> Shape:
        if len(shapes) != 1 or len(shapes[0]) < least_rank:
            raise self._error(f"needs one input of rank {least_rank} or more, got {shapes}")
        return shapes[0]

    def _axis(self, axis: int, shape: Shape) -> int:
        if not -len(shape) <= axis < len(shape):
            raise self._error(f"axis {axis} is outside an input of {shape}")
        return axis % len(shape)


def window_positions(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """Positions of a window along one axis that is padded before and after; 0 where it is not legal."""
    if min(kernel, stride, dilation) < 1 or min(padding) < 0:
        return 0
    return (size + sum(padding) - dilation * (kernel - 1) - 1) // stride + 1


def end_of_window(size: int, kernel: int, stride: int, padding: tuple[int, int], up: bool) -> int:
    """The padding after the end that gives the positions along one axis, more than given where they round up."""
    room = size + sum(padding) - kernel
    positions = (-(-room // stride) if up else room // stride) + 1
    if up and (positions - 1) * stride >= size + padding[0]:
        positions -= 1
    return max((positions - 1) * stride + kernel - size - padding[0], padding[1]) if up else padding[1]


def broadcast(shapes: tuple[Shape, ...]) -> Shape | None:
    """The common shape by NumPy's rule, None where there is none."""
    rank = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    if any(len({size for size in sizes if size != 1}) > 1 or min(sizes) < 1 for sizes in zip(*padded, strict=True)):
        return None
    return tuple(max(sizes) for sizes in zip(*padded, strict=True))
