"""What is known while a model is read: ops so far, their shapes, and which op owns which stored array."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from coexplore.core.errors import WorkloadError
from coexplore.workloads._data_ops import Concat, Constant, Expand, Reshape, Slice, Transpose
from coexplore.workloads._functions import Function, Reduction
from coexplore.workloads._mac_ops import Linear, MatMul
from coexplore.workloads._node import Op, broadcast
from coexplore.workloads._vector_ops import Elementwise, GlobalAveragePool, Reduce, Softmax
from coexplore.workloads.loops import DEFAULT_BITS, MAX_RANK, Bits, Pair, Shape


class Builder:
    """Collects ops under free names; `bits` and `owner` hold for the ops that are added from then on.

    Args:
        inputs: names and shapes of the data.
    """

    def __init__(self, inputs: tuple[tuple[str, Shape], ...]) -> None:
        self.shapes: dict[str, Shape] = dict(inputs)
        self.ops: dict[str, Op] = {}
        self.owners: dict[str, str] = {}
        self.guessed: set[str] = set()
        """Constants whose value is not known."""
        self.owner = ""
        """The op of ours that the model file says these ops were written for; ops of different owners never join."""
        self.bits: Bits = DEFAULT_BITS
        self._numbers: dict[str, int] = {}
        self._owned: dict[tuple[str, Shape], str] = {}

    def free_name(self, wanted: str) -> str:
        """`wanted`, numbered where it is taken."""
        name, number = wanted, self._numbers.get(wanted, 2)
        while name in self.shapes:
            name, number = f"{wanted}_{number}", number + 1
        self._numbers[wanted] = number
        return name

    def add(self, op: Op, stored: Mapping[str, str] | None = None) -> str:
        """Add an op and return its name, which becomes a free one.

        Args:
            op: reads ops already there.
            stored: for its arrays, the name of the stored array in the model; an array seen before is tied.
        """
        op = dataclasses.replace(op, name=self.free_name(op.name), bits=self.bits)
        shapes = tuple(self.shapes[source] for source in op.inputs)
        shape = op.output_shape(shapes)
        if len(shape) > MAX_RANK:
            raise WorkloadError(f"op {op.name!r} ({type(op).__name__}) has {len(shape)} axes; the limit is {MAX_RANK}")
        if stored:
            op = self._tie(op, op.arrays(shapes), stored)
        self.shapes[op.name] = shape
        self.ops[op.name] = op
        self.owners[op.name] = self.owner
        return op.name

    def _tie(self, op: Op, arrays: Mapping[str, Shape], stored: Mapping[str, str]) -> Op:
        tied = []
        for array, key in stored.items():
            if not key or array not in arrays:
                continue
            owner = self._owned.setdefault((key, arrays[array]), f"{op.name}.{array}")
            if owner != f"{op.name}.{array}":
                tied.append((array, owner))
        return dataclasses.replace(op, tied=tuple(tied)) if tied else op

    def reshape(self, name: str, source: str, shape: Shape) -> str:
        """A view, or the source itself where it has that shape already."""
        return source if self.shapes[source] == shape else self.add(Reshape(name, (source,), shape))

    def transpose(self, name: str, source: str, axes: tuple[int, ...]) -> str:
        """A reordering of axes, or the source itself where nothing moves."""
        return source if axes == tuple(range(len(axes))) else self.add(Transpose(name, (source,), axes))

    def expand(self, name: str, source: str, shape: Shape) -> str:
        """The source broadcast together with `shape`."""
        common = broadcast((self.shapes[source], shape))
        if common is None:
            raise WorkloadError(
                f"op {name!r}: {self.shapes[source]} cannot be repeated to {shape}; give sizes that fit"
            )
        return source if self.shapes[source] == common else self.add(Expand(name, (source,), common))

    def part(self, name: str, source: str, axis: int, span: range) -> str:
        """Entries of one axis, or the source itself where all are taken; a descending span is read ascending."""
        size = self.shapes[source][axis]
        if span.step < 0:
            span = span[::-1]
        if span == range(size):
            return source
        return self.add(Slice(name, (source,), axis, span.start, span.stop, span.step))

    def matmul(self, name: str, first: str, second: str) -> str:
        """Product of two activations of any rank; vectors are matrices of one row or column."""
        rank_a, rank_b = len(self.shapes[first]), len(self.shapes[second])
        if rank_a == 1:
            first = self.reshape(f"{name}.row", first, (1, *self.shapes[first]))
        if rank_b == 1:
            second = self.reshape(f"{name}.column", second, (*self.shapes[second], 1))
        product = self.add(MatMul(name, (first, second)))
        shape = self.shapes[product]
        shape = shape if rank_b > 1 else shape[:-1]
        if rank_a == 1:
            shape = shape[:-2] + shape[-1:] if rank_b > 1 else shape[:-1]
        return self.reshape(f"{name}.flat", product, shape)

    def linear(self, name: str, source: str, features: int, stored: Mapping[str, str], bias: bool = False) -> str:
        """Product with a stored matrix on the last axis, of a vector too."""
        shape = self.shapes[source]
        matrix = self.reshape(f"{name}.row", source, (1, *shape)) if len(shape) == 1 else source
        product = self.add(Linear(name, (matrix,), features, bias=bias), stored)
        return self.reshape(f"{name}.flat", product, (*shape[:-1], features))

    def attention(self, name: str, query: str, key: str, value: str, mask: str | None, scaled: bool = True) -> str:
        """Scaled dot-product attention on (..., heads, tokens, features), key heads shared where they are fewer."""
        queries, keys = self.shapes[query], self.shapes[key]
        out = (*queries[:-1], self.shapes[value][-1])
        shared = len(queries) > 2 and keys[-3] not in (1, queries[-3]) and queries[-3] % keys[-3] == 0
        if shared:
            heads, group = keys[-3], queries[-3] // keys[-3]
            query = self.reshape(f"{name}.grouped", query, (*queries[:-3], heads, group, *queries[-2:]))
            key = self.reshape(f"{name}.key", key, (*keys[:-2], 1, *keys[-2:]))
            value = self.reshape(f"{name}.value", value, (*keys[:-2], 1, *self.shapes[value][-2:]))
        scores = self.add(MatMul(f"{name}.scores", (query, key), transpose_second=True))
        if scaled:
            factor = self.add(Constant(f"{name}.factor", (), (), value=1.0 / math.sqrt(queries[-1])))
            scores = self.add(Elementwise(f"{name}.scaled", (scores, factor), Function.MULTIPLY))
        if mask is not None:
            if shared and len(self.shapes[mask]) > 2:
                sizes = self.shapes[mask]
                each = (1, 1) if sizes[-3] == 1 else (keys[-3], queries[-3] // keys[-3])
                mask = self.reshape(f"{name}.mask", mask, (*sizes[:-3], *each, *sizes[-2:]))
            scores = self.add(Elementwise(f"{name}.masked", (scores, mask), Function.ADD))
        weights = self.add(Softmax(f"{name}.weights", (scores,)))
        context = self.add(MatMul(f"{name}.context", (weights, value)))
        return self.reshape(f"{name}.heads", context, out)

    def reduce(self, name: str, source: str, reduction: Reduction, axes: tuple[int, ...], keep: bool) -> str:
        """Reduced axes, counted from the front and rising; the mean over an image is global pooling."""
        shape = self.shapes[source]
        if len(shape) != 4 or axes != (2, 3) or reduction is not Reduction.MEAN:
            return self.add(Reduce(name, (source,), reduction, axes, keep))
        pool = self.add(GlobalAveragePool(name, (source,)))
        return pool if keep else self.reshape(f"{name}.flat", pool, shape[:2])

    def interleave(self, name: str, parts: tuple[str, ...], factors: Pair) -> str:
        """Images as the phases of a larger one: part `i * factors[1] + j` has its rows `i`, columns `j`; all views."""
        stacked = self.add(Concat(f"{name}.phases", parts, axis=1)) if len(parts) > 1 else parts[0]
        n, c, h, w = self.shapes[parts[0]]
        rows, columns = factors
        split = self.reshape(f"{name}.split", stacked, (n, rows, columns, c, h, w))
        turned = self.transpose(f"{name}.turned", split, (0, 3, 4, 1, 5, 2))
        return self.reshape(f"{name}.image", turned, (n, c, h * rows, w * columns))
