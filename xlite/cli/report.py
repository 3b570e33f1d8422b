"""`xlite report`: a project as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.names import split_names

_EPILOG = "Example: xlite report --out report.html"
_PAGE = Path("report.html")


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("report", rich_help_panel="Judging", epilog=_EPILOG)(expand_groups(report))


def report(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page to write.")] = _PAGE,
    experiments: Annotated[
        Path, typer.Option("--experiments", metavar="DIR", help="Folder of runs and tables.")
    ] = places.EXPERIMENTS_DIR,
    split: options.SplitDir = places.SPLIT_DIR,
    cache: options.CacheDir = places.CACHE_DIR,
    runs: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help="Runs to show in detail, separated by commas: names of run folders. Default: the "
            "3 with the best validation AUROC.",
        ),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The page's title. Default: the project's name."),
    ] = None,
    author: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Who answers for it, under the title.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is no page of xlite's.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Write a project's split, balance, runs, verdicts and mistakes as one HTML page.

    The page is a single file that works offline. What is not there yet is said, with the command
    that makes it. Scores are those of the validation part. Nothing is trained.
    """
    from xlite.workflows.report import report as write_report

    page = write_report(
        out,
        experiments=experiments,
        split=split,
        cache=cache,
        runs=None if runs is None else split_names(runs),
        title=title,
        author=author,
        overwrite=overwrite,
    )
    if json:
        console.result_json(page.to_json())
        return
    for section in page.sections:
        if not section.present:
            console.say(f"not there yet: {section.title}")
    console.say(f"written: {page.report} ({page.bytes / 1e6:.1f} MB)")
