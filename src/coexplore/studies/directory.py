"""What lies where in a study directory, who may write there, and does it belong to this study?

One driver at a time holds the lock; the kernel releases it when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import coexplore
from coexplore.core.errors import StoreError
from coexplore.core.files import read_limited, write_atomic

SCHEMA = 1
"""Version of everything in a study directory; another one is refused, never guessed at."""
LIMIT_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class StudyDirectory:
    """The files of one study."""

    root: Path

    @property
    def study(self) -> Path:
        """What is studied: version, resolved config, fingerprint."""
        return self.root / "study.json"

    @property
    def journal(self) -> Path:
        """The trials, as an Optuna journal."""
        return self.root / "journal.log"

    @property
    def checkpoint(self) -> Path:
        """How far the driver is, with the state of the strategy."""
        return self.root / "strategy.json"

    @property
    def cache(self) -> Path:
        """Results of training by content hash."""
        return self.root / "cache.sqlite"

    @property
    def networks(self) -> Path:
        """Folder of trained weights."""
        return self.root / "networks"

    @property
    def shared(self) -> Path:
        """Folder of weights that networks share."""
        return self.root / "shared"

    @property
    def priced(self) -> Path:
        """Folder of the prices of whole spaces, in studies of exact hardware."""
        return self.root / "priced"

    @property
    def solution(self) -> Path:
        """The front of such a study, with its proof."""
        return self.root / "exact.json"

    @property
    def joint(self) -> Path:
        """The joint front of networks and accelerators, with its proof."""
        return self.root / "joint.json"

    @property
    def suite(self) -> Path:
        """The accelerators that are best for a suite of networks."""
        return self.root / "suite.json"

    def weights(self, network: str) -> Path:
        """Weights of the trained network with this content hash."""
        return self.networks / f"{network}.npz"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a study directory is about."""

    identity: str
    """Name of this study in its store, which it may share with others."""
    config: dict[str, object]
    """The resolved config as a document."""
    fingerprint: str
    """Content hash of everything that decides a result, so without the budget."""

    def write(self, directory: StudyDirectory) -> None:
        """Enter it into the directory.

        Raises:
            StoreError: not writable, or the disk is full.
        """
        document = {
            "schema": SCHEMA,
            "coexplore": coexplore.__version__,
            "identity": self.identity,
            "fingerprint": self.fingerprint,
            "config": self.config,
        }
        write_atomic(directory.study, json.dumps(document, indent=1) + "\n")


def new_manifest(name: str, config: dict[str, object], fingerprint: str) -> Manifest:
    """A manifest with an identity that begins with a name."""
    return Manifest(f"{name}-{uuid.uuid4().hex[:12]}", config, fingerprint)


def read_manifest(directory: StudyDirectory) -> Manifest | None:
    """The manifest of a directory, None where no study has begun.

    Raises:
        StoreError: damaged, or written by another version of the store.
    """
    if not directory.study.exists():
        if directory.journal.exists():
            raise StoreError(
                f"{directory.root} holds a journal but no study.json; it is no study of ours, choose another"
            )
        return None
    document = read_document(directory.study)
    if document.get("schema") != SCHEMA:
        raise StoreError(
            f"{directory.study} has schema {document.get('schema')!r} (coexplore {document.get('coexplore')!r}); "
            f"this is coexplore {coexplore.__version__}, which reads schema {SCHEMA}; use "
            "that version or another directory"
        )
    identity, fingerprint, config = (document.get(key) for key in ("identity", "fingerprint", "config"))
    if not (isinstance(identity, str) and isinstance(fingerprint, str) and isinstance(config, dict)):
        raise StoreError(f"{directory.study} is damaged: identity, fingerprint or config is missing")
    return Manifest(identity, config, fingerprint)


def read_document(path: Path) -> dict[str, object]:
    """A JSON object of ours.

    Raises:
        StoreError: absent, unreadable or not a JSON object.
    """
    try:
        document = json.loads(read_limited(path, LIMIT_BYTES, "study file"))
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged: {error}") from error
    if not isinstance(document, dict):
        raise StoreError(f"{path} is damaged: it holds a {type(document).__name__}, not a mapping")
    return document


@contextmanager
def locked(directory: StudyDirectory) -> Iterator[None]:
    """Be the only driver of a directory, which is made if it does not exist.

    Raises:
        StoreError: another driver is at work, or the directory cannot be written.
    """
    path = directory.root / "lock"
    try:
        directory.root.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"cannot write in {directory.root}: {error.strerror}; choose a writable directory") from error
    try:
        _take(handle, directory.root)
        _sweep(directory)
        yield
    finally:
        os.close(handle)


def _take(handle: int, root: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        owner = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
        raise StoreError(
            f"another run is at work in {root} (process {owner}); wait for it, stop it, or choose another directory"
        ) from error
    except OSError as error:
        raise StoreError(f"cannot lock {root}: {error.strerror}; choose a directory on a local disk") from error


def _documents(directory: StudyDirectory) -> tuple[Path, ...]:
    return (directory.study, directory.checkpoint, directory.solution, directory.joint, directory.suite)


def _sweep(directory: StudyDirectory) -> None:
    """Remove what killed writers left half written."""
    names = [(directory.root, path.name) for path in _documents(directory)]
    for folder, name in [
        *names,
        (directory.networks, "*.npz"),
        (directory.priced, "*.npz"),
        (directory.shared, "*.pt"),
    ]:
        for path in folder.glob(f".{name}.????????"):
            with contextlib.suppress(OSError):
                path.unlink()
