"""The card of an exported run, with what its experiments folder knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite import console
from xlite.errors import InputError, LeakageError
from xlite.judging.choices import count_choices
from xlite.judging.evaluation_folder import find_evaluations_dir
from xlite.judging.run_evaluations import read_run_evaluations
from xlite.judging.sealed_test import digest_test_set, read_looks
from xlite.places import VALIDATION
from xlite.predicting.run_thresholds import FoundThresholds, find_thresholds
from xlite.reporting.export_card import CardFacts, render_export_card
from xlite.results.evaluation import Look
from xlite.results.selection import ValidationUse
from xlite.run_folder.folder import RunFolder
from xlite.splitting.split_folder import Split, read_split


def make_export_card(
    run: RunFolder,
    *,
    thresholds: FoundThresholds | None = None,
    contents: Sequence[tuple[str, str]] = (),
    checks: Sequence[str] = (),
    old: str | None = None,
    split: Split | None = None,
) -> str:
    """The card of a finished run as Markdown, for `README.md` of its exported folder.

    thresholds: those that go with the model; None for the run's own. contents: the files beside
    the card, and what each is. checks: what was found when the exported model was held against the
    run, a sentence each. old: the text of the card that it takes the place of, whose notes are
    kept. split: that of the run; None for what lies where the run says that it did. Nothing is
    judged here: scores with intervals are those of `xlite evaluate`. Raises InputError for an
    unfinished run, for a ledger that is damaged and for markers in `old` that have lost their
    partners.
    """
    run.require_scores()
    evaluations, faults = read_run_evaluations(run, split=split)
    for fault in faults:
        console.warn(fault)
    experiments = find_evaluations_dir(run.path).parent
    found = thresholds or find_thresholds(run)
    facts = CardFacts(
        thresholds=found.fitted,
        thresholds_source=found.source,
        evaluations=evaluations,
        use=_count_use(run, experiments),
        test_looks=_find_looks(run, experiments, split),
        contents=contents,
        checks=checks,
    )
    return render_export_card(run, facts=facts, old=old)


def _count_use(run: RunFolder, experiments: Path) -> ValidationUse | None:
    val = run.data.split_sha256.get(VALIDATION)
    return None if val is None else count_choices(experiments, val)


def _find_looks(run: RunFolder, experiments: Path, split: Split | None) -> list[Look] | None:
    """The looks at the run's test part; None where it can't be told which these are."""
    noted = read_looks(experiments)
    sets = {look.test_set for look in noted if look.run == run.name}
    try:
        split = split or read_split(Path(run.data.split_dir or ""))
        sets.add(digest_test_set(split.require_part("test")))
    except (InputError, LeakageError):
        if not sets:
            return None
    return [look for look in noted if look.test_set in sets]
