"""Files of arrays come back as they were, and what is no such file is refused before it is unpacked."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from coexplore.core import array_file
from coexplore.core.array_file import ArrayFormat
from coexplore.core.errors import DataError

FORMAT = ArrayFormat("box of numbers", 3, ("a", "b"))
ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([1, 2], np.int64)}


@pytest.fixture
def path(tmp_path):
    FORMAT.write(tmp_path / "box.npz", {"colour": "red"}, ARRAYS)
    return tmp_path / "box.npz"


def test_what_was_written_comes_back(path):
    header, arrays = FORMAT.read(path)
    assert (header["colour"], header["kind"], header["version"]) == ("red", "box of numbers", 3)
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_an_array_in_another_order_of_memory_comes_back(tmp_path):
    FORMAT.write(tmp_path / "box.npz", {}, ARRAYS | {"a": ARRAYS["a"].T})
    np.testing.assert_array_equal(FORMAT.read(tmp_path / "box.npz")[1]["a"], ARRAYS["a"].T)


def test_other_kinds_and_versions_are_named(path):
    with pytest.raises(DataError, match="is no bag of numbers but 'box of numbers'"):
        ArrayFormat("bag of numbers", 3, ("a", "b")).read(path)
    with pytest.raises(DataError, match="is of version 3, this program reads version 4; train it again"):
        ArrayFormat("box of numbers", 4, ("a", "b")).read(path)


@pytest.mark.parametrize("kept", [0, 10, 0.3, 0.7, 0.99])
def test_a_file_that_is_cut_off_is_damaged(path, kept):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept) if kept < 1 else kept])
    with pytest.raises(DataError, match=r"cannot be read as a box of numbers|arrays are not those"):
        FORMAT.read(path)


def test_one_changed_number_is_found(path):
    header = json.dumps({"kind": "box of numbers", "version": 3, "content": json.loads(_header(path))["content"]})
    np.savez(path, header=np.frombuffer(header.encode(), np.uint8), a=ARRAYS["a"] + 1e-9, b=ARRAYS["b"])
    with pytest.raises(DataError, match="arrays are not those it was written with"):
        FORMAT.read(path)


def _header(path):
    with np.load(path) as arrays:
        return arrays["header"].tobytes()


def test_objects_are_never_unpickled(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    path = tmp_path / "box.npz"
    np.savez(path, header=np.array([Payload()], dtype=object), a=ARRAYS["a"], b=ARRAYS["b"])
    with pytest.raises(DataError, match="an array holds object"):
        FORMAT.read(path)
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(DataError, match="cannot be read as a box of numbers"):
        FORMAT.read(path)
    assert not (tmp_path / "executed").exists()


def test_a_header_that_claims_more_than_there_is_makes_no_array(path):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**14,)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("c.npy", file.getvalue())
    with pytest.raises(DataError, match="is cut off"):
        FORMAT.read(path)


def test_what_unpacks_to_too_much_is_not_unpacked(path, monkeypatch):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c.npy", bytes(10**7))
    monkeypatch.setattr(array_file, "MAX_BYTES", 10**6)
    with pytest.raises(DataError, match="unpack to more than 1000000 bytes"):
        FORMAT.read(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no\.npz does not exist; give the path of a file that was written as"):
        FORMAT.read(tmp_path / "no.npz")
