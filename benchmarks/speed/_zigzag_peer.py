"""What mapping does ZigZag choose for each op, and how much processor time does its search take?

Runs inside ZigZag's own environment and imports nothing of this project; `versus_peers.py` starts it. It reads one JSON
job from standard input (`hardware`: name of a file that ships with ZigZag; `hints`: dimensions each array dimension may
unroll; `ops`: ZigZag's own description of layers; `lpf_limit`; maybe `given`: per op a mapping to price instead of a
search) and prints one JSON object as its last line.

Timed is, per layer, what ZigZag does between receiving a parsed layer and handing over its best mapping: spatial and
temporal mapping generation, its cost model, the reduction to the best. Imports, parsing and files are not.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import yaml
import zigzag
from zigzag.datatypes import LayerDim, LayerOperand
from zigzag.mapping.temporal_mapping import TemporalMapping, TemporalMappingType
from zigzag.stages.evaluation.cost_model_evaluation import CostModelStage
from zigzag.stages.main import MainStage
from zigzag.stages.mapping.spatial_mapping_generation import SpatialMappingGeneratorStage
from zigzag.stages.mapping.temporal_mapping_generator_stage import TemporalMappingGeneratorStage
from zigzag.stages.parser.accelerator_parser import AcceleratorParserStage
from zigzag.stages.parser.workload_parser import WorkloadParserStage
from zigzag.stages.results.reduce_stages import MinimalEDPStage
from zigzag.stages.stage import Stage
from zigzag.stages.workload_iterator import WorkloadStage

OPERANDS = "WIO"
LINKS = {"O": "O", "W": "I2", "I": "I1"}


class Stopwatch(Stage):
    """Processor time from a parsed layer to its best mapping."""

    def run(self):
        """Pass on what the search yields, with its time."""
        begin = time.process_time()
        found = list(self.list_of_callables[0](self.list_of_callables[1:], **self.kwargs).run())
        cpu_s = time.process_time() - begin
        for cost, _ in found:
            yield cost, cpu_s


class Counted(CostModelStage):
    """The cost model, counting how many mappings it prices."""

    priced = 0

    def run(self):
        """Count, and price as always."""
        Counted.priced += 1
        yield from super().run()


class Given(Stage):
    """One temporal mapping instead of a search."""

    def run(self):
        """Price the mapping that the job gives."""
        loops = {
            LayerOperand(operand): [[(LayerDim(dim), factor) for dim, factor in level] for level in levels]
            for operand, levels in self.kwargs["given_loops"].items()
        }
        mapping = TemporalMapping(loops, self.kwargs["layer"], TemporalMappingType.UNEVEN)
        rest = {name: value for name, value in self.kwargs.items() if name != "given_loops"}
        yield from self.list_of_callables[0](self.list_of_callables[1:], temporal_mapping=mapping, **rest).run()


def main() -> None:
    """Search or price all layers of the job and print what was found."""
    logging.disable(logging.CRITICAL)
    job = json.load(sys.stdin)
    hardware = Path(zigzag.__file__).parent / "inputs" / "hardware" / job["hardware"]
    given = job.get("given", [None] * len(job["ops"]))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mapping.yaml"
        rows = [answer(op, hardware, file, job, mapping) for op, mapping in zip(job["ops"], given, strict=True)]
    print(json.dumps({"version": version("zigzag-dse"), "hardware": hardware.read_text(), "rows": rows}))


def answer(op: dict, hardware: Path, file: Path, job: dict, given: dict | None) -> dict:
    """One layer: the best mapping of ZigZag's default engine, or the cost of the one given."""
    entry = {"name": "default", "spatial_mapping_hint": job["hints"], "memory_operand_links": LINKS}
    if given:
        entry["spatial_mapping"] = given["spatial"]
    file.write_text(yaml.safe_dump([entry]))
    Counted.priced = 0
    engine = Given if given else TemporalMappingGeneratorStage
    stages = [WorkloadParserStage, AcceleratorParserStage, WorkloadStage, Stopwatch]
    stages += [MinimalEDPStage, SpatialMappingGeneratorStage, MinimalEDPStage, engine, Counted]
    found = MainStage(
        stages,
        accelerator=str(hardware),
        workload=[op],
        mapping=str(file),
        loma_lpf_limit=job["lpf_limit"],
        loma_show_progress_bar=False,
        nb_mappings_generated=3,
        enable_mix_spatial_mapping_generation=False,
        access_same_data_considered_as_no_access=True,
        temporal_mapping_type=TemporalMappingType.UNEVEN,
        **({"given_loops": given["temporal"]} if given else {}),
    ).run()
    cost, (_, cpu_s) = found[0]  # the pairs are those of WorkloadStage: a layer, and what Stopwatch adds
    return {
        "name": op["name"],
        "cpu_s": cpu_s,
        "priced": Counted.priced,
        "spatial": text_of(cost.spatial_mapping_int.mapping_dict_origin),
        "temporal": text_of(cost.temporal_mapping.mapping_dic_stationary),
        "cycles": float(cost.latency_total2),
        "ideal_cycles": float(cost.ideal_temporal_cycle),
        "stalled_cycles": float(cost.latency_total0),
        "energy_pj": float(cost.energy_total),
        "breakdown": {
            f"E_{operand}_L{level}": float(energy)
            for operand, energies in cost.mem_energy_breakdown.items()
            for level, energy in enumerate(energies)
        },
        "mac_pj": float(cost.mac_energy),
    }


def text_of(loops: dict) -> str:
    """Loops by operand and level as ZigZag prints them."""
    named = {str(operand): levels for operand, levels in loops.items()}
    parts = []
    for operand in OPERANDS:
        levels = [", ".join(f"({dim}, {factor})" for dim, factor in level) for level in named[operand]]
        parts.append(f"{operand}: [{', '.join(f'[{level}]' for level in levels)}]")
    return "{" + ", ".join(parts) + "}"


if __name__ == "__main__":
    main()
