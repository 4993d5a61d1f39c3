"""Accelerator files on the command line: checked, explained, described by a schema, priced."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_runs import coexplore

from coexplore.accelerators.document import accelerator_schema
from coexplore.accelerators.family import accelerator_names

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
EXAMPLE = EXAMPLES / "accelerator.yaml"


def test_a_legal_file_is_told_in_a_line() -> None:
    document = coexplore("validate", EXAMPLE, "--json").document
    assert document["valid"] is True
    assert document["multipliers"] == 256
    assert document["levels"] == ["dram", "buffer", "weight_memory", "input_memory", "sum_memory"]
    assert coexplore("validate", EXAMPLE).out.startswith("ok: my-edge-chip: dram > buffer > weight_memory")


def test_a_wrong_file_is_refused_by_field(tmp_path: Path) -> None:
    file = tmp_path / "chip.yaml"
    file.write_text(EXAMPLE.read_text().replace("size_kib: 512", "size_kib: 512 KB"))
    outcome = coexplore("validate", file)
    assert outcome.code == 2
    assert outcome.err == (
        "error: levels.1.component.sram.size_kib: is '512 KB'; write a plain number of KiB (1024 bytes)\n"
    )


def test_options_of_studies_are_refused() -> None:
    outcome = coexplore("validate", EXAMPLE, "--set", "seed=1")
    assert outcome.code == 2
    assert "--set and --data belong to studies" in outcome.err


def test_the_schema_is_printed() -> None:
    assert coexplore("schema", "accelerator").document == accelerator_schema()
    assert coexplore("schema", "study").document["title"] == "StudyConfig"
    assert "known: accelerator, study" in coexplore("schema", "network").err


def test_every_preset_is_listed() -> None:
    document = coexplore("list", "accelerator-presets", "--json").document
    assert [entry["name"] for entry in document["accelerator-presets"]] == sorted(accelerator_names())


@pytest.mark.parametrize("accelerator", [EXAMPLE, "simba-like", "systolic/os-16"])
def test_a_network_is_priced_on_it(accelerator: str | Path) -> None:
    outcome = coexplore("cost", "mobilenet-v2", "--accelerator", accelerator, "--input-shape", "3,32,32", "--json")
    assert outcome.code == 0
    assert outcome.document["feasible"] is True
