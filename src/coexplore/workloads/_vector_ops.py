"""Which ops does the vector unit do? Functions of elements, pooling, normalisation, softmax, reduction, resizing."""

from __future__ import annotations

from dataclasses import dataclass

from coexplore.workloads._functions import Function, Interpolation, Pooling, Reduction
from coexplore.workloads._node import Op, broadcast, window_positions
from coexplore.workloads.loops import Pair, Shape


@dataclass(frozen=True, slots=True)
class Pool2d(Op):
    """Window reduction on (N, C, H, W).

    Padding is at most half the window before the image, less than the window after; in an average it counts as zeros.
    """

    pooling: Pooling
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    end_padding: Pair | None = None
    """Padding after the last row and column where it differs from that before the first."""

    @property
    def pads(self) -> tuple[Pair, Pair]:
        """Padding (before, after) of rows, and of columns."""
        after = self.padding if self.end_padding is None else self.end_padding
        return (self.padding[0], after[0]), (self.padding[1], after[1])

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(N, C, P, Q)."""
        n, c, h, w = self._only_image(shapes)
        for (before, after), size in zip(self.pads, self.kernel, strict=True):
            if 2 * before > size or (after > before and after >= size):
                raise self._error(f"padding {self.pads} of rows and columns is more than half the window {self.kernel}")
        p = window_positions(h, self.kernel[0], self.stride[0], self.pads[0], 1)
        q = window_positions(w, self.kernel[1], self.stride[1], self.pads[1], 1)
        if p < 1 or q < 1:
            raise self._error(f"window {self.kernel} is larger than the padded input {(h, w)}")
        return (n, c, p, q)


@dataclass(frozen=True, slots=True)
class GlobalAveragePool(Op):
    """Mean over the image: (N, C, H, W) to (N, C, 1, 1)."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(N, C, 1, 1)."""
        n, c, _, _ = self._only_image(shapes)
        return (n, c, 1, 1)


@dataclass(frozen=True, slots=True)
class Elementwise(Op):
    """A function of each element; several inputs broadcast like NumPy."""

    function: Function
    settings: tuple[float, ...] = ()
    """Slope, scale or bounds of a function that has them; empty means `function.defaults`."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """The common shape of the inputs."""
        if len(shapes) != self.function.arity:
            raise self._error(f"{self.function.name} takes {self.function.arity} inputs, got {len(shapes)}")
        if self.settings and len(self.settings) != len(self.function.defaults):
            raise self._error(f"{self.function.name} takes {len(self.function.defaults)} settings, got {self.settings}")
        if len(set(shapes)) == 1:
            return shapes[0]
        shape = broadcast(shapes)
        if shape is None:
            raise self._error(f"shapes do not broadcast: {shapes}")
        return shape


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Normalisation per channel (axis 1) with stored statistics; folds into the convolution before it."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """That of the input."""
        return self._only(shapes, least_rank=2)

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """Scale, shift and statistics per channel."""
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (shapes[0][1],))

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """Scale and shift per channel; the stored statistics are not trained."""
        return 2 * shapes[0][1]


@dataclass(frozen=True, slots=True)
class LayerNorm(Op):
    """Normalisation over the last `axes` axes, with trained scale and shift where it has them."""

    axes: int = 1
    scale: bool = True
    shift: bool = True

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """That of the input."""
        return _normalised(self, self.axes, shapes)

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """Scale and shift per normalised element."""
        return _affine(shapes[0][-self.axes :], self.scale, self.shift)


@dataclass(frozen=True, slots=True)
class RmsNorm(Op):
    """Division by the root of the mean square over the last `axes` axes, with a trained scale where it has one."""

    axes: int = 1
    scale: bool = True

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """That of the input."""
        return _normalised(self, self.axes, shapes)

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """Scale per normalised element."""
        return _affine(shapes[0][-self.axes :], self.scale, shift=False)


@dataclass(frozen=True, slots=True)
class GroupNorm(Op):
    """Normalisation over groups of channels (axis 1) and all axes after it; one group per channel is instance norm."""

    groups: int
    affine: bool = True

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """That of the input."""
        shape = self._only(shapes, least_rank=2)
        if self.groups < 1 or shape[1] % self.groups:
            raise self._error(f"{shape[1]} channels do not divide into {self.groups} groups")
        return shape

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """Scale and shift per channel."""
        return _affine((shapes[0][1],), self.affine, self.affine)


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    """Softmax over one axis."""

    axis: int = -1

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """That of the input."""
        shape = self._only(shapes, least_rank=1)
        self._axis(self.axis, shape)
        return shape


@dataclass(frozen=True, slots=True)
class Reduce(Op):
    """Reduction of whole axes."""

    reduction: Reduction
    axes: tuple[int, ...]
    keep_axes: bool = False
    """Whether the reduced axes stay with size 1."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """The sizes of the other axes."""
        shape = self._only(shapes, least_rank=1)
        reduced = {self._axis(axis, shape) for axis in self.axes}
        if not reduced or len(reduced) < len(self.axes):
            raise self._error(f"axes {self.axes} name none or one twice")
        kept = ((axis, 1 if axis in reduced else size) for axis, size in enumerate(shape))
        return tuple(size for axis, size in kept if self.keep_axes or axis not in reduced)


@dataclass(frozen=True, slots=True)
class Resize(Op):
    """An image (N, C, H, W) at another height and width."""

    size: Pair
    interpolation: Interpolation = Interpolation.NEAREST

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(N, C, *size)."""
        n, c, _, _ = self._only_image(shapes)
        if min(self.size) < 1:
            raise self._error(f"size is {self.size}; it must be at least 1 on each axis")
        return (n, c, *self.size)


def _normalised(op: LayerNorm | RmsNorm, axes: int, shapes: tuple[Shape, ...]) -> Shape:
    shape = op._only(shapes, least_rank=1)
    if not 1 <= axes <= len(shape):
        raise op._error(f"normalises {axes} axes of an input of {shape}")
    return shape


def _affine(shape: Shape, scale: bool, shift: bool) -> dict[str, Shape]:
    return {name: shape for name, present in (("weight", scale), ("bias", shift)) if present}
