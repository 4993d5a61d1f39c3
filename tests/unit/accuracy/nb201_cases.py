"""Files in the forms of NAS-Bench-201 and NATS-Bench, with invented accuracies."""

from __future__ import annotations

import bz2
import itertools
import pickle
from pathlib import Path

from coexplore.networks.nb201 import EDGES, OPERATIONS, arch_string

NAMES = [arch_string(cell) for cell in itertools.product(OPERATIONS, repeat=len(EDGES))]
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def trial(epochs: int, accuracies: dict[str, float], **changes: object) -> dict[str, object]:
    """What the file says of one training; the accuracies by set, after the last epoch."""
    last = {f"{part}@{epochs - 1}": value for part, value in accuracies.items()}
    first = {f"{part}@0": 1.0 for part in accuracies}
    return {
        "name": "infer.tiny", "net_state_dict": None, "train_acc1es": {0: 10.0}, "params": 0.1, "flop": 11.7,
        "epochs": epochs, "latency": [0.01], "eval_names": list(accuracies), "eval_acc1es": first | last,
        "arch_config": {"channel": 16, "num_cells": 5}, **changes,
    }  # fmt: skip


def result(index: int, epochs: int, **changes: object) -> dict[str, object]:
    """Trials of a cell: CIFAR-10 twice, so that the mean matters."""
    base = 10 + index % 80
    trials = {
        ("cifar10-valid", 777): trial(epochs, {"x-valid": base + 0.25, "ori-test": 99.0}),
        ("cifar10", 777): trial(epochs, {"ori-test": base + 1.0}),
        ("cifar10", 888): trial(epochs, {"ori-test": base + 2.0}),
        ("cifar100", 777): trial(epochs, {"x-valid": base + 3.0, "x-test": base + 4.0, "ori-test": 99.0}),
    }
    seeds = {"cifar10-valid": [777], "cifar10": [777, 888], "cifar100": [777]}
    return {
        "arch_index": index, "arch_str": NAMES[index], "all_results": trials, "dataset_seed": seeds,
        "clear_net_done": True, **changes,
    }  # fmt: skip


def expected(index: int) -> dict[str, float]:
    """The accuracies of one budget that a reader should find, by column without its budget."""
    base = 10 + index % 80
    return {
        "cifar10_val": base + 0.25, "cifar10_test": base + 1.5, "cifar100_val": base + 3.0, "cifar100_test": base + 4.0
    }  # fmt: skip


def whole(indices: range, words: tuple[str, str]) -> dict[str, object]:
    """The content of a file with all cells."""
    infos = {i: {words[0]: result(i, 12), words[1]: result(i, 200)} for i in indices}
    return {"meta_archs": NAMES, "arch2infos": infos, "evaluated_indexes": set(indices), "total_archs": len(NAMES)}


def write_torch_stream(path: Path, content: object, protocol: int = 2) -> Path:
    """As torch wrote it before 1.6."""
    parts = (MAGIC, PROTOCOL, {"protocol_version": PROTOCOL, "little_endian": True}, content, [])
    path.write_bytes(b"".join(pickle.dumps(part, protocol) for part in parts))
    return path


def write_packed(path: Path, content: object) -> Path:
    """As NATS-Bench writes it."""
    path.write_bytes(bz2.compress(pickle.dumps(content, 4)))
    return path


def write_folder(folder: Path, indices: range) -> Path:
    """As the folder of NATS-Bench's topology space."""
    folder.mkdir()
    write_packed(folder / "meta.pickle.pbz2", {"meta_archs": NAMES, "evaluated_indexes": set(indices)})
    for index in indices:
        content = {"12": result(index, 12), "200": result(index, 200)}
        write_packed(folder / f"{index:06d}.pickle.pbz2", content)
    return folder
