"""Does a source of accuracy keep its promises? A suite to inherit.

```python
class TestMine(AccuracySourceContract):
    @pytest.fixture
    def source(self) -> AccuracySource:
        return Mine(epochs=3)

    @pytest.fixture
    def workloads(self) -> Sequence[Workload]:
        return [small_network, another_network]
```
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import numpy as np
import pytest

from coexplore.accuracy.evaluator import Accuracy
from coexplore.accuracy.halving import Rung
from coexplore.core.hashing import content_hash
from coexplore.studies.problem import AccuracySource, Train
from coexplore.workloads.graph import Workload
from coexplore.workloads.weights import Weights


class AccuracySourceContract:
    """Promises of `AccuracySource`; `source` and `workloads` (two networks that it can train) come from the heir."""

    @pytest.fixture
    def source(self) -> AccuracySource:
        """The source under test."""
        raise NotImplementedError

    @pytest.fixture
    def workloads(self) -> Sequence[Workload]:
        """Two different networks."""
        raise NotImplementedError

    @pytest.fixture
    def train(self, source: AccuracySource) -> Train:
        """The source, prepared."""
        return source.prepare()

    def test_a_result_agrees_with_itself(self, train: Train, workloads: Sequence[Workload]) -> None:
        """Every accuracy is a fraction, and the value is that of the last epoch."""
        accuracy, weights = train(workloads[0], ())
        assert len(accuracy.curve) == accuracy.epochs
        assert all(0.0 <= value <= 1.0 for value in accuracy.curve)
        assert accuracy.value == (0.0 if accuracy.diverged else accuracy.curve[-1])
        assert accuracy.reason or not accuracy.diverged
        assert all(isinstance(array, np.ndarray) for array in weights.values())

    def test_training_again_gives_the_same_to_the_last_bit(self, train: Train, workloads: Sequence[Workload]) -> None:
        """Also after another network was trained in between."""
        first = train(workloads[0], ())
        train(workloads[1], ())
        _assert_equal(first, train(workloads[0], ()))

    def test_another_worker_gives_the_same_to_the_last_bit(
        self, source: AccuracySource, workloads: Sequence[Workload]
    ) -> None:
        """A source travels to workers by pickling, and works there as here."""
        copy: AccuracySource = pickle.loads(pickle.dumps(source))
        assert copy.identity == source.identity
        _assert_equal(source.prepare()(workloads[0], ()), copy.prepare()(workloads[0], ()))

    def test_a_rung_that_is_missed_ends_training_there(self, train: Train, workloads: Sequence[Workload]) -> None:
        """A training that stopped early is the beginning of the whole one."""
        whole, _ = train(workloads[0], ())
        stopped, _ = train(workloads[0], (Rung(1, 1.0),))
        if whole.curve[0] < 1.0 and len(whole.curve) > 1:
            assert stopped.curve == whole.curve[:1]
            assert stopped.reason

    def test_a_rung_that_is_passed_changes_nothing(self, train: Train, workloads: Sequence[Workload]) -> None:
        """Zero is always reached."""
        _assert_equal(train(workloads[0], ()), train(workloads[0], (Rung(1, 0.0),)))

    def test_the_identity_is_a_hash_that_stays(self, source: AccuracySource) -> None:
        """It is part of keys on disk."""
        assert len(source.identity) == 64
        assert source.identity == source.identity
        assert content_hash(source) == content_hash(source)

    def test_rungs_depend_on_the_curves_alone(self, source: AccuracySource) -> None:
        """Neither on their order nor on what was asked before."""
        curves = [(0.1, 0.2, 0.3, 0.4), (0.2, 0.3, 0.4, 0.5), (0.5, 0.5, 0.5, 0.5), (0.1,), ()]
        assert source.rungs(()) == ()
        assert source.rungs(curves) == source.rungs(curves[::-1]) == source.rungs(curves)


def _assert_equal(first: tuple[Accuracy, Weights], second: tuple[Accuracy, Weights]) -> None:
    (accuracy, weights), (other, other_weights) = first, second
    assert (accuracy.value, accuracy.curve, accuracy.diverged) == (other.value, other.curve, other.diverged)
    assert weights.keys() == other_weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(array, other_weights[name])
