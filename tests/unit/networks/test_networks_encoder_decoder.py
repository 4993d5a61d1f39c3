"""Networks that label every pixel: their shapes, what their decisions change, and what sizes they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from coexplore.core.errors import ConfigError
from coexplore.networks.encoder_decoder import EncoderDecoder
from coexplore.workloads.op import Conv2d, Resize

FAMILY = EncoderDecoder()


def network(**choices):
    first = next(FAMILY.space.enumerate())
    return FAMILY.lower(FAMILY.space.point({**first, **choices}))


def test_stages_and_steps_up_have_choices_of_their_own():
    assert FAMILY.space.size == (2 * 2 * 3) ** 3 * (2 * 2) ** 3 == 110_592


def test_every_pixel_gets_a_score_per_class():
    for point in FAMILY.space.sample(np.random.default_rng(0), 30):
        workload = FAMILY.lower(point)
        assert [workload.shapes[name] for name in workload.outputs] == [(1, 4, 32, 32)]


def test_each_step_up_ends_at_the_map_that_its_stage_reads():
    workload = network(up0="transposed")
    for step, size in enumerate((32, 16, 8)):
        assert workload.shapes[f"up{step}.join"][2:] == (size, size)
        assert workload.shapes[f"down{step}.project"][2:] == (size // 2, size // 2)


def test_a_resized_map_costs_no_multiplication_and_a_transposed_convolution_one_tap_per_pixel():
    resized, convolved = network(up2="resize"), network(up2="transposed")
    assert any(isinstance(op, Resize) and op.name == "up2.resize" for op in resized.ops)
    phases = [op for op in convolved.ops if isinstance(op, Conv2d) and op.name.startswith("up2.transposed")]
    channels = convolved.shapes["down2.project"][1]
    assert len(phases) == 4
    assert convolved.macs - resized.macs == 8 * 8 * channels * channels
    assert convolved.shapes == {**convolved.shapes, "up2.join": resized.shapes["up2.join"]}


def test_a_transposed_convolution_is_that_of_torch():
    torch = pytest.importorskip("torch")
    from coexplore.networks.torch_build import build_module, weights_of

    workload = network(up0="resize", up1="resize", up2="transposed")
    module = build_module(workload).eval()
    weights = weights_of(module)
    phases = torch.tensor(np.stack([weights[f"up2.transposed.phase{phase}.weight"] for phase in range(4)]))
    kept: dict[str, object] = {}
    names = [op.name for op in workload.ops]
    for name in ("down2.project.bn", "up2.transposed.bn"):
        layer = module.layers[str(names.index(name))]
        layer.register_forward_hook(
            lambda layer, read, out, name=name: kept.update({name: out if "down" in name else read[0]})
        )
    with torch.no_grad():
        module(torch.randn((1, 1, 32, 32), generator=torch.Generator().manual_seed(0)))
    channels = phases.shape[1]
    kernel = phases[..., 0, 0].reshape(2, 2, channels, channels).permute(3, 2, 0, 1)
    expected = torch.nn.functional.conv_transpose2d(kept["down2.project.bn"], kernel, stride=2)
    torch.testing.assert_close(kept["up2.transposed.bn"], expected)


def test_a_stem_that_strides_is_made_up_for_at_the_end():
    family = EncoderDecoder(input_shape=(3, 64, 96), classes=6, stem=(16, 2), widths=(24, 32))
    workload = family.lower(next(family.space.enumerate()))
    assert workload.shapes["scores"] == (1, 6, 32, 48)
    assert workload.shapes["labels"] == (1, 6, 64, 96)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"classes": 1}, "classes is 1"),
        ({"input_shape": (1, 28, 32)}, r"input_shape is \(1, 28, 32\); .*by 8"),
        ({"stem": (8, 0)}, r"stem is \(8, 0\)"),
        ({"widths": ()}, "widths is"),
        ({"kernels": (2,)}, r"kernels is \(2,\)"),
        ({"filters": ()}, "filters is"),
        ({"expansions": (0,)}, r"expansions is \(0,\)"),
        ({"width_factors": (-1.0,)}, "width_factors is"),
    ],
)
def test_an_illegal_setting_is_refused_by_name(setting, message):
    with pytest.raises(ConfigError, match=message):
        EncoderDecoder(**setting)
