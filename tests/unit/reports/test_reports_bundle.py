"""A bundle carries a design out of a study without a digit lost, and reading one trusts nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from coexplore.accelerators import edge_array  # noqa: F401 - enters itself among the families
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import CoexploreError, StoreError, WorkloadError
from coexplore.cost.model import Goal, price
from coexplore.networks.bert import bert_base_layer
from coexplore.networks.inverted_bottleneck import InvertedBottleneck
from coexplore.networks.plain_cnn import PlainCnn
from coexplore.reports import bundle as bundle_module
from coexplore.reports.arrays import read_arrays
from coexplore.reports.bundle import FILES, FORMAT, Contents, read_bundle, write_bundle
from coexplore.workloads.graph import Workload
from coexplore.workloads.weights import weight_shapes

pytest.importorskip("onnx")
ACCELERATOR = find_accelerator("edge-array")


def contents_of(workload: Workload, goal: Goal = Goal.EDP, *, trained: bool = True) -> Contents:
    rng = np.random.default_rng(0)
    shapes = weight_shapes(workload) if trained else {}
    cost = price(workload, ACCELERATOR, goal)
    weights = {name: rng.random(shape, dtype=np.float32) for name, shape in shapes.items()}
    return Contents(workload, ACCELERATOR, cost, weights, {"name": "a study", "seed": 1}, 7, {**cost.metrics()})


def first_workload(family: PlainCnn | InvertedBottleneck) -> Workload:
    return family.lower(next(family.space.enumerate()))


SMALL = first_workload(PlainCnn(layers=(1,), filters=(4,)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "bundle"
    write_bundle(path, contents_of(SMALL))
    return path


@pytest.mark.parametrize("goal", list(Goal))
@pytest.mark.parametrize(
    "workload", [SMALL, first_workload(InvertedBottleneck()), bert_base_layer(tokens=4)], ids=lambda w: w.name
)
def test_cost_of_a_bundle_is_the_same_to_the_last_digit(tmp_path: Path, workload: Workload, goal: Goal) -> None:
    contents = contents_of(workload, goal, trained=False)
    write_bundle(tmp_path / "bundle", contents)
    bundle = read_bundle(tmp_path / "bundle")
    cost = price(bundle.workload, bundle.accelerator, mappings=bundle.mappings)
    assert cost == contents.cost
    assert json.loads((tmp_path / "bundle" / "metrics.json").read_text())["metrics"] == cost.metrics()


def test_a_bundle_has_every_file_and_nothing_else(folder: Path) -> None:
    assert {entry.name for entry in folder.iterdir()} == set(FILES)
    assert [entry.name for entry in folder.parent.iterdir()] == ["bundle"]
    assert len((folder / "README.txt").read_text().splitlines()) == 3
    assert yaml.safe_load((folder / "study.yaml").read_text()) == {"name": "a study", "seed": 1}


def test_the_weights_of_a_bundle_are_the_trained_ones(folder: Path) -> None:
    expected = contents_of(SMALL).weights
    found = read_arrays(folder / "weights.npz")
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_the_model_of_a_bundle_computes_with_the_trained_weights(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    stored = {
        array.name: onnx.numpy_helper.to_array(array) for array in onnx.load(folder / "model.onnx").graph.initializer
    }
    assert np.array_equal(stored["fc.weight"], contents_of(SMALL).weights["fc.weight"])


def test_a_bundle_without_training_has_no_weights_and_says_so(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", contents_of(SMALL, trained=False))
    assert not (tmp_path / "bundle" / "weights.npz").exists()
    assert json.loads((tmp_path / "bundle" / "metrics.json").read_text())["trained"] is False
    assert "nothing was trained" in (tmp_path / "bundle" / "README.txt").read_text()


def test_a_bundle_replaces_another_one(folder: Path) -> None:
    write_bundle(folder, replace(contents_of(SMALL, trained=False), trial=8))
    assert json.loads((folder / "metrics.json").read_text())["trial"] == 8
    assert not (folder / "weights.npz").exists()
    assert [entry.name for entry in folder.parent.iterdir()] == ["bundle"]


def test_an_empty_folder_may_become_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    write_bundle(tmp_path / "bundle", contents_of(SMALL))
    assert read_bundle(tmp_path / "bundle").workload == SMALL


def spoil_with_a_file(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")


def spoil_beside_a_bundle(path: Path) -> None:
    write_bundle(path, contents_of(SMALL))
    (path / "thesis.txt").write_text("years of work")


def spoil_with_a_name_of_ours(path: Path) -> None:
    path.mkdir()
    (path / "README.txt").write_text("years of work")


def spoil_by_being_a_file(path: Path) -> None:
    path.write_text("years of work")


def spoil_by_a_link(path: Path) -> None:
    (path.parent / "elsewhere").mkdir()
    path.symlink_to(path.parent / "elsewhere")


SPOILS = [spoil_with_a_file, spoil_beside_a_bundle, spoil_with_a_name_of_ours, spoil_by_being_a_file, spoil_by_a_link]


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_is_no_bundle_is_never_overwritten(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(tmp_path / "bundle")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="choose another"):
        write_bundle(tmp_path / "bundle", contents_of(SMALL))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_failed_write_leaves_the_old_bundle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    before = (folder / "metrics.json").read_bytes()
    monkeypatch.setattr(bundle_module, "_write", full_disk)
    with pytest.raises(StoreError, match="No space left"):
        write_bundle(folder, contents_of(SMALL))
    assert (folder / "metrics.json").read_bytes() == before
    assert [entry.name for entry in folder.parent.iterdir()] == ["bundle"]


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    wrong = replace(contents_of(SMALL), weights={"fc.weight": np.zeros((1, 1), np.float32)})
    with pytest.raises(WorkloadError):
        write_bundle(tmp_path / "bundle", wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="choose a writable folder"):
        write_bundle(tmp_path / "bundle", contents_of(SMALL))


def break_json(folder: Path) -> None:
    (folder / "mapping.json").write_text('{"conv0": [')


def break_shape(folder: Path) -> None:
    (folder / "mapping.json").write_text("[]")


def break_mapping(folder: Path) -> None:
    (folder / "mapping.json").write_text('{"conv0": {"temporal": 3}}')


def break_depth(folder: Path) -> None:
    (folder / "mapping.json").write_text("[" * 100_000)


def break_accelerator(folder: Path) -> None:
    (folder / "accelerator.yaml").write_text("clock_hz: [")


def break_model(folder: Path) -> None:
    path = folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:200])


def break_by_link(folder: Path) -> None:
    (folder.parent / "secret").write_text("{}")
    (folder / "mapping.json").unlink()
    (folder / "mapping.json").symlink_to(folder.parent / "secret")


def break_by_loss(folder: Path) -> None:
    (folder / "accelerator.yaml").unlink()


def break_format(folder: Path) -> None:
    (folder / "metrics.json").write_text('{"format": "something-else/9"}')


def break_by_folder(folder: Path) -> None:
    (folder / "mapping.json").unlink()
    (folder / "mapping.json").mkdir()


BREAKS = [break_json, break_shape, break_mapping, break_depth, break_accelerator, break_model, break_by_link,
          break_by_loss, break_format, break_by_folder]  # fmt: skip


@pytest.mark.parametrize("damage", BREAKS)
def test_a_damaged_bundle_is_an_error_that_names_the_file(folder: Path, damage: Callable[[Path], Any]) -> None:
    damage(folder)
    with pytest.raises(CoexploreError, match=r"mapping\.json|accelerator\.yaml|model\.onnx|metrics\.json"):
        read_bundle(folder)


def test_a_file_beyond_the_limit_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_module, "LIMIT_BYTES", 10_000)
    (folder / "mapping.json").write_text(" " * 10_001)
    with pytest.raises(StoreError, match="more than the limit"):
        read_bundle(folder)


def test_other_files_beside_those_of_a_bundle_do_not_matter_for_reading(folder: Path) -> None:
    (folder / "notes.txt").write_text("bought the chip")
    assert read_bundle(folder).accelerator == ACCELERATOR
    assert FORMAT in (folder / "metrics.json").read_text()
