"""Ops: the nodes of a workload. What is computed, on which shapes, with how many bits per operand.

Activations are NCHW (images) or (batch, ..., features). Each class knows its output shape, its weights and, where it
multiplies and accumulates, its seven loops plus groups. Torch, ONNX and the cost engine all read the same objects.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

from coexplore.core.errors import WorkloadError

Shape = tuple[int, ...]
Pair = tuple[int, int]

MAX_SIZE = 2**31 - 1
"""Largest legal extent of one dimension."""


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits per element of each operand of an op."""

    weight: int = 8
    input: int = 8
    output: int = 8
    accumulator: int = 32

    def __post_init__(self) -> None:
        for name in ("weight", "input", "output", "accumulator"):
            value = getattr(self, name)
            if not 1 <= value <= 64:
                raise WorkloadError(f"bits.{name} is {value}; legal are 1 to 64")


DEFAULT_BITS = Bits()
"""8-bit operands, 32-bit sums."""


@dataclass(frozen=True, slots=True)
class Loops:
    """The loop nest of one multiply-accumulate op: all the cost engine needs to know.

    Output `[N, G, K, P, Q] += weight [G, K, C, R, S] * input [N, G, C, y, x]` with `y = p*stride + r*dilation`.
    `K` and `C` count channels of one group. A matmul has `P` rows, `K` columns, `C` inner, `G` independent heads.
    """

    N: int = 1
    G: int = 1
    K: int = 1
    C: int = 1
    P: int = 1
    Q: int = 1
    R: int = 1
    S: int = 1
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    bits: Bits = DEFAULT_BITS

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole op."""
        return self.N * self.G * self.K * self.C * self.P * self.Q * self.R * self.S

    @property
    def weight_elements(self) -> int:
        """Elements of the weight operand (the second activation in an activation-activation matmul)."""
        return self.G * self.K * self.C * self.R * self.S

    @property
    def output_elements(self) -> int:
        """Elements of the output."""
        return self.N * self.G * self.K * self.P * self.Q


class Pooling(enum.Enum):
    """How a window is reduced."""

    MAX = "max"
    AVERAGE = "average"


class Function(enum.Enum):
    """Elementwise functions, with the number of inputs each takes."""

    ADD = ("add", 2)
    MULTIPLY = ("multiply", 2)
    RELU = ("relu", 1)
    RELU6 = ("relu6", 1)
    SIGMOID = ("sigmoid", 1)
    TANH = ("tanh", 1)
    GELU = ("gelu", 1)
    SILU = ("silu", 1)
    HARD_SWISH = ("hard-swish", 1)
    HARD_SIGMOID = ("hard-sigmoid", 1)

    @property
    def arity(self) -> int:
        """Number of inputs."""
        return int(self.value[1])


@dataclass(frozen=True, slots=True)
class Op:
    """A node: its name, the names of what it reads (ops or workload inputs), and bits. Its output has its name."""

    name: str
    inputs: tuple[str, ...]
    bits: Bits = field(default=DEFAULT_BITS, kw_only=True)

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Shape of the output for the shapes of the inputs, in order.

        Raises:
            WorkloadError: the shapes do not fit this op.
        """
        raise NotImplementedError

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """Trainable parameters, as torch counts them."""
        return 0

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


@dataclass(frozen=True, slots=True)
class Conv2d(Op):
    """Convolution, dense (`groups` 1), grouped, or depthwise (`groups` = channels), on (N, C, H, W)."""

    out_channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = False

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(N, out_channels, P, Q)."""
        n, c, h, w = self._only_image(shapes)
        if self.groups < 1 or c % self.groups:
            raise self._error(f"{c} input channels do not divide into {self.groups} groups")
        if self.out_channels < 1 or self.out_channels % self.groups:
            raise self._error(f"{self.out_channels} output channels do not divide into {self.groups} groups")
        p = _window(h, self.kernel[0], self.stride[0], self.padding[0], self.dilation[0])
        q = _window(w, self.kernel[1], self.stride[1], self.padding[1], self.dilation[1])
        if p < 1 or q < 1:
            raise self._error(f"kernel {self.kernel} is larger than the padded input {(h, w)}")
        return (n, self.out_channels, p, q)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """Kernel elements, and one bias per output channel."""
        per_output = shapes[0][1] // self.groups * self.kernel[0] * self.kernel[1]
        return self.out_channels * (per_output + int(self.bias))

    def loops(self, shapes: tuple[Shape, ...]) -> Loops:
        """All seven loops, and the groups."""
        n, _, p, q = self.output_shape(shapes)
        return Loops(
            N=n,
            G=self.groups,
            K=self.out_channels // self.groups,
            C=shapes[0][1] // self.groups,
            P=p,
            Q=q,
            R=self.kernel[0],
            S=self.kernel[1],
            stride=self.stride,
            dilation=self.dilation,
            bits=self.bits,
        )


@dataclass(frozen=True, slots=True)
class Linear(Op):
    """Matrix product with trained weights on the last axis of (..., features)."""

    out_features: int
    bias: bool = True

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(..., out_features)."""
        shape = self._only(shapes, least_rank=2)
        if self.out_features < 1:
            raise self._error(f"out_features is {self.out_features}; it must be at least 1")
        return (*shape[:-1], self.out_features)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """Matrix elements, and one bias per output feature."""
        return self.out_features * (shapes[0][-1] + int(self.bias))

    def loops(self, shapes: tuple[Shape, ...]) -> Loops:
        """Columns K, inner C, and all leading axes as rows P."""
        return Loops(K=self.out_features, C=shapes[0][-1], P=math.prod(shapes[0][:-1]), bits=self.bits)


@dataclass(frozen=True, slots=True)
class MatMul(Op):
    """Product of two activations, (..., M, C) x (..., C, K), or x (..., K, C) when `transpose_second`."""

    transpose_second: bool = False

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(..., M, K)."""
        if len(shapes) != 2:
            raise self._error(f"needs two inputs, got {len(shapes)}")
        a, b = shapes
        if len(a) < 2 or len(a) != len(b) or a[:-2] != b[:-2]:
            raise self._error(f"leading axes differ: {a} x {b}")
        inner, columns = (b[-1], b[-2]) if self.transpose_second else (b[-2], b[-1])
        if a[-1] != inner:
            raise self._error(f"inner sizes differ: {a} x {b}")
        return (*a[:-1], columns)

    def loops(self, shapes: tuple[Shape, ...]) -> Loops:
        """Rows P, columns K, inner C, and all leading axes as independent heads G."""
        out = self.output_shape(shapes)
        return Loops(G=math.prod(out[:-2]), P=out[-2], K=out[-1], C=shapes[0][-1], bits=self.bits)


@dataclass(frozen=True, slots=True)
class Pool2d(Op):
    """Window reduction on (N, C, H, W). Padding is at most half the window; in an average it counts as zeros."""

    pooling: Pooling
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(N, C, P, Q)."""
        n, c, h, w = self._only_image(shapes)
        if 2 * self.padding[0] > self.kernel[0] or 2 * self.padding[1] > self.kernel[1]:
            raise self._error(f"padding {self.padding} is more than half the window {self.kernel}")
        p = _window(h, self.kernel[0], self.stride[0], self.padding[0], 1)
        q = _window(w, self.kernel[1], self.stride[1], self.padding[1], 1)
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
    """A function of each element; two inputs broadcast like NumPy."""

    function: Function

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """The common shape of the inputs."""
        if len(shapes) != self.function.arity:
            raise self._error(f"{self.function.name} takes {self.function.arity} inputs, got {len(shapes)}")
        if len(set(shapes)) == 1:
            return shapes[0]
        rank = max(len(shape) for shape in shapes)
        padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
        if any(len({size for size in sizes if size != 1}) > 1 for sizes in zip(*padded, strict=True)):
            raise self._error(f"shapes do not broadcast: {shapes}")
        return tuple(max(sizes) for sizes in zip(*padded, strict=True))


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Normalisation per channel (axis 1) with stored statistics; folds into the convolution before it."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """That of the input."""
        return self._only(shapes, least_rank=2)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """Scale and shift per channel; the stored statistics are not trained."""
        return 2 * shapes[0][1]


@dataclass(frozen=True, slots=True)
class LayerNorm(Op):
    """Normalisation over the last axis with trained scale and shift."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """That of the input."""
        return self._only(shapes, least_rank=2)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """Scale and shift per feature."""
        return 2 * shapes[0][-1]


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    """Softmax over the last axis."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """That of the input."""
        return self._only(shapes, least_rank=1)


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """Another view of the same elements; costs nothing. One entry may be -1."""

    shape: Shape

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """`shape`, with -1 replaced by what is left."""
        source = self._only(shapes, least_rank=0)
        total, known = math.prod(source), math.prod(size for size in self.shape if size != -1)
        free = sum(size == -1 for size in self.shape)
        if free > 1 or known < 1 or total % known or (free == 0 and total != known):
            raise self._error(f"cannot view {source} as {self.shape}")
        return tuple(total // known if size == -1 else size for size in self.shape)


@dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Reorder the axes; on an accelerator a pattern of addresses, so it costs nothing."""

    axes: tuple[int, ...]

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Sizes of the input in the order of `axes`."""
        source = self._only(shapes, least_rank=1)
        if sorted(self.axes) != list(range(len(source))):
            raise self._error(f"axes {self.axes} do not permute {source}")
        return tuple(source[axis] for axis in self.axes)


@dataclass(frozen=True, slots=True)
class Constant(Op):
    """A stored array that other ops read, such as a position embedding or the scale of attention. Reads nothing."""

    shape: Shape
    value: float = 0.0
    """Of every element; before training, where it is trained."""
    trained: bool = False

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """`shape`."""
        if shapes:
            raise self._error(f"reads nothing, but has {len(shapes)} inputs")
        return self.shape

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        """Its elements, when trained."""
        return math.prod(self.shape) if self.trained else 0


def _window(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    if min(kernel, stride, dilation) < 1 or padding < 0:
        return 0
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
