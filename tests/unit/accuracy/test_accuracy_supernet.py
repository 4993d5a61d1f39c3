from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from coexplore.accuracy.supernet import Supernet, check_shared, largest_points, shared_shapes, smallest_point
from coexplore.accuracy.supernet_sampling import SAMPLINGS
from coexplore.core.errors import EvaluationError
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.torch_build import array_paths, build_module, load_weights, weights_of
from coexplore.spaces.decision import Condition, Decision
from coexplore.spaces.space import Space
from coexplore.workloads.graph import Workload
from coexplore.workloads.op import Conv2d, GlobalAveragePool, Linear, Reshape
from coexplore.workloads.weights import weight_shapes

FAMILY = InvertedBottleneck(
    input_shape=(1, 6, 6),
    classes=3,
    stem=(8, 1),
    stages=((2, 8, 1, 1), (2, 16, 1, 2)),
    head=16,
    kernels=(3, 5),
    expansions=(1, 2, 3),
    width_factors=(0.5, 1.0, 2.0),
    depth_steps=(0, 1),
)
SPACE = FAMILY.space


def images(count=16, seed=0):
    return torch.randn((count, 1, 6, 6), generator=torch.Generator().manual_seed(seed))


def sampled(count, seed=0):
    return [FAMILY.lower(point) for point in SPACE.sample(np.random.default_rng(seed), count)]


@dataclass(frozen=True)
class Chain:
    """One convolution whose kernel has the sizes of the value of its only decision."""

    kernels: tuple[tuple[int, int], ...]
    name: str = "chain"

    @property
    def space(self):
        return Space((Decision("kernel", tuple(range(len(self.kernels)))),))

    def lower(self, point):
        height, width = self.kernels[int(point["kernel"])]
        ops = (
            Conv2d("conv", ("image",), out_channels=4, kernel=(height, width), padding=(height // 2, width // 2)),
            GlobalAveragePool("pool", ("conv",)),
            Reshape("flat", ("pool",), (1, -1)),
            Linear("fc", ("flat",), 3),
        )
        return Workload("chain", (("image", (1, 1, 6, 6)),), ops, ("fc",))


def test_every_network_of_the_space_finds_its_parts():
    supernet = Supernet(FAMILY, SPACE)
    for workload in [*sampled(40), FAMILY.lower(smallest_point(SPACE))]:
        parts, shapes = supernet.parts(workload), weight_shapes(workload)
        assert parts.keys() == {name for name in shapes if "running" not in name}
        assert all(tuple(part.shape) == shapes[name] for name, part in parts.items())


def test_shared_arrays_are_the_largest_of_any_network():
    shapes = shared_shapes(FAMILY, SPACE)
    for workload in sampled(100):
        for name, shape in weight_shapes(workload).items():
            if "running" not in name:
                assert all(size <= most for size, most in zip(shape, shapes[name], strict=True))
    (largest,) = largest_points(SPACE)
    learned = {name: shape for name, shape in weight_shapes(FAMILY.lower(largest)).items() if "running" not in name}
    assert {name: shape for name, shape in shapes.items() if ".plain" not in name} == learned
    assert {name: tuple(array.shape) for name, array in Supernet(FAMILY, SPACE).arrays.items()} == shapes


def test_blocks_that_do_not_widen_have_filters_of_their_own():
    """Their filters read what a block before them wrote, those of the others what a widening layer did."""
    flat = {**largest_points(SPACE)[0], "expansion0": 1}
    parts = Supernet(FAMILY, SPACE).parts(FAMILY.lower(SPACE.point(flat)))
    assert {name.split(".")[1] for name in parts if name.startswith("stage0.")} == {"plain0", "plain1"}
    assert {name.split(".")[1] for name in parts if name.startswith("stage1.")} == {"block0", "block1"}
    assert tuple(parts["stage0.plain0.dw.weight"].shape) == (8, 1, 5, 5)


def test_a_network_takes_the_first_channels_and_the_middle_of_a_kernel():
    supernet = Supernet(FAMILY, SPACE)
    small = FAMILY.lower(SPACE.point({**smallest_point(SPACE), "expansion0": 2}))
    whole, part = supernet.arrays["stage0.block0.dw.weight"], supernet.parts(small)["stage0.block0.dw.weight"]
    assert tuple(whole.shape) == (24, 1, 5, 5)
    assert torch.equal(part, whole[:16, :, 1:4, 1:4])
    assert torch.equal(supernet.parts(small)["fc.weight"], supernet.arrays["fc.weight"])


def test_a_network_computes_what_its_own_module_does_with_its_part_of_the_weights():
    supernet = Supernet(FAMILY, SPACE)
    for workload in sampled(5):
        module = build_module(workload)
        weights = weights_of(module)
        weights |= {name: part.detach().numpy() for name, part in supernet.parts(workload).items()}
        load_weights(module, weights)
        torch.testing.assert_close(supernet.outputs(workload, images()), module.train()(images()))


def test_the_largest_network_begins_as_it_does_alone():
    supernet, workload = Supernet(FAMILY, SPACE, seed=3), FAMILY.lower(largest_points(SPACE)[0])
    torch.testing.assert_close(supernet.outputs(workload, images()), build_module(workload, 3).train()(images()))


def test_another_seed_gives_other_weights_and_torchs_own_generator_is_left_alone():
    before = torch.random.get_rng_state()
    one, same, other = (Supernet(FAMILY, SPACE, seed).arrays["fc.weight"] for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_gradients_reach_the_parts_that_a_network_takes_and_nothing_else():
    supernet, workload = Supernet(FAMILY, SPACE), FAMILY.lower(smallest_point(SPACE))
    supernet.outputs(workload, images()).square().sum().backward()
    parts = supernet.parts(workload)
    for name, array in supernet.arrays.items():
        assert (array.grad is not None) == (name in parts), name
    dw, project = (supernet.arrays[f"stage0.plain0.{name}.weight"].grad for name in ("dw", "project"))
    assert dw[:, :, 1:4, 1:4].abs().min() > 0
    assert not dw[:, :, 0].any()
    assert project[:8].abs().min() > 0
    assert not project[8:].any()


def test_an_adopted_network_has_copies_of_its_part_and_statistics_of_its_own():
    supernet, workload = Supernet(FAMILY, SPACE), sampled(1)[0]
    x = images(32)
    module = supernet.adopt(workload, x, batch=8)
    held = dict(module.named_parameters())
    for name, part in supernet.parts(workload).items():
        kept = held[array_paths(workload)[name]]
        assert torch.equal(kept, part)
        assert kept.data_ptr() != part.data_ptr()
    stem = module.layers["0"](x)
    norm = module.layers["1"]
    expected = torch.stack([some.mean((0, 2, 3)) for some in stem.split(8)]).mean(0)
    torch.testing.assert_close(norm.running_mean, expected)
    variances = torch.stack([some.var((0, 2, 3)) for some in stem.split(8)]).mean(0)
    torch.testing.assert_close(norm.running_var, variances)
    assert not module.training


def test_values_without_an_order_may_be_other_ops():
    family = Chain(((3, 3), (5, 5), (1, 1)))
    assert len(largest_points(family.space)) == 3
    assert shared_shapes(family, family.space)["conv.weight"] == (4, 1, 5, 5)
    check_shared(family, family.space)


def test_arrays_of_which_neither_contains_the_other_are_not_shared():
    family = Chain(((3, 5), (5, 3)))
    with pytest.raises(EvaluationError, match=r"array 'conv.weight' is \(4, 1, 3, 5\) .* neither contains the other"):
        Supernet(family, family.space)


def test_a_network_of_another_space_is_refused():
    narrow = SPACE.restrict({"width1": (8,)})
    supernet = Supernet(FAMILY, narrow)
    wide = FAMILY.lower(SPACE.point({**smallest_point(SPACE), "width1": 32}))
    with pytest.raises(EvaluationError, match=r"only .* where a network needs 'stage1.plain0.project.weight'"):
        supernet.parts(wide)
    with pytest.raises(EvaluationError, match=r"absent where a network needs 'conv.weight'"):
        supernet.parts(Chain(((3, 3),)).lower({"kernel": 0}))


def test_ordered_decisions_must_end_with_their_largest():
    @dataclass(frozen=True)
    class Backwards:
        name: str = "backwards"

        @property
        def space(self):
            return Space((Decision("cut", (0, 1, 2), ordered=True),))

        def lower(self, point):
            return Chain(((5 - 2 * int(point["cut"]),) * 2,)).lower({"kernel": 0})

    with pytest.raises(EvaluationError, match="let ordered decisions end with their largest value"):
        check_shared(Backwards(), Backwards().space)


def test_conditional_decisions_are_settled_in_the_largest_points():
    space = Space(
        (
            Decision("kind", ("plain", "deep")),
            Decision("depth", (1, 2, 3), ordered=True, condition=Condition("kind", ("deep",))),
        )
    )
    assert [dict(point) for point in largest_points(space)] == [{"kind": "deep", "depth": 3}, {"kind": "plain"}]


def test_uniform_sampling_draws_so_many_of_all_values():
    drawn = SAMPLINGS.get("uniform")(SPACE, np.random.default_rng(0), 300)
    assert len(drawn) == 300
    for decision in SPACE.decisions:
        counts = [sum(point[decision.name] == value for point in drawn) for value in decision.values]
        assert min(counts) > 0.7 * 300 / len(counts)


def test_the_sandwich_has_the_largest_and_the_smallest():
    drawn = SAMPLINGS.get("sandwich")(SPACE, np.random.default_rng(0), 2)
    assert len(drawn) == 4
    assert drawn[0] == largest_points(SPACE)[0]
    assert drawn[1] == smallest_point(SPACE)
