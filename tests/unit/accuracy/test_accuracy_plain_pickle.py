"""Pickles give up numbers, text and containers, and nothing in them ever runs."""

from __future__ import annotations

import collections
import io
import os
import pickle
import random
import struct
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coexplore.accuracy._plain_pickle import ForbiddenNameError, bounded_memory, load_plain
from coexplore.core.errors import DataError

LIMIT = 2**20


def load(content: bytes, limit: int = LIMIT) -> object:
    return load_plain(io.BytesIO(content), limit, "the file")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
)


@given(PLAIN, st.sampled_from([2, 3, 4, 5]))
def test_plain_values_come_back(value, protocol):
    if protocol > 2:  # protocol 2 has no bytes
        assert load(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", [2, 4])
def test_containers_and_numbers_of_numpy_come_back(protocol):
    value = {
        "ordered": collections.OrderedDict([(1, 2.5)]), "seeds": {777, 888}, "none": None,
        "numbers": [np.float64(1.5), np.float32(0.25), np.int64(-7), np.int32(3), np.bool_(True)],
    }  # fmt: skip
    assert load(pickle.dumps(value, protocol)) == value


def test_tensors_and_arrays_are_passed_over(tmp_path):
    value = {"accuracy": 91.5, "weights": np.arange(4.0)}
    assert load(pickle.dumps(value, 2))["accuracy"] == 91.5
    path = tmp_path / "old.pth"
    torch.save({"accuracy": 90.5, "weights": torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    with path.open("rb") as file:
        *_, content, keys = [load_plain(file, LIMIT, "the file") for _ in range(5)]
    assert content["accuracy"] == 90.5
    assert len(keys) == 1


class Payload:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


HOSTILE = [
    ("posix.system", lambda path: Payload(os.system, f"touch {path}")),
    ("(builtins|__builtin__).eval", lambda path: Payload(eval, f"open({str(path)!r}, 'w')")),
    ("(builtins|__builtin__).exec", lambda path: Payload(exec, f"open({str(path)!r}, 'w')")),
    ("io.open|_io.open", lambda path: Payload(open, str(path), "w")),
    ("(builtins|__builtin__).getattr", lambda path: Payload(getattr, os, "system")),
    ("numpy.load|numpy", lambda path: Payload(np.load, str(path))),
    ("torch.serialization.load|torch", lambda path: Payload(torch.load, str(path))),
]


@pytest.mark.parametrize(("name", "build"), HOSTILE, ids=[name for name, _ in HOSTILE])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_executes_is_refused_and_executes_nothing(tmp_path, name, build, protocol):
    marker = tmp_path / "executed"
    try:
        content = pickle.dumps({"arch2infos": [1, build(marker)]}, protocol)
    except (TypeError, pickle.PicklingError):
        pytest.skip("this protocol cannot hold it")
    with pytest.raises(ForbiddenNameError, match=rf"the file names ({name}).*nothing of it was run"):
        load(content)
    assert not marker.exists()


def test_the_same_pickle_does_execute_elsewhere(tmp_path):
    """The danger is real, so that the test above means something."""
    marker = tmp_path / "executed"
    pickle.loads(pickle.dumps(Payload(os.system, f"touch {marker}")))
    assert marker.exists()


def test_names_on_the_list_cannot_be_turned_against_us():
    for content in (
        b"ccollections\nOrderedDict\n(tR}(S'x'\nI1\nsb.",  # a state for an OrderedDict
        b"cnumpy\ndtype\n(S'O'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'O8'\ntRS'abc'\ntR.",  # a number that is an object
        b"c_codecs\nencode\n(S'import os'\nS'rot13'\ntR.",
        b"ctorch\nload\n.",
        b"ctorch.storage\nUntypedStorage.from_file\n.",
    ):
        try:
            value = load(content)
        except DataError:
            continue
        assert type(value).__name__ in ("OrderedDict", "_NumberType")


def test_what_is_cut_off_or_damaged_is_one_kind_of_error():
    content = pickle.dumps({"a": [1.5, "text", (1, 2)], "b": {3, 4}}, 4)
    rng = random.Random(0)
    for end in range(len(content)):
        with pytest.raises(DataError, match="the file"):
            load(content[:end])
    for _ in range(3000):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            with bounded_memory(2**30):
                load(bytes(damaged))
        except DataError:
            pass


def test_no_more_is_read_than_the_limit():
    content = pickle.dumps(b"x" * 10_000, 4)
    with pytest.raises(DataError, match="more than the limit of 5000 bytes"):
        load(content, 5000)
    claims_a_terabyte = b"\x80\x04\x8e" + struct.pack("<Q", 2**40)
    with pytest.raises(DataError, match=r"more than the limit|cannot be read"):
        load(claims_a_terabyte)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is bounded where /proc says how much it is")
def test_a_few_bytes_that_ask_for_gigabytes_get_an_error():
    asks_for_memo_slots = b"\x80\x02Nr" + struct.pack("<I", 2**28) + b"."  # 2^29 pointers
    with bounded_memory(2**29), pytest.raises(DataError, match="cannot be read"):
        load(asks_for_memo_slots)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is bounded where /proc says how much it is")
def test_the_bound_on_memory_ends_with_the_reading():
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with bounded_memory(2**28):
        assert resource.getrlimit(resource.RLIMIT_AS) != before
    assert resource.getrlimit(resource.RLIMIT_AS) == before
