"""What is the value of a node that does not depend on data? Arithmetic on shapes, masks and positions, done in advance.

Only the node types listed here are computed, each by one NumPy call whose result has a known, limited size before the
call is made: a hostile file cannot make it large, and nothing of the file is executed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Attributes = dict[str, Any]
Rule = Callable[[Sequence[Any], Attributes], Any]

LIMIT_ELEMENTS = 2**22
"""Of one array."""
MAX_NUMBERS = 1024
"""Axes, sizes or steps that one node takes."""
TOTAL_ELEMENTS = 2**25
"""Of all results together."""


class TooLargeError(Exception):
    """The result would exceed `LIMIT_ELEMENTS`."""


def fold(kind: str, inputs: Sequence[Array | None], attributes: Attributes) -> list[Array] | None:
    """The outputs of a node, None where they are not known.

    Args:
        kind: type of the node.
        inputs: its inputs; None for one that is left out.
        attributes: by name, lists as tuples, arrays as arrays.
    """
    rule = RULES.get(kind)
    if rule is None:
        return None
    try:
        with np.errstate(all="ignore"):
            result = rule(inputs, attributes)
    except (TooLargeError, ValueError, IndexError, TypeError, KeyError, ArithmeticError, AttributeError, MemoryError):
        return None
    results = list(result) if isinstance(result, list) else [result]
    return [np.asarray(array) for array in results]


def stand_in(shape: tuple[int, ...]) -> Array:
    """An array of a shape without content: one number, seen everywhere."""
    return np.broadcast_to(np.zeros((), np.float32), shape)


def _is_stand_in(array: Array) -> bool:
    return array.size > 1 and not any(array.strides)


def fold_shape(kind: str, inputs: Sequence[Array], attributes: Attributes) -> tuple[int, ...] | None:
    """The shape of what a node gives where the content of an input is not known, None where it is not known either.

    Args:
        kind: type of the node.
        inputs: its inputs, of which some are stand-ins.
        attributes: as in `fold`.
    """
    try:
        if kind in MOVES and not any(map(_is_stand_in, inputs[1:])):
            return tuple(np.asarray(RULES[kind](inputs, attributes)).shape)
        if kind == "Concat":
            axis, shapes = attributes["axis"], [list(array.shape) for array in inputs]
            shapes[0][axis] = sum(shape[axis] for shape in shapes)
            return tuple(shapes[0])
        if kind in KEEP_SHAPE:
            return inputs[0].shape
        if kind in ELEMENTWISE:
            return np.broadcast_shapes(*(array.shape for array in inputs))
    except (TooLargeError, ValueError, IndexError, TypeError, KeyError, ArithmeticError, AttributeError, MemoryError):
        return None
    return None


def _numbers(array: Array) -> list[Any]:
    """Sizes, axes or steps, of which no node has many."""
    if array.size > MAX_NUMBERS:
        raise TooLargeError
    numbers: list[Any] = array.reshape(-1).tolist()
    return numbers


def _checked(shape: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in shape)
    if min(sizes, default=0) < 0 or math.prod(sizes) > LIMIT_ELEMENTS:
        raise TooLargeError
    return sizes


def _elementwise(function: Callable[..., Any]) -> Rule:
    def rule(inputs: Sequence[Any], attributes: Attributes) -> Any:  # noqa: ANN401  arrays of any type
        _checked(np.broadcast_shapes(*(array.shape for array in inputs)))
        result = function(*inputs)
        return result.astype(inputs[-1].dtype) if function in KEEP_TYPE else result

    return rule


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":
        quotient: Array = np.trunc(np.divide(a, b)).astype(a.dtype) if (b != 0).all() else _no_quotient()
        return quotient
    result: Array = np.divide(a, b)
    return result


def _no_quotient() -> Array:
    raise ZeroDivisionError


KEEP_TYPE = (np.add, np.subtract, np.multiply, np.maximum, np.minimum)


def _cast(inputs: Sequence[Any], attributes: Attributes) -> Array:
    from onnx import helper

    kind = helper.tensor_dtype_to_np_dtype(attributes["to"])
    if np.dtype(kind).kind not in "biuf":
        raise TypeError
    result: Array = inputs[0].astype(kind)
    return result


def _constant_of_shape(inputs: Sequence[Any], attributes: Attributes) -> Array:
    value = attributes.get("value")
    filling = np.float32(0) if value is None else value.reshape(-1)[0]
    return np.full(_checked(_numbers(inputs[0])), filling)


def _range(inputs: Sequence[Any], attributes: Attributes) -> Array:
    start, stop, step = (array.reshape(-1)[0].item() for array in inputs)
    _checked((max(math.ceil((stop - start) / step), 0),))
    return np.arange(start, stop, step, dtype=inputs[0].dtype)


def _gather(inputs: Sequence[Any], attributes: Attributes) -> Array:
    data, indices = inputs
    axis = attributes.get("axis", 0)
    _checked((data.size // max(data.shape[axis], 1), indices.size))
    return np.asarray(np.take(data, indices.astype(np.int64), axis=axis))


def _slice(inputs: Sequence[Any], attributes: Attributes) -> Array:
    data = inputs[0]
    starts = attributes["starts"] if "starts" in attributes else _numbers(inputs[1])
    stops = attributes["ends"] if "ends" in attributes else _numbers(inputs[2])
    given = _numbers(inputs[3]) if len(inputs) > 3 and inputs[3] is not None else attributes.get("axes")
    axes = range(len(starts)) if given is None else given
    steps = _numbers(inputs[4]) if len(inputs) > 4 and inputs[4] is not None else [1] * len(starts)
    cut = [slice(None)] * data.ndim
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        cut[axis] = slice(start, None if step < 0 and stop < -data.shape[axis] else stop, step)
    return np.asarray(data[tuple(cut)])


def _axes(inputs: Sequence[Any], attributes: Attributes) -> tuple[int, ...] | None:
    if len(inputs) > 1 and inputs[1] is not None:
        return tuple(_numbers(inputs[1]))
    given = attributes.get("axes")
    return None if given is None else tuple(given)


def _squeeze(inputs: Sequence[Any], attributes: Attributes) -> Array:
    return np.asarray(np.squeeze(inputs[0], _axes(inputs, attributes)))


def _unsqueeze(inputs: Sequence[Any], attributes: Attributes) -> Array:
    return np.expand_dims(inputs[0], _axes(inputs, attributes) or ())


def _reshape(inputs: Sequence[Any], attributes: Attributes) -> Array:
    wanted = _numbers(inputs[1])
    keep_zero = attributes.get("allowzero", 0)
    shape = [inputs[0].shape[i] if size == 0 and not keep_zero else size for i, size in enumerate(wanted)]
    return np.asarray(inputs[0].reshape(shape))


def _flatten(inputs: Sequence[Any], attributes: Attributes) -> Array:
    axis, shape = attributes.get("axis", 1), inputs[0].shape
    axis = axis + len(shape) if axis < 0 else axis
    return np.asarray(inputs[0].reshape(math.prod(shape[:axis]), math.prod(shape[axis:])))


def _expand(inputs: Sequence[Any], attributes: Attributes) -> Array:
    shape = np.broadcast_shapes(inputs[0].shape, _checked(_numbers(inputs[1])))
    return np.array(np.broadcast_to(inputs[0], _checked(shape)))


def _tile(inputs: Sequence[Any], attributes: Attributes) -> Array:
    repeats = _numbers(inputs[1])
    _checked([size * times for size, times in zip(inputs[0].shape, repeats, strict=True)])
    return np.tile(inputs[0], repeats)


def _concat(inputs: Sequence[Any], attributes: Attributes) -> Array:
    _checked((sum(array.size for array in inputs),))
    return np.concatenate(inputs, attributes["axis"])


def _split(inputs: Sequence[Any], attributes: Attributes) -> list[Array]:
    sizes = _numbers(inputs[1]) if len(inputs) > 1 else attributes["split"]
    return list(np.split(inputs[0], np.cumsum(sizes)[:-1], attributes.get("axis", 0)))


def _reduction(function: Callable[..., Any]) -> Rule:
    def rule(inputs: Sequence[Any], attributes: Attributes) -> Array:
        result: Array = function(
            inputs[0], axis=_axes(inputs, attributes), keepdims=bool(attributes.get("keepdims", 1))
        )
        return result.astype(inputs[0].dtype)

    return rule


def _trilu(inputs: Sequence[Any], attributes: Attributes) -> Array:
    offset = int(inputs[1].reshape(-1)[0]) if len(inputs) > 1 and inputs[1] is not None else 0
    return np.triu(inputs[0], offset) if attributes.get("upper", 1) else np.tril(inputs[0], offset)


def _cumsum(inputs: Sequence[Any], attributes: Attributes) -> Array:
    if attributes.get("exclusive", 0) or attributes.get("reverse", 0):
        raise ValueError
    return np.cumsum(inputs[0], axis=int(inputs[1].reshape(-1)[0]), dtype=inputs[0].dtype)


RULES: dict[str, Rule] = {
    "Cast": _cast,
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "CumSum": _cumsum,
    "Expand": _expand,
    "Gather": _gather,
    "Identity": lambda inputs, attributes: inputs[0],
    "Range": _range,
    "ReduceMax": _reduction(np.max),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "Reshape": _reshape,
    "Shape": lambda inputs, attributes: np.array(inputs[0].shape, np.int64),
    "Size": lambda inputs, attributes: np.array(inputs[0].size, np.int64),
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": lambda inputs, attributes: np.transpose(inputs[0], attributes.get("perm")),
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
    "Where": _elementwise(np.where),
    "Add": _elementwise(np.add),
    "And": _elementwise(np.logical_and),
    "Div": _elementwise(_divide),
    "Equal": _elementwise(np.equal),
    "Greater": _elementwise(np.greater),
    "GreaterOrEqual": _elementwise(np.greater_equal),
    "Less": _elementwise(np.less),
    "LessOrEqual": _elementwise(np.less_equal),
    "Max": _elementwise(np.maximum),
    "Min": _elementwise(np.minimum),
    "Mod": _elementwise(np.mod),
    "Mul": _elementwise(np.multiply),
    "Or": _elementwise(np.logical_or),
    "Sub": _elementwise(np.subtract),
    "Abs": _elementwise(np.abs),
    "Ceil": _elementwise(np.ceil),
    "Cos": _elementwise(np.cos),
    "Exp": _elementwise(np.exp),
    "Flatten": _flatten,
    "Floor": _elementwise(np.floor),
    "Log": _elementwise(np.log),
    "Neg": _elementwise(np.negative),
    "Not": _elementwise(np.logical_not),
    "Pow": _elementwise(np.power),
    "Reciprocal": _elementwise(np.reciprocal),
    "Round": _elementwise(np.round),
    "Sin": _elementwise(np.sin),
    "Sqrt": _elementwise(np.sqrt),
}
"""How each node type is computed; Max and Min of two inputs only."""
MOVES = ("Flatten", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze")
"""Node types whose rule copies nothing, so that it may run on stand-ins of any size."""
KEEP_SHAPE = ("Cast", "CastLike", "CumSum", "DequantizeLinear", "QuantizeLinear", "Softmax", "Trilu")
ELEMENTWISE = (
    *("Abs", "Add", "And", "Ceil", "Cos", "Div", "Equal", "Erf", "Exp", "Floor", "Greater", "GreaterOrEqual", "Less"),
    *("LessOrEqual", "Log", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Reciprocal", "Relu", "Round"),
    *("Sigmoid", "Sin", "Softplus", "Sqrt", "Sub", "Tanh", "Where"),
)
"""Node types that broadcast."""
