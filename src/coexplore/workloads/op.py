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
    bits: Bits = field(default_factory=Bits)

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
    """A node: its name, the names of what it reads (ops or workload inputs), and bits. One output, named like the op."""

    name: str
    inputs: tuple[str, ...]
    bits: Bits = field(default_factory=Bits, kw_only=True)

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

    def _need(self, condition: bool, what: str) -> None:
        if not condition:
            raise WorkloadError(f"op {self.name!r} ({type(self).__name__}): {what}")


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
        self._need(len(shapes) == 1 and len(shapes[0]) == 4, f"needs one (N, C, H, W) input, got {shapes}")
        n, c, h, w = shapes[0]
        self._need(self.groups >= 1 and c % self.groups == 0, f"{c} input channels do not divide into {self.groups} groups")
        self._need(self.out_channels >= 1 and self.out_channels % self.groups == 0,
                   f"{self.out_channels} output channels do not divide into {self.groups} groups")
        sizes = [_window(size, self.kernel[i], self.stride[i], self.padding[i], self.dilation[i])
                 for i, size in enumerate((h, w))]
        self._need(min(sizes) >= 1, f"kernel {self.kernel} is larger than the padded input {(h, w)}")
        return (n, self.out_channels, sizes[0], sizes[1])

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        per_output = shapes[0][1] // self.groups * self.kernel[0] * self.kernel[1]
        return self.out_channels * (per_output + int(self.bias))

    def loops(self, shapes: tuple[Shape, ...]) -> Loops:
        n, _, p, q = self.output_shape(shapes)
        return Loops(N=n, G=self.groups, K=self.out_channels // self.groups, C=shapes[0][1] // self.groups, P=p, Q=q,
                     R=self.kernel[0], S=self.kernel[1], stride=self.stride, dilation=self.dilation, bits=self.bits)


@dataclass(frozen=True, slots=True)
class Linear(Op):
    """Matrix product with trained weights on the last axis of (..., features)."""

    out_features: int
    bias: bool = True

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == 1 and len(shapes[0]) >= 2, f"needs one input of rank 2 or more, got {shapes}")
        self._need(self.out_features >= 1, f"out_features is {self.out_features}")
        return (*shapes[0][:-1], self.out_features)

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return self.out_features * (shapes[0][-1] + int(self.bias))

    def loops(self, shapes: tuple[Shape, ...]) -> Loops:
        return Loops(K=self.out_features, C=shapes[0][-1], P=math.prod(shapes[0][:-1]), bits=self.bits)


@dataclass(frozen=True, slots=True)
class MatMul(Op):
    """Product of two activations, (..., M, C) x (..., C, K), or x (..., K, C) when `transpose_second`."""

    transpose_second: bool = False

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == 2, f"needs two inputs, got {len(shapes)}")
        a, b = shapes
        self._need(len(a) >= 2 and len(a) == len(b) and a[:-2] == b[:-2], f"leading axes differ: {a} x {b}")
        inner, columns = (b[-1], b[-2]) if self.transpose_second else (b[-2], b[-1])
        self._need(a[-1] == inner, f"inner sizes differ: {a} x {b}")
        return (*a[:-1], columns)

    def loops(self, shapes: tuple[Shape, ...]) -> Loops:
        out = self.output_shape(shapes)
        return Loops(G=math.prod(out[:-2]), P=out[-2], K=out[-1], C=shapes[0][-1], bits=self.bits)


@dataclass(frozen=True, slots=True)
class Pool2d(Op):
    """Window reduction on (N, C, H, W)."""

    pooling: Pooling
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == 1 and len(shapes[0]) == 4, f"needs one (N, C, H, W) input, got {shapes}")
        n, c, h, w = shapes[0]
        sizes = [_window(size, self.kernel[i], self.stride[i], self.padding[i], 1) for i, size in enumerate((h, w))]
        self._need(min(sizes) >= 1, f"window {self.kernel} is larger than the padded input {(h, w)}")
        return (n, c, sizes[0], sizes[1])


@dataclass(frozen=True, slots=True)
class GlobalAveragePool(Op):
    """Mean over the image: (N, C, H, W) to (N, C, 1, 1)."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == 1 and len(shapes[0]) == 4, f"needs one (N, C, H, W) input, got {shapes}")
        return (*shapes[0][:2], 1, 1)


@dataclass(frozen=True, slots=True)
class Elementwise(Op):
    """A function of each element; two inputs broadcast like NumPy."""

    function: Function

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == self.function.arity, f"{self.function.name} takes {self.function.arity} inputs, got {len(shapes)}")
        longest = max(shapes, key=len)
        padded = [(1,) * (len(longest) - len(shape)) + shape for shape in shapes]
        for sizes in zip(*padded, strict=True):
            self._need(len({size for size in sizes if size != 1}) <= 1, f"shapes do not broadcast: {shapes}")
        return tuple(max(sizes) for sizes in zip(*padded, strict=True))


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Normalisation per channel (axis 1) with stored statistics; folds into the convolution before it."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == 1 and len(shapes[0]) >= 2, f"needs one input with channels, got {shapes}")
        return shapes[0]

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 2 * shapes[0][1]


@dataclass(frozen=True, slots=True)
class LayerNorm(Op):
    """Normalisation over the last axis with trained scale and shift."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == 1 and len(shapes[0]) >= 2, f"needs one input of rank 2 or more, got {shapes}")
        return shapes[0]

    def parameters(self, shapes: tuple[Shape, ...]) -> int:
        return 2 * shapes[0][-1]


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    """Softmax over the last axis."""

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == 1 and len(shapes[0]) >= 1, f"needs one input, got {shapes}")
        return shapes[0]


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """Another view of the same elements; costs nothing. One entry may be -1."""

    shape: Shape

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == 1, f"needs one input, got {len(shapes)}")
        total, known = math.prod(shapes[0]), math.prod(size for size in self.shape if size != -1)
        free = sum(size == -1 for size in self.shape)
        self._need(free <= 1 and known > 0 and total % known == 0 and (free == 1 or total == known),
                   f"cannot view {shapes[0]} as {self.shape}")
        return tuple(total // known if size == -1 else size for size in self.shape)


@dataclass(frozen=True, slots=True)
class Transpose(Op):
    """Reorder the axes; on an accelerator a pattern of addresses, so it costs nothing."""

    axes: tuple[int, ...]

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        self._need(len(shapes) == 1 and sorted(self.axes) == list(range(len(shapes[0]))), f"axes {self.axes} do not permute {shapes}")
        return tuple(shapes[0][axis] for axis in self.axes)


def _window(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    if min(kernel, stride, dilation) < 1 or padding < 0:
        return 0
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
