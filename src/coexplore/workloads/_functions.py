"""Which functions act on single elements, and how are windows and axes reduced?"""

from __future__ import annotations

import enum


class Pooling(enum.Enum):
    """How a window or a bag is reduced."""

    MAX = "max"
    AVERAGE = "average"
    SUM = "sum"


class Reduction(enum.Enum):
    """How whole axes are reduced."""

    MEAN = "mean"
    SUM = "sum"
    MAX = "max"
    MIN = "min"
    PRODUCT = "product"


class Interpolation(enum.Enum):
    """How an image is resized, with the number of its pixels that each new one reads."""

    NEAREST = ("nearest", 1)
    BILINEAR = ("bilinear", 4)
    BICUBIC = ("bicubic", 16)

    @property
    def taps(self) -> int:
        """Pixels read for one new pixel."""
        return int(self.value[1])


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
    SUBTRACT = ("subtract", 2)
    DIVIDE = ("divide", 2)
    POWER = ("power", 2)
    MAXIMUM = ("maximum", 2)
    MINIMUM = ("minimum", 2)
    REMAINDER = ("remainder", 2)
    PRELU = ("prelu", 2)
    EQUAL = ("equal", 2)
    LESS = ("less", 2)
    GREATER = ("greater", 2)
    LESS_OR_EQUAL = ("less-or-equal", 2)
    GREATER_OR_EQUAL = ("greater-or-equal", 2)
    AND = ("and", 2)
    OR = ("or", 2)
    XOR = ("xor", 2)
    WHERE = ("where", 3)
    NOT = ("not", 1)
    NEGATIVE = ("negative", 1)
    ABSOLUTE = ("absolute", 1)
    SIGN = ("sign", 1)
    RECIPROCAL = ("reciprocal", 1)
    SQUARE_ROOT = ("square-root", 1)
    INVERSE_SQUARE_ROOT = ("inverse-square-root", 1)
    EXPONENTIAL = ("exponential", 1)
    LOGARITHM = ("logarithm", 1)
    ERROR_FUNCTION = ("error-function", 1)
    SINE = ("sine", 1)
    COSINE = ("cosine", 1)
    FLOOR = ("floor", 1)
    CEILING = ("ceiling", 1)
    ROUND = ("round", 1)
    SOFTPLUS = ("softplus", 1)
    SOFTSIGN = ("softsign", 1)
    MISH = ("mish", 1)
    SELU = ("selu", 1)
    ELU = ("elu", 1)
    LEAKY_RELU = ("leaky-relu", 1)
    CLIP = ("clip", 1)

    @property
    def arity(self) -> int:
        """Number of inputs."""
        return int(self.value[1])

    @property
    def defaults(self) -> tuple[float, ...]:
        """The settings it takes, with the values that are usual: slope, scale, or bounds."""
        return {Function.ELU: (1.0,), Function.LEAKY_RELU: (0.01,), Function.CLIP: (-1.0, 1.0)}.get(self, ())
