"""Which ops of a model that was read are really one? Joins what exporters take apart; shapes and results stay the same.

Biases join their product, spelled-out functions and normalisations get their name, a transposed second factor joins its
product, repeated key heads are shared again, zero borders join their convolution, and summed rows become a bag.
"""

from __future__ import annotations

import dataclasses

from coexplore.workloads import _join_arrays as arrays
from coexplore.workloads import _join_views as views
from coexplore.workloads._builder import Builder
from coexplore.workloads._data_ops import Embedding, EmbeddingBag
from coexplore.workloads._editable import EditableGraph
from coexplore.workloads._functions import Pooling, Reduction
from coexplore.workloads._node import Op
from coexplore.workloads._patterns import changes_nothing, name_of
from coexplore.workloads._vector_ops import Elementwise, Reduce


def joined(builder: Builder, outputs: tuple[str, ...]) -> tuple[tuple[Op, ...], tuple[str, ...]]:
    """The ops of a builder with everything joined that belongs together, and the outputs under their new names."""
    graph = EditableGraph(builder, outputs)
    for name in list(graph.ops):
        op = graph.ops.get(name)
        while op is not None and any(rule(graph, op) for rule in RULES):
            op = graph.ops.get(name)
        if op is not None:
            graph.learn(op)
    return graph.result()


def _spelled_out(graph: EditableGraph, op: Op) -> bool:
    foreign = graph.is_foreign(op.name)
    chains = sorted(graph.chains_of(op).items(), key=lambda item: (-len(item[1].ops), item[0]))
    for source, chain in chains:
        if graph.shapes[source] != graph.shapes[op.name] or not graph.same_owner(*chain.ops):
            continue
        if foreign and changes_nothing(chain):
            graph.redirect(op.name, source)
            return True
        if (foreign or len(chain.ops) > 1) and graph.inside(chain.ops, op.name):
            first = graph.first(chain.ops)
            named = name_of(chain, first, source)
            if named is not None and not (len(chain.ops) == 1 and _same_function(named, op)):
                graph.exchange(op.name, dataclasses.replace(named, bits=op.bits))
                return True
    return False


def _same_function(one: Op, other: Op) -> bool:
    return isinstance(one, Elementwise) and isinstance(other, Elementwise) and one.function is other.function


BAGS = {Reduction.SUM: Pooling.SUM, Reduction.MEAN: Pooling.AVERAGE, Reduction.MAX: Pooling.MAX}


def _bag(graph: EditableGraph, op: Op) -> bool:
    if not isinstance(op, Reduce) or op.reduction not in BAGS or op.keep_axes:
        return False
    rows = graph.producer(op.inputs[0], op.name)
    shape = graph.shapes[op.inputs[0]]
    if not isinstance(rows, Embedding) or len(shape) != 3 or op.axes not in ((1,), (-2,)):
        return False
    bag = EmbeddingBag(rows.name, rows.inputs, rows.rows, rows.width, BAGS[op.reduction], bits=op.bits, tied=rows.tied)
    graph.exchange(op.name, bag)
    return True


RULES = (
    *(arrays.bias, arrays.affine, arrays.group_norm, arrays.group_affine, _spelled_out),
    *(views.merged_views, views.before_expansion, views.transposed_factor, views.shared_heads, views.border, _bag),
)
"""Each takes an op that stands where it is needed, and says whether it changed the graph."""
