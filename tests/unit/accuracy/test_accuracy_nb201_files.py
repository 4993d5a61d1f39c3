"""The official files of NAS-Bench-201 become a table that studies read, or one message says why not."""

from __future__ import annotations

import bz2
import copy
import os
import pickle

import pyarrow.parquet as pq
import pytest
import torch
from nb201_cases import NAMES, expected, result, trial, whole, write_folder, write_packed, write_torch_stream

from coexplore.accuracy.nb201_files import read_cells
from coexplore.accuracy.nb201_table import convert_nb201
from coexplore.accuracy.tabular import TableSettings
from coexplore.core.errors import DataError
from coexplore.networks.nb201 import Nb201

FEW = range(0, 15625, 3125)


def torch_stream(folder):
    return write_torch_stream(folder / "NAS-Bench-201-v1_1-096897.pth", whole(FEW, ("less", "full")))


def torch_archive(folder):
    torch.save(whole(FEW, ("less", "full")), folder / "again.pth")
    return folder / "again.pth"


def packed(folder):
    return write_packed(folder / "NATS-tss-v1_0-3ffb9.pickle.pbz2", whole(FEW, ("12", "200")))


def nats_folder(folder):
    return write_folder(folder / "NATS-tss-v1_0-3ffb9-simple", FEW)


FORMS = [torch_stream, torch_archive, packed, nats_folder]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_cells(form, tmp_path):
    cells = list(read_cells(form(tmp_path)))
    assert [cell.index for cell in cells] == list(FEW)
    for cell in cells:
        assert cell.arch_str == NAMES[cell.index]
        wanted = {f"{column}_acc_{ep}ep": value for ep in (12, 200) for column, value in expected(cell.index).items()}
        assert cell.accuracy == pytest.approx(wanted)


def test_the_whole_file_becomes_a_table_that_studies_read(tmp_path):
    one = {("cifar10-valid", 777): {"epochs": 12, "eval_acc1es": {"x-valid@11": 0.0}}}
    infos = {index: {"less": {"arch_str": name, "all_results": copy.deepcopy(one)}} for index, name in enumerate(NAMES)}
    for index, info in infos.items():
        info["less"]["all_results"]["cifar10-valid", 777]["eval_acc1es"]["x-valid@11"] = index / 160
    source = write_torch_stream(tmp_path / "whole.pth", {"meta_archs": NAMES, "arch2infos": infos})
    converted = convert_nb201(source, tmp_path / "nb201.parquet")
    assert converted.cells == 15625
    table = TableSettings("nb201.parquet", "cifar10_val_acc_12ep").load(tmp_path)
    family = Nb201()
    for index, point in zip(range(3), family.space.enumerate(), strict=False):
        assert table.evaluate(family.lower(point)).value == pytest.approx(index / 16000)
    assert pq.read_schema(tmp_path / "nb201.parquet").metadata[b"coexplore.source"] == b"whole.pth"


def test_missing_cells_are_an_error_unless_asked_for(tmp_path):
    source = nats_folder(tmp_path)
    with pytest.raises(DataError, match="has results of 5 of 15,625 cells; unpack or download it again"):
        convert_nb201(source, tmp_path / "table.parquet")
    assert not (tmp_path / "table.parquet").exists()
    converted = convert_nb201(source, tmp_path / "table.parquet", partial=True)
    assert (converted.cells, len(converted.columns)) == (5, 8)


class Payload:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return (os.system, (self.command,))


@pytest.mark.parametrize("form", ["stream", "archive", "packed", "folder", "meta"])
def test_a_file_that_would_create_a_file_creates_none(form, tmp_path):
    marker, payload = tmp_path / "executed", None
    payload = Payload(f"touch {marker}")
    content = whole(FEW, ("less", "full")) | {"extra": payload}
    if form == "stream":
        source = write_torch_stream(tmp_path / "file.pth", content)
    elif form == "archive":
        source = tmp_path / "file.pth"
        torch.save(content, source)
    elif form == "packed":
        source = write_packed(tmp_path / "file.pickle.pbz2", content)
    else:
        source = nats_folder(tmp_path)
        hostile = "meta.pickle.pbz2" if form == "meta" else "003125.pickle.pbz2"
        write_packed(source / hostile, {"meta_archs": NAMES, "12": payload})
    with pytest.raises(
        DataError, match=r"names (posix|nt)\.system; such a file can run any program.*nothing of it was run"
    ):
        convert_nb201(source, tmp_path / "table.parquet", partial=True)
    assert not marker.exists()
    assert not (tmp_path / "table.parquet").exists()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_what_is_cut_off_is_said(form, share, tmp_path):
    source = form(tmp_path)
    file = source / "003125.pickle.pbz2" if source.is_dir() else source
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"cannot be read|neither a torch file|damaged"):
        list(read_cells(source))


def damaged(**changes):
    return whole(FEW, ("less", "full")) | changes


def with_accuracy(value):
    return {"less": result(0, 12) | {"all_results": {("cifar10", 1): trial(12, {"ori-test": value})}}}


OTHER = result(0, 12)
WRONG = [
    ({"a": 1}, "has no 'meta_archs' where NAS-Bench-201 has it"),
    ([1, 2], "has no 'meta_archs'"),
    (damaged(meta_archs=NAMES[:-1]), "lists 15624 networks; the 15,625 cells"),
    (damaged(meta_archs=[NAMES[0]] * 15625), "lists 15625 networks; the 15,625 cells"),
    (damaged(meta_archs=[f"8:8:8:{i}" for i in range(15625)]), "the network '8:8:8:0', no cell .*; take tss, not sss"),
    (damaged(arch2infos=[]), "has no 'arch2infos'"),
    (damaged(arch2infos={0: 5}), "network 0 has int instead of results"),
    (damaged(arch2infos={1: {"less": OTHER}}), "network 1 has the results of another network"),
    (damaged(arch2infos={0: {"less": result(0, 90)}}), "has trials of 90 epochs instead of 12; it is another version"),
    (damaged(arch2infos={0: {"less": OTHER | {"all_results": {"cifar10": 1}}}}), "a trial without data set and seed"),
    (damaged(arch2infos={0: with_accuracy(101.0)}), "has the accuracy '101.0'; it must be percent"),
    (damaged(arch2infos={0: with_accuracy(float("nan"))}), "has the accuracy 'nan'"),
    (damaged(arch2infos={0: with_accuracy("high")}), "has the accuracy 'high'"),
    (damaged(arch2infos={0: {}}), "has no accuracy of any cell"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), WRONG, ids=[message for _, message in WRONG])
def test_other_benchmarks_and_versions_are_named(content, message, tmp_path):
    source = write_torch_stream(tmp_path / "other.pth", content)
    with pytest.raises(DataError, match=message):
        convert_nb201(source, tmp_path / "table.parquet", partial=True)


def test_what_is_no_such_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.pth does not exist; give NAS-Bench-201's \.pth file"):
        read_cells(tmp_path / "absent.pth")
    (tmp_path / "text.pth").write_text("a page that says: not found")
    with pytest.raises(DataError, match="is neither a torch file nor"):
        read_cells(tmp_path / "text.pth")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no meta\.pickle\.pbz2"):
        list(read_cells(tmp_path / "empty"))
    (tmp_path / "protocol.pth").write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C) + pickle.dumps(1002))
    with pytest.raises(DataError, match="torch file of protocol 1002"):
        read_cells(tmp_path / "protocol.pth")
    (tmp_path / "zip.pth").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match="cannot be read"):
        read_cells(tmp_path / "zip.pth")


def test_what_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    source = nats_folder(tmp_path)
    monkeypatch.setattr("coexplore.accuracy.nb201_files.MAX_CELL_BYTES", 2 * 2**20)
    (source / "003125.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps("x" * 2**24, 4)))
    with pytest.raises(DataError, match="more than the limit of 2097152 bytes"):
        list(read_cells(source))
