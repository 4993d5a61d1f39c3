"""How far may the energy-delay product of a network be from its least, where every op minimises its own?

The mapping that is best for an op's own product need not be the best for the product of the sums: an op that takes most
of the time should save time, one that takes most of the energy should save energy. By the inequality of Cauchy and
Schwarz, `(sum of t) (sum of e) >= (sum of sqrt(t e))^2`, whatever the mappings; and no `t e` is less than an op's best.
"""

from __future__ import annotations

import math

from coexplore.cost.model import WorkloadCost


def least_edp_js(cost: WorkloadCost) -> float:
    """What no choice of mappings takes a workload's energy-delay product below, up to rounding.

    Args:
        cost: feasible, every op under the mapping that was searched for `Goal.EDP`; a limited search counts its gap.
    """
    roots = (math.sqrt(op.latency_s * op.energy_j * (1.0 - (op.gap or 0.0))) for op in cost.ops)
    return math.fsum(roots) ** 2
