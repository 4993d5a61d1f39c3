"""The test part is touched once, at the end, and its result is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_cases import make_result

from coexplore.accuracy.dataset import Dataset
from coexplore.core.errors import StoreError
from coexplore.reports.final_test import FILE_NAME, measure_front, read_tested
from coexplore.studies.config import build_designs
from coexplore.studies.directory import StudyDirectory
from coexplore.studies.study import StudyResult

pytest.importorskip("torch")


def small_data() -> Dataset:
    from coexplore.accuracy.data import Digits

    return Digits(limit=20).load()


def with_weights(directory: Path) -> StudyResult:
    """A study whose first member of the front has weights, which were never trained."""
    from coexplore.networks.torch_build import build_module, weights_of

    result = make_result(directory)
    front = result.front[:1]
    workload = build_designs(result.config).decode(front[0].point).network.workload()
    files = StudyDirectory(directory)
    files.networks.mkdir()
    np.savez(files.weights(front[0].network), **weights_of(build_module(workload, 0)))
    return replace(result, front=front)


def test_the_networks_of_the_front_are_measured_on_the_test_part(tmp_path: Path) -> None:
    from coexplore.accuracy.training import test_accuracy as accuracy_on_test
    from coexplore.networks.torch_build import build_module, weights_of

    pytest.importorskip("sklearn")
    result, dataset = with_weights(tmp_path), small_data()
    network = result.front[0].network
    workload = build_designs(result.config).decode(result.front[0].point).network.workload()
    expected = accuracy_on_test(workload, weights_of(build_module(workload, 0)), dataset)
    assert measure_front(result, dataset) == {network: expected}
    assert read_tested(tmp_path) == {network: expected}


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    result, dataset = with_weights(tmp_path), small_data()
    first = measure_front(result, dataset)
    StudyDirectory(tmp_path).weights(result.front[0].network).unlink()
    assert measure_front(result, dataset) == first


def test_missing_weights_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    result, dataset = with_weights(tmp_path), small_data()
    StudyDirectory(tmp_path).weights(result.front[0].network).unlink()
    with pytest.raises(StoreError, match="does not exist"):
        measure_front(result, dataset)


def test_nothing_is_known_before(tmp_path: Path) -> None:
    assert read_tested(tmp_path) == {}


@pytest.mark.parametrize(
    "content", ["", "[]", '{"schema": 2, "networks": {}}', '{"schema": 1, "networks": {"a": "high"}}',
                '{"schema": 1, "networks": {"a": NaN}}', '{"schema": 1}'],
)  # fmt: skip
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    with pytest.raises(StoreError, match=FILE_NAME):
        read_tested(tmp_path)
