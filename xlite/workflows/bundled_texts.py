"""What page, cards and experiment log say of an unpacked bundle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import chdir
from pathlib import Path

from xlite.places import MODEL_CARD, VALIDATION
from xlite.proving import layout
from xlite.proving.project import BundledProject
from xlite.reporting.begun_studies import find_studies
from xlite.reporting.experiment_log import render_experiment_log
from xlite.reporting.log_markdown import join_command
from xlite.reporting.page_text import render_text
from xlite.workflows.export_card import make_export_card
from xlite.workflows.report import describe_project
from xlite.workflows.run_floor import find_floor
from xlite.workflows.study_finish import make_study_card
from xlite.workflows.study_winner import Winner, find_winner

_NO_CACHE = Path("cache")
"""A bundle has no images."""


def render_texts(project: BundledProject) -> dict[str, str]:
    """The texts by the names of their files: of the bundle's own files, wherever it is unpacked.

    The page with each split, the card of each run and of each study that asked for one, and the
    log. Raises InputError where a file of the bundle is damaged.
    """
    # Runs of a bundle name their split from its root.
    with chdir(project.root):
        texts = {
            **dict(_render_pages(project)),
            **dict(_render_cards(project)),
            **dict(_render_study_cards(project)),
            "EXPERIMENT_LOG.md": render_experiment_log(Path(layout.EXPERIMENTS)),
        }
        roots = [project.root, Path.cwd()]
    return {name: _forget_place(text, roots) for name, text in texts.items()}


def _forget_place(text: str, roots: Sequence[Path]) -> str:
    """The text without the folder that the bundle is unpacked in."""
    for root in roots:
        text = text.replace(f"{join_command(['cd', str(root)])} && ", "").replace(f"{root}/", "")
    return text


def _render_pages(project: BundledProject) -> Iterator[tuple[str, str]]:
    for folder in project.splits:
        sections, _ = describe_project(
            *(Path(layout.EXPERIMENTS), Path(folder), _NO_CACHE),
            command=f"xlite report --split {folder}",
            is_doctored=False,
        )
        yield f"page-{Path(folder).name}.md", render_text(f"Report with {folder}", sections)


def _render_cards(project: BundledProject) -> Iterator[tuple[str, str]]:
    for run in project.runs.values():
        yield f"cards/{run.name}.md", make_export_card(run, split=project.split_of(run))


def _render_study_cards(project: BundledProject) -> Iterator[tuple[str, str]]:
    experiments = layout.experiments_dir(project.root)
    for files in find_studies(experiments)[0].values():
        name = files.study.name
        study = project.study(layout.study_dir(project.root, name))
        state = study.state()
        plan = study.plan(state)
        if plan.finish.card and files.study.winner:
            winner = find_winner(files.study.winner, experiments, plan, state)
            yield f"cards/{name}/{MODEL_CARD}", _render_study_card(project, study.path, winner)


def _render_study_card(project: BundledProject, folder: Path, winner: Winner) -> str:
    split = project.split_of(winner.first)
    is_of_fold = next(iter(winner.runs)).fold is not None
    floor = None
    if VALIDATION in split.parts and not is_of_fold:
        floor = find_floor(project.labelled(winner.first.name), split)
    return make_study_card(folder, winner, floor=floor)
