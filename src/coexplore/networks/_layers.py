"""Which ops do all families string together? The usual short chains; each ends with the op that carries the result."""

from __future__ import annotations

from coexplore.workloads.op import (
    BatchNorm,
    Conv2d,
    Elementwise,
    Function,
    GlobalAveragePool,
    Linear,
    Op,
    Reshape,
)

Ops = tuple[Op, ...]

IMAGE = "image"
"""Name of the input of every image network."""


def conv_bn(
    name: str,
    source: str,
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    function: Function | None = Function.RELU,
    bias: bool = False,
) -> Ops:
    """Square convolution, padded to keep the size at stride 1, batch normalisation, and a function unless None."""
    half = kernel // 2
    conv = Conv2d(
        name,
        (source,),
        out_channels=channels,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(half, half),
        groups=groups,
        bias=bias,
    )
    norm = BatchNorm(f"{name}.bn", (name,))
    return (conv, norm) if function is None else (conv, norm, Elementwise(f"{name}.act", (norm.name,), function))


def pooled_classifier(source: str, classes: int) -> Ops:
    """Mean over the image, then one linear layer."""
    pool = GlobalAveragePool("pool", (source,))
    return (pool, *flat_classifier(pool.name, classes))


def flat_classifier(source: str, classes: int) -> Ops:
    """All features in one vector, then one linear layer."""
    return (Reshape("flatten", (source,), (1, -1)), Linear("fc", ("flatten",), classes))


def conv_relu(
    name: str, source: str, channels: int, kernel: int, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> Ops:
    """Square convolution with bias and ReLU, as networks had it before batch normalisation."""
    conv = Conv2d(
        name,
        (source,),
        out_channels=channels,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(padding, padding),
        groups=groups,
        bias=True,
    )
    return (conv, Elementwise(f"{name}.relu", (name,), Function.RELU))


def hidden_layers(source: str, hidden: tuple[tuple[str, int], ...], last: tuple[str, int]) -> Ops:
    """All features in one vector, linear layers with ReLU, and a last one without; each has a name and a width."""
    ops: list[Op] = [Reshape("flatten", (source,), (1, -1))]
    for name, width in hidden:
        ops.append(Linear(name, (ops[-1].name,), width))
        ops.append(Elementwise(f"{name}.relu", (name,), Function.RELU))
    return (*ops, Linear(last[0], (ops[-1].name,), last[1]))
