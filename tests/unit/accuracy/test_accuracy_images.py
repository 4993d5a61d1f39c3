"""Is a folder of images read as promised, and a bad one refused with a message that helps?"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coexplore.accuracy.data import ImageFolder
from coexplore.accuracy.images import Reading, list_folder
from coexplore.core.errors import DataError, MissingExtraError

GREY = Reading(channels=1, resolution=None)


def write(path: Path, value: int, size: tuple[int, int] = (5, 4), mode: str = "RGB") -> None:
    """An image of one brightness with some noise; `size` is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(value).integers(0, 20, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise + np.uint8(value)).convert(mode).save(path)


def fill(folder: Path, classes: tuple[str, ...] = ("bird", "cat"), count: int = 10) -> None:
    """Class folders with images, brighter by class."""
    for label, name in enumerate(classes):
        for index in range(count):
            write(folder / name / f"{index:02}.png", 100 * label + index)


def test_a_folder_with_train_and_test_keeps_its_test_part(tmp_path):
    fill(tmp_path / "train", count=10)
    fill(tmp_path / "test", count=4)
    dataset = ImageFolder(path=str(tmp_path)).load()
    assert (len(dataset.y_train) + len(dataset.y_validation), len(dataset.y_test)) == (20, 8)
    assert (dataset.input_shape, dataset.classes) == ((3, 4, 5), 2)


def test_class_folders_alone_give_a_fifth_to_the_test_part_whatever_the_seed(tmp_path):
    fill(tmp_path, count=10)
    first, second = (ImageFolder(path=str(tmp_path), seed=seed).load() for seed in (0, 1))
    assert np.array_equal(first.y_test, [0, 0, 1, 1])
    raw = [
        np.round(part.x_test * np.reshape(part.deviation, (3, 1, 1)) + np.reshape(part.mean, (3, 1, 1)))
        for part in (first, second)
    ]
    assert np.array_equal(*raw)


def test_labels_follow_the_sorted_names(tmp_path):
    fill(tmp_path, classes=("zebra", "ant"))
    train, _, classes = list_folder(tmp_path, GREY)
    assert classes == 2
    assert [Path(path).parent.name for path in (train.files[0], train.files[-1])] == ["ant", "zebra"]
    assert (train.y[0], train.y[-1]) == (0, 1)


def test_pixels_are_those_of_the_file(tmp_path):
    fill(tmp_path)
    train, _, _ = list_folder(tmp_path, Reading(channels=3, resolution=None))
    assert np.array_equal(train.pixels()[0].transpose(1, 2, 0), np.asarray(Image.open(train.files[0])))


def test_one_channel_reads_grey(tmp_path):
    fill(tmp_path)
    assert ImageFolder(path=str(tmp_path), channels=1).load().input_shape == (1, 4, 5)


def test_jpeg_and_capital_suffixes_count_and_other_files_do_not(tmp_path):
    fill(tmp_path, count=3)
    write(tmp_path / "cat" / "photo.JPG", 7)
    (tmp_path / "cat" / "notes.txt").write_text("none")
    train, test, _ = list_folder(tmp_path, GREY)
    assert len(train.y) + len(test.y) == 7


def test_resolution_makes_different_sizes_one(tmp_path):
    fill(tmp_path)
    write(tmp_path / "cat" / "large.png", 9, size=(30, 20))
    assert ImageFolder(path=str(tmp_path), resolution=6).load().input_shape == (3, 6, 6)


def test_only_the_limited_images_are_read(tmp_path):
    fill(tmp_path / "train", count=10)
    fill(tmp_path / "test", count=2)
    settings = ImageFolder(path=str(tmp_path), limit=6)
    train, _, _ = list_folder(tmp_path, Reading(channels=3, resolution=None))
    kept = settings.load()
    assert len(kept.y_train) + len(kept.y_validation) == 6 < len(train.y)


def test_different_sizes_without_a_resolution_are_refused(tmp_path):
    fill(tmp_path)
    for index in range(20):
        write(tmp_path / "cat" / f"large{index}.png", 9, size=(30, 20))
    with pytest.raises(
        DataError, match=r"large\d+\.png is 20x30 pixels .* 4x5; expected one size for all, or set resolution"
    ):
        ImageFolder(path=str(tmp_path)).load()


def test_a_file_that_is_no_image_is_refused(tmp_path):
    fill(tmp_path)
    (tmp_path / "bird" / "00.png").write_text("not an image")
    with pytest.raises(DataError, match=r"00\.png cannot be read as a PNG or JPEG image"):
        ImageFolder(path=str(tmp_path)).load()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.8])
def test_a_truncated_image_is_refused(tmp_path, suffix, kept):
    fill(tmp_path)
    path = tmp_path / "bird" / f"00{suffix}"
    write(path, 3, size=(64, 64))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(DataError, match=rf"00\{suffix} cannot be read"):
        list_folder(tmp_path, GREY)[0].only(np.array([0])).pixels()


def test_an_image_of_too_many_pixels_is_refused_undecoded(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setattr("coexplore.accuracy.images.MAX_PIXELS", 19)
    with pytest.raises(DataError, match=r"is 4x5 pixels \(H x W\); the limit is 19"):
        list_folder(tmp_path, GREY)


def test_a_file_of_too_many_bytes_is_refused_unopened(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setattr("coexplore.accuracy.images.MAX_FILE_BYTES", 19)
    with pytest.raises(DataError, match=r"holds \d+ bytes; the limit is 19"):
        list_folder(tmp_path, GREY)


def test_a_single_class_is_refused(tmp_path):
    fill(tmp_path, classes=("cat",))
    with pytest.raises(DataError, match=r"holds 1 class folders \(cat\); expected at least 2"):
        list_folder(tmp_path, GREY)


def test_an_empty_class_is_refused(tmp_path):
    fill(tmp_path)
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match="dog holds no image"):
        list_folder(tmp_path, GREY)


def test_train_without_test_is_refused(tmp_path):
    fill(tmp_path / "train")
    with pytest.raises(DataError, match="holds 'train' but no 'test'"):
        list_folder(tmp_path, GREY)


def test_classes_that_differ_between_train_and_test_are_refused(tmp_path):
    fill(tmp_path / "train", classes=("bird", "cat"))
    fill(tmp_path / "test", classes=("bird", "cow"))
    with pytest.raises(DataError, match="class 'cat' is in only one of 'train' and 'test'"):
        list_folder(tmp_path, GREY)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere does not exist"):
        ImageFolder(path="nowhere").load(tmp_path)


def test_an_empty_path_is_refused():
    with pytest.raises(DataError, match=r"image-folder\.path is empty"):
        ImageFolder().load()


def test_missing_pillow_is_answered_with_the_extra_to_install(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"coexplore\[train\]"):
        list_folder(tmp_path, GREY)
