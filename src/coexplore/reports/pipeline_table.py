"""Which stage of a pipeline of FPGAs runs which layers, how busy is it, and what limits it? One row per stage."""

from __future__ import annotations

from coexplore.cost.boards import BoardsCost
from coexplore.reports.table import Column, Table
from coexplore.reports.units import quantity


def pipeline_table(cost: BoardsCost) -> Table:
    """The stages of the pipeline that is built; without rows where there is none."""
    columns = (
        Column("stage"), Column("FPGA", numeric=False), Column("layers", numeric=False), Column("latency"),
        Column("busy"), Column("limited by", numeric=False), Column("tile Tm x Tn x Tr x Tc", numeric=False),
        Column("ports W/I/O", numeric=False), Column("DSPs"), Column("block RAMs"),
    )  # fmt: skip
    pipeline, rows = cost.plan.pipeline, []
    for number, stage in enumerate(pipeline.stages if pipeline else ()):
        run, priced = cost.stages.table.layers[stage.first : stage.end], cost.stages.cost(stage)
        design, ports = priced.design, priced.design.ports
        device = priced.device
        rows.append(
            (
                f"{number + 1}",
                device.name,
                run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}",
                quantity(stage.latency_s, "s"),
                quantity(pipeline.utilisation[number] if pipeline else 0.0, "fraction"),
                priced.bottleneck.name.lower(),
                f"{design.tm} x {design.tn} x {design.tr} x {design.tc}"
                + (f", depthwise {design.tm_d}" if design.tm_d else ""),
                f"{ports.weight}/{ports.input}/{ports.output}",
                f"{priced.usage.dsp} of {device.dsp}",
                f"{priced.usage.bram18} of {device.bram18}",
            )
        )
    return Table(f"pipeline: {len(rows)} stage{'' if len(rows) == 1 else 's'}", columns, tuple(rows))


def power_note(cost: BoardsCost) -> str:
    """Where the powers come from that energies follow from, and how far off they may be; empty without a pipeline."""
    devices = {}
    for stage in cost.fastest.stages if cost.fastest is not None else ():
        device = cost.stages.pool[stage.device].device
        devices[device.name] = (
            f"{device.name} {quantity(device.power_w, 'W')}, {device.power_source}, "
            f"may be off by {100 * device.power_uncertainty:.0f} %"
        )
    if not devices:
        return ""
    return f"energy is the power of all boards times the time between two inputs; powers: {'; '.join(devices.values())}"
