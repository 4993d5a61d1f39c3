"""Which images lie in a folder? One sub-folder a class, read with pillow, without trust in sizes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from coexplore.accuracy.dataset import Images, Labels
from coexplore.accuracy.pictures import Pictures, Positions, check_memory
from coexplore.accuracy.splits import hold_out_test
from coexplore.core.errors import DataError, MissingExtraError

SUFFIXES = (".png", ".jpg", ".jpeg")
MAX_FILE_BYTES = 64 * 2**20
"""Largest image file we open."""
MAX_PIXELS = 64 * 10**6
"""Largest image we decode."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How files become pixels."""

    channels: int
    """1 grey, 3 colour."""
    resolution: int | None
    """Height and width to resize to; None keeps the size."""


@dataclass(frozen=True, slots=True, eq=False)
class FilePictures:
    """Images in files, read when their pixels are asked for."""

    where: str
    files: tuple[Path, ...]
    y: Labels
    reading: Reading
    shape: tuple[int, int, int]
    """(C, H, W) that every image must have."""

    def only(self, positions: Positions) -> FilePictures:
        """Those at `positions`, in that order."""
        files = tuple(self.files[position] for position in positions)
        return FilePictures(self.where, files, self.y[positions], self.reading, self.shape)

    def pixels(self) -> Images:
        """Raw pixels (n, C, H, W).

        Raises:
            DataError: a file is damaged or of another size than the first one, or all do not fit in memory.
        """
        check_memory(self.where, (len(self.files), *self.shape))
        x = np.empty((len(self.files), *self.shape), dtype=np.float32)
        for index, path in enumerate(self.files):
            image = read_image(path, self.reading)
            if image.shape != self.shape:
                raise DataError(
                    f"{path} is {image.shape[1]}x{image.shape[2]} pixels (H x W), the first image of the folder "
                    f"{self.shape[1]}x{self.shape[2]}; expected one size for all, or set resolution"
                )
            x[index] = image
        return x


def list_folder(root: Path, reading: Reading) -> tuple[Pictures, Pictures, int]:
    """Train pictures, test pictures and the number of classes; labels follow the sorted names of the class folders.

    The folder holds `train/<class>` and `test/<class>`, or `<class>` alone, from which the test part is drawn.

    Raises:
        DataError: naming the folder or file, what was found and what is expected.
        MissingExtraError: pillow is not installed.
    """
    if not root.is_dir():
        raise DataError(f"{root} does not exist or is not a folder; expected one with a sub-folder for each class")
    halves = [(root / part).is_dir() for part in ("train", "test")]
    if any(halves) and not all(halves):
        present, absent = ("train", "test") if halves[0] else ("test", "train")
        raise DataError(f"{root} holds {present!r} but no {absent!r}; expected both, or class folders alone")
    if not any(halves):
        names = _class_names(root)
        return *hold_out_test(_listed(root, names, reading, None)), len(names)
    names, test_names = _class_names(root / "train"), _class_names(root / "test")
    if names != test_names:
        odd = sorted(set(names) ^ set(test_names))[0]
        raise DataError(f"{root}: class {odd!r} is in only one of 'train' and 'test'; expected the same class folders")
    train = _listed(root / "train", names, reading, None)
    return train, _listed(root / "test", names, reading, train.shape), len(names)


def _class_names(folder: Path) -> list[str]:
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(names) < 2:
        found = ", ".join(names) or "none"
        raise DataError(f"{folder} holds {len(names)} class folders ({found}); expected at least 2")
    return names


def _listed(folder: Path, names: list[str], reading: Reading, shape: tuple[int, int, int] | None) -> FilePictures:
    files = [_image_files(folder / name) for name in names]
    y = np.repeat(np.arange(len(names), dtype=np.int64), [len(of_class) for of_class in files])
    channels, height, width = shape or read_image(files[0][0], reading).shape
    listed = tuple(path for of_class in files for path in of_class)
    return FilePictures(str(folder), listed, y, reading, (channels, height, width))


def _image_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise DataError(f"{folder} holds no image; expected files ending in {', '.join(SUFFIXES)}")
    return files


def read_image(path: Path, reading: Reading) -> npt.NDArray[np.uint8]:
    """Pixels (C, H, W) of one PNG or JPEG file.

    Raises:
        DataError: it is damaged, something else, or too large.
        MissingExtraError: pillow is not installed.
    """
    pillow = _import_pillow()
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"{path} holds {path.stat().st_size} bytes; the limit is {MAX_FILE_BYTES}")
    try:
        with pillow.open(path, formats=("PNG", "JPEG")) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DataError(f"{path} is {height}x{width} pixels (H x W); the limit is {MAX_PIXELS} in all")
            pixels = image.convert("L" if reading.channels == 1 else "RGB")
            if reading.resolution is not None:
                pixels = pixels.resize((reading.resolution, reading.resolution), pillow.Resampling.BILINEAR)
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, pillow.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as a PNG or JPEG image ({error}); replace or remove it") from error
    array = np.asarray(pixels, dtype=np.uint8)
    return array.reshape(*array.shape[:2], reading.channels).transpose(2, 0, 1)


def _import_pillow() -> ModuleType:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("reading an image folder", "train") from error
    module: ModuleType = Image
    return module
