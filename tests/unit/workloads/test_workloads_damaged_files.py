"""A few hundred damaged files; the benchmark `benchmarks/reliability/fuzz_readers.py` reads ten thousand."""

from __future__ import annotations

import pytest

from coexplore.core.errors import WorkloadError
from coexplore.testing import example_models
from coexplore.testing.reader_cases import ReaderCases
from coexplore.workloads.onnx_import import read_onnx

onnx = pytest.importorskip("onnx")
CASES, BLOCK = 400, 50


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return ReaderCases(tmp_path_factory.mktemp("damaged"), seed=7)


@pytest.mark.parametrize("first", range(0, CASES, BLOCK))
def test_a_damaged_file_gives_a_result_or_one_message(cases, first):
    for number in range(first, first + BLOCK):
        outcome = cases.read(cases.write(number))
        assert outcome.kind in {"read", "refused"}, f"case {number}: {outcome.detail}"


def test_a_crash_would_be_seen(cases, monkeypatch, tmp_path):
    def broken(path):
        raise KeyError("oh")

    monkeypatch.setattr("coexplore.testing.reader_cases.read_onnx", broken)
    (tmp_path / "case.onnx").write_bytes(b"")
    assert cases.read(tmp_path / "case.onnx").kind == "crashed"


def test_equal_numbers_give_equal_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = ReaderCases(tmp_path / "a"), ReaderCases(tmp_path / "b")
    for number in range(12):
        assert one.write(number).read_bytes() == other.write(number).read_bytes()


def test_the_examples_are_whole(tmp_path):
    contents = (
        example_models.own_model(tmp_path),
        example_models.block_model(tmp_path),
        example_models.image_model().SerializeToString(),
        example_models.language_model().SerializeToString(),
    )
    for content in contents:
        (tmp_path / "whole.onnx").write_bytes(content)
        assert read_onnx(tmp_path / "whole.onnx").macs > 0


SIZES = [0, -1, 2**31, 2**40, 2**62]


@pytest.mark.parametrize("size", SIZES)
def test_an_input_of_an_impossible_size_is_refused(size, tmp_path):
    model = example_models.image_model()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = size
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WorkloadError, match="'x'"):
        read_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["w1", "w4", "w5"])
def test_a_weight_of_an_impossible_size_is_refused(name, size, tmp_path):
    model = example_models.image_model()
    array = next(array for array in model.graph.initializer if array.name == name)
    array.dims[0] = size
    array.external_data.add(key="location", value="absent.bin")
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WorkloadError):
        read_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("value", [*SIZES, -(2**63)])
@pytest.mark.parametrize("name", ["wide", "heads", "merged", "split", "along"])
def test_a_shape_of_impossible_sizes_is_refused(name, value, tmp_path):
    model = example_models.language_model()
    array = next(array for array in model.graph.initializer if array.name == name)
    array.raw_data = value.to_bytes(8, "little", signed=True) + array.raw_data[8:]
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    try:
        read_onnx(tmp_path / "model.onnx")
    except WorkloadError:
        return
    assert (name, value) in {
        ("merged", 0),
        ("merged", -1),
        ("heads", 0),
        ("heads", -1),
        ("split", 0),
        ("split", -1),
    } | {
        ("along", 0),
        ("along", -1),
    }, "only a size that is copied or left open, and another axis, are legal"


def test_many_nodes_of_one_name_are_read_in_time(tmp_path):
    helper = onnx.helper
    nodes = [helper.make_node("Tanh" if n % 2 else "Sin", [f"t{n}"], [f"t{n + 1}"], name="same") for n in range(20_000)]
    graph = helper.make_graph(
        nodes,
        "long",
        [helper.make_tensor_value_info("t0", 1, (1, 4))],
        [helper.make_tensor_value_info("t20000", 1, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (tmp_path / "long.onnx").write_bytes(model.SerializeToString())
    assert len(read_onnx(tmp_path / "long.onnx").ops) == 20_000


def test_one_tensor_with_many_readers_is_read_in_time(tmp_path):
    helper = onnx.helper
    nodes = [helper.make_node("Tanh", ["x"], ["y"])]
    nodes += [helper.make_node("Mul", ["y", "y"], [f"t{n}"]) for n in range(10_000)]
    nodes += [helper.make_node("Max", [f"t{n}" for n in range(10_000)], ["out"])]
    graph = helper.make_graph(
        nodes,
        "wide",
        [helper.make_tensor_value_info("x", 1, (1, 4))],
        [helper.make_tensor_value_info("out", 1, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (tmp_path / "wide.onnx").write_bytes(model.SerializeToString())
    assert len(read_onnx(tmp_path / "wide.onnx").ops) == 20_000


def test_axes_without_content_are_not_looked_for_one_by_one(tmp_path):
    """An array of impossible length where a node takes a few axes, its content elsewhere."""
    model = example_models.language_model()
    array = next(array for array in model.graph.initializer if array.name == "front")
    array.dims[0] = 2**31
    array.data_location = 1
    array.external_data.add(key="location", value="absent.bin")
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WorkloadError):
        read_onnx(tmp_path / "model.onnx")


def test_arrays_computed_in_advance_stay_small(tmp_path):
    helper = onnx.helper
    size = onnx.numpy_helper.from_array(np_array([2**20, 2**20]), "size")
    nodes = [helper.make_node("ConstantOfShape", ["size"], ["huge"]), helper.make_node("Add", ["x", "huge"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "huge",
        [helper.make_tensor_value_info("x", 1, (1, 4))],
        [helper.make_tensor_value_info("y", 1, None)],
        [size],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (tmp_path / "huge.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WorkloadError, match="input 1 must be a stored array of known shape"):
        read_onnx(tmp_path / "huge.onnx")


def np_array(values):
    import numpy as np

    return np.array(values, np.int64)
