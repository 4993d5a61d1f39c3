"""What every network family promises: inherit `NetworkFamilyContract` in a test and give it the family."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.hashing import content_hash
from coexplore.cost.model import price
from coexplore.networks.network import Network, NetworkFamily
from coexplore.networks.op_counts import op_counts
from coexplore.networks.torch_build import build_module, weights_of
from coexplore.networks.unique_ops import ScopedFamily, unique_ops
from coexplore.spaces.space import Point
from coexplore.workloads.onnx_export import export_onnx

SAMPLES = 8
BATCH = 2


class NetworkFamilyContract:
    """The promises. Subclasses define `family`, `input_shape` (C, H, W), `classes` and, if dense, `labels`."""

    family: NetworkFamily
    input_shape: tuple[int, int, int]
    classes: int
    labels: tuple[int, ...] = ()
    """Shape of the labels of one image: () for one, (H, W) for one a pixel."""

    def points(self) -> list[Point]:
        """A few random points."""
        return self.family.space.sample(np.random.default_rng(0), SAMPLES)

    def test_every_point_lowers_to_a_workload_for_the_task(self) -> None:
        """One input of the right shape, one output with a score per class."""
        for point in self.points():
            workload = self.family.lower(point)
            ((_, shape),) = workload.inputs
            assert shape == (1, *self.input_shape)
            assert [workload.shapes[name] for name in workload.outputs] == [(1, self.classes, *self.labels)]
            assert workload.macs > 0
            assert workload.parameters > 0

    def test_a_point_always_means_the_same_network(self) -> None:
        """Lowering has no memory and draws no random numbers."""
        for point in self.points():
            assert self.family.lower(point) == self.family.lower(point)

    def test_different_points_are_different_networks(self) -> None:
        """No decision is idle."""
        points = list(dict.fromkeys(self.points()))
        assert len({content_hash(self.family.lower(point).ops) for point in points}) == len(points)

    def test_identity_is_content(self) -> None:
        """Equal networks hash alike, so none is trained twice."""
        for point in self.points():
            assert content_hash(Network(self.family, point)) == content_hash(Network(self.family, point))

    def test_a_network_runs_on_the_baseline(self) -> None:
        """Every op has a mapping."""
        chip = EdgeArray().decode(EdgeArray().presets["baseline"])
        cost = price(self.family.lower(self.points()[0]), chip)
        assert cost.feasible, cost.reason
        assert 0 < cost.latency_s < 1

    def test_a_network_learns_and_leaves_as_onnx(self, tmp_path: Path) -> None:
        """The module of the same graph has a gradient for every weight, and the exported file computes what it does."""
        torch = pytest.importorskip("torch")
        runtime = pytest.importorskip("onnxruntime")
        workload = self.family.lower(self.points()[0])
        module = build_module(workload)
        generator = torch.Generator().manual_seed(0)
        images = torch.randn((BATCH, *self.input_shape), generator=generator)
        labels = torch.randint(self.classes, (BATCH, *self.labels), generator=generator)
        torch.nn.functional.cross_entropy(module(images), labels).backward()
        assert all(torch.isfinite(weight.grad).all() for weight in module.parameters())
        file = tmp_path / "model.onnx"
        export_onnx(workload, weights_of(module), file)
        module.eval()
        with torch.no_grad():
            expected = module(images[:1]).numpy()
        session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {session.get_inputs()[0].name: images[:1].numpy()})
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())

    def test_scopes_tell_the_ops_of_every_network(self) -> None:
        """Where a family has scopes, its networks are counted from tables, and no op is missing from its list."""
        if not isinstance(self.family, ScopedFamily):
            return
        tables = op_counts(self.family)
        assert set(tables.ops) == set(unique_ops(self.family))
        indices = np.array([self.family.space.indices(point) for point in self.points()])
        for point, counts in zip(self.points(), tables.of(indices), strict=True):
            counted = Counter(self.family.lower(point).nests.values())
            assert {loops: int(count) for loops, count in zip(tables.ops, counts, strict=True) if count} == counted
