"""`xlite checklist`: CLAIM, TRIPOD+AI and STARD-AI of a run or a study, from its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups

if TYPE_CHECKING:
    from xlite.results.checklist import Checklist, Standing

_STANDINGS: tuple[Standing, ...] = ("PROVEN", "STATED", "MISSING")
_EPILOG = "Example: xlite checklist fine-tuning --notes statements.toml"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("checklist", epilog=_EPILOG, rich_help_panel="Proving")(expand_groups(checklist))


def checklist(
    subject: Annotated[
        str, typer.Argument(metavar="RUN|STUDY", help="A run or a study: its folder or its name.")
    ],
    notes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Statements, .md or .toml, taken up into notes.md."),
    ] = None,
    experiments: Annotated[
        Path, typer.Option("--experiments", metavar="DIR", help="Folder of runs and studies.")
    ] = places.EXPERIMENTS_DIR,
    json: options.Json = False,
) -> None:
    """Answer CLAIM 2024, TRIPOD+AI and STARD-AI, item by item, from a run's or a study's files.

    An item is PROVEN where files show it and it was computed from them just now, STATED where
    notes.md says it, else MISSING, with what to do. Written to checklists/NAME/ of the experiments
    folder as JSON and Markdown, beside notes.md, which is yours: its text is kept.
    """
    from xlite.workflows.checklist import check_lists

    found = check_lists(subject, notes=notes, experiments=experiments)
    if json:
        console.result_json(found.to_json())
        return
    rows = [
        [one.name, *(str(one.count(standing)) for standing in _STANDINGS), _list_missing(one)]
        for one in found.checklists
    ]
    titles = ["checklist", "proven", "stated", "missing", "missing items"]
    console.table(f"Checklists of the {found.subject}", titles, rows, wraps=titles[-1:])
    console.say(f"written: {found.folder}; what you state goes into notes.md there")


def _list_missing(one: Checklist) -> str:
    return ", ".join(item.number for item in one.items if item.standing == "MISSING") or "none"
