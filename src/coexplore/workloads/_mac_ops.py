"""Which ops multiply and accumulate? Convolution, linear layer, and the product of two activations."""

from __future__ import annotations

import math
from dataclasses import dataclass

from coexplore.workloads._node import Op, broadcast, window_positions
from coexplore.workloads.loops import Loops, Pair, Shape


@dataclass(frozen=True, slots=True)
class Conv2d(Op):
    """Convolution, dense (`groups` 1), grouped, or depthwise (`groups` = channels), on (N, C, H, W).

    A transposed convolution is several of these, one per phase of its stride (`transposed_convolution`).
    """

    out_channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = False
    end_padding: Pair | None = None
    """Padding after the last row and column where it differs from that before the first."""

    @property
    def pads(self) -> tuple[Pair, Pair]:
        """Padding (before, after) of rows, and of columns."""
        after = self.padding if self.end_padding is None else self.end_padding
        return (self.padding[0], after[0]), (self.padding[1], after[1])

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(N, out_channels, P, Q)."""
        n, c, h, w = self._only_image(shapes)
        if self.groups < 1 or c % self.groups:
            raise self._error(f"{c} input channels do not divide into {self.groups} groups")
        if self.out_channels < 1 or self.out_channels % self.groups:
            raise self._error(f"{self.out_channels} output channels do not divide into {self.groups} groups")
        p = window_positions(h, self.kernel[0], self.stride[0], self.pads[0], self.dilation[0])
        q = window_positions(w, self.kernel[1], self.stride[1], self.pads[1], self.dilation[1])
        if p < 1 or q < 1:
            raise self._error(f"kernel {self.kernel} is larger than the padded input {(h, w)}")
        return (n, self.out_channels, p, q)

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """Kernel, and one bias per output channel."""
        weight = (self.out_channels, shapes[0][1] // self.groups, *self.kernel)
        return {"weight": weight, "bias": (self.out_channels,)} if self.bias else {"weight": weight}

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

    def arrays(self, shapes: tuple[Shape, ...]) -> dict[str, Shape]:
        """Matrix (out, in), and one bias per output feature."""
        weight = (self.out_features, shapes[0][-1])
        return {"weight": weight, "bias": (self.out_features,)} if self.bias else {"weight": weight}

    def loops(self, shapes: tuple[Shape, ...]) -> Loops:
        """Columns K, inner C, and all leading axes as rows P."""
        return Loops(K=self.out_features, C=shapes[0][-1], P=math.prod(shapes[0][:-1]), bits=self.bits)


@dataclass(frozen=True, slots=True)
class MatMul(Op):
    """Product of two activations, (..., M, C) x (..., C, K), or x (..., K, C) when `transpose_second`.

    Leading axes broadcast. Where the last of them belongs to the first factor alone, its entries share one second
    factor, as the query heads of a group do in grouped-query attention: they are rows of one product.
    """

    transpose_second: bool = False

    def output_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """(..., M, K)."""
        if len(shapes) != 2:
            raise self._error(f"needs two inputs, got {len(shapes)}")
        a, b = shapes
        if len(a) < 2 or len(b) < 2:
            raise self._error(f"needs matrices, got {a} x {b}")
        leading = broadcast((a[:-2], b[:-2]))
        if leading is None:
            raise self._error(f"leading axes do not broadcast: {a} x {b}")
        inner, columns = (b[-1], b[-2]) if self.transpose_second else (b[-2], b[-1])
        if a[-1] != inner:
            raise self._error(f"inner sizes differ: {a} x {b}")
        return (*leading, a[-2], columns)

    def loops(self, shapes: tuple[Shape, ...]) -> Loops:
        """Rows P, columns K, inner C, and the leading axes as independent heads G, but for shared second factors."""
        out = self.output_shape(shapes)
        leading = out[:-2]
        owned = (1,) * (len(out) - len(shapes[1])) + shapes[1][:-2]
        shared = len(leading)
        while shared and owned[shared - 1] == 1:
            shared -= 1
        rows = out[-2] * math.prod(leading[shared:])
        return Loops(G=math.prod(leading[:shared]), P=rows, K=out[-1], C=shapes[0][-1], bits=self.bits)
