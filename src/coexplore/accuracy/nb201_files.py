"""What do the official files of NAS-Bench-201 say of each cell? Read without running anything that is in them.

Three forms are known by their content:

* the torch file of NAS-Bench-201, `NAS-Bench-201-v1_1-096897.pth` (v1_0 has fewer columns): a dict with `meta_archs`
  (names of all cells) and `arch2infos`, by index, `less` (12 epochs) and `full` (200 epochs);
* the folder of NATS-Bench's topology space, `NATS-tss-v1_0-3ffb9-simple`: `meta.pickle.pbz2` with `meta_archs`, and
  `000000.pickle.pbz2` and so on with `12` and `200`;
* NATS-Bench's one file, `NATS-tss-v1_0-3ffb9.pickle.pbz2`: as the first, with `12` and `200`.

Each result holds the trials by data set and seed; of each trial, accuracies in percent by set and epoch. What is taken
are those after the last epoch, as means over the seeds. The column names are those of `nb201_cells.parquet`.

References:
    Dong2020: Dong & Yang, NAS-Bench-201, ICLR 2020, arXiv 2001.00326; D-X-Y/NAS-Bench-201 api_201.py.
    Dong2021: Dong et al., NATS-Bench, TPAMI 2021, arXiv 2009.00437; D-X-Y/NATS-Bench api_utils.py.
"""

from __future__ import annotations

import bz2
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from coexplore.accuracy._plain_pickle import DAMAGE, bounded_memory, load_plain
from coexplore.core.errors import DataError
from coexplore.networks.nb201 import EDGES, OPERATIONS

CELLS = len(OPERATIONS) ** len(EDGES)
MAX_WHOLE_BYTES = 16 * 2**30
"""Of a file with all cells, unpacked; the published one has 4.7 GB."""
MAX_CELL_BYTES = 256 * 2**20
"""Of a file with one cell, or the list of cells, unpacked."""
MEMORY_PER_BYTE = 12
"""Memory that objects may take per byte of a pickle; 5 is usual."""
SPARE_MEMORY = 512 * 2**20
META = "meta.pickle.pbz2"
TORCH_MAGIC = 0x1950A86A20F9469CFC6C
TORCH_PROTOCOL = 1001
"""Of torch files that are no zip archives, up to torch 1.5 (torch.serialization)."""

BUDGETS = {12: ("12", "less"), 200: ("200", "full")}
"""Epochs, and what the files call them."""
SETS = {
    "cifar10_val": ("cifar10-valid", "x-valid"),
    "cifar10_test": ("cifar10", "ori-test"),
    "cifar100_val": ("cifar100", "x-valid"),
    "cifar100_test": ("cifar100", "x-test"),
    "imagenet16_120_val": ("ImageNet16-120", "x-valid"),
    "imagenet16_120_test": ("ImageNet16-120", "x-test"),
}
"""By column: the data set a cell was trained on, and the part it was measured on."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """What a file says of one cell."""

    index: int
    """From 0 to 15,624."""
    arch_str: str
    accuracy: dict[str, float]
    """Percent by column, mean over the seeds; columns that the file does not have are left out."""


def read_cells(source: Path) -> Iterator[CellResult]:
    """The cells of an official file or folder, in the order of their indices.

    Raises:
        DataError: absent, cut off, damaged, another benchmark, or one that would run something; nothing is run.
    """
    if source.is_dir():
        return _cells_of_folder(source)
    if not source.is_file():
        raise DataError(
            f"{source} does not exist; give NAS-Bench-201's .pth file, or the folder or file of NATS-Bench's tss"
        )
    return _cells_of(_whole(source), source)


def _cells_of_folder(folder: Path) -> Iterator[CellResult]:
    if not (folder / META).is_file():
        raise DataError(f"{folder} has no {META}; give the unpacked folder NATS-tss-v1_0-3ffb9-simple")
    names = _names(_unpacked(folder / META, MAX_CELL_BYTES), folder / META)
    for index, name in enumerate(names):
        file = folder / f"{index:06d}.pickle.pbz2"
        if file.is_file():
            yield _cell(index, name, _unpacked(file, MAX_CELL_BYTES), file)


def _cells_of(document: object, source: Path) -> Iterator[CellResult]:
    names = _names(document, source)
    infos = _entry(document, "arch2infos", dict, source)
    for index, name in enumerate(names):
        if index in infos:
            yield _cell(index, name, infos[index], source)


def _whole(source: Path) -> object:
    size = source.stat().st_size
    if size > MAX_WHOLE_BYTES:
        raise DataError(f"{source} holds {size} bytes, more than the limit of {MAX_WHOLE_BYTES}")
    with source.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start[:3] == b"BZh":
            return _unpacked(source, MAX_WHOLE_BYTES)
        with bounded_memory(MEMORY_PER_BYTE * size + SPARE_MEMORY):
            if start[:2] == b"PK":
                return _torch_archive(file, source)
            if start[:1] == b"\x80":
                return _torch_stream(file, source)
    raise DataError(f"{source} is neither a torch file nor a pickle.pbz2 file; give an official file of NAS-Bench-201")


def _torch_stream(file: BinaryIO, source: Path) -> object:
    """Torch's old form: magic number, version, system, content, keys of the tensors, then the tensors."""
    limit = source.stat().st_size
    first = load_plain(file, limit, str(source))
    if first != TORCH_MAGIC:
        return first
    version = load_plain(file, limit, str(source))
    if version != TORCH_PROTOCOL:
        raise DataError(f"{source} is a torch file of protocol {version!r}; known is {TORCH_PROTOCOL}")
    load_plain(file, limit, str(source))
    content = load_plain(file, limit, str(source))
    load_plain(file, limit, str(source))  # absent where the file is cut off
    return content


def _torch_archive(file: BinaryIO, source: Path) -> object:
    """Torch's new form: a zip archive with the content in `data.pkl`."""
    try:
        with zipfile.ZipFile(file) as archive:
            found = [member for member in archive.infolist() if member.filename.endswith("/data.pkl")]
            if len(found) != 1 or found[0].file_size > MAX_WHOLE_BYTES:
                raise DataError(f"{source} is an archive without one data.pkl of torch; give an official file")
            with archive.open(found[0]) as member:
                return _all_of(cast("BinaryIO", member), MAX_WHOLE_BYTES, source)
    except DataError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, *DAMAGE) as error:
        raise DataError(f"{source} cannot be read ({error}); it is cut off or damaged") from error


def _unpacked(source: Path, limit_bytes: int) -> object:
    """The content of a .pickle.pbz2 file."""
    size = source.stat().st_size
    packed_limit = min(limit_bytes, MAX_WHOLE_BYTES)
    if size > packed_limit:
        raise DataError(f"{source} holds {size} bytes, more than the limit of {packed_limit}")
    memory = MEMORY_PER_BYTE * min(limit_bytes, 30 * size) + SPARE_MEMORY
    with bounded_memory(memory), bz2.BZ2File(source) as file:
        return _all_of(cast("BinaryIO", file), limit_bytes, source)


def _all_of(file: BinaryIO, limit_bytes: int, source: Path) -> object:
    """The one pickle of a packed file, read to the end, where its checksum is compared."""
    content = load_plain(file, limit_bytes, str(source))
    try:
        more = file.read(1)
    except DAMAGE as error:
        raise DataError(f"{source} cannot be read to its end ({error}); it is cut off or damaged") from error
    if more:
        raise DataError(f"{source} goes on after its content; it is damaged")
    return content


def _names(document: object, source: Path) -> list[str]:
    names = _entry(document, "meta_archs", list, source)
    if len(names) != CELLS or len(set(map(str, names))) != CELLS:
        raise DataError(
            f"{source} lists {len(names)} networks; the {CELLS:,} cells of NAS-Bench-201 are wanted, so it is another "
            "benchmark or version"
        )
    for name in names:
        if not _is_cell(name):
            raise DataError(
                f"{source} lists the network {str(name)[:80]!r}, no cell of NAS-Bench-201; take tss, not sss"
            )
    return [str(name) for name in names]


def _is_cell(name: object) -> bool:
    """Whether it is `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`."""
    if not isinstance(name, str):
        return False
    nodes = [[edge.split("~") for edge in node.strip("|").split("|")] for node in name.split("+")]
    wanted = [[str(origin) for to, origin in EDGES if to == node] for node in (1, 2, 3)]
    if [[edge[-1] for edge in node] for node in nodes] != wanted:
        return False
    return all(len(edge) == 2 and edge[0] in OPERATIONS for node in nodes for edge in node)


def _cell(index: int, name: str, results: object, source: Path) -> CellResult:
    if not isinstance(results, dict):
        raise DataError(f"{source}: network {index} has {type(results).__name__} instead of results; it is damaged")
    accuracy: dict[str, float] = {}
    for epochs, words in BUDGETS.items():
        for word in words:
            if word in results:
                accuracy |= _accuracies(results[word], epochs, name, f"{source}: network {index}")
    return CellResult(index, name, accuracy)


def _accuracies(result: object, epochs: int, name: str, where: str) -> dict[str, float]:
    if _entry(result, "arch_str", str, where) != name:
        raise DataError(f"{where} has the results of another network; the file is damaged")
    trials = _entry(result, "all_results", dict, where)
    found: dict[str, list[float]] = {}
    for key, trial in trials.items():
        if not isinstance(key, tuple) or len(key) != 2:
            raise DataError(f"{where} has a trial without data set and seed; the file is damaged")
        if _entry(trial, "epochs", int, where) != epochs:
            raise DataError(
                f"{where} has trials of {trial['epochs']} epochs instead of {epochs}; it is another version"
            )
        evaluated = _entry(trial, "eval_acc1es", dict, where)
        for column, (trained, measured) in SETS.items():
            value = evaluated.get(f"{measured}@{epochs - 1}")
            if trained == key[0] and value is not None:
                found.setdefault(f"{column}_acc_{epochs}ep", []).append(_percent(value, where))
    return {column: math.fsum(values) / len(values) for column, values in found.items()}


def _percent(value: object, where: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 100:
        raise DataError(f"{where} has the accuracy {str(value)[:40]!r}; it must be percent, so the file is damaged")
    return float(value)


def _entry(document: object, key: str, kind: type[Any], where: object) -> Any:  # noqa: ANN401 - of that kind
    if not isinstance(document, dict) or not isinstance(document.get(key), kind):
        raise DataError(
            f"{where} has no {key!r} where NAS-Bench-201 has it; it is another benchmark, version or damaged"
        )
    return document[key]
