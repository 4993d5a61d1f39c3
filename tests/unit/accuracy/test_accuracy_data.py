"""Are the registered data sets loaded as promised, and bad files refused with a message that helps?"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from coexplore.accuracy.data import DATA_VARIABLE, DATASETS, Dataset, Digits, FashionMnist, ImageFolder, Mnist
from coexplore.accuracy.npz import read_npz
from coexplore.core.errors import ConfigError, DataError, MissingExtraError, UnknownNameError

GOLDEN_DIGITS_TEST = 19_969_367
"""Sum over the test images of position (from 1) times sum of pixels (0 to 16). Origin: our release 0.1.0, exact; it
moves only if the test part moves, which would make old and new reports incomparable."""


def arrays(**changes: np.ndarray) -> dict[str, np.ndarray]:
    """The four arrays of a legal file of 5x4 pixels, with some of them replaced."""
    rng = np.random.default_rng(0)
    legal = {
        "x_train": rng.integers(0, 256, (40, 5, 4), dtype=np.uint8),
        "y_train": np.arange(40, dtype=np.uint8) % 10,
        "x_test": rng.integers(0, 256, (20, 5, 4), dtype=np.uint8),
        "y_test": np.arange(20, dtype=np.uint8) % 10,
    }
    return {**legal, **changes}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return Digits().load()


def test_the_registered_names_are_those_of_the_study_file():
    assert list(DATASETS) == ["digits", "fashion-mnist", "image-folder", "mnist", "shapes"]


def test_every_data_set_carries_the_name_it_is_registered_under():
    assert [DATASETS.get(name).name for name in DATASETS] == list(DATASETS)


def test_an_unknown_data_set_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'digits'"):
        DATASETS.get("digit")


def test_digits_have_all_1797_images_in_three_parts(digits):
    assert [len(digits.y_train), len(digits.y_validation), len(digits.y_test)] == [1150, 288, 359]
    assert digits.input_shape == (1, 8, 8)
    assert digits.classes == 10


def test_digits_are_standardised(digits):
    assert digits.x_train.mean() == pytest.approx(0, abs=1e-5)
    assert digits.x_train.std() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("part", ["y_train", "y_validation", "y_test"])
def test_every_part_of_the_digits_has_each_class_in_about_a_tenth(digits, part):
    counts = np.bincount(getattr(digits, part), minlength=10) / len(getattr(digits, part))
    assert np.abs(counts - 0.1).max() < 0.005


def test_the_test_part_of_the_digits_is_the_same_for_every_seed(digits):
    other = Digits(seed=7).load()
    assert np.array_equal(digits.y_test, other.y_test)
    assert np.allclose(
        digits.x_test * digits.deviation[0] + digits.mean[0],
        other.x_test * other.deviation[0] + other.mean[0],
        atol=1e-4,
    )


def test_the_test_part_of_the_digits_is_that_of_the_first_release(digits):
    raw = np.round(digits.x_test * digits.deviation[0] + digits.mean[0]).astype(int)
    order = np.arange(1, len(raw) + 1)
    assert int((raw.sum(axis=(1, 2, 3)) * order).sum()) == GOLDEN_DIGITS_TEST


def test_equal_settings_load_equal_content(digits):
    assert Digits().load().content_hash == digits.content_hash


def test_another_seed_is_other_content(digits):
    assert Digits(seed=1).load().content_hash != digits.content_hash


def test_limit_bounds_the_images_for_training_and_validation_together():
    small = Digits(limit=200).load()
    assert len(small.y_train) + len(small.y_validation) == 200


def test_resolution_resizes_all_parts():
    larger = Digits(resolution=12, limit=100).load()
    assert larger.x_train.shape[1:] == larger.x_validation.shape[1:] == larger.x_test.shape[1:] == (1, 12, 12)


def test_the_arrays_cannot_be_changed(digits):
    with pytest.raises(ValueError, match="read-only"):
        digits.x_train[0] = 0


def test_the_official_test_part_of_an_npz_file_stays_whole(tmp_path):
    content = arrays()
    np.savez(tmp_path / "fashion_mnist.npz", **content)
    dataset = FashionMnist(limit=30, seed=3).load(tmp_path)
    raw = np.round(dataset.x_test * dataset.deviation[0] + dataset.mean[0])[:, 0]
    assert np.array_equal(raw, content["x_test"])


def test_colour_images_of_an_npz_file_come_channels_first(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (40, 5, 4, 3), dtype=np.uint8)
    np.savez(tmp_path / "mnist.npz", **arrays(x_train=x, x_test=x[:20]))
    train, _ = read_npz(tmp_path / "mnist.npz", classes=10)
    assert train.x.shape == (40, 3, 5, 4)
    assert np.array_equal(train.pixels()[7, 1], x[7, :, :, 1])


def test_the_data_root_comes_from_the_environment_when_no_argument_says_it(tmp_path, monkeypatch):
    np.savez(tmp_path / "mnist.npz", **arrays())
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert Mnist().load().name == "mnist"


def test_an_absolute_path_needs_no_data_root(tmp_path, monkeypatch):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    np.savez(tmp_path / "other.npz", **arrays())
    assert Mnist(path=str(tmp_path / "other.npz")).load().name == "mnist"


def test_a_missing_data_root_is_answered_with_the_option_and_the_variable(monkeypatch):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    with pytest.raises(DataError, match=r"'mnist\.npz' have no folder .* --data or COEXPLORE_DATA"):
        Mnist().load()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"mnist\.npz does not exist"):
        Mnist().load(tmp_path)


@pytest.mark.parametrize("settings", [Mnist(path="a" * 5000), ImageFolder(path="a" * 5000)])
def test_what_the_system_refuses_to_open_is_passed_on(tmp_path, settings):
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        settings.load(tmp_path)


WRONG_ARRAYS = {
    "flat images": (
        arrays(x_train=np.zeros((40, 20), np.uint8)),
        r"x_train holds uint8 \(40, 20\); expected \(n, H, W\)",
    ),
    "five channels": (arrays(x_test=np.zeros((20, 5, 4, 5), np.uint8)), r"x_test holds uint8 \(20, 5, 4, 5\)"),
    "whole numbers": (arrays(x_train=np.zeros((40, 5, 4), np.int64)), "x_train holds int64 .* expected uint8"),
    "text": (arrays(x_train=np.full((40, 5, 4), "a")), "x_train holds <U1"),
    "objects": (arrays(x_train=np.full((40, 5, 4), None)), "array 'x_train' cannot be read"),
    "nan": (
        arrays(x_train=np.full((40, 5, 4), np.nan)),
        "x_train holds 800 values that are NaN or infinite, the first in image 0",
    ),
    "infinite": (
        arrays(x_test=np.full((20, 5, 4), np.inf, np.float32)),
        "x_test holds 400 values that are NaN or infinite",
    ),
    "empty": (
        arrays(x_test=np.zeros((0, 5, 4), np.uint8), y_test=np.zeros(0, np.uint8)),
        r"x_test holds uint8 \(0, 5, 4\)",
    ),
    "other size": (
        arrays(x_test=np.zeros((20, 5, 5), np.uint8)),
        r"images of x_test are \(1, 5, 5\) .* x_train \(1, 5, 4\)",
    ),
    "short labels": (arrays(y_train=np.zeros(39, np.uint8)), "y_train holds 39 labels, x_train 40 images"),
    "real labels": (arrays(y_test=np.zeros(20)), "y_test holds float64 .* expected whole numbers"),
    "high label": (arrays(y_train=np.arange(40) % 10 + 1), r"y_train\[9\] is 10; expected a label from 0 to 9"),
    "low label": (arrays(y_test=np.full(20, -1)), r"y_test\[0\] is -1; expected a label from 0 to 9"),
    "one class": (arrays(y_train=np.zeros(40, np.uint8)), "y_train holds the one label 0; expected at least 2 classes"),
}


@pytest.mark.parametrize("case", WRONG_ARRAYS)
def test_a_wrong_array_is_refused_with_file_name_and_expectation(tmp_path, case):
    content, message = WRONG_ARRAYS[case]
    path = tmp_path / "wrong.npz"
    np.savez(path, **content)
    with pytest.raises(DataError, match=rf"wrong\.npz.*{message}"):
        Mnist(path=str(path)).load()


def test_a_missing_array_is_answered_with_those_found(tmp_path):
    np.savez(tmp_path / "part.npz", x_train=np.zeros(1), images=np.zeros(1))
    with pytest.raises(DataError, match="array 'y_train' is missing; found images, x_train"):
        read_npz(tmp_path / "part.npz", classes=10)


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, kept):
    path = tmp_path / "cut.npz"
    np.savez_compressed(path, **arrays())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(DataError, match=r"cut\.npz cannot be read as an npz file"):
        read_npz(path, classes=10)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_refused(tmp_path, seed):
    path, rng = tmp_path / "damaged.npz", np.random.default_rng(seed)
    np.savez_compressed(path, **arrays())
    content = bytearray(path.read_bytes())
    for position in rng.integers(0, len(content), 30):
        content[position] = int(rng.integers(0, 256))
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged\.npz"):
        read_npz(path, classes=10)


@pytest.mark.parametrize(
    "header", [b"nothing", b"\x93NUMPY\x01\x00\x05\x00{(1,\n", b"\x93NUMPY\x01\x00\x0c\x00{b'a':1,'b':2"]
)
def test_an_array_with_a_damaged_header_is_refused(tmp_path, header):
    np.savez(tmp_path / "rest.npz", **arrays())
    with zipfile.ZipFile(tmp_path / "rest.npz") as whole, zipfile.ZipFile(tmp_path / "odd.npz", "w") as odd:
        for info in whole.infolist():
            odd.writestr(info.filename, header if info.filename == "x_train.npy" else whole.read(info))
    with pytest.raises(DataError, match=r"odd\.npz: array 'x_train' cannot be read"):
        read_npz(tmp_path / "odd.npz", classes=10)


def test_an_array_that_unpacks_to_too_much_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("coexplore.accuracy.npz.MAX_ARRAY_BYTES", 700)
    np.savez_compressed(tmp_path / "bomb.npz", **arrays())
    with pytest.raises(DataError, match="'x_train' unpacks to 928 bytes; the limit is 700"):
        read_npz(tmp_path / "bomb.npz", classes=10)


def test_a_missing_library_is_answered_with_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match=r"coexplore\[train\]"):
        Digits().load()


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_an_image_folder_takes_grey_or_colour_only(channels):
    with pytest.raises(ConfigError, match=r"^image-folder\.channels is "):
        ImageFolder(path="x", channels=channels)


@pytest.mark.data
@pytest.mark.parametrize(("settings", "mean"), [(FashionMnist(limit=1000), 0.28604), (Mnist(limit=1000), 0.13066)])
def test_the_real_files_load_with_about_the_known_mean(data_folder, settings, mean):
    dataset = settings.load(data_folder)
    assert (dataset.input_shape, dataset.classes, len(dataset.y_test)) == ((1, 28, 28), 10, 10_000)
    assert dataset.mean[0] / 255 == pytest.approx(mean, rel=0.05)


def test_importing_accuracy_imports_neither_torch_nor_scikit_learn_nor_pillow():
    modules = sorted(path.stem for path in Path(sys.modules["coexplore.accuracy"].__path__[0]).glob("[a-z]*.py"))
    code = "".join(f"import coexplore.accuracy.{module}\n" for module in modules)
    code += "import sys; print([name for name in ('torch', 'sklearn', 'PIL') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
