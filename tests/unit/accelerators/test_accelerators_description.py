"""Accelerator files: a page is enough, every number survives, and whatever is wrong is named by its field."""

from __future__ import annotations

import copy
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coexplore.accelerators.accelerator import Operand
from coexplore.accelerators.description import (
    SIZE_LIMIT_BYTES,
    from_document,
    is_description,
    read_accelerator,
    to_document,
    write_text,
)
from coexplore.accelerators.document import SECTIONS, accelerator_schema
from coexplore.accelerators.edge_array import EdgeArray
from coexplore.accelerators.family import find_accelerator
from coexplore.accelerators.technology import load_technology
from coexplore.core.errors import AcceleratorError, CoexploreError, StoreError
from coexplore.core.plain_yaml import load_plain
from coexplore.cost.model import price
from coexplore.networks.network import NETWORK_PRESETS

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
EXAMPLE = EXAMPLES / "accelerator.yaml"
SMALLEST = """
format: coexplore-accelerator/1
technology: 45
clock_hz: 1e9
levels:
  - {name: dram, component: {dram: ddr3}}
  - {name: buffer, component: {sram: {size_kib: 64}}, fanout: [{name: pe, size: 16}]}
mac: {bits: 8}
vector: {operations_per_cycle: 1}
"""


def changed(path, value):
    """The example with one entry replaced."""
    document = copy.deepcopy(load_plain(EXAMPLE.read_text(), "example"))
    inside = document
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return document


def without(key):
    document = load_plain(EXAMPLE.read_text(), "example")
    del document[key]
    return document


def test_a_dozen_lines_describe_an_accelerator():
    accelerator = from_document(load_plain(SMALLEST, "smallest"))
    dram, buffer = accelerator.levels
    table = load_technology(45)
    assert dram.keeps == buffer.keeps == tuple(Operand)
    assert (dram.capacity_bytes, dram.read_bytes_per_cycle) == (None, None)
    assert (buffer.capacity_bytes, buffer.read_bytes_per_cycle, buffer.write_bytes_per_cycle) == (65536, 8, None)
    assert math.isclose(buffer.read_j_per_bit * 64, table.sram_at(64).read_pj * 1e-12)
    assert math.isclose(accelerator.mac.energy_j, table.logic_at(8).mac_pj * 1e-12)
    assert accelerator.macs_per_cycle == 16


def test_the_example_is_read_and_runs_a_network():
    accelerator = read_accelerator(EXAMPLE)
    assert accelerator.macs_per_cycle == 256
    assert dict(accelerator.other_area_mm2) == {"io": pytest.approx(1.28), "control": 0.3}
    assert accelerator.levels[0].read_bytes_per_cycle == 16
    assert price(NETWORK_PRESETS.get("mobilenet-v2")(), accelerator).feasible
    assert len(EXAMPLE.read_text().splitlines()) < 60


def test_numbers_in_the_file_go_before_those_of_the_component():
    level = {"name": "buffer", "component": {"sram": {"size_kib": 512}}, "area_mm2": 9.0, "read_bytes_per_cycle": None}
    made = from_document(changed(["levels", 1], level | {"write_j_per_bit": 5e-12, "capacity_bytes": 100})).levels[1]
    assert (made.area_mm2, made.read_bytes_per_cycle, made.write_j_per_bit, made.capacity_bytes) == (
        9,
        None,
        5e-12,
        100,
    )
    assert math.isclose(made.read_j_per_bit * 64, load_technology(22).sram_at(512).read_pj * 1e-12)


def test_a_file_without_any_table_needs_only_energies():
    document = {
        "format": "coexplore-accelerator/1",
        "clock_hz": 1e9,
        "levels": [{"name": "dram", "read_j_per_bit": 8e-12}],
        "mac": {"bits": 8, "energy_j": 1e-12},
        "vector": {"operations_per_cycle": 1.0, "energy_j": 1e-12},
    }
    accelerator = from_document(document)
    assert accelerator.levels[0].write_j_per_bit == 8e-12
    assert accelerator.area_mm2 == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_a_description_survives_yaml_to_the_last_bit(seed):
    family = EdgeArray()
    (point,) = family.space.sample(np.random.default_rng(seed), 1)
    accelerator = family.decode(point)
    assert from_document(load_plain(write_text(accelerator), "text")) == accelerator


def test_new_fields_survive():
    level = {"name": "buffer", "read_j_per_bit": 1e-15, "word_bits": 12, "block_bits": 64, "double_buffered": False}
    axis = {"name": "pe_x", "size": 8, "dims": ["K"], "multicast": False, "hop_cycles": 1}
    accelerator = from_document(changed(["levels", 1], {**level, "fanout": [axis]}))
    assert from_document(to_document(accelerator)) == accelerator
    assert to_document(accelerator)["levels"][1]["fanout"] == [axis]
    assert to_document(accelerator)["levels"][1]["word_bits"] == 12


def test_files_of_the_first_version_hold_pairs_of_areas():
    accelerator = from_document(changed(["other_area_mm2"], [["io", 1.0], ["noc", 2.0]]))
    assert accelerator.other_area_mm2 == (("io", 1.0), ("noc", 2.0))


WRONG = [
    (3, "an accelerator description is a mapping, not a number"),
    ([], "an accelerator description is a mapping, not a list"),
    ({}, "format: is missing; an accelerator begins with 'format: coexplore-accelerator/1'"),
    (changed(["format"], 2), "format: is 2; this version reads"),
    (changed(["clok_hz"], 1.0), "clok_hz: unknown field; did you mean 'clock_hz'"),
    (without("clock_hz"), "clock_hz: is missing; add it"),
    (without("technology"), "levels.0.component: is looked up in a technology; add one at the top, of 7, 16"),
    (changed(["technology"], 5), "technology: no technology table for 5 nm; known: 7, 16, 22, 28, 45"),
    (changed(["technology"], "22 nm"), "technology: is '22 nm'; write a plain number of nanometres"),
    (changed(["clock_hz"], "800 MHz"), "clock_hz: is '800 MHz'; write a plain number of hertz"),
    (changed(["clock_hz"], 0), "clock_hz: is 0; write a number of hertz above 0"),
    (changed(["clock_hz"], True), "clock_hz: is true; write a number of hertz"),
    (changed(["clock_hz"], math.nan), "clock_hz: is nan; write a finite number of hertz"),
    (changed(["clock_hz"], math.inf), "clock_hz: is inf; write a finite number of hertz"),
    (changed(["clock_hz"], 10**400), "clock_hz: is 1000"),
    (changed(["levels"], []), "levels: has 0 entries; at least 1 is needed"),
    (changed(["levels"], [{"name": "a"}] * 13), "levels: has 13 entries; at most 12"),
    (changed(["levels"], {"a": 1}), "levels: is {'a': 1}; write a list"),
    (changed(["levels", 1, "name"], "dram"), "levels: level name 'dram' occurs twice"),
    (changed(["levels", 1, "parent"], "dram"), "levels.1.parent: unknown field"),
    (changed(["levels", 2, "capacity"], 64), "levels.2.capacity: unknown field; did you mean 'capacity_bytes'"),
    (
        changed(["levels", 2, "capacity_bytes"], "64 KB"),
        "levels.2.capacity_bytes: is '64 KB'; write a plain number of b",
    ),
    (changed(["levels", 2, "capacity_bytes"], 0), "levels.2.capacity_bytes: is 0; write a number of bytes from 1"),
    (changed(["levels", 2, "capacity_bytes"], -5), "levels.2.capacity_bytes: is -5; write"),
    (changed(["levels", 2, "capacity_bytes"], 1.5), "levels.2.capacity_bytes: is 1.5; write a whole number of bytes"),
    (changed(["levels", 2, "capacity_bytes"], 2**60), "levels.2.capacity_bytes: is 1152921504606846976; write"),
    (
        changed(["levels", 1, "read_j_per_bit"], -1.0),
        "levels.1.read_j_per_bit: is -1.0; write a number of joule per bit",
    ),
    (
        changed(["levels", 1, "keeps"], ["weights"]),
        "levels.1.keeps.0: is 'weights'; write 'weight', 'input' or 'output'",
    ),
    (changed(["levels", 1, "keeps"], ["input", "input"]), "levels.1.keeps: lists 'input' twice"),
    (changed(["levels", 0, "keeps"], ["input"]), r"levels: levels[0] ('dram') is the main memory"),
    (changed(["levels", 1, "fanout", 0, "dims"], ["X"]), "levels.1.fanout.0.dims.0: is 'X'; write 'N', 'G'"),
    (changed(["levels", 1, "fanout", 0, "size"], 0), "levels.1.fanout.0.size: is 0; write a number from 1"),
    (changed(["levels", 1, "fanout", 0, "size"], 2**21), "levels.1.fanout.0.size: is 2097152; write a number up to"),
    (changed(["levels", 1, "fanout", 1, "name"], "pe_x"), "levels: axis name 'pe_x' occurs twice"),
    (
        changed(["levels", 1, "fanout"], [{"name": f"a{i}", "size": 2**20} for i in range(6)]),
        "levels: the fan-outs multiply to more than 2^40",
    ),
    (changed(["levels", 1, "component"], {}), "levels.1.component: has nothing; give one of sram, registers and dram"),
    (
        changed(["levels", 0, "component"], {"dram": "lpddr"}),
        "levels.0.component: unknown type of DRAM 'lpddr'; did you",
    ),
    (
        changed(["levels", 1, "component"], {"sram": {"size": 4}}),
        "levels.1.component.sram.size_kib: is missing; add it",
    ),
    (
        changed(["levels", 1, "component"], {"sram": {"size_kib": 0.1}}),
        "levels.1.component: an SRAM of 0.1 KiB is outs",
    ),
    (changed(["levels", 2, "component"], None), "levels.2.read_j_per_bit: is missing; add it, or a component"),
    (changed(["mac"], {"bits": 64}), "mac.bits: a multiplier of 64 bits is outside"),
    (changed(["mac"], None), "mac: is null; write a mapping"),
    (
        changed(["vector"], {"operations_per_cycle": 0}),
        "vector.operations_per_cycle: is 0; write a number of operations",
    ),
    (changed(["other_area_mm2"], {"noc": -1.0}), "other_area_mm2.noc: is -1.0; write"),
    (changed(["name"], "x" * 300), "name: is 'xxx"),
]


@pytest.mark.parametrize(("document", "message"), WRONG, ids=[message[:50] for _, message in WRONG])
def test_what_is_wrong_is_named_by_its_field(document, message):
    with pytest.raises(AcceleratorError) as caught:
        from_document(document)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", "not valid YAML: line 1"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("a: 1\na: 2", "stands there twice"),
        ("a: !!python/object/apply:os.system [ls]", "not valid YAML"),
        ("[" * 50_000, "nested too deeply"),
        ("a: " + "9" * 5000, "not valid YAML"),
        ("a: \x00", "not valid YAML"),
        ("", "not nothing"),
    ],
)
def test_files_that_are_no_plain_yaml_are_refused_at_once(text, message, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    start = time.process_time()
    with pytest.raises(AcceleratorError, match=message):
        read_accelerator(file)
    assert time.process_time() - start < 10


def test_large_and_absent_files_are_refused(tmp_path):
    file = tmp_path / "large.yaml"
    file.write_text("#" * (SIZE_LIMIT_BYTES + 1))
    with pytest.raises(StoreError, match="more than the limit"):
        read_accelerator(file)
    with pytest.raises(StoreError, match="does not exist"):
        read_accelerator(tmp_path / "absent.yaml")


def mutated(text, rng):
    """The text after a few random edits of characters, lines and values."""
    for _ in range(rng.randint(1, 4)):
        lines = text.split("\n")
        i, j = rng.randrange(len(lines)), rng.randrange(max(len(text), 1))
        old, new = rng.choice(["8", "16", "512", "pe_x"]), rng.choice(["0", "-1", "1e309", "{}", "~"])
        edits = (
            text[:j] + rng.choice("0-{}[]:,*&!|>'\"\t\x00é9e.") + text[j + 1 :],
            "\n".join(lines[:i] + lines[i + 1 :]),
            "\n".join([*lines[:i], lines[i], *lines[i:]]),
            text[:j],
            text.replace(old, new, 1),
        )
        text = rng.choice(edits)
    return text


def outcome(file):
    """What reading says, or None."""
    try:
        read_accelerator(file)
    except CoexploreError as error:
        return str(error)
    return None


def test_mutated_files_are_read_or_refused_in_words(tmp_path):
    rng = random.Random(0)
    file, originals = tmp_path / "m.yaml", [EXAMPLE.read_text(), write_text(find_accelerator("gemmini-16"))]
    outcomes = []
    for _ in range(300):
        file.write_text(mutated(rng.choice(originals), rng))
        outcomes.append(outcome(file))
    assert "" not in outcomes
    assert 0 < outcomes.count(None) < 200


def test_an_accelerator_is_told_from_a_study(tmp_path):
    assert is_description(EXAMPLE)
    assert not is_description(EXAMPLES / "quickstart.yaml")
    assert not is_description(tmp_path / "absent.yaml")


def test_the_schema_beside_the_examples_is_the_present_one():
    assert json.loads((EXAMPLES / "accelerator.schema.json").read_text()) == accelerator_schema()


def test_the_schema_describes_every_field_that_has_a_unit():
    schema = json.dumps(accelerator_schema())
    for section in SECTIONS.values():
        for name in section.model_fields:
            assert f'"{name}"' in schema
    assert accelerator_schema()["additionalProperties"] is False
    assert '"enum": ["weight", "input", "output"]' in schema


def test_what_we_write_other_readers_of_yaml_read_alike():
    text = write_text(find_accelerator("simba-like"))
    assert yaml.safe_load(text) == load_plain(text, "text")


def test_a_path_may_be_text():
    assert read_accelerator(str(EXAMPLE)) == read_accelerator(EXAMPLE)
