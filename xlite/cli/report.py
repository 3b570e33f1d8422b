"""`xlite report`: a project as one HTML page."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.names import split_names
from xlite.errors import InputError, did_you_mean
from xlite.ownership import require_replaceable_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.reporting.html_page import Section
    from xlite.run_folder.folder import RunFolder

_EPILOG = "Example: xlite report --out report.html"
_PAGE = Path("report.html")
_NUM_RUNS = 3
_NUM_MISTAKES = 12


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
            f"{_NUM_RUNS} with the best validation AUROC.",
        ),
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
    from xlite.reporting.html_page import is_page, write_page

    if out.is_dir():
        raise InputError(f"{out} is a folder. Pass a file name, as in --out report.html.")
    require_replaceable_file(out, is_ours=is_page, overwrite=overwrite)
    for option, folder in (("experiments", experiments), ("split", split), ("cache", cache)):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is not a folder. Pass another --{option}.")
    words = ["xlite", "report", "--out", str(out), "--experiments", str(experiments)]
    words += ["--split", str(split), "--cache", str(cache)]
    words += ["--runs", runs] if runs else []
    sections = _collect(experiments, split, cache, runs, command=shlex.join(words))
    if all(section.is_absent for section in sections if section.key != "environment"):
        raise InputError(
            f"there is nothing to report on: neither {split} nor {experiments} nor {cache} holds "
            "anything of xlite's. Pass --split, --experiments and --cache, or run `xlite split`."
        )
    title = f"Report on {experiments.resolve().parent.name}"
    write_page(
        out,
        title,
        "Split, balance, runs, verdicts and mistakes, from the files of the project. Press a "
        "column's heading to sort by it.",
        sections,
    )
    if json:
        console.result_json(
            {
                "report": str(out),
                "bytes": out.stat().st_size,
                "sections": [
                    {"key": section.key, "title": section.title, "present": not section.is_absent}
                    for section in sections
                ],
            }
        )
        return
    for section in sections:
        if section.is_absent:
            console.say(f"not there yet: {section.title}")
    console.say(f"written: {out} ({out.stat().st_size / 1e6:.1f} MB)")


def _collect(
    experiments: Path, split_dir: Path, cache: Path, runs: str | None, *, command: str
) -> list[Section]:
    from xlite import __version__
    from xlite.randomness import derive_generator
    from xlite.reporting.html_mistakes import describe_mistakes, find_mistakes
    from xlite.reporting.html_project import describe_balance, describe_split
    from xlite.reporting.html_runs import (
        describe_environment,
        describe_operating_curves,
        describe_runs,
        describe_scores,
        rank_runs,
    )
    from xlite.reporting.html_verdicts import describe_studies
    from xlite.run_folder.folder import list_runs

    found, faults = list_runs(experiments)
    for fault in faults:
        console.warn(fault)
    all_runs = rank_runs(found)
    chosen = _choose(all_runs, runs, experiments)
    cases = _read_cases(chosen, split_dir)
    best = cases[0] if cases else None
    mistakes = find_mistakes(best, num_images=_NUM_MISTAKES) if best else []
    shown = [str(best.image_ids[mistake.row]) for mistake in mistakes] if best else []
    return [
        describe_split(split_dir),
        describe_balance(experiments),
        describe_runs(all_runs, [run.name for run in chosen], faults),
        describe_scores(cases, rng=derive_generator("report")),
        describe_operating_curves(cases),
        *describe_studies(experiments),
        describe_mistakes(best, mistakes, _read_pixels(cache, shown)),
        describe_environment(chosen, version=__version__, command=command),
    ]


def _choose(all_runs: Sequence[RunFolder], names: str | None, experiments: Path) -> list[RunFolder]:
    """The finished runs to show in detail."""
    finished = [run for run in all_runs if run.scores is not None]
    if names is None:
        return finished[:_NUM_RUNS]
    by_name = {run.name: run for run in finished}
    # A path to the folder, as the shell completes it, is as good as its name.
    wanted = [Path(name).name for name in split_names(names)]
    absent = [name for name in wanted if name not in by_name]
    if absent or not wanted:
        known = ", ".join(by_name) or "none"
        what = absent[0] if absent else names
        raise InputError(
            f"{what!r} is no finished run in {experiments / 'runs'}.{did_you_mean(what, by_name)} "
            f"Finished are: {known}."
        )
    return [by_name[name] for name in dict.fromkeys(wanted)]


def _read_cases(chosen: Sequence[RunFolder], split_dir: Path) -> list[LabelledPredictions]:
    from xlite.judging.labelled_predictions import read_run_predictions
    from xlite.splitting.checked_split import read_checked_split

    if not chosen or not (split_dir / "val.csv").exists():
        return []
    split = read_checked_split(split_dir, None)
    return [read_run_predictions(run.path, "val", split) for run in chosen]


def _read_pixels(cache_dir: Path, image_ids: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The cached pixels of the images that the cache has; none without a complete cache."""
    from xlite.clahe_cache.store import ClaheCache
    from xlite.files import CACHE_RECORD

    if not image_ids or not (cache_dir / CACHE_RECORD).exists():
        return {}
    cache = ClaheCache.open(cache_dir)
    known = set(cache.image_ids)
    held = [image_id for image_id in dict.fromkeys(image_ids) if image_id in known]
    return dict(zip(held, cache.read_many(cache.rows_of(held)), strict=True)) if held else {}
