"""Does a reader survive a damaged file? One numbered case at a time: read it, and say what became of it.

A file must give a result or one `CoexploreError`; anything else is a crash of the reader.
"""

from __future__ import annotations

import random
import warnings
from dataclasses import dataclass
from pathlib import Path

from coexplore.accelerators.description import read_accelerator, write_text
from coexplore.accelerators.family import find_accelerator
from coexplore.core.errors import CoexploreError
from coexplore.testing import example_models
from coexplore.testing.mutations import damaged_bytes, damaged_document, damaged_model
from coexplore.workloads._onnx_format import import_onnx_package
from coexplore.workloads.onnx_import import read_onnx

ACCELERATORS = ("edge-array", "eyeriss-168")
"""Whose descriptions are damaged."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one damaged file."""

    kind: str
    """`read`, `refused` or `crashed`."""
    reader: str
    detail: str = ""
    """The message of the refusal, or the error that no reader should raise."""


class ReaderCases:
    """Numbered damaged files; equal numbers give equal files.

    Args:
        folder: where they are written, one at a time.
        seed: of all damage.
        example: the text of a further accelerator file, such as one a user wrote.
    """

    def __init__(self, folder: Path, seed: int = 0, example: str | None = None) -> None:
        self._folder, self._seed = folder, seed
        onnx = import_onnx_package()
        built = (example_models.image_model(), example_models.language_model())
        contents = (example_models.own_model(folder), example_models.block_model(folder))
        self._models = (*built, *(onnx.ModelProto.FromString(content) for content in contents))
        self._texts = tuple(write_text(find_accelerator(name)) for name in ACCELERATORS)
        self._texts += () if example is None else (example,)

    def write(self, number: int) -> Path:
        """Write the file of a case and return its path: of six, four are models, of one the bytes are damaged."""
        rng = random.Random(f"{self._seed} {number}")
        if number % 3 == 2:
            path, content = self._folder / "case.yaml", damaged_document(rng.choice(self._texts), rng)
        else:
            path, model = self._folder / "case.onnx", rng.choice(self._models)
            whole = number % 6 == 0
            damaged = model if whole else damaged_model(model, rng)
            content = bytes(damaged.SerializeToString())
            content = damaged_bytes(content, rng) if whole else content
        path.write_bytes(content)
        return path

    def read(self, path: Path) -> Outcome:
        """Read a file and say what became of it."""
        reader = "onnx" if path.suffix == ".onnx" else "yaml"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if reader == "onnx":
                    workload = read_onnx(path)
                    assert workload.macs >= 0 <= workload.parameters
                else:
                    read_accelerator(path)
        except CoexploreError as error:
            message = str(error)
            return Outcome("refused", reader, message) if message else Outcome("crashed", reader, "an empty message")
        except (Exception, RecursionError) as error:  # what is looked for
            return Outcome("crashed", reader, f"{type(error).__name__}: {error}")
        return Outcome("read", reader)
