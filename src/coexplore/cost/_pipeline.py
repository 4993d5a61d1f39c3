"""Which cuts and devices make the best pipeline? A compiled dynamic programme over layers and multisets of devices.

A state counts the devices used of every type, as a number in mixed radix; `steps[t]` is the weight of type t.
"""

from __future__ import annotations

import math

from coexplore.cost._compile import kernel
from coexplore.cost._fpga import Floats, Ints


@kernel
def fill_values(
    latency: Floats,
    counts: Ints,
    steps: Ints,
    costs: Floats,
    period: float,
    slowest: bool,
    value: Floats,
    came: Ints,
    kind: Ints,
) -> None:
    """Fill value, came, kind (states, l + 1): the best pipeline of the first j layers that uses up a state.

    Latencies are (types, l, l + 1), of the layers from i before j; a stage above `period` is not allowed. The value is
    the slowest stage, or else the cost of all devices. Of equal ones the first type, then the earliest cut, stays.
    """  # fmt: skip
    types, layers = latency.shape[0], latency.shape[1]
    value[:] = math.inf
    value[0, 0] = 0.0
    for state in range(1, value.shape[0]):
        for t in range(types):
            if (state // steps[t]) % (counts[t] + 1) == 0:
                continue
            before = state - steps[t]
            for j in range(1, layers + 1):
                for i in range(j):
                    if value[before, i] == math.inf or latency[t, i, j] > period:
                        continue
                    if slowest:
                        here = max(value[before, i], latency[t, i, j])
                    else:
                        here = value[before, i] + costs[t]
                    if here < value[state, j]:
                        value[state, j], came[state, j], kind[state, j] = here, i, t
