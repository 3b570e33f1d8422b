"""`xlite study status`: how far a study is, once or while it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.screen import follow
from xlite.cli.study_options import ExperimentsDir
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.results.study_status import StudyStatus

_EPILOG = "Example: xlite study status NAME --watch"


def register(study: typer.Typer) -> None:
    """Add the command to the group."""
    study.command("status", epilog=_EPILOG)(expand_groups(status))


def status(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]",
            help="Its name, or its folder. Default: the only one of the experiments folder.",
            show_default=False,
        ),
    ] = None,
    out: ExperimentsDir = places.EXPERIMENTS_DIR,
    watch: Annotated[
        bool, typer.Option("--watch", help="Redraw until no agent is at work, or Ctrl-C.")
    ] = False,
    interval: Annotated[
        float, typer.Option("--interval", min=0.1, help="--watch: seconds between two drawings.")
    ] = 2.0,
    json: options.Json = False,
) -> None:
    """Show a study's agents and items, what was decided and why, and what waits for a person.

    The time left goes by an item's own seconds an epoch, or the mean of the others', and is that
    of the items that are known so far: a rule or a search may add to them.
    """
    from xlite.executors.study_status import read_study_status

    if watch and json:
        raise InputError("--watch and --json exclude each other. Pass one.")
    folder = _find_folder(study, out)
    found = read_study_status(folder)
    if json:
        console.result_json(found.to_json())
        return
    _draw(found)
    if watch:
        follow(
            found,
            lambda: read_study_status(folder),
            _draw,
            is_over=lambda status: status.state != "running",
            interval=interval,
        )


def _find_folder(study: str | None, out: Path) -> Path:
    from xlite.studies.find_study import find_study, list_studies

    if study is not None:
        return find_study(study, out).path
    studies = list_studies(out)
    if len(studies) == 1:
        return studies[0].path
    names = ", ".join(folder.path.name for folder in studies)
    what = f"holds {len(studies)} studies: {names}. Name one" if studies else "holds no study"
    raise InputError(f"{out} {what}, or pass another --out.")


def _draw(found: StudyStatus) -> None:
    from xlite.cli.study_tables import print_status

    print_status(found)
