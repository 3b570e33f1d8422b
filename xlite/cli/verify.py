"""`xlite verify`: a bundle's numbers recomputed from its predictions and labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.errors import CheckFailedError

_EPILOG = "Example: xlite verify results.zip"
_NUM_SHOWN = 20

_Bundle = Annotated[Path, typer.Argument(metavar="B.zip", help="A file of `xlite bundle`.")]
_Sha256 = Annotated[
    str | None,
    typer.Option(
        "--sha256", metavar="HEX", help="The sum that the authors have published of the file."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("verify", rich_help_panel="After training", epilog=_EPILOG)(expand_groups(verify))


def verify(bundle: _Bundle, sha256: _Sha256 = None, json: options.Json = False) -> None:
    """Recompute every number of a bundle, on any machine and without images.

    Says of each number that is not what predictions and labels give where it stands and what it
    should be, and of the rest how many were recomputed. What takes the images, such as a training
    loss, is listed as stated. Exit 1 on any difference.
    """
    from xlite.workflows.verify import verify as verify_bundle

    found = verify_bundle(bundle, sha256=sha256, processes=os.cpu_count() or 1)
    if json:
        console.result_json(found.to_json())
    else:
        for one in found.differences[:_NUM_SHOWN]:
            console.result_text(one.sentence)
        if len(found.differences) > _NUM_SHOWN:
            console.result_text(f"and {len(found.differences) - _NUM_SHOWN:,} more: --json has all")
        for name, keys in found.stated.items():
            is_whole = keys[0].startswith("all:")
            tell = console.say if is_whole else console.detail
            tell(f"stated, not proven: {name}: {', '.join(keys)}")
        files = console.counted(len(found.stated), "file")
        console.say(f"stated in part: {files}; --verbose and --json say what")
        numbers = console.counted(sum(found.proven.values()), "number")
        texts = f"; rendered again: {console.counted(found.texts, 'text')}" if found.texts else ""
        files = console.counted(len(found.proven), "file")
        console.result_text(f"recomputed: {numbers} in {files}{texts}")
        console.result_text(f"SHA-256: {found.sha256}")
    if not found.holds:
        count = len(found.differences)
        what = "1 number or file is" if count == 1 else f"{count:,} numbers and files are"
        raise CheckFailedError(f"{what} not what {bundle} should hold.")
