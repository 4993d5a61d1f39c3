"""Which views belong to the op that reads them? Exchanged and repeated factors of products, borders of convolutions."""

from __future__ import annotations

import dataclasses

from coexplore.workloads._data_ops import Border, Expand, Pad, Reshape, Transpose
from coexplore.workloads._editable import EditableGraph
from coexplore.workloads._mac_ops import Conv2d, MatMul
from coexplore.workloads._node import Op
from coexplore.workloads._vector_ops import Elementwise


def merged_views(graph: EditableGraph, op: Op) -> bool:
    """One view instead of two, and the leading axes arranged before the last two are exchanged."""
    if not isinstance(op, Reshape) or not graph.is_foreign(op.name):
        return False
    view = graph.producer(op.inputs[0], op.name)
    shape = graph.shapes[op.name]
    if isinstance(view, Reshape):
        graph.replace(dataclasses.replace(op, inputs=view.inputs, shape=shape))
        graph.drop(view.name)
        return True
    if not isinstance(view, Transpose) or len(shape) < 2 or not _exchanges_last(view):
        return False
    turned = graph.shapes[view.name]
    if shape[-2:] != turned[-2:]:
        return False
    leading = Reshape(graph.free_name(f"{op.name}.leading"), view.inputs, (*shape[:-2], shape[-1], shape[-2]))
    graph.insert(dataclasses.replace(leading, bits=op.bits), op.name)
    axes = (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2)
    graph.replace(Transpose(op.name, (leading.name,), axes, bits=op.bits))
    graph.drop(view.name)
    return merged_views(graph, graph.ops[leading.name]) or True


def _exchanges_last(op: Transpose) -> bool:
    rank = len(op.axes)
    return rank > 1 and op.axes == (*range(rank - 2), rank - 1, rank - 2)


def before_expansion(graph: EditableGraph, op: Op) -> bool:
    """A function of repeated elements is one of the elements that are repeated, as the scale of shared keys."""
    if not isinstance(op, Elementwise):
        return False
    computed = [source for source in op.inputs if not graph.is_number(source)]
    chain, reader = [], op.name
    source = computed[0] if len(computed) == 1 else ""
    while (view := graph.producer(source, reader)) is not None and isinstance(view, Reshape | Transpose | Expand):
        chain.append(view)
        source, reader = view.inputs[0], view.name
        if isinstance(view, Expand):
            break
    if not chain or not isinstance(chain[-1], Expand) or graph.shapes[op.name] != graph.shapes[chain[0].name]:
        return False
    expand = chain[-1]
    for number in set(op.inputs) - set(computed):
        graph.move(number, expand.name)
    inputs = tuple(expand.inputs[0] if name == computed[0] else name for name in op.inputs)
    moved = dataclasses.replace(op, name=graph.free_name(f"{op.name}.before"), inputs=inputs)
    graph.insert(moved, expand.name)
    graph.replace(dataclasses.replace(expand, inputs=(moved.name,)))
    graph.redirect(op.name, chain[0].name)
    return True


def shared_heads(graph: EditableGraph, op: Op) -> bool:
    """A second factor whose heads were repeated to fit the first is read once per group instead."""
    if not isinstance(op, MatMul):
        return False
    merged = graph.ops.get(op.inputs[1])
    expanded = graph.ops.get(merged.inputs[0]) if isinstance(merged, Reshape) else None
    if not isinstance(expanded, Expand) or merged is None or not graph.same_owner(op.name, merged.name, expanded.name):
        return False
    small, large = graph.shapes[expanded.inputs[0]], expanded.shape
    heads, first = len(large) - 4, graph.shapes[op.inputs[0]]
    if heads < 0 or len(small) != len(large) or small != (*large[: heads + 1], 1, *large[heads + 2 :]):
        return False
    flat = (*large[:heads], large[heads] * large[heads + 1], *large[heads + 2 :])
    if graph.shapes[merged.name] != flat or first[:-2] != flat[:-2]:
        return False
    rows = Reshape(graph.free_name(f"{op.name}.grouped"), (op.inputs[0],), (*large[:-2], *first[-2:]), bits=op.bits)
    graph.insert(rows, op.name)
    product = dataclasses.replace(op, name=graph.free_name(f"{op.name}.shared"), inputs=(rows.name, expanded.inputs[0]))
    graph.insert(product, op.name)
    graph.replace(Reshape(op.name, (product.name,), graph.shapes[op.name], bits=op.bits))
    graph.drop(merged.name)
    return True


def transposed_factor(graph: EditableGraph, op: Op) -> bool:
    if not isinstance(op, MatMul) or op.transpose_second:
        return False
    turned = graph.producer(op.inputs[1], op.name)
    if not isinstance(turned, Transpose) or not _exchanges_last(turned):
        return False
    graph.replace(dataclasses.replace(op, inputs=(op.inputs[0], turned.inputs[0]), transpose_second=True))
    graph.drop(turned.name)
    return True


def border(graph: EditableGraph, op: Op) -> bool:
    pad = graph.producer(op.inputs[0], op.name) if isinstance(op, Conv2d) else None
    if not isinstance(op, Conv2d) or not isinstance(pad, Pad) or pad.border is not Border.CONSTANT or pad.value:
        return False
    if any((*pad.before[:2], *pad.after[:2])):
        return False
    (top, bottom), (left, right) = op.pads
    before = (top + pad.before[2], left + pad.before[3])
    after = (bottom + pad.after[2], right + pad.after[3])
    end = None if after == before else after
    graph.replace(dataclasses.replace(op, inputs=pad.inputs, padding=before, end_padding=end))
    graph.drop(pad.name)
    return True
