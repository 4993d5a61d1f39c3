"""Which commands are there, and what do they take? Each imports what it needs only when it is called."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer

import coexplore
from coexplore.cli.errors import reported

app = typer.Typer(
    help="Finds a neural network and the accelerator that runs it, together.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

GARBAGE_THRESHOLD = 20_000
"""Imports make objects that stay; collecting among them more often costs 6 % of the time of `coexplore cost`."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study file.")]
StudyDirectory = Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Directory of the study.")]
Data = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where the paths of data sets start from.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Replace a value of the study file; repeatable.")
]


def main() -> None:
    """Entry point of the command `coexplore`."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # both are text files here
    app(prog_name="coexplore")


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"coexplore {coexplore.__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command("list")
@reported
def list_(
    kind: Annotated[str | None, typer.Argument(help="Only this kind, such as strategies.")] = None,
    as_json: Json = False,
) -> int:
    """List the names that a study file can use."""
    from coexplore.cli.listing import list_names

    return list_names(kind, as_json)


@app.command()
@reported
def cost(
    model: Annotated[str, typer.Argument(help="A preset, an .onnx file, or the folder of a bundle.")],
    accelerator: Annotated[
        str | None, typer.Option(metavar="NAME|FILE.yaml", help="A preset such as edge-array, or a description.")
    ] = None,
    goal: Annotated[
        str | None, typer.Option(metavar="latency|energy|edp", help="What mappings minimise.  [default: edp]")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Instead of searching: mappings, or what --json printed.")
    ] = None,
    input_shape: Annotated[str | None, typer.Option(metavar="C,H,W", help="Size of the image a preset reads.")] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NUMBER", help="An open size of an ONNX file, such as sequence=128; repeatable."),
    ] = None,
    accounting: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Count as another tool does: timeloop, scalesim, zigzag.  [default: physics]"
        ),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            metavar="FPGA[=N],...", help="Instead of an accelerator: FPGAs that share it, such as zcu102=2,pynq-z2."
        ),
    ] = None,
    throughput: Annotated[
        float | None,
        typer.Option(metavar="N", help="Inputs per second that the pool must take.  [default: as many as it can]"),
    ] = None,
    residency: Annotated[
        str | None,
        typer.Option(
            metavar="on-chip|A,W",
            help="What stays on chip: tensors up to 1/4 of its memory; or shares for activations, weights.  "
            "[default: main-memory]",
        ),
    ] = None,
    fuse: Annotated[
        bool, typer.Option("--fuse", help="Also run chains of ops tile by tile on chip, where that wins.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", help="Tiles that a mapping's search looks at; the gap says what that left open."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page with pictures too.")] = None,
    as_json: Json = False,
) -> int:
    """Price a model on an accelerator, op by op, or on a pool of FPGAs, stage by stage."""
    from coexplore.cli.cost import Request, show_cost

    return show_cost(
        Request(
            model,
            accelerator,
            goal,
            mapping,
            input_shape,
            plot,
            accounting,
            tuple(size or ()),
            pool,
            throughput,
            residency,
            fuse,
            limit,
        ),
        as_json,
    )


@app.command()
@reported
def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="A study, or the description of an accelerator.")],
    overrides: Overrides = None,
    data: Data = None,
    as_json: Json = False,
) -> int:
    """Check a study or an accelerator file, and say what it stands for."""
    from coexplore.cli.validate import validate as check

    return check(file, overrides or (), data, as_json)


@app.command()
@reported
def schema(
    kind: Annotated[str, typer.Argument(metavar="accelerator|study", help="Of which kind of file.")],
    as_json: Json = False,  # as everywhere; a schema has no other form
) -> int:
    """Print the JSON schema of a kind of file, for editors."""
    from coexplore.cli.schemas import show_schema

    return show_schema(kind)


@app.command()
@reported
def run(
    study: StudyFile,
    directory: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="Of the study.  [default: studies/<name>]")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Trainings side by side; results do not depend on it.  [default: cores]"),
    ] = None,
    data: Data = None,
    overrides: Overrides = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Instead of the seed in the study file.")] = None,
    as_json: Json = False,
) -> int:
    """Run a study, or go on with it where it was stopped."""
    from coexplore.cli.run import RunRequest
    from coexplore.cli.run import run as run_to_the_end

    return run_to_the_end(RunRequest(study, directory, workers, data, overrides or (), seed), as_json)


@app.command()
@reported
def compare(
    studies: Annotated[list[Path], typer.Argument(metavar="STUDY.yaml...", help="One study file, or several.")],
    strategies: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy", metavar="NAME[,SETTING=VALUE]", help="Repeatable.  [default: what each study names]"
        ),
    ] = None,
    evaluations: Annotated[
        int | None, typer.Option(metavar="N", help="Trials of every run.  [default: those of the study]")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", help="Time of every run.  [default: what the fastest needs]")
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", help="Runs of every strategy.")] = 10,
    by: Annotated[
        str | None,
        typer.Option(metavar="METRIC|hypervolume|reward", help="[default: the objective; of several: hypervolume]"),
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="Of all runs.  [default: studies/<name>-compared]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Trainings side by side, within a run.  [default: cores]")
    ] = None,
    data: Data = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> int:
    """Run strategies on a study with equal evaluations and equal time, many seeds each, and say which is better."""
    from coexplore.cli.compare import CompareRequest, compare_strategies

    return compare_strategies(
        CompareRequest(
            studies, strategies or (), evaluations, seconds, seeds, by, directory, workers, data, overrides or ()
        ),
        as_json,
    )


@app.command()
@reported
def reproduce(
    claim: Annotated[
        str | None, typer.Argument(metavar="SYSTEM/CLAIM", help="Such as coexplore/modes.  [default: list them]")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The short form, to see that it works.")] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Reference data.  [default: COEXPLORE_DATA]")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="Of what it leaves.  [default: runs/SYSTEM/CLAIM]")
    ] = None,
    as_json: Json = False,
) -> int:
    """Try a claim of a paper, and print what comes out beside the published figures; or list the claims."""
    from coexplore.cli.reproduce import reproduce_claim

    return reproduce_claim(claim, quick, data, directory, as_json)


@app.command()
@reported
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="NAS-Bench-201's .pth, or the file or folder of NATS-Bench's tss.")
    ],
    table: Annotated[Path, typer.Argument(metavar="TABLE.parquet", help="The table to write.")],
    partial: Annotated[bool, typer.Option("--partial", help="Take what is there where cells are missing.")] = False,
    as_json: Json = False,
) -> int:
    """Turn official files of NAS-Bench-201 into a table for studies; nothing in them is run."""
    from coexplore.cli.convert import convert as write

    return write(source, table, partial, as_json)


@app.command("train-surrogate")
@reported
def train_surrogate(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Of Accel-NASBench, or the folder with it.")],
    output: Annotated[Path, typer.Argument(metavar="FILE.npz", help="The surrogate to write.")],
    as_json: Json = False,
) -> int:
    """Fit a surrogate of ImageNet accuracy on trained networks, for studies without training."""
    from coexplore.cli.train import fit_surrogate

    return fit_surrogate(table, output, as_json)


@app.command("train-cost-model")
@reported
def train_cost_model(
    study: StudyFile,
    output: Annotated[Path, typer.Argument(metavar="FILE.npz", help="The cost model to write.")],
    networks: Annotated[int, typer.Option(metavar="N", min=2, help="Networks that are priced.")] = 500,
    accelerators: Annotated[int, typer.Option(metavar="N", min=2, help="Accelerators, each with every network.")] = 500,
    pairs: Annotated[int, typer.Option(metavar="N", min=20, help="Of these pairs, so many are learned from.")] = 50_000,
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="Of the training.")] = 4000,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of all that is drawn.")] = 0,
    as_json: Json = False,
) -> int:
    """Train a cost model on prices of a study's designs, to compare with the engine."""
    from coexplore.cli.train import CostSample, fit_cost_model

    return fit_cost_model(study, output, CostSample(networks, accelerators, pairs, steps, seed), as_json)


@app.command()
@reported
def status(directory: StudyDirectory, as_json: Json = False) -> int:
    """Show how far a study is, and its front."""
    from coexplore.cli.status import show_status

    return show_status(directory, as_json)


@app.command()
@reported
def report(
    directory: StudyDirectory,
    output: Annotated[Path | None, typer.Option(metavar="FILE.html", help="[default: report.html in it]")] = None,
    as_json: Json = False,
) -> int:
    """Write a page about a study."""
    from coexplore.cli.report import report as write

    return write(directory, output, as_json)


@app.command()
@reported
def export(
    directory: StudyDirectory,
    trial: Annotated[int | None, typer.Option(metavar="N", help="[default: the chosen design]")] = None,
    output: Annotated[Path | None, typer.Option(metavar="FOLDER", help="[default: bundle in it]")] = None,
    as_json: Json = False,
) -> int:
    """Write the bundle of a design: weights, ONNX, accelerator, mapping."""
    from coexplore.cli.export import export as write

    return write(directory, trial, output, as_json)
