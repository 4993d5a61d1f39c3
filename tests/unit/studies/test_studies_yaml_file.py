"""Study files are YAML 1.2 without surprises, and hostile ones are refused."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexplore.core.errors import ConfigError, StoreError
from coexplore.studies.yaml_file import SIZE_LIMIT_BYTES, apply_overrides, read_study_file


def read(text: str | bytes, folder: Path) -> dict[str, object]:
    path = folder / "study.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_study_file(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("-5E+2", -500.0), (".5", 0.5), ("5.", 5.0), ("12", 12), ("-0", 0), ("true", True),
        ("null", None), ("", None), ("~", None), ("[1, a]", [1, "a"]), ("'5'", "5"),
        ("on", "on"), ("yes", "yes"), ("12:30", "12:30"), ("010", "010"), ("1_000", "1_000"), ("0x1", "0x1"),
        ("2026-01-01", "2026-01-01"), (".inf", ".inf"), (".nan", ".nan"), ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_scalars_are_read_as_yaml_1_2_reads_them(text: str, value: object, tmp_path: Path) -> None:
    found = read(f"a: {text}", tmp_path)["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x", r"line 2: aliases"),
        ("a: 1\nb:\n  c: 1\n  c: 2", r"line 4: the key 'c' stands there twice"),
        ("a: [", r"not valid YAML: line 1, column"),
        ("a: b: c", r"not valid YAML: line 1"),
        ("a: !!python/object/apply:os.system [ls]", r"not valid YAML"),
        ("a: !!set {x, y}", r"^a: is \{"),
        ("a:\n  b: [1, !!binary aGVsbG8=]", r"^a\.b\.1: is b'hello'"),
        ("a: 1e999", r"^a: is inf"),
        ("a: " + "[" * 3000, "nested too deeply"),
        ("1: 2", r"the key 1 is a number; keys are text"),
        ("[1]: 2", r"not valid YAML"),
        ("- a", r"holds a list; a study file is a mapping"),
        ("", r"holds nothing"),
        ("a: 1\n---\nb: 2", r"not valid YAML"),
        (b"a: \xff\xfe", r"not text in UTF-8"),
        ("a: \0", r"not valid YAML"),
        ("a: " + "9" * 5000, r"not valid YAML"),
    ],
)
def test_what_is_no_study_file_is_refused_with_its_place(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(text, tmp_path)
    assert "\n" not in str(caught.value)


def test_merge_keys_are_plain_text(tmp_path: Path) -> None:
    assert read("<<: {a: 1}\nb: 2", tmp_path) == {"<<": {"a": 1}, "b": 2}


def test_large_and_absent_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="more than the limit"):
        read("a: " + "x" * SIZE_LIMIT_BYTES, tmp_path)
    with pytest.raises(StoreError, match="does not exist"):
        read_study_file(tmp_path / "other.yaml")


@given(st.text(max_size=60))
def test_any_text_is_a_mapping_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    with contextlib.suppress(ConfigError):
        assert isinstance(read(text.encode(errors="replace"), folder), dict)


DOCUMENT: dict[str, object] = {"budget": {"trials": 5}, "objectives": [{"maximize": "accuracy"}], "name": "x"}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("budget.trials=7", {"budget": {"trials": 7}}),
        ("budget.hours=1e-1", {"budget": {"trials": 5, "hours": 0.1}}),
        ("strategy.name=random", {"strategy": {"name": "random"}}),
        ("objectives.0.maximize=utilisation", {"objectives": [{"maximize": "utilisation"}]}),
        ("objectives=[{minimize: latency_s}]", {"objectives": [{"minimize": "latency_s"}]}),
        ("name=a=b", {"name": "a=b"}),
        ("training.halving=null", {"training": {"halving": None}}),
    ],
)
def test_an_override_replaces_one_value(override: str, expected: dict[str, object]) -> None:
    before = repr(DOCUMENT)
    assert apply_overrides(DOCUMENT, [override]) == DOCUMENT | expected
    assert repr(DOCUMENT) == before


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("budget.trials", "write an override as path=value"),
        ("=3", "write an override as path=value"),
        ("objectives.1.maximize=x", r"objectives\.1\.maximize: '1' is no position in a list of 1"),
        ("objectives.first=x", "'first' is no position"),
        ("name.first=x", r"name\.first: there is text before 'first'"),
        ("name=[", "name is not valid YAML"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        apply_overrides(DOCUMENT, [override])


def test_later_overrides_see_earlier_ones() -> None:
    assert apply_overrides({}, ["a.b=1", "a.c=2", "a.b=3"]) == {"a": {"b": 3, "c": 2}}
