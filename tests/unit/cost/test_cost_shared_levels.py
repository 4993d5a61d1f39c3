"""Accelerators laid out together, levels shared as objects or not: bit for bit what each says by itself."""

from __future__ import annotations

import copy
from itertools import groupby

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.systolic import Systolic
from coexplore.cost.grid_key import accelerator_keys
from coexplore.cost.nest import machine_of
from coexplore.cost.shared_levels import sizes_of, structures
from coexplore.testing.cost_cases import small_accelerators

SHARED = ("keeps", "double", "axis_level", "axis_dims", "axis_alone", "axis_hop", "word_bits", "block_bits", "slots")


def samples(family, n):
    return [family.decode(point) for point in family.space.sample(np.random.default_rng(5), n)]


def check_sizes(accelerators):
    sizes = sizes_of(accelerators)
    for v, accelerator in enumerate(accelerators):
        machine = machine_of(accelerator)
        assert sizes.axis_size[v].tolist() == machine.axis_size.tolist()
        assert sizes.capacity_bits[v].tolist() == machine.capacity_bits.tolist()
        assert sizes.widths[v].tolist() == np.stack([machine.read_width, machine.write_width], axis=1).tolist()
        assert sizes.joules[v].tolist() == np.stack([machine.read_j, machine.write_j], axis=1).tolist()
        assert sizes.static_j_per_cycle[v] == machine.static_j_per_cycle


@pytest.mark.parametrize("family", [EdgeArray(), Systolic()])
def test_sizes_are_those_of_each_machine_to_the_last_bit(family):
    numbered = sorted(samples(family, 60), key=lambda v: len(v.levels))
    for _, same in groupby(numbered, key=lambda v: len(v.levels)):
        check_sizes(list(same))


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(small_accelerators())
def test_sizes_of_any_chain_are_those_of_its_machine(accelerator):
    check_sizes([accelerator, copy.deepcopy(accelerator)])


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(small_accelerators(), min_size=1, max_size=6))
def test_accelerators_share_a_number_exactly_if_their_machines_share_what_is_no_size(accelerators):
    accelerators = [*accelerators, copy.deepcopy(accelerators[0])]
    found = structures(accelerators)
    assert found[-1] == found[0]
    said = []
    for accelerator in accelerators:
        machine = machine_of(accelerator)
        arrays = tuple(getattr(machine, name).tobytes() for name in SHARED)
        said.append((accelerator.mac.bits, accelerator.mac.energy_j, len(accelerator.levels), *arrays))
    for i, one in enumerate(said):
        assert [other == one for other in said] == (found == found[i]).tolist()


def test_hashes_do_not_tell_shared_levels_from_copies():
    some = samples(EdgeArray(), 40)
    assert np.array_equal(accelerator_keys(some), accelerator_keys([copy.deepcopy(one) for one in some]))


def test_decoding_twice_shares_levels_and_gives_equal_accelerators():
    first, second = samples(EdgeArray(), 40), samples(EdgeArray(), 40)
    assert first == second
    assert all(a.levels[1] is b.levels[1] for a, b in zip(first, second, strict=True))
