"""What do our ONNX files say beyond the format? Which op a node belongs to, its bits, and what constants were."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType

from coexplore.core.errors import MissingExtraError
from coexplore.workloads.op import Function

Attributes = Mapping[str, int | float | str | Sequence[int]]

OPSET = 20
"""First with Gelu."""
GROUP_NORM_OPSET = 21
"""First whose group normalisation has a scale per channel; written only where it is needed."""
IR_VERSION = 10
"""First with metadata at nodes."""
WORKLOAD_KEY = "coexplore.workload"
"""Model metadata: name of the workload."""
OP_KEY = "coexplore.op"
"""Node metadata: name of the op the node belongs to."""
BITS_KEY = "coexplore.bits"
"""Node metadata: bits of weight, input, output and accumulator."""
CONSTANT_KEY = "coexplore.constant"
"""Node metadata: value before training, and whether it is trained."""


FUNCTIONS: dict[Function, tuple[str, Attributes]] = {
    Function.ADD: ("Add", {}),
    Function.MULTIPLY: ("Mul", {}),
    Function.SUBTRACT: ("Sub", {}),
    Function.DIVIDE: ("Div", {}),
    Function.POWER: ("Pow", {}),
    Function.MAXIMUM: ("Max", {}),
    Function.MINIMUM: ("Min", {}),
    Function.REMAINDER: ("Mod", {"fmod": 1}),
    Function.PRELU: ("PRelu", {}),
    Function.EQUAL: ("Equal", {}),
    Function.LESS: ("Less", {}),
    Function.GREATER: ("Greater", {}),
    Function.LESS_OR_EQUAL: ("LessOrEqual", {}),
    Function.GREATER_OR_EQUAL: ("GreaterOrEqual", {}),
    Function.AND: ("And", {}),
    Function.OR: ("Or", {}),
    Function.XOR: ("Xor", {}),
    Function.WHERE: ("Where", {}),
    Function.NOT: ("Not", {}),
    Function.RELU: ("Relu", {}),
    Function.SIGMOID: ("Sigmoid", {}),
    Function.TANH: ("Tanh", {}),
    Function.GELU: ("Gelu", {}),
    Function.HARD_SWISH: ("HardSwish", {}),
    Function.HARD_SIGMOID: ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    Function.NEGATIVE: ("Neg", {}),
    Function.ABSOLUTE: ("Abs", {}),
    Function.SIGN: ("Sign", {}),
    Function.RECIPROCAL: ("Reciprocal", {}),
    Function.SQUARE_ROOT: ("Sqrt", {}),
    Function.EXPONENTIAL: ("Exp", {}),
    Function.LOGARITHM: ("Log", {}),
    Function.ERROR_FUNCTION: ("Erf", {}),
    Function.SINE: ("Sin", {}),
    Function.COSINE: ("Cos", {}),
    Function.FLOOR: ("Floor", {}),
    Function.CEILING: ("Ceil", {}),
    Function.ROUND: ("Round", {}),
    Function.SOFTPLUS: ("Softplus", {}),
    Function.SOFTSIGN: ("Softsign", {}),
    Function.MISH: ("Mish", {}),
    Function.SELU: ("Selu", {}),
}
"""Functions that are one node."""


def import_onnx_package() -> ModuleType:
    """The `onnx` package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise MissingExtraError("reading or writing ONNX files", "onnx") from error
