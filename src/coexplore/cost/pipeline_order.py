"""How are layers cut into stages when the devices and their order are given? Exactly, by dynamic programming.

Every device of the table is one stage, in the order of the table, with at least one layer.
"""

from __future__ import annotations

import math

import numpy as np

from coexplore.cost.pipeline import ROUNDING, Pipeline, Plan, Stage, StageTable, shortfall


def in_order(table: StageTable, throughput: float | None = None) -> Plan:
    """The cut of the highest throughput.

    Args:
        table: what every stage would take; counts play no part.
        throughput: required, inputs per second; None asks for nothing.
    """
    devices, layers = len(table.devices), len(table.layers)
    slowest_s = np.full((devices + 1, layers + 1), np.inf)
    came = np.zeros((devices + 1, layers + 1), np.int64)
    slowest_s[0, 0] = 0.0
    for t in range(devices):
        # (first, end): the slowest stage so far if device t runs the layers from first to before end.
        candidates = np.maximum(slowest_s[t, :-1, None], table.latency_s[t])
        came[t + 1], slowest_s[t + 1] = candidates.argmin(axis=0), candidates.min(axis=0)
    if not math.isfinite(slowest_s[devices, layers]):
        return Plan(None, _what_fits_nowhere(table))
    stages, end = list[Stage](), layers
    for t in reversed(range(devices)):
        first = int(came[t + 1, end])
        stages.append(Stage(t, first, end, float(table.latency_s[t, first, end])))
        end = first
    best = Pipeline(tuple(reversed(stages)), math.fsum(table.costs), float(slowest_s[devices, layers]))
    if throughput is None:
        return Plan(best)
    fast_enough = best.slowest.latency_s <= ROUNDING / throughput
    return Plan(best.at(throughput)) if fast_enough else shortfall(table, best, throughput)


def _what_fits_nowhere(table: StageTable) -> str:
    for index, name in enumerate(table.layers):
        if not np.isfinite(table.latency_s[:, index, index + 1]).any():
            return (
                f"layer {name!r} fits none of the fixed boards: its kernel is too large for their engines, or the "
                "buffers of an engine for its FPGA"
            )
    return "no cut fits the fixed boards: each board must hold the layers it is given, and have at least one"
