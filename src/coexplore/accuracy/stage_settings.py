"""Which point of Accel-NASBench is a network? Its settings per stage, read off the graph of ops."""

from __future__ import annotations

from coexplore.core.errors import EvaluationError
from coexplore.networks.accel_nasbench import KNOBS
from coexplore.networks.mnasnet_like import ACCEL_WIDTHS, accel_nasbench
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, GlobalAveragePool

COLUMNS = tuple(f"block{stage}_{knob}" for stage in range(len(ACCEL_WIDTHS)) for knob in KNOBS)


def stage_settings(workload: Workload) -> tuple[int, ...]:
    """The settings of a network in the order of `COLUMNS`.

    Raises:
        EvaluationError: it is no network of that space at 224 x 224 with 1,000 classes.
    """
    rows = _stages(workload)
    if rows is not None:
        expansions, kernels, depths, squeezes = zip(*rows, strict=True)
        again = accel_nasbench(expansions, kernels, depths, [bool(squeeze) for squeeze in squeezes])
        if workload.inputs == again.inputs and list(workload.nests.values()) == list(again.nests.values()):
            return tuple(value for row in rows for value in row)
    raise EvaluationError(
        f"{workload.name!r} is no network of Accel-NASBench at 224 x 224 with 1,000 classes, of which alone the "
        "surrogate knows anything; use {family: accel-nasbench}"
    )


def _stages(workload: Workload) -> list[tuple[int, int, int, int]] | None:
    """(expansion, kernel, depth, squeeze) per stage, from the depthwise convolutions and what follows them; None where
    that is not how the network is made."""
    blocks: list[list[int]] = []  # width, expansion, kernel, squeeze
    channels, squeeze, depthwise = 0, 0, None
    for op in workload.ops:
        if isinstance(op, GlobalAveragePool):
            squeeze = 1
        elif not isinstance(op, Conv2d):
            continue
        elif op.groups > 1:
            depthwise, squeeze = op, 0
        elif depthwise is None:
            channels = channels or op.out_channels
        elif channels > depthwise.out_channels or not channels:
            return None
        elif not op.bias:
            blocks.append([op.out_channels, depthwise.out_channels // channels, depthwise.kernel[0], squeeze])
            channels, depthwise = op.out_channels, None
    rows = []
    for width in ACCEL_WIDTHS:
        own = [block[1:] for block in blocks if block[0] == width]
        if not own or any(block != own[0] for block in own):
            return None
        expansion, kernel, squeezed = own[0]
        rows.append((expansion, kernel, len(own), squeezed))
    return rows
