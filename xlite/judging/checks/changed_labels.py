"""XL020: runs on the same images whose labels were others."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.errors import InputError
from xlite.ids import canonical_image_names
from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.project import ExaminedProject
from xlite.run_folder.folder import RunFolder
from xlite.settings import PolicySettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xlite.judging.examined.split import ExaminedSplit

_PARTS = ("val", "test")
_MOST_SHOWN = 3


@dataclass(frozen=True)
class _Labelled:
    """What a run was trained on, or what a split holds."""

    name: str
    is_run: bool
    labels: tuple[str, ...]
    images: tuple[tuple[str, int], ...]
    """How many, by part."""
    positives: tuple[int, ...]
    """Of each label in training."""
    files: tuple[tuple[str, str], ...]
    """The SHA-256 of each part's file."""

    @property
    def judged_files(self) -> tuple[tuple[str, str], ...]:
        """Those of the parts that runs predict."""
        return tuple((name, digest) for name, digest in self.files if name in _PARTS)

    @property
    def kind(self) -> tuple[object, ...]:
        """What two have to share before they can be of the same images."""
        return self.labels, self.images


def look(project: ExaminedProject) -> Observation:
    """Runs, and the splits that lie in the project, with the same images in validation and test, as
    many images in training, and other positives in training: labels were changed between them.

    Images are those of the runs' predictions. Files of a split that differ while all counts of
    positives agree are passed: a table may have been written anew. So are splits whose validation
    and test files are the very same: their training parts may be other patients, as the subsets of
    a learning curve are.
    """
    entries = [*_list_runs(project.runs), *_list_splits(project.splits)]
    if sum(one.is_run for one in entries) == 0:
        return NotApplicable("there is no run")
    if len(entries) < 2:
        return NotApplicable("there is one run, and no split to set beside it")
    found = []
    for group in _group_by_images(entries, project):
        kinds: dict[tuple[int, ...], list[_Labelled]] = defaultdict(list)
        for same in _group_by_files(group):
            kinds[same[0].positives] += same
        if len(kinds) > 1 and any(one.is_run for one in group):
            found.append(list(kinds.values()))
    numbers = {"runs": sum(one.is_run for one in entries), "sets of images relabelled": len(found)}
    if not found:
        return Passed("runs on the same images were trained on the same labels", numbers)
    first = found[0]
    numbers |= _differing_counts(first[0][0], first[1][0])
    return Issue(" ".join(_describe(kinds) for kinds in found[:_MOST_SHOWN]), numbers)


def _list_runs(runs: Iterable[RunFolder]) -> list[_Labelled]:
    found = []
    for run in runs:
        try:
            data = run.config.data
            if run.settings.policy != PolicySettings():
                continue  # its positives are those that the policy made
        except InputError:  # said of the run by XL000
            continue
        found.append(
            _Labelled(
                name=run.name,
                is_run=True,
                labels=run.labels,
                images=tuple(sorted(data.images.items())),
                positives=tuple(data.train_positives),
                files=tuple(sorted(data.split_sha256.items())),
            )
        )
    return found


def _list_splits(splits: Iterable[ExaminedSplit]) -> list[_Labelled]:
    found = []
    for split in splits:
        try:
            if "train" not in split.parts or split.record is None:
                continue
            found.append(
                _Labelled(
                    name=str(split.path),
                    is_run=False,
                    labels=split.vocabulary,
                    images=tuple(sorted((name, len(part)) for name, part in split.parts.items())),
                    positives=tuple((split.labels("train") == 1).sum(axis=0).tolist()),
                    files=tuple(sorted(split.sha256.items())),
                )
            )
        except InputError:
            continue
    return found


def _group_by_files(entries: Iterable[_Labelled]) -> list[list[_Labelled]]:
    groups: dict[object, list[_Labelled]] = defaultdict(list)
    for one in entries:
        groups[one.judged_files].append(one)
    return list(groups.values())


def _group_by_images(
    entries: Sequence[_Labelled], project: ExaminedProject
) -> list[list[_Labelled]]:
    """Entries of the same images; names are read only where counts agree and files differ."""
    alike: dict[object, list[_Labelled]] = defaultdict(list)
    for one in entries:
        alike[one.kind].append(one)
    runs = {run.name: run.path for run in project.runs}
    splits = {str(split.path): split for split in project.splits}
    groups: dict[object, list[_Labelled]] = defaultdict(list)
    for kind, group in alike.items():
        if len({one.files for one in group}) < 2:
            continue
        known: dict[tuple[tuple[str, str], ...], str] = {}
        for one in group:
            if one.files not in known:
                known[one.files] = (
                    _digest_run(runs[one.name])
                    if one.is_run
                    else _digest_names(
                        splits[one.name].parts[name].image_ids.tolist() for name in _PARTS
                    )
                )
            if known[one.files]:
                groups[kind, known[one.files]].append(one)
    return list(groups.values())


def _digest_run(folder: Path) -> str:
    """A digest of the images that a run has predictions of; empty where it has none."""
    try:
        columns = [RunFolder(folder).read_predicted_images(part) for part in _PARTS]
    except InputError:
        return ""
    return _digest_names(canonical_image_names(names).tolist() for names in columns)


def _digest_names(parts: Iterable[list[str]]) -> str:
    content = "\n\n".join("\n".join(sorted(names)) for names in parts)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _describe(kinds: list[list[_Labelled]]) -> str:
    one, other = kinds[0][0], kinds[1][0]
    counts = _differing_counts(one, other)
    shown = ", ".join(f"{label} {by:+}" for label, by in list(counts.items())[:_MOST_SHOWN])
    more = ", …" if len(counts) > _MOST_SHOWN else ""
    return (
        f"{one.name} and {other.name} have the same images, and other labels: training positives "
        f"of the second against the first are {shown}{more}"
        + (
            f"; {sum(map(len, kinds))} runs and splits have {len(kinds)} sets of labels."
            if sum(map(len, kinds)) > 2
            else "."
        )
    )


def _differing_counts(one: _Labelled, other: _Labelled) -> dict[str, int]:
    pairs = zip(one.labels, one.positives, other.positives, strict=True)
    return {label: after - before for label, before, after in pairs if after != before}


CHECK = Check(
    code="XL020",
    title="labels that changed between runs",
    severity="error",
    subject=ExaminedProject,
    look=look,
    consequence="A difference between the runs may be one of the labels, and not of what was "
    "varied; each was judged against other answers.",
    remedy="Train the older runs again on the labels that are right, or keep the two sets in "
    "experiments folders of their own.",
)
