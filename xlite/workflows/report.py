"""A project's split, balance, runs, studies, verdicts and mistakes as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite import __version__, console, places
from xlite.clahe_cache.file_names import CACHE_RECORD
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.judging.best_epoch import correct_best_epoch
from xlite.judging.choices import count_choices
from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.sealed_test import count_test_looks
from xlite.ownership import require_replaceable_file
from xlite.reporting.absences import FOLDS, NO_RUN, NO_SPLIT, NO_VALIDATION, Absence
from xlite.reporting.external_sites import read_external
from xlite.reporting.html_checklists import describe_checklists
from xlite.reporting.html_doctor import describe_diagnosis
from xlite.reporting.html_explanations import describe_explanations
from xlite.reporting.html_external import describe_external
from xlite.reporting.html_floor import describe_floor
from xlite.reporting.html_mistakes import describe_mistakes, find_mistakes
from xlite.reporting.html_page import (
    Paragraph,
    Section,
    is_page,
    write_page,
)
from xlite.reporting.html_project import describe_balance, describe_split
from xlite.reporting.html_runs import (
    describe_environment,
    describe_operating_curves,
    describe_runs,
    describe_scores,
)
from xlite.reporting.html_studies import describe_begun_studies
from xlite.reporting.html_summary import describe_summary
from xlite.reporting.html_verdicts import describe_studies
from xlite.reporting.next_commands import ProjectFolders, complete_commands
from xlite.reporting.page_lead import date_results, describe_lead
from xlite.reporting.reproduction import paste_command
from xlite.reporting.run_groups import rank_runs
from xlite.results.report import ReportPage, ReportSection
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.listing import list_runs
from xlite.splitting.folds_folder import is_folds
from xlite.splitting.split_folder import Split, read_split
from xlite.workflows.report_runs import choose_runs
from xlite.workflows.run_floor import find_floors
from xlite.workflows.study_record import record_studies

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUM_MISTAKES = 12


def report(
    out: str | Path = "report.html",
    *,
    experiments: str | Path = places.EXPERIMENTS_DIR,
    split: str | Path = places.SPLIT_DIR,
    cache: str | Path = places.CACHE_DIR,
    runs: Sequence[str] | None = None,
    title: str | None = None,
    author: str | None = None,
    overwrite: bool = False,
) -> ReportPage:
    """The page that was written to `out`: its size and its sections, and which of them are there.

    The page is a single file that works offline; nothing is trained. runs: names or folders of the
    runs to show in detail; None for the three with the best validation AUROC. title: of the page;
    None for "Report on" and the project's name. author: who answers for it, named under the title.
    Raises InputError
    when there is nothing to report on, for a run that is not finished, and for an `out` that is no
    page of xlite's, unless `overwrite`.
    """
    page, experiments, split, cache = Path(out), Path(experiments), Path(split), Path(cache)
    if page.is_dir():
        raise InputError(f"{page} is a folder. Pass a file name, as in --out report.html.")
    require_replaceable_file(page, is_ours=is_page, overwrite=overwrite)
    for option, folder in (("experiments", experiments), ("split", split), ("cache", cache)):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is not a folder. Pass another --{option}.")
    words = ["xlite", "report", "--out", str(page), "--experiments", str(experiments)]
    words += ["--split", str(split), "--cache", str(cache)]
    for option, text in (
        ("--runs", ",".join(runs or ())),
        ("--title", title),
        ("--author", author),
    ):
        words += [option, text] if text else []
    command = paste_command(words, Path.cwd())
    record_studies(experiments)
    sections, date = describe_project(experiments, split, cache, runs, command=command)
    if all(section.is_absent for section in sections if section.key != "environment"):
        raise InputError(
            f"there is nothing to report on: neither {split} nor {experiments} nor {cache} holds "
            "anything of xlite's. Pass --split, --experiments and --cache, or run `xlite split`."
        )
    folders = ProjectFolders(
        working_dir=Path.cwd(), experiments=experiments, split=split, cache=cache
    )
    write_page(
        page,
        title or f"Report on {experiments.resolve().parent.name}",
        " · ".join(filter(None, (author, date and f"Results as of {date}"))),
        complete_commands(sections, folders),
    )
    return ReportPage(
        report=str(page),
        bytes=page.stat().st_size,
        sections=tuple(
            ReportSection(key=section.key, title=section.title, present=not section.is_absent)
            for section in sections
        ),
    )


def describe_project(
    experiments: Path,
    split_dir: Path,
    cache: Path,
    runs: Sequence[str] | None = None,
    *,
    command: str,
    is_doctored: bool = True,
) -> tuple[list[Section], str]:
    """The sections in the order of the page, and the day of the newest result.

    Of the files as they are: nothing is written. command: what makes the page again. is_doctored:
    whether `xlite doctor` looks at this project, so that it is worth saying where it has not.
    """
    found, faults = list_runs(experiments)
    elsewhere, damaged = read_external(experiments)
    for fault in (*faults, *damaged):
        console.warn(fault)
    all_runs = rank_runs(found)
    split = read_split(split_dir) if found and (split_dir / "val.csv").exists() else None
    shown = choose_runs(all_runs, runs, experiments, split)
    for fault in shown.faults:
        console.warn(fault)
    chosen, judged = shown.chosen, shown.judged
    absence = _explain_absence(split_dir) if chosen else NO_RUN
    best = judged[0] if judged else None
    mistakes = find_mistakes(best, num_images=_NUM_MISTAKES) if best else []
    images = [str(best.image_ids[mistake.row]) for mistake in mistakes] if best else []
    floors = find_floors(judged, split) if split else []
    use = _describe_use(experiments, split) if split else []
    doctor = describe_diagnosis(experiments)
    sections = [
        describe_summary(
            judged,
            floors,
            lead=describe_lead(shown.best, experiments, split_dir),
            sentences=[*use, *(_say_doctor(doctor) if is_doctored else ())],
            absence=absence,
        ),
        describe_split(split_dir),
        describe_balance(experiments),
        describe_runs(all_runs, [run.name for run in chosen], [*faults, *shown.faults]),
        describe_scores(
            judged,
            absence=absence,
            choices=[*use, *_describe_best_epochs(chosen, judged)],
        ),
        describe_floor(floors, absence=absence),
        *describe_external(elsewhere),
        describe_operating_curves(judged, absence=absence),
        *describe_begun_studies(experiments),
        *describe_studies(experiments),
        doctor,
        describe_explanations(experiments),
        describe_mistakes(best, mistakes, _read_pixels(cache, images), absence=absence),
        describe_checklists(experiments),
        describe_environment(chosen, version=__version__, command=command),
    ]
    return sections, date_results(all_runs, experiments)


def _describe_use(experiments: Path, split: Split) -> list[str]:
    """How often validation and test part were used."""
    use = count_choices(experiments, split.sha256[places.VALIDATION])
    looks = count_test_looks(experiments, split.parts["test"]) if "test" in split.parts else 0
    return [f"{use.sentence}. Looks at the test part: {looks:,}."]


def _say_doctor(section: Section) -> list[str]:
    """What the doctor's section begins with."""
    first = section.blocks[0]
    assert isinstance(first, Paragraph)
    return [f"Doctor: {first.text}"]


def _describe_best_epochs(
    runs: Sequence[RunFolder], judged: Sequence[LabelledPredictions]
) -> list[str]:
    """What the best epochs are worth for having been chosen."""
    sentences: list[str] = []
    if not judged:
        return sentences
    for run, labelled in zip(runs, judged, strict=True):
        found = correct_best_epoch(run.path, labelled, Resampling(seed=42))
        if found is not None:
            sentences.append(f"{run.name}, {found.sentence}.")
    return sentences


def _explain_absence(split_dir: Path) -> Absence:
    """Why finished runs can't be judged by what is in `split_dir`, where that is so."""
    if is_folds(split_dir):
        return FOLDS
    return NO_VALIDATION if (split_dir / "train.csv").exists() else NO_SPLIT


def _read_pixels(cache_dir: Path, image_ids: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The cached pixels of the images that the cache has; none without a complete cache."""
    if not image_ids or not (cache_dir / CACHE_RECORD).exists():
        return {}
    cache = ClaheCache.open(cache_dir)
    known = set(cache.image_ids)
    held = [image_id for image_id in dict.fromkeys(image_ids) if image_id in known]
    return dict(zip(held, cache.read_many(cache.rows_of(held)), strict=True)) if held else {}
