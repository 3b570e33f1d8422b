"""A bundle made: a project laid out under hashed names, recomputed, and packed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xlite import __version__
from xlite.errors import CheckFailedError
from xlite.files import sha256_of_file, write_json, write_table, write_text
from xlite.proving import layout
from xlite.proving.agreement import list_differences, round_numbers
from xlite.proving.archive import write_archive
from xlite.proving.bundle_readme import describe_bundle
from xlite.proving.chosen import Chosen
from xlite.proving.history_table import write_scores
from xlite.proving.project import BundledProject
from xlite.proving.recomputing import Recomputed, recompute, sharing
from xlite.proving.replay_history import score_best_row
from xlite.proving.staging import stage
from xlite.proving.texts import Renderer, write_texts
from xlite.results.verification import BundleSummary
from xlite.run_folder.file_names import RUN_HISTORY, RUN_SCORES

FORMAT = 1
_KEY_BYTES = 32
_NEARLY = 5
"""Digits to which a project's own numbers have to be those that are recomputed."""
_OF_ROUNDED = 0.002
"""How far scores of training may be off, whose probs had more digits than their file keeps."""
_OTHERS_HERE = ("asked.cases", "fitted_on", "files.")
"""Sums over names and files, which are others in the bundle."""
_NUM_SHOWN = 3


def write_bundle(
    chosen: Chosen,
    out: Path,
    *,
    key: bytes | None,
    key_name: str,
    render: Renderer,
    processes: int = 1,
) -> BundleSummary:
    """Write the bundle of what was chosen, atomically, and say what is in it.

    key: of the hashes; None for a new one that nobody keeps. render: what page, cards and log say
    of the unpacked bundle. Raises CheckFailedError where a number of the project is not what its
    predictions and labels give.
    """
    with TemporaryDirectory(prefix="xlite-bundle-") as folder:
        root = Path(folder)
        stage(chosen, root, key or secrets.token_bytes(_KEY_BYTES))
        project = BundledProject(root)
        _prove_histories(project)
        proven, stated = 0, {}
        # Read again: histories were written since.
        project = BundledProject(root)
        with sharing(project, processes) as others:
            for one in recompute(project, others, is_rewritten=True):
                if one.found is not None:
                    _require_near(one)
                    if not one.record.kind.is_input:
                        _write(one)
                proven += one.num_proven
                if one.as_recorded:
                    stated[one.name] = tuple(one.as_recorded)
        write_texts(BundledProject(root), render)
        members = _close(root, stated)
        write_archive(out, members, last=layout.BUNDLE_RECORD)
        return BundleSummary(
            file=str(out),
            sha256=sha256_of_file(out),
            bytes=out.stat().st_size,
            members=len(members),
            runs=tuple(run.name for run in chosen.runs),
            studies=tuple(study.path.name for study in chosen.studies),
            evaluations=tuple(path.name for path in chosen.evaluations),
            proven=proven,
            stated=stated,
            key=key_name,
        )


def _prove_histories(project: BundledProject) -> None:
    """Give the row of each run's best epoch the scores that the predictions have."""
    for run in project.runs.values():
        best = run.require_scores().best_epoch
        scores = score_best_row(project, run)
        row = run.history[best - 1] if 1 <= best <= len(run.history) else {}
        for column, value in scores.items():
            if column.startswith("val_auroc") and abs(row.get(column, value) - value) > _OF_ROUNDED:
                raise CheckFailedError(
                    f"{run.name}/{RUN_HISTORY}: {column} of epoch {best} is {row[column]:.6g}, and "
                    f"the predictions have {value:.6g}. Train the run again: a bundle holds "
                    "nothing that can't be recomputed."
                )
        write_scores(run.path, best, scores)


def _require_near(one: Recomputed) -> None:
    """Raise CheckFailedError where what the project says is not what is recomputed."""
    differences = [
        (key, stated, found)
        for key, stated, found in list_differences(one.stated, one.found, digits=_NEARLY)
        if not key.startswith(_OTHERS_HERE) and not _is_near(one, stated, found)
    ]
    if differences:
        shown = "; ".join(
            f"{key} is {stated}, and should be {found}" for key, stated, found in differences
        )
        more = len(differences) - _NUM_SHOWN
        shown = "; ".join(shown.split("; ")[:_NUM_SHOWN]) + (
            f"; and {more} more" if more > 0 else ""
        )
        raise CheckFailedError(
            f"{one.name} does not say what its predictions and labels give: {shown}. Judge it "
            "again, then bundle: labels, files or xlite have changed since."
        )


def _is_near(one: Recomputed, stated: Any, found: Any) -> bool:
    """Whether two numbers differ by no more than the digits of predictions explain."""
    are_numbers = isinstance(stated, float | int) and isinstance(found, float | int)
    if not are_numbers:
        return False
    is_of_training = one.name.endswith(f"/{RUN_SCORES}") and "/runs/" in one.name
    return bool(abs(stated - found) <= (_OF_ROUNDED if is_of_training else 1e-7))


def _write(one: Recomputed) -> None:
    content = round_numbers(one.found)
    write_json(one.record.path, content)
    for name, table in one.record.kind.tables(content).items():
        write_table(one.record.path.parent / name, table)


def _close(root: Path, stated: Mapping[str, tuple[str, ...]]) -> dict[str, Path]:
    """Write README.md and, last, `bundle.json`; returns the members by name."""
    write_text(root / layout.BUNDLE_README, describe_bundle(BundledProject(root), stated))
    members = dict(_list_files(root))
    content = {
        "bundle": FORMAT,
        "xlite": __version__,
        "members": {name: sha256_of_file(path) for name, path in members.items()},
        "stated": {name: list(keys) for name, keys in stated.items()},
    }
    write_json(root / layout.BUNDLE_RECORD, content)
    return {**members, layout.BUNDLE_RECORD: root / layout.BUNDLE_RECORD}


def _list_files(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield path.relative_to(root).as_posix(), path
