"""A learned cost model learns what the engine says, and predicts in NumPy what torch trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.core.errors import ConfigError, DataError, SpaceError
from coexplore.cost.learned import FORMAT, LearnedCost, column_names, load_learned
from coexplore.cost.learned_labels import Labels, PricedPairs, price_pairs, side_space
from coexplore.cost.learned_training import LearnedSettings, train_learned
from coexplore.cost.model import price
from coexplore.design import ACCELERATOR, NETWORK, DesignSpace
from coexplore.spaces.encode import to_indices, to_one_hot
from coexplore.testing.rank_correlation import kendall_tau
from coexplore.testing.toy import ToyNetworks

ARRAYS = EdgeArray(pes_x=(1, 2), pes_y=(2,), simd_units=(16,), lanes=(1, 2), local_memory_mb=(0.5, 2.0),
                   register_file_kb=(8, 32), io_bandwidth_gb_s=(5.0, 20.0))  # fmt: skip
DESIGNS = DesignSpace(ToyNetworks(), ARRAYS, (("accelerator.register_file_kb", (32,)),))
FAST = LearnedSettings(width=64, steps=1000, batch=64)


@pytest.fixture(scope="module")
def pairs() -> PricedPairs:
    networks = list(side_space(DESIGNS, NETWORK).enumerate())[:12]
    return price_pairs(DESIGNS, networks, list(side_space(DESIGNS, ACCELERATOR).enumerate()))


@pytest.fixture(scope="module")
def labels(pairs: PricedPairs) -> Labels:
    networks, accelerators = pairs.table.counts.shape[0], pairs.table.latency_s.shape[1]
    everything = networks * accelerators
    return pairs.draw(np.arange(networks), np.arange(accelerators), everything, np.random.default_rng(0))


@pytest.fixture(scope="module")
def model(labels: Labels) -> LearnedCost:
    return train_learned(DESIGNS.space, labels, FAST)


def test_labels_are_the_prices_of_the_engine(labels):
    space = DESIGNS.space
    columns = {tuple(row): point for point, row in _rows(space)}
    for row in range(0, len(labels), 37):
        design = DESIGNS.decode(columns[tuple(labels.encoded[row])])
        cost = price(design.network.workload(), design.chip)
        assert (labels.latency_s[row], labels.energy_j[row]) == (cost.latency_s, cost.energy_j)
        assert labels.area_mm2[row] == cost.area_mm2


def _rows(space):
    points = list(space.enumerate())
    return zip(points, to_one_hot(space, to_indices(space, points)), strict=True)


def test_drawn_pairs_are_different_and_of_the_parts_asked_for(pairs):
    networks, accelerators = np.array([2, 5, 7]), np.array([1, 3])
    drawn = pairs.draw(networks, accelerators, 6, np.random.default_rng(1))
    assert len({tuple(row) for row in drawn.encoded}) == 6
    assert {tuple(row) for row in drawn.encoded} == {
        (*pairs.networks[n], *pairs.accelerators[a]) for n in networks for a in accelerators
    }
    with pytest.raises(SpaceError, match="7 pairs are wanted; 3 networks on 2 accelerators make 6"):
        pairs.draw(networks, accelerators, 7, np.random.default_rng(1))


def test_it_learns_the_order_of_latencies(model, labels):
    predicted = model.predict(labels.encoded)
    assert kendall_tau(predicted.latency_s, labels.latency_s) > 0.9
    assert np.median(np.abs(predicted.area_mm2 / labels.area_mm2 - 1)) < 0.05


def test_it_predicts_what_a_plain_walk_through_the_layers_gives(model, labels):
    """The slow twin, in float64 and one design at a time."""
    for row in labels.encoded[:5]:
        values = row.astype(float)
        for layer, (weight, bias) in enumerate(zip(model.weights, model.biases, strict=True)):
            values = [float(np.dot(values, weight[:, k]) + bias[k]) for k in range(len(bias))]
            values = [max(value, 0.0) for value in values] if layer < 2 else values
        costs = model.predict(row[None])
        assert costs.latency_s[0] == pytest.approx(np.exp(values[0] * model.spread[0] + model.centre[0]), rel=1e-4)
        assert costs.valid[0] == pytest.approx(1 / (1 + np.exp(-values[3])), rel=1e-4)


def test_points_and_rows_say_the_same(model):
    points = list(DESIGNS.space.enumerate())[:9]
    rows = to_one_hot(DESIGNS.space, to_indices(DESIGNS.space, points))
    by_point = model.predict_points(DESIGNS.space, points)
    np.testing.assert_array_equal(by_point.energy_j, model.predict(rows).energy_j)
    assert model.predict(rows[:0]).latency_s.shape == (0,)


def test_validity_is_learned_from_designs_that_do_not_run_and_from_the_limit(labels):
    runs = labels.encoded[:, 0] == 0  # networks with the first value of the first decision do not run
    broken = replace(
        labels, latency_s=np.where(runs, labels.latency_s, np.inf), energy_j=np.where(runs, labels.energy_j, np.inf)
    )
    limit = float(np.median(labels.area_mm2))
    model = train_learned(DESIGNS.space, broken, FAST, most_area_mm2=limit)
    valid = runs & (labels.area_mm2 <= limit)
    predicted = model.predict(labels.encoded)
    assert predicted.valid[valid].min() > 0.5 > predicted.valid[~valid].max()
    assert np.isfinite(predicted.latency_s).all()


def test_the_same_seed_trains_the_same_to_the_last_bit(model, labels):
    assert train_learned(DESIGNS.space, labels, FAST).identity == model.identity
    assert train_learned(DESIGNS.space, labels, replace(FAST, seed=1)).identity != model.identity


def test_a_file_brings_back_the_same_model(model, tmp_path):
    model.save(tmp_path / "model.npz")
    assert load_learned(tmp_path / "model.npz").identity == model.identity


def test_files_whose_parts_do_not_belong_together_are_refused(model, tmp_path):
    arrays = {f"weight{n}": w for n, w in enumerate(model.weights)} | {
        f"bias{n}": b for n, b in enumerate(model.biases)
    }
    arrays |= {"centre": model.centre, "spread": model.spread}
    header = {"columns": list(model.columns), "settings": {}}
    wrong = [
        (header | {"columns": ["one=1"]}, arrays, "1 columns has layers of shapes"),
        ({}, arrays, "its header is not that of a cost model"),
        (header, arrays | {"weight1": np.full_like(arrays["weight1"], np.nan)}, "not finite"),
        (header, arrays | {"centre": np.zeros(2), "spread": np.zeros(2)}, "not finite"),
    ]
    for head, parts, message in wrong:
        FORMAT.write(tmp_path / "wrong.npz", head, parts)
        with pytest.raises(DataError, match=message):
            load_learned(tmp_path / "wrong.npz")


def test_another_space_is_refused(model, labels):
    other = DesignSpace(ToyNetworks(), ARRAYS)
    with pytest.raises(SpaceError, match=r"another space of designs; accelerator\.register_file_kb=8 is on one side"):
        model.predict_points(other.space, [next(other.space.enumerate())])
    with pytest.raises(SpaceError, match="one-hot rows have shape"):
        model.predict(np.zeros((2, 3)))
    with pytest.raises(
        DataError, match=f"have {labels.encoded.shape[1]} columns, their space {len(column_names(other.space))}"
    ):
        train_learned(other.space, labels, FAST)


def test_too_little_to_learn_from_and_wrong_settings_are_refused(labels):
    with pytest.raises(DataError, match="19 designs, 19 of which run; a cost model needs 20"):
        train_learned(DESIGNS.space, labels.part(slice(19)), FAST)
    with pytest.raises(DataError, match="0 of which run"):
        train_learned(DESIGNS.space, replace(labels, latency_s=np.full(len(labels), np.inf)), FAST)
    with pytest.raises(ConfigError, match="width is 0; give a whole number from 1"):
        LearnedSettings(width=0)
