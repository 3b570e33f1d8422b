"""What is asked of predictions, and the answer: an evaluation with all that was asked for."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite import console, places
from xlite.arrays import read_count, read_level
from xlite.errors import InputError
from xlite.judging.best_epoch import correct_best_epoch
from xlite.judging.choices import record_choice
from xlite.judging.evaluation import Resampling, score_predictions
from xlite.judging.evaluation_folder import sum_predictions
from xlite.judging.external import judge_external
from xlite.judging.judged_predictions import JudgedPredictions
from xlite.judging.labelled_predictions import GROUP_COLUMNS, SOURCE
from xlite.judging.sealed_test import looks_folder, record_test_look
from xlite.judging.seen_patients import judge_seen_patients, shares_patients
from xlite.judging.shortcut_floor import FloorQuestion, judge_floor, judge_within_view
from xlite.judging.subgroups import NOT_KNOWN, assign_groups, judge_subgroups
from xlite.judging.threshold_choice import ThresholdChoice
from xlite.places import VALIDATION
from xlite.results.evaluation import AugmentedScores, Evaluation, Look, Question

if TYPE_CHECKING:
    from xlite.judging.predictions_file import PredictionSource
    from xlite.judging.thresholding import ThresholdedCalls
    from xlite.results.border_probe import BorderProbe
    from xlite.results.external import ExternalEvaluation
    from xlite.results.seen_patients import SeenPatients
    from xlite.results.selection import SelectedScore, ValidationUse
    from xlite.results.subgroups import Subgroup
    from xlite.settings import Runtime
    from xlite.tables.manifest import Manifest

_FEWEST_RESAMPLES, _MOST_RESAMPLES = 100, 20_000
_LOWEST_LEVEL, _HIGHEST_LEVEL = 0.5, 0.999


Films = tuple[Path | None, Path]
"""A folder of images, if one is named, and the CLAHE cache that else has them."""


@dataclass(frozen=True)
class EvaluationTask:
    """Predictions, and what is asked of them."""

    judged: JudgedPredictions
    choice: ThresholdChoice
    resampling: Resampling
    by: tuple[str, ...] = ()
    """Columns to group by."""
    subgroups: bool = False
    """Whether to group by view, sex and age, too, as far as they are known."""
    cache: Path | None = None
    """The CLAHE cache to predict several views from; None where that is not asked for."""
    floor: FloorQuestion | None = None
    """What the table says of the images; None where that is left out."""
    floor_mark: str | None = None
    """What was asked of the table's columns, where it is not the default."""
    train: Manifest | None = None
    """The images that the model was trained on, where they are named."""
    reference: PredictionSource | None = None
    """Predictions of a model that has seen none of the judged patients."""
    films: Films | None = None
    """Where the films are whose borders are probed; None where that is not asked for."""
    runtime: Runtime | None = None
    """Where views are predicted; None for the best device there is."""

    @cached_property
    def question(self) -> Question:
        """What is asked, to tell one evaluation from another by."""
        return Question(
            cases=sum_predictions(self.judged.labelled),
            part=self.judged.part,
            own_part=None if self.judged.site is None else self.judged.site.part,
            fit=self.choice.method,
            calibrate=self.choice.calibration,
            thresholds=self.choice.file_sha256,
            by=self.by,
            subgroups=self.subgroups,
            tta=self.cache is not None,
            floor=self.floor_mark,
            **asdict(self.resampling),
        )

    def answer(self, calls: ThresholdedCalls, *, command: str) -> Evaluation:
        """The evaluation. Of a test set it is one more look, noted as that of `command`."""
        found = self.judge(calls)
        return replace(
            found,
            choices=self._note_look(command),
            # Last: what fails before has shown nothing of the test set.
            test_looks=self._count_look(command) if self.judged.is_test else None,
        )

    def judge(self, calls: ThresholdedCalls) -> Evaluation:
        """The evaluation without a note of the look, and without how many there were before."""
        judged, resampling = self.judged, self.resampling
        scores = score_predictions(judged.labelled, calls, resampling=resampling)
        return Evaluation(
            **scores.to_dict(),
            part=judged.part,
            epoch_chosen_here=judged.run_dir is not None and judged.part == "val",
            asked=self.question,
            join=judged.join,
            subgroups=tuple(self._judge_groups()),
            **self._judge_floor(),
            seen_patients=self._judge_seen(),
            border_probe=self._probe_borders(),
            tta=self._score_views(),
            best_epoch=self._correct_best_epoch(),
            external=self._judge_site(calls),
        )

    def _judge_groups(self) -> list[Subgroup]:
        labelled, names = self.judged.labelled, list(self.by)
        for name in (*GROUP_COLUMNS, SOURCE) if self.subgroups else ():
            values = labelled.columns.get(name, ())
            is_known = any(str(value) not in ("", "nan") for value in values)
            if is_known and name not in names:
                names.append(name)
            elif not is_known and name != SOURCE:
                console.warn(f"no image has a {name}: no subgroups by it ({NOT_KNOWN}).")
        for name in names:
            assign_groups(labelled, name)
        return [
            group
            for name in names
            for group in judge_subgroups(labelled, name, resampling=self.resampling)
        ]

    def _judge_floor(self) -> dict[str, Any]:
        labelled, asked = self.judged.labelled, self.floor
        if asked is None:
            return {}
        views = asked.columns.get("view")
        return {
            "shortcut_floor": judge_floor(labelled, asked, self.resampling),
            "within_view": judge_within_view(labelled, views, self.resampling),
        }

    def _judge_seen(self) -> SeenPatients | None:
        if self.train is None:
            return None
        if self.reference is None and not shares_patients(self.judged.labelled, self.train):
            return None
        return judge_seen_patients(
            self.judged.labelled, self.train, self.resampling, reference=self.reference
        )

    def _probe_borders(self) -> BorderProbe | None:
        if self.films is None:
            return None
        # Images are read with libraries that scores alone do not need.
        from xlite.judging.border_probe import probe_borders

        images, cache = self.films
        return probe_borders(self.judged.labelled, self.floor, images=images, cache=cache)

    def _score_views(self) -> AugmentedScores | None:
        if self.cache is None:
            return None
        # Predicting takes torch, whose import takes longer than all of the rest.
        from xlite.judging.augmented_scores import score_views

        return score_views(
            self.judged, self.choice, self.cache, self.resampling, runtime=self.runtime
        )

    def _correct_best_epoch(self) -> SelectedScore | None:
        run_dir, part = self.judged.run_dir, self.judged.part
        if run_dir is None or part != VALIDATION:
            return None
        return correct_best_epoch(run_dir, self.judged.labelled, self.resampling)

    def _judge_site(self, calls: ThresholdedCalls) -> ExternalEvaluation | None:
        judged = self.judged
        if judged.site is None:
            return None
        return judge_external(judged.labelled, calls, judged.site, self.resampling)

    def _note_look(self, command: str) -> ValidationUse | None:
        """The uses of the validation set, with this one; thresholds to be saved are a choice."""
        judged, folder = self.judged, self._find_experiments()
        if judged.part != VALIDATION or folder is None:
            return None
        if not os.access(folder, os.W_OK):
            console.warn(f"{folder} can't be written, so this look at validation is not counted.")
            return None
        return record_choice(
            folder,
            judged.labelled,
            command,
            kind="look" if self.choice.save_to is None else "thresholds",
            names=[judged.labelled.name],
            split_sha256=judged.split_sha256,
        )

    def _find_experiments(self) -> Path | None:
        """The experiments folder that a judged run lies in, or the project's if it has one."""
        run_dir = self.judged.run_dir
        if run_dir is None:
            return places.EXPERIMENTS_DIR if places.EXPERIMENTS_DIR.is_dir() else None
        folder = looks_folder(run_dir)
        return None if folder == run_dir else folder

    def _count_look(self, command: str) -> tuple[Look, ...]:
        run_dir = self.judged.run_dir or self.judged.test_run
        folder = places.EXPERIMENTS_DIR if run_dir is None else looks_folder(run_dir)
        name = None if run_dir is None else run_dir.name
        site = self.judged.site
        if site is not None and site.part == "test":
            # That the own site is told by the run's test part is a look at that, too.
            record_test_look(folder, site.own, command, run=name)
        return tuple(record_test_look(folder, self.judged.labelled, command, run=name))


def read_resampling(resamples: int, seed: int, level: float) -> Resampling:
    """How intervals are made.

    Raises InputError for fewer or more resamples, or another level, than are of any use.
    """
    count = read_count(resamples, "resamples", at_least=_FEWEST_RESAMPLES)
    if count > _MOST_RESAMPLES:
        raise InputError(
            f"--resamples {count:,}: at most {_MOST_RESAMPLES:,} are drawn. They fix a limit "
            "to a hundredth of the interval's width; more would cost time for nothing."
        )
    if not _LOWEST_LEVEL <= read_level(level) <= _HIGHEST_LEVEL:
        raise InputError(
            f"--level {level:g}: it has to be between {_LOWEST_LEVEL:g} and {_HIGHEST_LEVEL:g}."
        )
    seed = read_count(seed, "seed", at_least=0)
    return Resampling(num_resamples=count, seed=seed, level=float(level))
