"""Which stored arrays belong to the op before them? Biases of products, scale and shift of normalisations."""

from __future__ import annotations

import dataclasses

from coexplore.workloads._data_ops import Constant, Reshape
from coexplore.workloads._editable import EditableGraph
from coexplore.workloads._functions import Function
from coexplore.workloads._mac_ops import Conv2d, Linear
from coexplore.workloads._node import Op
from coexplore.workloads._vector_ops import Elementwise, GroupNorm, LayerNorm, RmsNorm


def _absorb(graph: EditableGraph, op: Elementwise, host: Op, constant: Constant, array: str) -> bool:
    """Let `host` own the array of `constant`, which `op` applies to its output."""
    tied = tuple((array, owner) for _, owner in constant.tied)
    graph.replace(dataclasses.replace(host, tied=(*host.tied, *tied)))
    graph.move_array(f"{constant.name}.value", f"{host.name}.{array}")
    graph.redirect(op.name, host.name)
    return True


def _applied_array(graph: EditableGraph, op: Op, function: Function) -> tuple[Op, Constant] | None:
    """The op and the trained array that an elementwise op brings together, where nothing else reads either."""
    if not isinstance(op, Elementwise) or op.function is not function:
        return None
    for host_name, constant_name in (op.inputs, op.inputs[::-1]):
        host, constant = graph.producer(host_name, op.name), graph.ops.get(constant_name)
        if host is not None and isinstance(constant, Constant) and constant.trained:
            return (host, constant) if graph.only_reader(constant_name, op.name) else None
    return None


def bias(graph: EditableGraph, op: Op) -> bool:
    found = _applied_array(graph, op, Function.ADD)
    host = None if found is None else found[0]
    if found is None or not isinstance(host, Linear | Conv2d) or host.bias:
        return False
    constant = found[1]
    shape = graph.shapes[host.name]
    axis = 1 if isinstance(host, Conv2d) else len(shape) - 1
    wanted = tuple(size if number == axis else 1 for number, size in enumerate(shape))
    if (1,) * (len(shape) - len(constant.shape)) + constant.shape != wanted:
        return False
    return _absorb(graph, _elementwise(op), dataclasses.replace(host, bias=True), constant, "bias")


def affine(graph: EditableGraph, op: Op) -> bool:
    for function, array in ((Function.MULTIPLY, "weight"), (Function.ADD, "bias")):
        found = _applied_array(graph, op, function)
        if found is None:
            continue
        host, constant = found
        if not isinstance(host, LayerNorm | RmsNorm) or constant.shape != graph.shapes[host.name][-host.axes :]:
            return False
        if array == "weight" and not host.scale and not (isinstance(host, LayerNorm) and host.shift):
            return _absorb(graph, _elementwise(op), dataclasses.replace(host, scale=True), constant, array)
        if array == "bias" and isinstance(host, LayerNorm) and not host.shift:
            return _absorb(graph, _elementwise(op), dataclasses.replace(host, shift=True), constant, array)
    return False


def group_norm(graph: EditableGraph, op: Op) -> bool:
    """A normalisation of all channels of a group seen as one channel, which is how group normalisation is spelled."""
    if not isinstance(op, Reshape):
        return False
    norm = graph.producer(op.inputs[0], op.name)
    split = graph.producer(norm.inputs[0], norm.name) if isinstance(norm, GroupNorm) and not norm.affine else None
    if not isinstance(norm, GroupNorm) or not isinstance(split, Reshape):
        return False
    source, parts = graph.shapes[split.inputs[0]], graph.shapes[split.name]
    if source != graph.shapes[op.name] or len(source) < 2 or source[1] % norm.groups:
        return False
    if parts[:2] != (source[0], norm.groups):
        return False
    graph.exchange(op.name, GroupNorm(split.name, split.inputs, norm.groups, affine=False, bits=op.bits))
    return True


def group_affine(graph: EditableGraph, op: Op) -> bool:
    """Scale and shift per channel after a group normalisation."""
    added = _applied_array(graph, op, Function.ADD)
    scaled = _applied_array(graph, added[0], Function.MULTIPLY) if added else None
    if added is None or scaled is None:
        return False
    norm, shape = scaled[0], graph.shapes[op.name]
    if not isinstance(norm, GroupNorm) or norm.affine:
        return False
    wanted = (shape[1], *(1,) * (len(shape) - 2))
    if scaled[1].shape != wanted or added[1].shape != wanted:
        return False
    whole = dataclasses.replace(norm, affine=True)
    _absorb(graph, _elementwise(added[0]), whole, scaled[1], "weight")
    return _absorb(graph, _elementwise(op), _group_norm_of(graph, norm.name), added[1], "bias")


def _group_norm_of(graph: EditableGraph, name: str) -> GroupNorm:
    norm = graph.ops[name]
    assert isinstance(norm, GroupNorm)
    return norm


def _elementwise(op: Op) -> Elementwise:
    assert isinstance(op, Elementwise)
    return op
