"""How does a design leave a study? As a folder that `coexplore cost`, any ONNX runtime and a person can read.

model.onnx        the network with its trained weights
weights.npz       the same weights as arrays, absent where nothing was trained
accelerator.yaml  the description of the accelerator
mapping.json      how every op runs on it
pipeline.json     instead of these two where FPGAs share the network: stages, boards, tilings and ports
study.yaml        the study with every setting written out
metrics.json      what was measured; its format marks the folder as a bundle
README.txt
"""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping as Table
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import yaml

import coexplore
from coexplore.accelerators.accelerator import Accelerator
from coexplore.accelerators.description import read_accelerator, write_text
from coexplore.accelerators.family import Hardware, as_chip
from coexplore.core.errors import MappingError, StoreError
from coexplore.core.files import read_limited
from coexplore.cost.boards import BoardsCost
from coexplore.cost.mapping import Mapping
from coexplore.cost.model import WorkloadCost, mappings_document, mappings_from_document
from coexplore.cost.residency import Residency, residency_from_document
from coexplore.workloads.graph import Workload
from coexplore.workloads.onnx_export import export_onnx
from coexplore.workloads.onnx_import import read_onnx
from coexplore.workloads.weights import Weights, weight_shapes

FORMAT = "coexplore-bundle/1"
LIMIT_BYTES = 64_000_000
"""Of each file but the model, which has its own limit."""
MODEL, WEIGHTS, ACCELERATOR, MAPPING, STUDY, METRICS, README = FILES = (
    "model.onnx",
    "weights.npz",
    "accelerator.yaml",
    "mapping.json",
    "study.yaml",
    "metrics.json",
    "README.txt",
)
PIPELINE = "pipeline.json"
"""Instead of accelerator and mapping where FPGAs share the network."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What `coexplore cost` needs of a bundle."""

    workload: Workload
    accelerator: Accelerator
    mappings: dict[str, Mapping]
    residency: Residency
    """What its prices assume to stay on chip."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a bundle."""

    workload: Workload
    accelerator: Hardware
    cost: WorkloadCost | BoardsCost
    """Of the workload on the accelerator, feasible."""
    weights: Weights
    """Empty where nothing was trained."""
    study: Table[str, object]
    """The resolved config."""
    trial: int
    metrics: Table[str, float]
    """All of the trial, and the accuracy on the test part where it is known."""


def write_bundle(folder: Path, contents: Contents) -> None:
    """Write a bundle, whole or not at all; another bundle at that place is replaced.

    Raises:
        MissingExtraError: onnx is not installed.
        StoreError: something else is at that place, or it cannot be written.
        WorkloadError: the weights are not those of the workload, or ONNX has no such op.
    """
    _check_target(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise StoreError(f"cannot write {folder}: {error.strerror}; choose a writable folder") from error
    try:
        _fill(temporary, contents)
        temporary.chmod(0o755)
        _move_into_place(temporary, folder)
    except OSError as error:
        raise StoreError(
            f"cannot write {folder}: {error.strerror}; free some space or choose another folder"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle; nothing in it is trusted.

    Raises:
        StoreError: a file is absent, too large, damaged, or leads out of the folder; or FPGAs share the network.
        AcceleratorError: accelerator.yaml is not legal.
        MappingError: mapping.json is not legal.
        ConfigError: the residency in metrics.json is not legal.
        MissingExtraError: onnx is not installed.
        WorkloadError: model.onnx cannot be read.
    """
    if not _is_marked(folder):
        raise StoreError(f"{folder} is no bundle: it has no {METRICS} of format {FORMAT}; `coexplore export` makes one")
    if (folder / PIPELINE).exists():
        raise StoreError(
            f"{folder} holds a pipeline of FPGAs, which {PIPELINE} describes; for another pipeline of its network give "
            f"`coexplore cost {folder / MODEL} --pool FPGAS`"
        )
    return Bundle(
        workload=read_onnx(_inside(folder, MODEL)),
        accelerator=read_accelerator(_inside(folder, ACCELERATOR)),
        mappings=_mappings(_inside(folder, MAPPING)),
        residency=residency_from_document(_read_json(_inside(folder, METRICS)).get("residency")),
    )


def _mappings(path: Path) -> dict[str, Mapping]:
    try:
        return mappings_from_document(_read_json(path))
    except MappingError as error:
        raise MappingError(f"{path}: {error}") from error


def _fill(folder: Path, contents: Contents) -> None:
    shapes = weight_shapes(contents.workload)
    untrained = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    export_onnx(contents.workload, contents.weights or untrained, folder / MODEL)
    if contents.weights:
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **contents.weights)
        _write(folder / WEIGHTS, file.getvalue())
    for name, content in _hardware(contents).items():
        _write(folder / name, content)
    _write(folder / STUDY, yaml.safe_dump(dict(contents.study), sort_keys=False, allow_unicode=True).encode())
    _write(folder / METRICS, _json(_metrics_document(contents)))
    _write(folder / README, _readme(contents).encode())


def _hardware(contents: Contents) -> dict[str, bytes]:
    """Files that describe the accelerator and how the network runs on it."""
    if isinstance(contents.cost, BoardsCost):
        return {PIPELINE: _json(contents.cost.document())}
    text = write_text(as_chip(contents.accelerator))
    return {ACCELERATOR: text.encode(), MAPPING: _json(mappings_document(contents.cost))}


def _metrics_document(contents: Contents) -> dict[str, object]:
    metrics = {name: value for name, value in contents.metrics.items() if math.isfinite(value)}
    head = {"format": FORMAT, "coexplore": coexplore.__version__, "study": contents.study.get("name")}
    return {
        **head,
        "trial": contents.trial,
        "trained": bool(contents.weights),
        **({} if isinstance(contents.cost, BoardsCost) else {"residency": asdict(contents.cost.residency)}),
        "metrics": metrics,
    }


def _readme(contents: Contents) -> str:
    weights = "trained weights" if contents.weights else "all weights 0, because nothing was trained"
    priced = "`coexplore cost FOLDER` prices model.onnx on accelerator.yaml with mapping.json, as metrics.json says.\n"
    shared = "pipeline.json says which FPGA runs which layers, with which tile engine; metrics.json what that gives.\n"
    return (
        f"Trial {contents.trial} of the study {contents.study.get('name')}: a network and the accelerator for it.\n"
        f"model.onnx ({weights}) runs in any ONNX runtime; weights.npz, where it is there, holds the same arrays.\n"
        f"{shared if isinstance(contents.cost, BoardsCost) else priced}"
    )


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1, allow_nan=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _check_target(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise StoreError(f"{folder} is not a folder; choose another place for the bundle")
    if not folder.is_dir():
        return
    found = {entry.name for entry in folder.iterdir()}
    if found and not (found <= {*FILES, PIPELINE} and _is_marked(folder)):
        raise StoreError(f"{folder} holds something that is no bundle; choose another place, nothing was changed")


def _move_into_place(temporary: Path, folder: Path) -> None:
    """Put the new folder at its place; one that is there already is moved away first and deleted last."""
    if not folder.is_dir():
        temporary.rename(folder)
        return
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as aside:
        old = Path(aside) / "old"
        folder.rename(old)
        try:
            temporary.rename(folder)
        except OSError:
            old.rename(folder)
            raise


def _is_marked(folder: Path) -> bool:
    """Whether a folder says that it is a bundle."""
    try:
        return _read_json(_inside(folder, METRICS)).get("format") == FORMAT
    except StoreError:
        return False


def _inside(folder: Path, name: str) -> Path:
    """A file of a bundle.

    Raises:
        StoreError: it is a link; what is behind it is not part of the bundle.
    """
    path = folder / name
    if path.is_symlink():
        raise StoreError(f"{path} is a link, which a bundle never holds; copy the file itself into the folder")
    return path


def _read_json(path: Path) -> dict[str, object]:
    try:
        document = json.loads(read_limited(path, LIMIT_BYTES, "file of a bundle"))
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged: {error}") from error
    if not isinstance(document, dict):
        raise StoreError(f"{path} is damaged: it holds no mapping")
    return document
