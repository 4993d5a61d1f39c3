"""How is a transposed convolution ordinary? As one convolution per phase of its stride, interleaved by views.

Only products that reach an output are counted: the zeros that a stretched input would hold are never multiplied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from coexplore.core.errors import WorkloadError
from coexplore.workloads._builder import Builder
from coexplore.workloads._data_ops import Constant
from coexplore.workloads._functions import Function
from coexplore.workloads._mac_ops import Conv2d
from coexplore.workloads._vector_ops import Elementwise
from coexplore.workloads.loops import Pair

MAX_PHASES = 1024
MAX_TAPS = 4096


@dataclass(frozen=True, slots=True)
class TransposedWindow:
    """The settings of a transposed convolution; `kernel` and on are per axis (height, width)."""

    out_channels: int
    kernel: Pair
    stride: Pair
    padding: Pair
    end_padding: Pair
    output_padding: Pair
    dilation: Pair
    groups: int

    def size(self, inputs: Pair) -> Pair:
        """Height and width of the output."""
        return self._size(0, inputs[0]), self._size(1, inputs[1])

    def _size(self, axis: int, size: int) -> int:
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        cut = self.padding[axis] + self.end_padding[axis] - self.output_padding[axis]
        return (size - 1) * self.stride[axis] + reach - cut

    def phase(self, axis: int, number: int, size: int) -> tuple[int, int, Pair]:
        """Taps, dilation and padding of the ordinary convolution that gives the outputs `number` modulo the stride.

        Output `y = p * stride + r * dilation - padding`: for a given phase the legal `r` are evenly spaced, and each
        reads the input at a fixed distance from `y // stride`.
        """
        stride, dilation, padding = self.stride[axis], self.dilation[axis], self.padding[axis]
        taps = [r for r in range(self.kernel[axis]) if (r * dilation - padding - number) % stride == 0]
        if not taps:
            return 0, 1, (0, 0)
        offsets = sorted((number + padding - r * dilation) // stride for r in taps)
        positions = -(-self._size(axis, size) // stride)
        after = offsets[-1] + positions - size
        spacing = dilation // math.gcd(dilation, stride)
        return len(taps), spacing, (-offsets[0], after)


def transposed_convolution(
    builder: Builder, name: str, source: str, window: TransposedWindow, bias: Mapping[str, str] | None
) -> str:
    """A transposed convolution as one ordinary convolution per phase of its stride, interleaved.

    Each phase reads the input with the kernel entries that reach it, so only useful products are counted; the phases
    join by views. Where the output is no multiple of the stride, the last row or column of some phases is cut off.

    Args:
        builder: takes the ops.
        name: first part of their names.
        source: an image.
        window: settings.
        bias: where there is one, the stored array behind `value`.

    Raises:
        WorkloadError: nothing comes out, or a size is beyond what any network has.
    """
    _check(name, window)
    n, _, h, w = builder.shapes[source]
    size = window.size((h, w))
    if min(size) < 1:
        raise WorkloadError(f"op {name!r}: an output of {size} has no elements; give less padding or a larger input")
    rows, columns = window.stride
    positions = (-(-size[0] // rows), -(-size[1] // columns))
    parts = []
    for phase in range(rows * columns):
        vertical, horizontal = window.phase(0, phase // columns, h), window.phase(1, phase % columns, w)
        label = f"{name}.phase{phase}" if rows * columns > 1 else name
        if not vertical[0] or not horizontal[0]:
            parts.append(builder.add(Constant(label, (), (n, window.out_channels, *positions))))
            continue
        parts.append(_phase(builder, label, source, window, vertical, horizontal))
    image = parts[0] if len(parts) == 1 else builder.interleave(name, tuple(parts), window.stride)
    image = builder.part(f"{name}.rows", image, 2, range(size[0]))
    image = builder.part(f"{name}.columns", image, 3, range(size[1]))
    if bias is None:
        return image
    shift = builder.add(Constant(f"{name}.bias", (), (window.out_channels, 1, 1), trained=True), bias)
    return builder.add(Elementwise(f"{name}.biased", (image, shift), Function.ADD))


def _check(name: str, window: TransposedWindow) -> None:
    if min(*window.stride, *window.dilation, *window.kernel) < 1:
        raise WorkloadError(f"op {name!r}: kernel {window.kernel}, stride {window.stride} or dilation is less than 1")
    if math.prod(window.stride) > MAX_PHASES or max(window.kernel) > MAX_TAPS:
        raise WorkloadError(
            f"op {name!r}: stride {window.stride} or kernel {window.kernel} of a transposed convolution is too large; "
            f"legal are {MAX_PHASES} phases and {MAX_TAPS} taps on an axis"
        )


def _phase(
    builder: Builder,
    name: str,
    source: str,
    window: TransposedWindow,
    vertical: tuple[int, int, Pair],
    horizontal: tuple[int, int, Pair],
) -> str:
    (rows, row_spacing, row_pads), (columns, column_spacing, column_pads) = vertical, horizontal
    for axis, pads in ((2, row_pads), (3, column_pads)):
        first, last = max(-pads[0], 0), builder.shapes[source][axis] + min(pads[1], 0)
        source = builder.part(f"{name}.input{axis}", source, axis, range(first, last))
    before = (max(row_pads[0], 0), max(column_pads[0], 0))
    after = (max(row_pads[1], 0), max(column_pads[1], 0))
    return builder.add(
        Conv2d(
            *(name, (source,)),
            out_channels=window.out_channels,
            kernel=(rows, columns),
            padding=before,
            end_padding=None if after == before else after,
            dilation=(row_spacing, column_spacing),
            groups=window.groups,
        )
    )
