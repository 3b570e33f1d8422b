"""`xlite export`: a run as a folder that predicts without xlite, and the check of such a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.export_tables import print_export
from xlite.cli.option_values import read_choice
from xlite.errors import InputError

_EPILOG = (
    "Example: xlite export NAME --out exported\n\n"
    "Example: xlite export exported --check\n\n"
    "Example: xlite export experiments/runs/NAME --out small --quantize dynamic"
)


def _folder(option: str, text: str) -> Any:
    return typer.Option(option, metavar="DIR", help=text)


Target = Annotated[
    Path,
    typer.Argument(
        metavar="RUN|EXPORTED",
        help="Finished run, by its folder or name; with --check and no --out an exported folder.",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder to export to.")]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Hold the exported folder against its sums, its reference film and torch, and "
        "measure its latency and size.",
    ),
]
Quantize = Annotated[
    str | None,
    typer.Option(
        "--quantize",
        metavar="dynamic|static",
        help="Numbers of 8 bits: in linear layers, or wherever onnxruntime can. Refused unless "
        "validation shows it to be non-inferior by 0.005 of macro AUROC.",
    ),
]
TorchScript = Annotated[
    bool, typer.Option("--torchscript", help="Write a file of TorchScript, too.")
]
Thresholds = Annotated[
    Path | None,
    typer.Option(
        "--thresholds",
        metavar="FILE",
        help="Thresholds of `xlite evaluate --save-thresholds`. Default: the run's own.",
    ),
]
Split = Annotated[Path | None, _folder("--split", "The run's split. Default: where it lay.")]
Cache = Annotated[Path | None, _folder("--cache", "The run's cache. Default: where it lay.")]
Images = Annotated[Path | None, _folder("--images", "The run's films, if it had no cache.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the export of another run.")]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("export", rich_help_panel="After training", epilog=_EPILOG)(expand_groups(export))


def export(
    target: Target,
    out: Out = None,
    check: Check = False,
    quantize: Quantize = None,
    torchscript: TorchScript = False,
    thresholds: Thresholds = None,
    split: Split = None,
    cache: Cache = None,
    images: Images = None,
    overwrite: Overwrite = False,
    json: options.Json = False,
) -> None:
    """Export a run as ONNX, with all that is needed to predict without xlite.

    The folder holds the model (uint8 images in; normalisation and sigmoid are inside), its weights,
    how films are prepared, a reference film with what has to come out, thresholds and calibration,
    a short program that predicts with numpy, OpenCV and onnxruntime alone, and a card. Before it is
    written, the logits of 32 synthetic films have to be torch's to 0.0001.
    """
    from xlite.workflows.check_export import check_export
    from xlite.workflows.export import export as write_export

    if out is None and not check:
        raise InputError("pass --out DIR to export a run, or --check to check an exported folder.")
    written = None
    if out is not None:
        written = write_export(
            target,
            out=out,
            quantize=read_choice("--quantize", quantize, ("dynamic", "static")),
            torchscript=torchscript,
            thresholds=thresholds,
            split=split,
            cache=cache,
            images=images,
            overwrite=overwrite,
        )
    found = check_export(out or target) if check else None
    print_export(written, found, json=json)
