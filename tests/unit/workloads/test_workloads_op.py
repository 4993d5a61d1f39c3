from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import WorkloadError
from coexplore.workloads.op import (
    BatchNorm,
    Bits,
    Concat,
    Constant,
    Conv2d,
    Elementwise,
    Embedding,
    EmbeddingBag,
    Expand,
    Function,
    Gather,
    GlobalAveragePool,
    GroupNorm,
    LayerNorm,
    Linear,
    Loops,
    MatMul,
    Pad,
    Pool2d,
    Pooling,
    Reduce,
    Reduction,
    Reshape,
    Resize,
    RmsNorm,
    Slice,
    Softmax,
    Transpose,
)

SMALL = st.integers(1, 6)
PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))
PADS = st.tuples(st.integers(0, 3), st.integers(0, 3))


@st.composite
def convolutions(draw):
    """A legal convolution and the shape of its input."""
    groups = draw(st.integers(1, 3))
    kernel, dilation, padding = draw(PAIRS), draw(st.tuples(st.integers(1, 2), st.integers(1, 2))), draw(PADS)
    reach = [dilation[i] * (kernel[i] - 1) + 1 for i in range(2)]
    image = [max(draw(st.integers(1, 9)), reach[i] - 2 * padding[i]) for i in range(2)]
    conv = Conv2d(
        "conv",
        ("x",),
        out_channels=groups * draw(SMALL),
        kernel=kernel,
        stride=draw(PAIRS),
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
    )
    return conv, (draw(st.integers(1, 2)), groups * draw(SMALL), *image)


def output_positions(size, kernel, stride, padding, dilation):
    """Positions at which a window lies inside the padded input, counted one by one."""
    last_tap = dilation * (kernel - 1)
    return sum(1 for start in range(0, size + 2 * padding, stride) if start + last_tap < size + 2 * padding)


@given(convolutions())
def test_a_convolution_has_one_output_where_the_window_fits(case):
    conv, (n, c, h, w) = case
    sizes = [
        output_positions(size, conv.kernel[i], conv.stride[i], conv.padding[i], conv.dilation[i])
        for i, size in enumerate((h, w))
    ]
    assert conv.output_shape(((n, c, h, w),)) == (n, conv.out_channels, *sizes)


@given(convolutions())
def test_loops_of_a_convolution_visit_its_weights_and_outputs(case):
    conv, shape = case
    loops = conv.loops((shape,))
    assert loops.output_elements == np.prod(conv.output_shape((shape,)))
    assert loops.weight_elements == conv.parameters((shape,)) - (conv.out_channels if conv.bias else 0)
    assert loops.macs == loops.output_elements * loops.C * loops.R * loops.S
    assert (loops.stride, loops.dilation) == (conv.stride, conv.dilation)


def test_a_depthwise_convolution_has_one_channel_per_group():
    loops = Conv2d("dw", ("x",), 8, (3, 3), padding=(1, 1), groups=8).loops(((1, 8, 4, 4),))
    assert (loops.G, loops.K, loops.C, loops.macs) == (8, 1, 1, 8 * 16 * 9)


@given(st.lists(SMALL, min_size=1, max_size=3), SMALL, SMALL)
def test_a_linear_layer_works_on_the_last_axis(leading, features, out):
    linear, shape = Linear("fc", ("x",), out), (*leading, features)
    assert linear.output_shape((shape,)) == (*leading, out)
    assert linear.parameters((shape,)) == features * out + out
    assert linear.loops((shape,)).macs == np.prod(leading) * features * out


@given(st.lists(SMALL, max_size=2), SMALL, SMALL, SMALL, st.booleans())
def test_a_product_of_activations_agrees_with_numpy(leading, rows, inner, columns, transposed):
    product = MatMul("m", ("a", "b"), transpose_second=transposed)
    first, second = (*leading, rows, inner), (*leading, columns, inner) if transposed else (*leading, inner, columns)
    right = np.zeros(second).swapaxes(-1, -2) if transposed else np.zeros(second)
    shape = (np.zeros(first) @ right).shape
    assert product.output_shape((first, second)) == shape
    assert product.loops((first, second)).macs == np.prod(shape) * inner


@given(
    st.tuples(st.integers(2, 4), st.integers(2, 4)),
    PAIRS,
    st.tuples(st.integers(0, 1), st.integers(0, 1)),
    st.tuples(st.integers(4, 9), st.integers(4, 9)),
)
def test_pooling_has_one_output_where_the_window_fits(kernel, stride, padding, image):
    pool = Pool2d("pool", ("x",), Pooling.MAX, kernel, stride, padding)
    sizes = [output_positions(image[i], kernel[i], stride[i], padding[i], 1) for i in range(2)]
    assert pool.output_shape(((2, 3, *image),)) == (2, 3, *sizes)


@given(st.lists(SMALL, max_size=3), st.data(), SMALL, SMALL, SMALL)
def test_leading_axes_of_a_product_broadcast_like_numpy(leading, data, rows, inner, columns):
    ones = tuple(data.draw(st.sampled_from([1, size])) for size in leading)
    start = data.draw(st.integers(0, len(leading)))
    first, second = (*leading, rows, inner), (*ones[start:], inner, columns)
    product, shape = MatMul("m", ("a", "b")), (np.zeros(first) @ np.zeros(second)).shape
    assert product.output_shape((first, second)) == shape
    loops = product.loops((first, second))
    assert loops.macs == np.prod(shape) * inner
    assert loops.output_elements == np.prod(shape)
    assert loops.weight_elements >= np.prod(second)


def test_query_heads_of_a_group_share_their_keys():
    loops = MatMul("scores", ("q", "k"), transpose_second=True).loops(((1, 2, 4, 10, 64), (1, 2, 1, 30, 64)))
    assert (loops.G, loops.P, loops.K, loops.C) == (2, 40, 30, 64)
    assert loops.weight_elements == 2 * 30 * 64


def test_padding_may_differ_before_and_after():
    conv = Conv2d("c", ("x",), 4, (3, 3), stride=(2, 2), padding=(0, 1), end_padding=(1, 0))
    padded = Conv2d("c", ("x",), 4, (3, 3), stride=(2, 2)).output_shape(((1, 2, 9, 9),))
    assert conv.output_shape(((1, 2, 8, 8),)) == padded
    pool = Pool2d("p", ("x",), Pooling.MAX, (3, 3), (2, 2), end_padding=(1, 1))
    assert pool.output_shape(((1, 2, 8, 8),)) == (1, 2, 4, 4)


@given(st.lists(SMALL, min_size=1, max_size=4), st.data())
def test_a_slice_agrees_with_numpy(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    start = data.draw(st.integers(0, shape[axis] - 1))
    stop, step = data.draw(st.integers(start + 1, shape[axis])), data.draw(st.integers(1, 3))
    cut = [slice(None)] * len(shape)
    cut[axis] = slice(start, stop, step)
    assert (
        Slice("s", ("x",), axis, start, stop, step).output_shape((tuple(shape),)) == np.zeros(shape)[tuple(cut)].shape
    )


@given(st.lists(SMALL, min_size=1, max_size=4), st.data())
def test_a_join_agrees_with_numpy(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    shapes = []
    for size in data.draw(st.lists(SMALL, min_size=1, max_size=3)):
        shapes.append(list(shape))
        shapes[-1][axis] = size
    shapes = tuple(map(tuple, shapes))
    names = tuple(f"x{number}" for number in range(len(shapes)))
    assert Concat("c", names, axis).output_shape(shapes) == np.concatenate([np.zeros(s) for s in shapes], axis).shape


@given(st.lists(SMALL, min_size=1, max_size=4), st.data())
def test_a_reduction_agrees_with_numpy(shape, data):
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    keep = data.draw(st.booleans())
    expected = np.zeros(shape).sum(tuple(axes), keepdims=keep).shape
    assert Reduce("r", ("x",), Reduction.SUM, tuple(axes), keep).output_shape((tuple(shape),)) == expected


@given(st.lists(st.tuples(SMALL, st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4))
def test_a_border_agrees_with_numpy(axes):
    shape, before, after = (tuple(column) for column in zip(*axes, strict=True))
    expected = np.pad(np.zeros(shape), list(zip(before, after, strict=True))).shape
    assert Pad("p", ("x",), before, after).output_shape((shape,)) == expected


@given(st.lists(SMALL, min_size=1, max_size=3), st.lists(SMALL, max_size=2), st.data())
def test_entries_agree_with_numpy(shape, indices, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    expected = np.take(np.zeros(shape), np.zeros(indices, int), axis).shape
    assert Gather("g", ("x", "i"), axis).output_shape((tuple(shape), tuple(indices))) == expected


def test_rows_of_a_table_have_its_width():
    rows = Embedding("e", ("i",), rows=1000, width=16)
    assert rows.output_shape(((2, 7),)) == (2, 7, 16)
    assert rows.parameters(((2, 7),)) == 16_000
    bags = EmbeddingBag("b", ("i",), rows=1000, width=16)
    assert bags.output_shape(((2, 7),)) == (2, 16)
    assert EmbeddingBag("b", ("i", "starts"), 1000, 16).output_shape(((14,), (2,))) == (2, 16)
    assert bags.loops(((2, 7),)) is None


def test_normalisations_own_what_they_say():
    shape = ((2, 6, 4, 5),)
    assert LayerNorm("n", ("x",), axes=2, shift=False).parameters(shape) == 20
    assert LayerNorm("n", ("x",), scale=False, shift=False).parameters(shape) == 0
    assert RmsNorm("n", ("x",)).parameters(shape) == 5
    assert GroupNorm("n", ("x",), groups=3).parameters(shape) == 12
    assert GroupNorm("n", ("x",), groups=3, affine=False).parameters(shape) == 0


def test_a_tied_array_is_no_parameter_of_its_own():
    head = Linear("head", ("x",), 10, tied=(("weight", "table.weight"),))
    assert head.parameters(((1, 4),)) == 10
    assert head.arrays(((1, 4),)) == {"weight": (10, 4), "bias": (10,)}


def test_global_pooling_leaves_one_pixel():
    assert GlobalAveragePool("pool", ("x",)).output_shape(((2, 3, 7, 5),)) == (2, 3, 1, 1)


@given(st.lists(SMALL, max_size=4), st.data())
def test_two_inputs_broadcast_like_numpy(shape, data):
    ones = [data.draw(st.sampled_from([1, size])) for size in shape]
    start = data.draw(st.integers(0, len(shape)))
    shapes = (tuple(shape), tuple(ones[start:]))
    assert Elementwise("sum", ("a", "b"), Function.ADD).output_shape(shapes) == np.broadcast_shapes(*shapes)
    assert Elementwise("sum", ("a", "b"), Function.ADD).output_shape(shapes[::-1]) == np.broadcast_shapes(*shapes)


@given(st.permutations([2, 3, 5, 7]), st.permutations([0, 1, 2, 3]))
def test_transposing_agrees_with_numpy(shape, axes):
    assert Transpose("t", ("x",), tuple(axes)).output_shape((tuple(shape),)) == np.zeros(shape).transpose(axes).shape


@pytest.mark.parametrize("shape", [(4, 6), (-1, 6), (4, -1), (2, -1, 2), (24,), (-1,)])
def test_a_view_agrees_with_numpy(shape):
    assert Reshape("r", ("x",), shape).output_shape(((2, 3, 4),)) == np.zeros((2, 3, 4)).reshape(shape).shape


@pytest.mark.parametrize("op", [BatchNorm("n", ("x",)), LayerNorm("n", ("x",)), Softmax("n", ("x",))])
def test_normalisations_keep_the_shape(op):
    assert op.output_shape(((2, 3, 4),)) == (2, 3, 4)
    assert op.loops(((2, 3, 4),)) is None


def test_normalisations_have_scale_and_shift():
    assert BatchNorm("n", ("x",)).parameters(((2, 3, 4),)) == 2 * 3
    assert LayerNorm("n", ("x",)).parameters(((2, 3, 4),)) == 2 * 4


def test_a_constant_counts_as_parameters_only_where_it_is_trained():
    assert Constant("c", (), (2, 3), trained=True).parameters(()) == 6
    assert Constant("c", (), (2, 3)).parameters(()) == 0


X = ("x",)
ILLEGAL = {
    "groups that do not divide the input": (Conv2d("op", X, 4, (1, 1), groups=2), ((1, 3, 4, 4),)),
    "groups that do not divide the output": (Conv2d("op", X, 3, (1, 1), groups=2), ((1, 4, 4, 4),)),
    "no groups": (Conv2d("op", X, 3, (1, 1), groups=0), ((1, 4, 4, 4),)),
    "no output channels": (Conv2d("op", X, 0, (1, 1)), ((1, 4, 4, 4),)),
    "kernel larger than the image": (Conv2d("op", X, 4, (5, 1)), ((1, 4, 4, 4),)),
    "no stride": (Conv2d("op", X, 4, (1, 1), stride=(0, 1)), ((1, 4, 4, 4),)),
    "negative padding": (Conv2d("op", X, 4, (1, 1), padding=(-1, 0)), ((1, 4, 4, 4),)),
    "no image": (Conv2d("op", X, 4, (1, 1)), ((1, 4),)),
    "no output features": (Linear("op", X, 0), ((1, 4),)),
    "rank too small": (Linear("op", X, 4), ((4,),)),
    "other inner sizes": (MatMul("op", ("a", "b")), ((2, 3), (4, 2))),
    "other leading sizes": (MatMul("op", ("a", "b")), ((2, 3, 4), (3, 4, 2))),
    "a vector as a factor": (MatMul("op", ("a", "b")), ((3, 4), (4,))),
    "a part outside": (Slice("op", X, 0, 2, 9), ((4, 4),)),
    "an empty part": (Slice("op", X, 0, 2, 2), ((4, 4),)),
    "a part of no axis": (Slice("op", X, 2, 0, 1), ((4, 4),)),
    "parts of different sizes": (Concat("op", ("a", "b"), 0), ((4, 4), (4, 3))),
    "nothing to join": (Concat("op", (), 0), ()),
    "a size that cannot be repeated": (Expand("op", X, (4, 3)), ((4, 2),)),
    "a border for another rank": (Pad("op", X, (1,), (1,)), ((4, 4),)),
    "a negative border": (Pad("op", X, (0, -1), (0, 0)), ((4, 4),)),
    "entries of no axis": (Gather("op", ("a", "i"), 2), ((4, 4), (3,))),
    "a table without rows": (Embedding("op", X, 0, 4), ((3,),)),
    "a bag without entries": (EmbeddingBag("op", X, 5, 4), ((3,),)),
    "a reduction of nothing": (Reduce("op", X, Reduction.SUM, ()), ((3, 4),)),
    "a reduction of one axis twice": (Reduce("op", X, Reduction.SUM, (1, -1)), ((3, 4),)),
    "a new size of nothing": (Resize("op", X, (0, 4)), ((1, 2, 3, 4),)),
    "groups of channels that do not divide": (GroupNorm("op", X, 4), ((1, 6, 3),)),
    "more axes than there are": (LayerNorm("op", X, axes=3), ((3, 4),)),
    "softmax over no axis": (Softmax("op", X, axis=2), ((3, 4),)),
    "settings of a function without": (Elementwise("op", X, Function.RELU, (1.0,)), ((3, 4),)),
    "a pooling padded by a window": (Pool2d("op", X, Pooling.MAX, (3, 3), (1, 1), end_padding=(3, 0)), ((1, 4, 4, 4),)),
    "one factor": (MatMul("op", X), ((2, 3),)),
    "window larger than the image": (Pool2d("op", X, Pooling.MAX, (5, 5), (1, 1)), ((1, 4, 4, 4),)),
    "padding beyond half the window": (Pool2d("op", X, Pooling.MAX, (3, 3), (1, 1), (2, 0)), ((1, 4, 4, 4),)),
    "pooling of no image": (GlobalAveragePool("op", X), ((1, 4),)),
    "one summand": (Elementwise("op", X, Function.ADD), ((2, 3),)),
    "two inputs of a function of one": (Elementwise("op", ("a", "b"), Function.RELU), ((2, 3), (2, 3))),
    "sizes that do not broadcast": (Elementwise("op", ("a", "b"), Function.ADD), ((2, 3), (2, 4))),
    "another number of elements": (Reshape("op", X, (5, -1)), ((2, 3),)),
    "two free sizes": (Reshape("op", X, (-1, -1)), ((2, 3),)),
    "a negative size": (Reshape("op", X, (-2, 3)), ((2, 3),)),
    "an axis twice": (Transpose("op", X, (0, 0)), ((2, 3),)),
    "a constant that reads": (Constant("op", (), (2,)), ((2, 3),)),
}


@pytest.mark.parametrize("case", ILLEGAL)
def test_an_illegal_op_is_refused_by_name(case):
    op, shapes = ILLEGAL[case]
    with pytest.raises(WorkloadError, match="op 'op'"):
        op.output_shape(shapes)


@pytest.mark.parametrize("name", ["weight", "input", "output", "accumulator"])
@pytest.mark.parametrize("bits", [0, 65])
def test_bits_out_of_range_are_refused_by_name(name, bits):
    with pytest.raises(WorkloadError, match=f"bits.{name} is {bits}"):
        Bits(**{name: bits})


def test_bits_reach_the_loops():
    bits = Bits(weight=4, input=2)
    assert Linear("fc", X, 3, bits=bits).loops(((1, 4),)).bits == bits
    assert MatMul("m", ("a", "b"), bits=bits).loops(((2, 3), (3, 4))).bits == bits
    assert Conv2d("c", X, 3, (1, 1), bits=bits).loops(((1, 2, 4, 4),)).bits == bits


@given(st.lists(SMALL, min_size=8, max_size=8))
def test_macs_are_the_product_of_all_loops(sizes):
    assert Loops(*sizes).macs == np.prod(sizes)


@pytest.mark.parametrize("name", "NGKCPQRS")
@pytest.mark.parametrize("size", [0, -1, 2**31])
def test_a_loop_out_of_range_is_refused_by_name(name, size):
    with pytest.raises(WorkloadError, match=f"loop {name} is {size}"):
        Loops(**{name: size})


@pytest.mark.parametrize("name", ["stride", "dilation"])
def test_a_window_step_out_of_range_is_refused_by_name(name):
    with pytest.raises(WorkloadError, match=rf"{name} is \(1, 0\)"):
        Loops(**{name: (1, 0)})


@pytest.mark.parametrize("size", [8.0, "8", None])
def test_a_loop_that_is_no_whole_number_is_refused(size):
    with pytest.raises(WorkloadError, match=r"loop K is .*give a whole number"):
        Loops(K=size)


def test_more_products_than_can_be_counted_are_refused():
    with pytest.raises(WorkloadError, match="the limit of one op is"):
        Loops(K=2**31 - 1, C=2**31 - 1)
    with pytest.raises(WorkloadError, match="span up to"):
        Loops(P=2**20, Q=2**20, stride=(2**20, 2**20))
