"""How are the operators of torch read that the vector unit does: functions, normalisation, reduction, resizing?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from coexplore.workloads._torch_mac_nodes import argument
from coexplore.workloads._torch_reader import Stored, TorchReader
from coexplore.workloads.op import (
    BatchNorm,
    Elementwise,
    Function,
    GroupNorm,
    Interpolation,
    LayerNorm,
    Reduction,
    Resize,
    RmsNorm,
    Softmax,
)

if TYPE_CHECKING:
    from torch import fx


def function(reader: TorchReader, node: fx.Node, function: Function) -> None:
    """A function of as many arguments as it takes."""
    inputs = tuple(reader.operand(node, node.args[index]) for index in range(function.arity))
    reader.emit(node, Elementwise(reader.name(node), inputs, function))


def scaled(reader: TorchReader, node: fx.Node, function: Function) -> None:
    """A sum or difference whose second argument may be scaled."""
    first, second = (reader.operand(node, entry) for entry in node.args[:2])
    factor = argument(node, 2, "alpha", 1)
    if factor != 1:
        inputs = (second, reader.operand(node, factor))
        second = reader.builder.add(Elementwise(f"{reader.name(node)}.scaled", inputs, Function.MULTIPLY))
    reader.emit(node, Elementwise(reader.name(node), (first, second), function))


def sloped(reader: TorchReader, node: fx.Node, function: Function) -> None:
    """A function with one setting."""
    usual = function.defaults[0]
    slope = float(argument(node, 1, "negative_slope" if function is Function.LEAKY_RELU else "alpha", usual))
    settings = () if math.isclose(slope, usual, rel_tol=1e-6) else (slope,)
    reader.emit(node, Elementwise(reader.name(node), (reader.data(node),), function, settings))


def clip(reader: TorchReader, node: fx.Node) -> None:
    """Bounds; those of ReLU and ReLU6 are these functions."""
    lowest, highest = (-1.0, 1.0) if "hardtanh" in str(node.target) else (None, None)
    low = argument(node, 1, "min_val" if lowest is not None else "min", lowest)
    high = argument(node, 2, "max_val" if lowest is not None else "max", highest)
    bounds = (-math.inf if low is None else low, math.inf if high is None else high)
    if not all(isinstance(bound, int | float) for bound in bounds):
        raise reader.error(node, "has bounds that are tensors; only numbers are supported")
    known = {(0.0, 6.0): Function.RELU6, (0.0, math.inf): Function.RELU}
    named = known.get((float(bounds[0]), float(bounds[1])))
    settings = () if named or bounds == Function.CLIP.defaults else (float(bounds[0]), float(bounds[1]))
    reader.emit(node, Elementwise(reader.name(node), (reader.data(node),), named or Function.CLIP, settings))


def not_equal(reader: TorchReader, node: fx.Node) -> None:
    """The opposite of equal."""
    inputs = tuple(reader.operand(node, entry) for entry in node.args[:2])
    equal = reader.builder.add(Elementwise(f"{reader.name(node)}.equal", inputs, Function.EQUAL))
    reader.emit(node, Elementwise(reader.name(node), (equal,), Function.NOT))


def masked_fill(reader: TorchReader, node: fx.Node) -> None:
    """A value where a mask is set."""
    value, mask, filling = (reader.operand(node, entry) for entry in node.args[:3])
    reader.emit(node, Elementwise(reader.name(node), (mask, filling, value), Function.WHERE))


def softmax(reader: TorchReader, node: fx.Node) -> None:
    """Softmax over one axis."""
    reader.emit(node, _softmax(reader, node))


def _softmax(reader: TorchReader, node: fx.Node) -> Softmax:
    rank, axis = len(reader.shape(node.args[0])), int(str(node.args[1]))
    last = axis in (-1, rank - 1)
    return Softmax(reader.name(node), (reader.data(node),), axis=-1 if last else axis)


def log_softmax(reader: TorchReader, node: fx.Node) -> None:
    """The logarithm of a softmax."""
    inner = reader.builder.add(_softmax(reader, node))
    reader.emit(node, Elementwise(f"{reader.name(node)}.logarithm", (inner,), Function.LOGARITHM))


def batch_norm(reader: TorchReader, node: fx.Node) -> None:
    """Batch normalisation with stored statistics, the first of several results."""
    shape = reader.shape(node.args[0])
    if len(shape) < 2:
        raise reader.error(node, f"normalises {shape}; a batch of features is needed")
    reader.values[node] = (
        reader.builder.add(BatchNorm(reader.name(node), (reader.data(node),)), _stored(reader, node)),
    )


def layer_norm(reader: TorchReader, node: fx.Node) -> None:
    """Layer normalisation, alone or as the first of several results."""
    sizes: Any = node.args[1]
    scale, shift = _present(reader, node, 2, "weight"), _present(reader, node, 3, "bias")
    op = LayerNorm(reader.name(node), (reader.data(node),), axes=len(sizes), scale=scale, shift=shift)
    name = reader.builder.add(op, _stored(reader, node, 2, 3))
    if "native" in str(node.target):
        reader.values[node] = (name,)
    else:
        reader.alias(node, name)


def rms_norm(reader: TorchReader, node: fx.Node) -> None:
    """Root mean square normalisation."""
    sizes: Any = node.args[1]
    op = RmsNorm(reader.name(node), (reader.data(node),), axes=len(sizes), scale=_present(reader, node, 2, "weight"))
    reader.emit(node, op, _stored(reader, node, 2, 3))


def group_norm(reader: TorchReader, node: fx.Node) -> None:
    """Group normalisation, alone or as the first of several results."""
    native = "native" in str(node.target)
    weight, groups = (1, 6) if native else (2, 1)
    affine = _present(reader, node, weight, "weight")
    op = GroupNorm(reader.name(node), (reader.data(node),), int(str(node.args[groups])), affine)
    name = reader.builder.add(op, _stored(reader, node, weight, weight + 1))
    if native:
        reader.values[node] = (name,)
    else:
        reader.alias(node, name)


def instance_norm(reader: TorchReader, node: fx.Node) -> None:
    """Instance normalisation: as many groups as channels."""
    shape = reader.shape(node.args[0])
    op = GroupNorm(reader.name(node), (reader.data(node),), shape[1], _present(reader, node, 1, "weight"))
    reader.emit(node, op, _stored(reader, node, 1, 2))


def _present(reader: TorchReader, node: fx.Node, index: int, name: str) -> bool:
    return isinstance(reader.value(argument(node, index, name)), Stored)


def _stored(reader: TorchReader, node: fx.Node, weight: int = 1, bias: int = 2) -> dict[str, str]:
    found = {}
    for array, index in (("weight", weight), ("bias", bias)):
        value = reader.value(argument(node, index, array))
        found[array] = value.key if isinstance(value, Stored) else ""
    return found


def reduce(reader: TorchReader, node: fx.Node, reduction: Reduction) -> None:
    """A reduction of some or all axes; the mean over an image is global pooling."""
    rank = len(reader.shape(node.args[0]))
    given = argument(node, 1, "dim")
    axes = list(range(rank)) if given is None or given == [] else [given] if isinstance(given, int) else list(given)
    keep = bool(argument(node, 2, "keepdim", False))
    places = tuple(sorted(int(axis) % rank for axis in axes)) if rank else ()
    if not places:
        reader.alias(node, reader.data(node))
        return
    reader.alias(node, reader.builder.reduce(reader.name(node), reader.data(node), reduction, places, keep))


def resize(reader: TorchReader, node: fx.Node) -> None:
    """An image at the size that the trace says."""
    kinds = {"nearest": Interpolation.NEAREST, "bilinear": Interpolation.BILINEAR, "bicubic": Interpolation.BICUBIC}
    kind = next(mode for name, mode in kinds.items() if name in str(node.target))
    _, _, height, width = node.meta["val"].shape
    reader.emit(node, Resize(reader.name(node), (reader.data(node),), (int(height), int(width)), kind))
