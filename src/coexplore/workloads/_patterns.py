"""Which function does a chain of small ops compute? Found by trying it on samples, however it is written.

Exporters spell out what has a name: GELU as five ops, layer normalisation as nine. Every spelling gives the same
values, so a chain between one source and one result is compared with the known functions on a few numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coexplore.workloads._data_ops import Constant
from coexplore.workloads._functions import Function, Reduction
from coexplore.workloads._node import Op
from coexplore.workloads._vector_ops import Elementwise, LayerNorm, Reduce, RmsNorm, Softmax
from coexplore.workloads.loops import Shape

Array = NDArray[np.float64]
LONGEST = 16
"""Ops in a chain; the longest known spelling has ten."""
SAMPLES = np.array(
    [
        [-9.0, -3.6, -1.3, -0.2, 0.4, 1.1, 3.2, 8.5],
        [2.5, -0.7, 0.9, -2.1, 7.2, 0.1, -5.4, 1.9],
        [0.3, 0.6, -0.4, 4.4, -1.7, 2.2, -2.8, 5.7],
    ]
)
"""Rows stand for the leading axes, columns for the axes that are normalised."""
TOLERANCE = 2e-3
"""The usual approximations of GELU differ from it by less than this."""


def _sigmoid(x: Array) -> Array:
    result: Array = 1.0 / (1.0 + np.exp(-x))
    return result


_erf = np.vectorize(math.erf, otypes=[np.float64])

FUNCTIONS: dict[Function, Callable[..., Array]] = {
    Function.ADD: np.add,
    Function.SUBTRACT: np.subtract,
    Function.MULTIPLY: np.multiply,
    Function.DIVIDE: np.divide,
    Function.POWER: np.power,
    Function.MAXIMUM: np.maximum,
    Function.MINIMUM: np.minimum,
    Function.NEGATIVE: np.negative,
    Function.RECIPROCAL: np.reciprocal,
    Function.SQUARE_ROOT: np.sqrt,
    Function.INVERSE_SQUARE_ROOT: lambda x: 1.0 / np.sqrt(x),
    Function.EXPONENTIAL: np.exp,
    Function.LOGARITHM: np.log,
    Function.ERROR_FUNCTION: _erf,
    Function.TANH: np.tanh,
    Function.SIGMOID: _sigmoid,
    Function.SOFTPLUS: lambda x: np.logaddexp(0.0, x),
    Function.RELU: lambda x: np.maximum(x, 0.0),
    Function.RELU6: lambda x: np.clip(x, 0.0, 6.0),
    Function.HARD_SIGMOID: lambda x: np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    Function.CLIP: lambda x, low, high: np.clip(x, low, high),
}
"""What chains are made of; settings follow the inputs."""

REDUCTIONS: dict[Reduction, Callable[[Array], Array]] = {
    Reduction.MEAN: lambda x: x.mean(-1, keepdims=True),
    Reduction.SUM: lambda x: x.sum(-1, keepdims=True),
    Reduction.MAX: lambda x: x.max(-1, keepdims=True),
}

NAMED: tuple[tuple[Function, Array], ...] = (
    (Function.SILU, SAMPLES * _sigmoid(SAMPLES)),
    (Function.HARD_SWISH, SAMPLES * FUNCTIONS[Function.HARD_SIGMOID](SAMPLES)),
    (Function.HARD_SIGMOID, FUNCTIONS[Function.HARD_SIGMOID](SAMPLES)),
    (Function.MISH, SAMPLES * np.tanh(np.logaddexp(0.0, SAMPLES))),
    (Function.GELU, SAMPLES * 0.5 * (1.0 + _erf(SAMPLES / math.sqrt(2.0)))),
    (Function.GELU, SAMPLES * _sigmoid(1.702 * SAMPLES)),
    (Function.RELU, np.maximum(SAMPLES, 0.0)),
    (Function.RELU6, np.clip(SAMPLES, 0.0, 6.0)),
    (Function.SIGMOID, _sigmoid(SAMPLES)),
    (Function.INVERSE_SQUARE_ROOT, 1.0 / np.sqrt(np.where(SAMPLES > 0, SAMPLES, np.nan))),
)
"""The second spelling of GELU is its quick approximation."""
_CENTRED = SAMPLES - SAMPLES.mean(-1, keepdims=True)
_EXPONENT = np.exp(_CENTRED)
NORMALISED = {
    LayerNorm: _CENTRED / SAMPLES.std(-1, keepdims=True),
    RmsNorm: SAMPLES / np.sqrt((SAMPLES**2).mean(-1, keepdims=True)),
    Softmax: _EXPONENT / _EXPONENT.sum(-1, keepdims=True),
}


@dataclass(frozen=True, slots=True)
class Chain:
    """What an op computes from one source: its samples, the ops in between, and how many last axes were reduced."""

    samples: Array
    ops: frozenset[str]
    axes: int | None


Chains = Mapping[str, Chain]
"""By source."""


def chains_of(op: Op, known: Mapping[str, Chains], numbers: Mapping[str, float], shapes: Mapping[str, Shape]) -> Chains:
    """The chains that end in an op, from every source it depends on alone.

    Args:
        op: any op.
        known: chains of the ops before it.
        numbers: constants of one number, by name.
        shapes: of all ops and inputs.
    """
    constants = {source: numbers.get(source) for source in op.inputs}
    computed = [source for source in op.inputs if constants[source] is None]
    if not computed or not isinstance(op, Elementwise | Reduce):
        return {}
    options = [{source: Chain(SAMPLES, frozenset(), None), **known.get(source, {})} for source in computed]
    common = set(options[0]).intersection(*options[1:])
    found = {}
    for root in common:
        parts = dict(zip(computed, (option[root] for option in options), strict=True))
        chain = _extend(op, parts, constants, shapes)
        if chain is not None:
            found[root] = chain
    return found


def name_of(chain: Chain, name: str, source: str) -> Op | None:
    """The one op that computes what a chain does, None where no known one does."""
    if chain.axes is None:
        for function, expected in NAMED:
            if _agree(chain.samples, expected):
                return Elementwise(name, (source,), function)
        return None
    if _agree(chain.samples, NORMALISED[LayerNorm]):
        return LayerNorm(name, (source,), axes=chain.axes, scale=False, shift=False)
    if _agree(chain.samples, NORMALISED[RmsNorm]):
        return RmsNorm(name, (source,), axes=chain.axes, scale=False)
    if chain.axes == 1 and _agree(chain.samples, NORMALISED[Softmax]):
        return Softmax(name, (source,))
    return None


def changes_nothing(chain: Chain) -> bool:
    """Whether the result is the source, as of a multiplication by one."""
    return chain.axes is None and _agree(chain.samples, SAMPLES)


def _agree(samples: Array, expected: Array) -> bool:
    return samples.shape == expected.shape and bool(
        np.allclose(samples, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    )


def known_number(op: Op) -> float | None:
    """The value of a constant of one number."""
    if isinstance(op, Constant) and math.prod(op.shape) == 1 and not op.trained:
        return op.value
    return None


def _extend(
    op: Elementwise | Reduce,
    parts: Mapping[str, Chain],
    constants: Mapping[str, float | None],
    shapes: Mapping[str, Shape],
) -> Chain | None:
    ops = frozenset({op.name}).union(*(part.ops for part in parts.values()))
    axes = {part.axes for part in parts.values()} - {None}
    if isinstance(op, Reduce):
        rank, last = len(shapes[op.inputs[0]]), len(op.axes)
        if {axis % rank for axis in op.axes} != set(range(rank - last, rank)) or not op.keep_axes:
            return None
        axes.add(last)
    if len(ops) > LONGEST or len(axes) > 1:
        return None
    values = [parts[source].samples if constants[source] is None else constants[source] for source in op.inputs]
    samples = _apply(op, values)
    return None if samples is None else Chain(samples, ops, next(iter(axes), None))


def _apply(op: Elementwise | Reduce, values: list[Array | float | None]) -> Array | None:
    with np.errstate(all="ignore"):
        if isinstance(op, Reduce):
            reduce = REDUCTIONS.get(op.reduction)
            return None if reduce is None else reduce(np.asarray(values[0]))
        function = FUNCTIONS.get(op.function)
        return None if function is None else function(*values, *(op.settings or op.function.defaults))
