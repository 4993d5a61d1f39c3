"""Laws that every price obeys, whatever the op, the accelerator and the mapping."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from coexplore.accelerators.accelerator import Dim
from coexplore.accelerators.family import find_accelerator
from coexplore.cost.mapping import Loop, Mapping
from coexplore.cost.model import price
from coexplore.cost.replay import replay
from coexplore.testing.cost_cases import mapped_ops
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, Elementwise, Function

BASELINE = find_accelerator("edge-array")
MANY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
SAME = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def repeated(mapping: Mapping, dim: Dim, times: int) -> Mapping:
    """The mapping inside an outermost loop."""
    outer = replace(mapping.levels[0], temporal=(Loop(dim, times), *mapping.levels[0].temporal))
    return Mapping((outer, *mapping.levels[1:]))


@pytest.mark.parametrize("dim", [Dim.N, Dim.P, Dim.K, Dim.G])
@MANY
@given(mapped_ops())
def test_a_vector_is_never_cheaper_per_mac_than_the_matrix(dim, case):
    """Doing an op several times with one tensor in common costs at most as often, under the loop put around it."""
    loops, accelerator, mapping = case
    assume(getattr(loops, dim.value) == 1)
    once = replay(loops, accelerator, mapping)
    often = replay(replace(loops, **{dim.value: 3}), accelerator, repeated(mapping, dim, 3))
    assert often.compute_cycles == 3 * once.compute_cycles
    assert often.total_cycles <= 3 * once.total_cycles * (1 + 1e-12)
    rounding = sum(len(accelerator.levels) * level.block_bits * level.read_j_per_bit for level in accelerator.levels)
    assert often.energy_j <= 3 * once.energy_j * (1 + 1e-12) + 3 * rounding


def conv(groups: int) -> Workload:
    op = Conv2d("conv", ("image",), out_channels=32, kernel=(3, 3), padding=(1, 1), groups=groups)
    return Workload("one", (("image", (1, 32, 28, 28)),), (op,), ("conv",))


def test_depthwise_is_not_dense():
    dense, grouped, depthwise = (price(conv(groups), BASELINE).ops[0] for groups in (1, 4, 32))
    assert dense.macs == 4 * grouped.macs == 32 * depthwise.macs
    assert depthwise.energy_j < grouped.energy_j < dense.energy_j
    assert depthwise.energy_j / depthwise.macs > dense.energy_j / dense.macs
    assert depthwise.utilisation < dense.utilisation


def test_the_order_and_the_names_of_ops_change_nothing():
    left = Conv2d("left", ("image",), out_channels=8, kernel=(1, 1))
    right = Conv2d("right", ("image",), out_channels=8, kernel=(3, 3), padding=(1, 1))
    total = Elementwise("sum", ("left", "right"), Function.ADD)
    image = (("image", (1, 8, 14, 14)),)
    prices = [
        price(Workload("branches", image, ops, ("sum",)), BASELINE).metrics()
        for ops in ((left, right, total), (right, left, total))
    ]
    other = {"left": "b", "right": "a", "sum": "z"}
    renamed = tuple(
        replace(op, name=other[op.name], inputs=tuple(other.get(name, name) for name in op.inputs))
        for op in (left, right, total)
    )
    prices.append(price(Workload("branches", image, renamed, ("z",)), BASELINE).metrics())
    assert prices[0] == prices[1] == prices[2]


def random_prices() -> list[list[float]]:
    """Prices of random cases; the same cases in processes that have imported the same modules."""
    prices = []

    @SAME
    @given(mapped_ops())
    def collect(case) -> None:
        result = replay(*case)
        moved = [value for row in result.traffic_bits for value in row[2:]]
        prices.append([result.total_cycles, result.energy_j, result.feasible, *moved])

    collect()
    return prices


def prices_in_a_process_of_its_own(disable_compiler: str) -> list[list[float]]:
    program = "import json, test_cost_laws; print(json.dumps(test_cost_laws.random_prices()))"
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "NUMBA_DISABLE_JIT": disable_compiler, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_compiled_kernels_equal_the_same_code_in_plain_python():
    plain = prices_in_a_process_of_its_own("1")
    assert len(plain) >= 100
    assert plain == prices_in_a_process_of_its_own("0")
