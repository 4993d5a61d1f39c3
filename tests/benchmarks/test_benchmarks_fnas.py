"""The replay of FNAS: what it trains, that its sweep goes on where it was stopped, and its means on a table by hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from coexplore.accuracy.evaluator import Accuracy

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "papers" / "coexplore" / "fnas.py"


@pytest.fixture(scope="module")
def fnas():
    spec = importlib.util.spec_from_file_location("fnas_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def table(fnas):
    """The wider, the slower and the more accurate."""
    space = fnas.quick().space
    keys = [tuple(space.indices(point)) for point in space.enumerate()]
    return {key: fnas.Entry(0.8 + 0.01 * sum(key), 100 + sum(key), 1e-3 * (1 + sum(key))) for key in keys}


@pytest.fixture
def trained(fnas, monkeypatch):
    """Networks in the order in which they are trained; the fifth training dies, once."""
    names = []

    def evaluate(self, workload, rungs=()):
        names.append(workload.macs)
        if len(names) == 5:
            raise KeyboardInterrupt
        return Accuracy(0.5, 1, (0.5,), 0.1)

    monkeypatch.setattr(fnas.TrainingEvaluator, "evaluate", evaluate)
    return names


@pytest.mark.parametrize("target_ms", [1.0, 2.0, 3.0])
def test_nothing_beyond_the_requirement_is_trained(fnas, table, target_ms):
    for seed in range(5):
        found = fnas.search(fnas.quick().space, table, 30, 1e-3 * target_ms, seed)
        assert all(entry.latency_s <= 1e-3 * target_ms for entry in found.trained)


def test_without_a_requirement_every_child_is_trained_once(fnas, table):
    found = fnas.search(fnas.quick().space, table, 12, None, 0)
    assert 1 < len(found.trained) <= 12
    assert len({id(entry) for entry in found.trained}) == len(found.trained)


def test_a_search_depends_on_its_seed_alone(fnas, table):
    first, again, other = (fnas.search(fnas.quick().space, table, 12, 2e-3, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_sweep_goes_on_where_it_died_and_trains_nothing_twice(fnas, trained, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fnas.sweep(fnas.quick(), tmp_path / "table.sqlite", tmp_path)
    done = fnas.sweep(fnas.quick(), tmp_path / "table.sqlite", tmp_path)
    assert len(done) == fnas.quick().space.size == 16
    assert len(trained) == 17  # the fifth one was begun twice
    assert fnas.sweep(fnas.quick(), tmp_path / "table.sqlite", tmp_path) == done
    assert len(trained) == 17


def test_shards_share_the_space(fnas, monkeypatch, tmp_path):
    monkeypatch.setattr(fnas.TrainingEvaluator, "evaluate", lambda *_: Accuracy(0.5, 1, (0.5,), 0.1))
    parts = [fnas.sweep(fnas.quick(), tmp_path / "table.sqlite", tmp_path, (part, 3)) for part in range(3)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 16


def test_the_published_space_has_its_networks(fnas):
    assert {part: fnas.mnist(part).space.size for part in fnas.SPACES} == {"sample": 36, "five": 81, "all": 6561}


def test_a_network_has_both_bounds_of_its_latency(fnas):
    setup = fnas.mnist("all")
    network = setup.family.assemble([(5, 36, 1)] * 4)
    entry = fnas.entry_of(network, 0.5)
    assert (entry.accuracy, entry.macs) == (0.5, network.macs)
    assert (entry.overlapped_s, entry.latency_s) == (pytest.approx(7.2e-3), pytest.approx(4 * 7.2e-3))


def test_means_of_two_searches_by_hand(fnas):
    slow, quick, small = fnas.Entry(0.95, 300, 3e-3), fnas.Entry(0.9, 100, 1e-3), fnas.Entry(0.94, 200, 2e-3)
    nas, pruned, nothing = fnas.Found((slow, quick, small)), fnas.Found((quick, small)), fnas.Found(())
    row = fnas.compared(2e-3, 0.95, [(nas, pruned), (nas, nothing)])
    assert row == pytest.approx(
        {
            "target_ms": 2.0,
            "nothing": 1,
            "violations": round(1 / 3, 4),
            "overshoot": 1.5,
            "fnas_violations": 0.0,
            "loss": 0.01,
            "regret": 0.01,
            "saved": 1.5,
            "saved_macs": 2.0,
        }
    )
