"""Which torch function is each elementwise function? Answers to questions are numbers, 1 for true."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from coexplore.workloads.op import Function

if TYPE_CHECKING:
    import torch

    TensorFunction = Callable[..., torch.Tensor]


@cache
def functions() -> dict[Function, TensorFunction]:
    """By elementwise function; settings follow the inputs."""
    import torch
    from torch.nn import functional

    return {
        Function.ADD: torch.add,
        Function.MULTIPLY: torch.mul,
        Function.SUBTRACT: torch.sub,
        Function.DIVIDE: torch.div,
        Function.POWER: torch.pow,
        Function.MAXIMUM: torch.maximum,
        Function.MINIMUM: torch.minimum,
        Function.REMAINDER: torch.fmod,
        Function.PRELU: _prelu,
        Function.EQUAL: partial(_answer, torch.eq),
        Function.LESS: partial(_answer, torch.lt),
        Function.GREATER: partial(_answer, torch.gt),
        Function.LESS_OR_EQUAL: partial(_answer, torch.le),
        Function.GREATER_OR_EQUAL: partial(_answer, torch.ge),
        Function.AND: partial(_answer, torch.logical_and),
        Function.OR: partial(_answer, torch.logical_or),
        Function.XOR: partial(_answer, torch.logical_xor),
        Function.NOT: partial(_answer, torch.logical_not),
        Function.WHERE: _where,
        Function.RELU: functional.relu,
        Function.RELU6: functional.relu6,
        Function.SIGMOID: torch.sigmoid,
        Function.TANH: torch.tanh,
        Function.GELU: functional.gelu,
        Function.SILU: functional.silu,
        Function.HARD_SWISH: functional.hardswish,
        Function.HARD_SIGMOID: functional.hardsigmoid,
        Function.NEGATIVE: torch.neg,
        Function.ABSOLUTE: torch.abs,
        Function.SIGN: torch.sign,
        Function.RECIPROCAL: torch.reciprocal,
        Function.SQUARE_ROOT: torch.sqrt,
        Function.INVERSE_SQUARE_ROOT: torch.rsqrt,
        Function.EXPONENTIAL: torch.exp,
        Function.LOGARITHM: torch.log,
        Function.ERROR_FUNCTION: torch.erf,
        Function.SINE: torch.sin,
        Function.COSINE: torch.cos,
        Function.FLOOR: torch.floor,
        Function.CEILING: torch.ceil,
        Function.ROUND: torch.round,
        Function.SOFTPLUS: functional.softplus,
        Function.SOFTSIGN: functional.softsign,
        Function.MISH: functional.mish,
        Function.SELU: functional.selu,
        Function.ELU: functional.elu,
        Function.LEAKY_RELU: functional.leaky_relu,
        Function.CLIP: torch.clamp,
    }


def _answer(question: TensorFunction, *inputs: torch.Tensor) -> torch.Tensor:
    return question(*inputs).float()


def _where(condition: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    chosen: torch.Tensor = first.where(condition.bool(), second)
    return chosen


def _prelu(value: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    return value.clamp(min=0) + slope * value.clamp(max=0)
