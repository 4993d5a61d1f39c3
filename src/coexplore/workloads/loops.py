"""Over what does a multiply-accumulate op iterate, and with how many bits? All the cost engine needs to know of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from coexplore.core.errors import WorkloadError

Shape = tuple[int, ...]
Pair = tuple[int, int]

MAX_SIZE = 2**31 - 1
"""Largest legal extent of one dimension."""
MAX_RANK = 64
"""Most axes of one array, NumPy's limit too."""
MAX_MACS = 2**53
"""Most multiply-accumulates of one op: whole numbers up to here are exact in double precision."""


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
class Resident:
    """Operands of an op that live on chip: main memory neither reads nor writes them (`coexplore.cost.residency`)."""

    weight: bool = False
    input: bool = False
    output: bool = False


ALL_IN_MAIN_MEMORY = Resident()
"""Every operand comes from main memory and goes there."""


@dataclass(frozen=True, slots=True)
class Loops:
    """The loop nest of one multiply-accumulate op.

    Output `[N, G, K, P, Q] += weight [G, K, C, R, S] * input [N, G, C, y, x]` with `y = p*stride + r*dilation`.
    `K` and `C` count channels of one group. A matmul has `P` rows, `K` columns, `C` inner, `G` independent heads.

    Raises:
        WorkloadError: a size is not from 1 to `MAX_SIZE`, or the product of all, with what strides and dilations skip,
            exceeds `MAX_MACS`.
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
    resident: Resident = ALL_IN_MAIN_MEMORY

    def __post_init__(self) -> None:
        for name in "NGKCPQRS":
            size = getattr(self, name)
            if not isinstance(size, int):
                raise WorkloadError(f"loop {name} is {size!r}; give a whole number")
            if not 1 <= size <= MAX_SIZE:
                raise WorkloadError(f"loop {name} is {size}; legal are 1 to {MAX_SIZE}")
        for name, pair in (("stride", self.stride), ("dilation", self.dilation)):
            if not (1 <= pair[0] <= MAX_SIZE and 1 <= pair[1] <= MAX_SIZE):
                raise WorkloadError(f"{name} is {pair}; legal are 1 to {MAX_SIZE} on each axis")
        if self.macs > MAX_MACS:
            raise WorkloadError(f"the loops hold {self.macs} multiply-accumulates; the limit of one op is {MAX_MACS}")
        reach = self.macs * math.prod(self.stride) * math.prod(self.dilation)
        if reach > MAX_MACS:
            raise WorkloadError(
                f"with stride {self.stride} and dilation {self.dilation} the windows of {self.macs} "
                f"multiply-accumulates span up to {reach} inputs; the limit of one op is {MAX_MACS}"
            )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole op."""
        return self.N * self.G * self.K * self.C * self.P * self.Q * self.R * self.S

    @property
    def weight_elements(self) -> int:
        """Elements of the weight operand (the second activation in an activation-activation matmul)."""
        return self.G * self.K * self.C * self.R * self.S

    @property
    def input_elements(self) -> int:
        """Elements of the box around all windows, borders included."""
        rows = (self.P - 1) * self.stride[0] + (self.R - 1) * self.dilation[0] + 1
        columns = (self.Q - 1) * self.stride[1] + (self.S - 1) * self.dilation[1] + 1
        return self.N * self.G * self.C * rows * columns

    @property
    def output_elements(self) -> int:
        """Elements of the output."""
        return self.N * self.G * self.K * self.P * self.Q
