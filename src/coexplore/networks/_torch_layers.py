"""Which layer or function of tensors does each op become in torch?"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache, partial, singledispatch
from types import ModuleType
from typing import TYPE_CHECKING

from coexplore.core.errors import WorkloadError
from coexplore.networks._torch_functions import functions
from coexplore.workloads.op import (
    BatchNorm,
    Border,
    Concat,
    Constant,
    Conv2d,
    Elementwise,
    Embedding,
    EmbeddingBag,
    Expand,
    Gather,
    GlobalAveragePool,
    GroupNorm,
    LayerNorm,
    Linear,
    MatMul,
    Op,
    Pad,
    Pool2d,
    Pooling,
    Reduce,
    Reduction,
    Reshape,
    Resize,
    RmsNorm,
    Shape,
    Slice,
    Softmax,
    Transpose,
)
from coexplore.workloads.weights import EPSILON

if TYPE_CHECKING:
    import torch
    from torch import nn

    Step = Callable[..., torch.Tensor]


@singledispatch
def step_of(op: Op, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    """The layer of an op, its arrays initialised from the generator, or a function without arrays.

    Raises:
        WorkloadError: torch has no such op.
    """
    raise WorkloadError(f"op {op.name!r}: torch_build knows no {type(op).__name__}; price it without training")


@step_of.register(Conv2d)
def _(op: Conv2d, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    from torch import nn

    conv = nn.utils.skip_init(
        nn.Conv2d,
        shapes[0][1],
        op.out_channels,
        op.kernel,
        stride=op.stride,
        padding=op.padding if op.end_padding is None else 0,
        dilation=op.dilation,
        groups=op.groups,
        bias=op.bias,
    )
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu", generator=generator)
    if op.bias:
        nn.init.zeros_(conv.bias)
    if op.end_padding is not None:
        (top, bottom), (left, right) = op.pads
        conv.register_forward_pre_hook(partial(_pad_first, borders=(left, right, top, bottom)))
    step: Step = conv
    return step


@step_of.register(Linear)
def _(op: Linear, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    from torch import nn

    linear = nn.utils.skip_init(nn.Linear, shapes[0][-1], op.out_features, bias=op.bias)
    nn.init.kaiming_uniform_(linear.weight, a=5**0.5, generator=generator)
    if op.bias:
        nn.init.zeros_(linear.bias)
    step: Step = linear
    return step


@step_of.register(BatchNorm)
def _(op: BatchNorm, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    from torch import nn

    by_rank = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
    rank = len(shapes[0])
    if rank not in by_rank:
        raise WorkloadError(f"op {op.name!r}: torch has no batch normalisation of rank {rank}")
    norm: Step = by_rank[rank](shapes[0][1], eps=EPSILON)
    return norm


@step_of.register(LayerNorm)
def _(op: LayerNorm, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    norm: Step = _layer_norm()(op, shapes[0][-op.axes :])
    return norm


@step_of.register(RmsNorm)
def _(op: RmsNorm, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    from torch import nn

    norm: Step = nn.RMSNorm(shapes[0][-op.axes :], eps=EPSILON, elementwise_affine=op.scale)
    return norm


@step_of.register(GroupNorm)
def _(op: GroupNorm, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    from torch import nn

    norm: Step = nn.GroupNorm(op.groups, shapes[0][1], eps=EPSILON, affine=op.affine)
    return norm


@step_of.register(Embedding)
def _(op: Embedding, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return _table(op, generator)


@step_of.register(EmbeddingBag)
def _(op: EmbeddingBag, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return _table(op, generator)


def _table(op: Embedding | EmbeddingBag, generator: torch.Generator) -> Step:
    from torch import nn

    table = _embedding()(op) if isinstance(op, Embedding) else _bag()(op)
    nn.init.normal_(table.weight, generator=generator)
    step: Step = table
    return step


@step_of.register(Constant)
def _(op: Constant, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    array: Step = _stored_array()(op)
    return array


@step_of.register(MatMul)
def _(op: MatMul, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    product: Step = _torch().matmul
    return _matmul_transposed if op.transpose_second else product


@step_of.register(Pool2d)
def _(op: Pool2d, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    functional = _torch().nn.functional
    pools = {
        Pooling.MAX: functional.max_pool2d,
        Pooling.AVERAGE: functional.avg_pool2d,
        Pooling.SUM: partial(functional.avg_pool2d, divisor_override=1),
    }
    pool = partial(pools[op.pooling], kernel_size=op.kernel, stride=op.stride)
    if op.end_padding is None:
        return partial(pool, padding=op.padding)
    (top, bottom), (left, right) = op.pads
    filling = float("-inf") if op.pooling is Pooling.MAX else 0.0
    return partial(_padded, pool, (left, right, top, bottom), filling)


@step_of.register(GlobalAveragePool)
def _(op: GlobalAveragePool, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_torch().nn.functional.adaptive_avg_pool2d, output_size=1)


@step_of.register(Elementwise)
def _(op: Elementwise, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    function, settings = functions()[op.function], op.settings or op.function.defaults
    return partial(_with_settings, function, settings) if settings else function


@step_of.register(Softmax)
def _(op: Softmax, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_torch().softmax, dim=op.axis)


@step_of.register(Reshape)
def _(op: Reshape, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    shape = op.output_shape(shapes)
    return partial(_reshape, shape=(-1, *shape[1:]) if shape else ())


@step_of.register(Transpose)
def _(op: Transpose, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_torch().permute, dims=op.axes)


@step_of.register(Expand)
def _(op: Expand, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    batched = len(op.shape) == len(shapes[0]) and op.shape[:1] == shapes[0][:1]
    return partial(_expand, shape=(-1, *op.shape[1:]) if batched else op.shape)


@step_of.register(Slice)
def _(op: Slice, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    span = (slice(None),) * (op.axis % len(shapes[0])) + (slice(op.start, op.stop, op.step),)
    return partial(_part, span=span)


@step_of.register(Concat)
def _(op: Concat, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_concat, axis=op.axis)


@step_of.register(Pad)
def _(op: Pad, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    pairs = list(zip(op.before, op.after, strict=True))
    if op.border is not Border.CONSTANT and (len(pairs) not in (3, 4) or any(pairs[0]) or any(pairs[1])):
        raise WorkloadError(f"op {op.name!r}: torch has no {op.border.value} border but of height and width")
    used = pairs if op.border is Border.CONSTANT else pairs[2:]
    mode = {Border.CONSTANT: "constant", Border.REFLECT: "reflect", Border.EDGE: "replicate"}[op.border]
    filling = {"value": op.value} if op.border is Border.CONSTANT else {}
    borders = [size for pair in reversed(used) for size in pair]
    return partial(_torch().nn.functional.pad, pad=borders, mode=mode, **filling)


@step_of.register(Gather)
def _(op: Gather, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_gather, axis=op.axis % len(shapes[0]), rank=len(shapes[1]))


@step_of.register(Reduce)
def _(op: Reduce, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    torch = _torch()
    if op.reduction is Reduction.PRODUCT:
        return partial(_product, axes=op.axes, keep=op.keep_axes)
    named = {
        Reduction.MEAN: torch.mean,
        Reduction.SUM: torch.sum,
        Reduction.MAX: torch.amax,
        Reduction.MIN: torch.amin,
    }
    return partial(named[op.reduction], dim=op.axes, keepdim=op.keep_axes)


@step_of.register(Resize)
def _(op: Resize, shapes: tuple[Shape, ...], generator: torch.Generator) -> Step:
    return partial(_torch().nn.functional.interpolate, size=op.size, mode=op.interpolation.value[0])


def _torch() -> ModuleType:
    return importlib.import_module("torch")


def _pad_first(layer: nn.Module, inputs: tuple[torch.Tensor], borders: tuple[int, ...]) -> torch.Tensor:
    padded: torch.Tensor = _torch().nn.functional.pad(inputs[0], borders)
    return padded


def _padded(pool: Step, borders: tuple[int, ...], filling: float, value: torch.Tensor) -> torch.Tensor:
    return pool(_torch().nn.functional.pad(value, borders, value=filling))


def _with_settings(
    function: Callable[..., torch.Tensor], settings: tuple[float, ...], *inputs: torch.Tensor
) -> torch.Tensor:
    return function(*inputs, *settings)


def _matmul_transposed(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return first @ second.transpose(-1, -2)


def _reshape(value: torch.Tensor, shape: Shape) -> torch.Tensor:
    return value.reshape(shape)


def _expand(value: torch.Tensor, shape: Shape) -> torch.Tensor:
    return value.expand(shape)


def _part(value: torch.Tensor, span: tuple[slice, ...]) -> torch.Tensor:
    return value[span]


def _concat(*values: torch.Tensor, axis: int) -> torch.Tensor:
    joined: torch.Tensor = _torch().cat(values, axis)
    return joined


def _gather(value: torch.Tensor, indices: torch.Tensor, axis: int, rank: int) -> torch.Tensor:
    entries = value.index_select(axis, indices.long().reshape(-1))
    return entries.reshape(*value.shape[:axis], *indices.shape[:rank], *value.shape[axis + 1 :])


def _product(value: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
    for axis in sorted((axis % value.ndim for axis in axes), reverse=True):
        value = value.prod(axis, keepdim=keep)
    return value


@cache
def _layer_norm() -> type[nn.Module]:
    import torch
    from torch import nn

    class AnyLayerNorm(nn.Module):  # type: ignore[misc]  # torch is unknown to the type checker, which skips it
        """Layer normalisation with or without scale and shift, each on its own."""

        def __init__(self, op: LayerNorm, size: Shape) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(size)) if op.scale else None
            self.bias = nn.Parameter(torch.zeros(size)) if op.shift else None
            self._size = size

        def forward(self, value: torch.Tensor) -> torch.Tensor:
            """The normalised values."""
            return nn.functional.layer_norm(value, self._size, self.weight, self.bias, EPSILON)

    return AnyLayerNorm


@cache
def _embedding() -> type[nn.Module]:
    from torch import nn

    class Rows(nn.Embedding):  # type: ignore[misc]  # torch is unknown to the type checker, which skips it
        """Rows of a table by indices in any number format."""

        def __init__(self, op: Embedding) -> None:
            super().__init__(op.rows, op.width)

        def forward(self, indices: torch.Tensor) -> torch.Tensor:
            """One row per index."""
            return super().forward(indices.long())

    return Rows


@cache
def _bag() -> type[nn.Module]:
    from torch import nn

    class Bags(nn.EmbeddingBag):  # type: ignore[misc]  # torch is unknown to the type checker, which skips it
        """Reduced rows of a table by indices in any number format."""

        def __init__(self, op: EmbeddingBag) -> None:
            modes = {Pooling.SUM: "sum", Pooling.AVERAGE: "mean", Pooling.MAX: "max"}
            super().__init__(op.rows, op.width, mode=modes[op.pooling])

        def forward(self, *indices: torch.Tensor) -> torch.Tensor:
            """One row per bag."""
            return super().forward(*(entry.long() for entry in indices))

    return Bags


@cache
def _stored_array() -> type[nn.Module]:
    import torch
    from torch import nn

    class StoredArray(nn.Module):  # type: ignore[misc]  # torch is unknown to the type checker, which skips it
        """An array that reads nothing."""

        def __init__(self, op: Constant) -> None:
            super().__init__()
            value = torch.full(op.shape, op.value)
            if op.trained:
                self.value = nn.Parameter(value)
            else:
                self.register_buffer("value", value)

        def forward(self) -> torch.Tensor:
            """The array."""
            return self.value

    return StoredArray
