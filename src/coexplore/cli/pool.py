"""`coexplore cost --pool`: how do the FPGAs of a pool share a model, and what limits them?"""

from __future__ import annotations

import math
from pathlib import Path

from coexplore.accelerators.fpga_boards import FpgaBoards
from coexplore.accelerators.fpga_devices import fpga_pool
from coexplore.cli.compilation import announce_compilation
from coexplore.cli.errors import DONE, NOTHING_FEASIBLE
from coexplore.cli.output import print_json, print_line, print_tables
from coexplore.core.errors import ConfigError
from coexplore.cost.boards import price_on_boards
from coexplore.reports.pipeline_page import layer_document, pipeline_tables, write_pipeline_page
from coexplore.reports.pipeline_table import power_note
from coexplore.workloads.graph import Workload


def show_pool(workload: Workload, pool: str, throughput_per_s: float | None, plot: Path | None, as_json: bool) -> int:
    """Solve the pipeline of a model on a pool and print it.

    Args:
        workload: the model.
        pool: names of FPGAs with counts, such as `zcu102=2,pynq-z2`.
        throughput_per_s: required, for the cheapest pipeline that has it; None asks for the fastest.
        plot: where a page goes.
        as_json: print the document instead of tables.

    Raises:
        CoexploreError: the pool or the throughput is not legal, or the model has nothing to multiply.
    """
    if throughput_per_s is not None and not (math.isfinite(throughput_per_s) and throughput_per_s > 0):
        raise ConfigError(f"--throughput: is {throughput_per_s}; give inputs per second, above 0")
    boards = FpgaBoards(fpga_pool(pool), (), throughput_per_s, None)
    announce_compilation()
    cost = price_on_boards(workload, boards)
    if plot is not None:
        write_pipeline_page(plot, workload.name, cost)
    if as_json:
        asked = {"workload": workload.name, "throughput_per_s_required": throughput_per_s}
        print_json({**asked, **cost.document(), "layers": layer_document(cost)})
    else:
        print_tables(*pipeline_tables(cost))
        if note := power_note(cost):
            print_line(note)
        if cost.reason:
            print_line(f"infeasible: {cost.reason}")
    return NOTHING_FEASIBLE if cost.reason else DONE
