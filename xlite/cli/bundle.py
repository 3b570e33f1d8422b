"""`xlite bundle`: what results rest on, as one file that others recompute them from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.expansion import expand_groups

_EPILOG = (
    "Example: xlite bundle experiments/runs/NAME --out results.zip\n\n"
    "Example: xlite bundle my-study --out study.zip --hash-ids ~/keys/study.key"
)

_Items = Annotated[
    list[Path],
    typer.Argument(metavar="RUN_OR_STUDY...", help="Runs and studies, by their folders or names."),
]
_Out = Annotated[Path, typer.Option("--out", metavar="B.zip", help="The bundle to write.")]
_Split = Annotated[
    Path | None,
    typer.Option(
        "--split",
        metavar="DIR",
        help="The split or folds that the runs were trained on. Default: where they say it was.",
        rich_help_panel=options.DATA,
    ),
]
_HashIds = Annotated[
    Path | None,
    typer.Option(
        "--hash-ids",
        metavar="KEYFILE",
        help="Key that patients and images are hashed with. Default: a new one, thrown away.",
        rich_help_panel=options.DATA,
    ),
]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("bundle", rich_help_panel="After training", epilog=_EPILOG)(expand_groups(bundle))


def bundle(
    items: _Items,
    out: _Out,
    split: _Split = None,
    hash_ids: _HashIds = None,
    overwrite: _Overwrite = False,
    json: options.Json = False,
) -> None:
    """Write what results rest on as one file, from which `xlite verify` recomputes every number.

    Holds predictions, labels, splits, settings, histories, evaluations, comparisons, verdicts and
    looks, and no image. Patients and images have keyed hashes for names, and paths, hosts and users
    are left out. Exit 1 where a number of the project is not what its predictions and labels give.
    """
    from xlite.workflows.bundle import bundle as write_bundle

    summary = write_bundle(
        items,
        out=out,
        split=split,
        hash_ids=hash_ids,
        overwrite=overwrite,
        processes=os.cpu_count() or 1,
    )
    if json:
        console.result_json(summary.to_json())
        return
    held = [console.counted(len(summary.runs), "run")]
    if summary.studies:
        held.append(console.counted(len(summary.studies), "study", "studies"))
    held.append(console.counted(len(summary.evaluations), "evaluation"))
    told = console.counted(summary.proven, "number")
    console.result_text(f"{', '.join(held)}: {told} recomputed")
    console.result_text(f"SHA-256: {summary.sha256}")
    where = "kept nowhere" if hash_ids is None else f"in {summary.key}, and not in the bundle"
    console.say(f"the key of the hashes is {where}")
    console.say(f"written: {summary.file} ({summary.bytes / 1e6:.1f} MB)")
