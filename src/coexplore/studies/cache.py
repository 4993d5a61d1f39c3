"""Has this been evaluated before? A table on disk from content hash to result, safe against kill -9."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coexplore.core.errors import StoreError


class EvaluationCache:
    """JSON documents by key. Any thread may read and write; a document that was put survives the process.

    Raises:
        StoreError: the file cannot be read or written, or is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._reported():
            self._database = sqlite3.connect(path, check_same_thread=False)
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS evaluations (key TEXT PRIMARY KEY, document TEXT NOT NULL)"
            )

    def get(self, key: str) -> object | None:
        """The document under `key`, None when there is none."""
        with self._lock, self._reported():
            row = self._database.execute("SELECT document FROM evaluations WHERE key = ?", (key,)).fetchone()
            document: object = None if row is None else json.loads(row[0])
            return document

    def put(self, key: str, document: object) -> None:
        """Keep a document; it is on disk when this returns."""
        with self._lock, self._reported(), self._database:
            self._database.execute("INSERT OR REPLACE INTO evaluations VALUES (?, ?)", (key, json.dumps(document)))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, json.JSONDecodeError) as error:
            raise StoreError(
                f"cannot use the evaluation cache {self._path}: {error}; free some space, or, if the file is damaged, "
                "delete it (its networks are then trained again)"
            ) from error
