"""Work items of kind `judge` say of one run what `xlite evaluate` says, of several the mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.judging.asked_scores import ASKED_SCORES, JudgedRun, measure_asked
from xlite.judging.fold_runs import read_out_of_fold
from xlite.judging.labelled_predictions import read_run_predictions
from xlite.scores.ranking import auroc
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.signals import StopRequest
from xlite.splitting.fold_splits import read_fold_splits
from xlite.splitting.split_folder import read_split
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult
from xlite.studies.study_plan import ScoreName, StudyPlan
from xlite.studies.work_item import WorkItem
from xlite.workflows.evaluate import evaluate
from xlite.workflows.study_items import perform

CPU = Runtime(device="cpu", num_workers=0)
SETTINGS = TrainSettings(
    model="test_resnet",
    initial_weights="none",
    loss=LossSettings(name="bce"),
    batch_size=16,
    lr=1e-3,
    epochs=1,
)
LABEL = "Effusion"


def do(item: WorkItem, folder: StudyFolder, plan: StudyPlan) -> ItemResult:
    *_, result = perform(item, folder, plan, runtime=CPU, stop=StopRequest())
    assert isinstance(result, ItemResult)
    return result


def judgement(runs: tuple[str, ...], *scores: str) -> WorkItem:
    return WorkItem(id="judge:E1", kind="judge", subject="E1", runs=runs, scores=scores)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    return StudyFolder(tmp_path_factory.mktemp("judged") / "experiments" / "studies" / "a")


@pytest.fixture(scope="module")
def plan(project: Any) -> StudyPlan:
    return StudyPlan(name="a", split=project.split, cache=project.cache)


@pytest.fixture(scope="module")
def runs(folder: StudyFolder, plan: StudyPlan) -> tuple[str, ...]:
    found = []
    for seed in (0, 1):
        settings = SETTINGS.model_copy(update={"seed": seed})
        item = WorkItem(id=f"train:E1:s{seed}", kind="train", subject="E1", settings=settings)
        run = do(item, folder, plan).run
        assert run is not None
        found.append(run)
    return tuple(found)


def test_one_run_has_the_scores_of_its_evaluation(
    folder: StudyFolder, plan: StudyPlan, runs: tuple[str, ...], tmp_path: Path
) -> None:
    shared = ("auroc", "average_precision", "f1")
    names = [f"val.{score}" for score in shared] + [f"val.{score}.{LABEL}" for score in shared]
    result = do(judgement(runs[:1], *names), folder, plan)
    evaluation = evaluate(
        folder.experiments / runs[0],
        split=plan.split,
        out=tmp_path / "evaluation",
        figures=False,
    )
    for name in names:
        _, score, *label = name.split(".")
        row = evaluation.per_class[LABEL] if label else evaluation.macro
        expected = [getattr(row, f"{score}{side}") for side in ("", "_low", "_high")]
        found = result.scores[name]
        assert [found.point, found.low, found.high] == expected
    assert result.details["seeds"] == [0]
    assert result.details["images"] == evaluation.images
    assert result.details["patients"] == evaluation.patients
    assert result.details["positives"][LABEL] == evaluation.per_class[LABEL].positives


def test_of_several_seeds_it_is_the_mean(
    folder: StudyFolder, plan: StudyPlan, runs: tuple[str, ...]
) -> None:
    names = [f"val.{score}" for score in ASKED_SCORES]
    apart = [do(judgement((run,), *names), folder, plan) for run in runs]
    both = do(judgement(runs, *names), folder, plan)
    assert both.details["seeds"] == [0, 1]
    for name in names:
        points = [one.scores[name].point for one in apart]
        found = both.scores[name]
        assert found.point == pytest.approx(np.mean([p for p in points if p is not None]))
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.point <= found.high
    assert both.scores["val.sensitivity"] == both.scores["val.recall"]


def test_what_can_not_be_judged_is_said(
    folder: StudyFolder, plan: StudyPlan, runs: tuple[str, ...]
) -> None:
    faults = {
        "test.auroc": "the test part is sealed",
        "val.auroc.Efusion": "no label 'Efusion'. Did you mean Effusion",
        "val.aurocc": "no score 'aurocc' to judge by. Did you mean auroc",
    }
    for name, message in faults.items():
        result = do(judgement(runs, name), folder, plan)
        assert result.outcome == "failed"
        assert message in (result.error or "")
    result = do(judgement((), "val.auroc"), folder, plan)
    assert "none of its runs has finished" in (result.error or "")


def test_a_label_without_positives_is_named(
    folder: StudyFolder, plan: StudyPlan, runs: tuple[str, ...]
) -> None:
    labelled = read_run_predictions(folder.experiments / runs[0], "val", read_split(plan.split))
    column = labelled.vocabulary.index(LABEL)
    without = labelled.select(labelled.targets[:, column] != 1)
    with pytest.raises(InputError, match=f"none of the {len(without)} images .* has {LABEL}"):
        measure_asked([JudgedRun(without)], [ScoreName("val", "sensitivity", LABEL)])


@pytest.fixture(scope="module")
def folds(project: Any, tmp_path_factory: pytest.TempPathFactory, xlite_ok: Any) -> Path:
    found = tmp_path_factory.mktemp("study") / "folds"
    options = ("--folds", 2, "--repeats", 2, "--no-val")
    xlite_ok("split", "--labels", project.table, *options, "--out", found)
    return found


def test_over_folds_every_image_is_judged_by_a_run_that_has_not_seen_it(
    folds: Path, project: Any, tmp_path: Path
) -> None:
    folder = StudyFolder(tmp_path / "experiments" / "studies" / "a")
    plan = StudyPlan(name="a", split=folds, cache=project.cache)
    runs = []
    for fold in range(4):
        item = WorkItem(
            id=f"train:E1:s0:f{fold}", kind="train", subject="E1", settings=SETTINGS, fold=fold
        )
        run = do(item, folder, plan).run
        assert run is not None
        runs.append(run)
    assert len(set(runs)) == 4
    both = do(judgement(tuple(runs), "oof.auroc"), folder, plan)
    assert both.details["images"] == 160
    assert both.details["seeds"] == [42]
    assert both.details["repeats"] == 2
    repeats = [do(judgement(tuple(runs[at : at + 2]), "oof.auroc"), folder, plan) for at in (0, 2)]
    points = [one.scores["oof.auroc"].point or 0 for one in repeats]
    assert both.scores["oof.auroc"].point == pytest.approx(np.mean(points))
    fold_splits, _ = read_fold_splits(folds, None)
    paths = {number: folder.experiments / run for number, run in enumerate(runs[:2])}
    pooled = read_out_of_fold(paths, fold_splits, repeat=0, name="a")
    assert points[0] == pytest.approx(np.nanmean(auroc(pooled.targets, pooled.probs)))
    # One fold of the second repeat failed: what is judged is the first.
    assert do(judgement(tuple(runs[:3]), "oof.auroc"), folder, plan).scores == repeats[0].scores
    failed = do(judgement(tuple(runs[:1]), "oof.auroc"), folder, plan)
    assert "no finished run of fold 1" in (failed.error or "")
    for fold, message in ((7, "has 4 folds, from 0"), (None, "is of fold None")):
        item = WorkItem(id="train:E1:s0", kind="train", subject="E1", settings=SETTINGS, fold=fold)
        assert message in (do(item, folder, plan).error or "")
    failed = do(judgement(tuple(runs), "val.auroc"), folder, plan)
    assert "without a validation part" in (failed.error or "")


def test_a_single_split_has_nothing_out_of_fold(
    folder: StudyFolder, plan: StudyPlan, runs: tuple[str, ...]
) -> None:
    result = do(judgement(runs, "oof.auroc"), folder, plan)
    assert "this is a single split" in (result.error or "")
