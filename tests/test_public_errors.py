"""Every public function says of a wrong argument what is wrong, in an XliteError."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import xlite

LABELS = [[1, 0], [0, 1], [0, 0], [1, 1]]
PROBS = [[0.9, 0.1], [0.2, 0.8], [0.3, 0.4], [0.7, 0.6]]
TABLE = pd.DataFrame(
    {
        "Image Index": ["a", "b", "c", "d"],
        "Finding Labels": ["Mass", "Edema", "No Finding", "Mass|Edema"],
        "Patient ID": [1, 2, 3, 4],
    }
)
SETTINGS = xlite.TrainSettings(model="resnet10t", initial_weights="none", epochs=1)
OTHERS = xlite.TrainSettings(model="resnet10t", initial_weights="none", epochs=2)


def dataset_of(**changes: Any) -> Any:
    class Source:
        def rows_of(self, image_ids: list[str]) -> np.ndarray:
            return np.arange(len(image_ids))

    return xlite.RadiographDataset(
        **{"manifest": xlite.read_labels(TABLE), "source": Source(), **changes}
    )


WRONG: dict[str, list[tuple[tuple[Any, ...], dict[str, Any], str]]] = {
    "bundle": [
        (([],), {"out": "b.zip"}, "at least one run or study"),
        (("nowhere",), {"out": "b.zip"}, "nowhere is neither a run nor a study"),
        (("nowhere",), {"out": "b.tar"}, "no name for a bundle"),
    ],
    "verify": [
        (("nowhere.zip",), {}, "nowhere.zip does not exist"),
        (("x.zip",), {"sha256": "abc"}, "no SHA-256"),
    ],
    "predict": [
        (("nowhere", "films"), {}, "nowhere is no folder, and no run"),
        ((17, "films"), {}, "17 is no path"),
        (([], "films"), {}, "pass a run's folder"),
    ],
    "demo": [
        ((), {"num_images": 10}, "num_images must be a whole number of at least 300"),
        ((), {"epochs": "all"}, "epochs must be a whole number"),
    ],
    "generate_synthetic": [
        (("raw",), {"num_images": 0}, "num-images|num_images"),
        (("raw",), {"num_images": 10, "image_size": 1}, "image"),
    ],
    "read_labels": [
        ((17,), {}, "labels must be"),
        ((TABLE, [1, 2, 3, 4]), {}, "labels must hold numbers, not text"),
        (("nowhere.csv",), {}, "nowhere.csv does not exist"),
        ((pd.DataFrame({"x": [2]}),), {}, "labels other than 1, 0 and -1"),
    ],
    "read_tables": [
        (([],), {}, "no table is named"),
        (("nowhere.csv",), {}, "nowhere.csv does not exist"),
        ((".",), {}, "is a folder. Say whose tables lie in it"),
        (("x.csv",), {"table_format": xlite.TableFormat(dataset="chest")}, "no such source"),
    ],
    "split_by_patient": [
        ((TABLE,), {"ratios": (1, 2)}, "three positive numbers"),
        ((LABELS,), {}, "not known whose the images are"),
        ((TABLE,), {"subset": 7.0}, "subset"),
    ],
    "audit_split": [
        (([],), {}, "two"),
        (({"train": TABLE, "test": 5},), {}, "labels must be"),
    ],
    "explain": [
        (("no-run", "films"), {}, "is no run folder"),
    ],
    "track": [
        ((), {"to": "tensorbord"}, "experiments holds no run and no study"),
        (("nowhere",), {"to": "tensorboard"}, "nowhere is no run, no study"),
    ],
    "sampling_weights": [
        (([[2, 0]], xlite.SamplerSettings()), {}, "labels other than 1, 0 and -1"),
        (([["a"]], xlite.SamplerSettings()), {}, "must hold numbers"),
    ],
    "max_entropy_weights": [
        ((np.zeros((2, 2, 2)),), {}, r"labels must be \(N, C\)"),
        ((LABELS,), {"strength": 2}, "strength"),
        ((LABELS,), {"no_finding_share": -1}, "--no-finding"),
        (([[1, np.nan]],), {}, "NaN"),
        ((pd.DataFrame({"Mass": [1, 0], "Hernia": [0, 0]}),), {}, "Hernia"),
    ],
    "expected_exposure": [
        ((LABELS, [1, 1]), {}, r"weights must be \(4,\)"),
        ((LABELS, [1, 1, 1, -1]), {}, "negative or not finite"),
        ((LABELS, ["a"] * 4), {}, "weights must hold numbers"),
        ((LABELS, None), {"patients": [0, 1, -1, 2]}, "negative codes"),
        ((LABELS, None), {"num_draws": 1.5}, "num_draws must be a whole number"),
        (("labels.csv", None), {}, "labels must hold numbers"),
    ],
    "EpochSampler": [
        ((LABELS,), {"batch_size": 2, "seed": 0}, "num_images must be a whole number"),
        ((4,), {"batch_size": "2", "seed": 0}, "batch_size must be a whole number"),
        ((4,), {"batch_size": 2, "seed": None}, "seed must be a whole number"),
        ((4,), {"batch_size": 2, "seed": 0, "weights": [[1] * 4]}, r"weights must be \(N,\)"),
        ((4,), {"batch_size": 2, "seed": 0, "weights": [1, 1]}, "2 weights for 4 images"),
        ((4,), {"batch_size": 2, "seed": 0, "weights": [1, 1, 1, np.nan]}, "finite"),
    ],
    "cache_clahe": [
        ((TABLE,), {"images": "nowhere", "out": "cache"}, "nowhere"),
        ((TABLE,), {"images": ".", "out": "cache", "file_format": "jpeg"}, "jpeg"),
        ((TABLE,), {"images": ".", "out": "cache", "shard": "5/4"}, "5/4"),
        (([1, 0],), {"images": ".", "out": "cache"}, "missing under"),
    ],
    "verify_balance": [
        ((LABELS,), {"sampler": "best"}, "--sampler"),
        ((LABELS,), {"batches": 0}, "batches"),
        (([[3]],), {}, "labels other than"),
        ((LABELS,), {"decode_from": "nowhere"}, "nowhere"),
    ],
    "ClaheCache": [(("nowhere",), {}, "nowhere")],
    "RadiographDataset": [
        ((), {"manifest": TABLE}, "takes a manifest"),
        ((), {"source": "data/clahe_cache"}, "and a ClaheCache"),
    ],
    "Augmentation": [(("wild",), {"seed": 0}, "unknown augmentation 'wild'")],
    "build_loader": [
        (("images", xlite.EpochSampler(4, batch_size=2, seed=0)), {}, "takes a RadiographDataset"),
        ((dataset_of(), xlite.EpochSampler(5, batch_size=2, seed=0)), {}, "from 5 images"),
        ((dataset_of(), xlite.EpochSampler(4, batch_size=2, seed=0)), {"num_workers": -1}, "num_w"),
    ],
    "build_classifier": [
        ((18,), {"seed": 0}, "must be text"),
        (("resnet18",), {"seed": 0, "num_classes": 0}, "num_classes must be"),
        (("resnet18",), {"seed": 0, "dropout": 1}, "dropout must be"),
        (("resnet_18_mhsa",), {"seed": 0}, "none of the six hybrids"),
    ],
    "count_models": [
        ((["resnet18+mhas"],), {}, "mhas"),
        ((["resnet18"],), {"num_labels": 0}, "num_classes must be"),
        (([18],), {}, "must be text"),
    ],
    "read_queue_status": [
        (("nowhere",), {}, "nothing was trained there"),
    ],
    "read_run": [
        (("nowhere",), {}, "nowhere is no run folder"),
    ],
    "train": [
        ((SETTINGS,), {"split": "nowhere"}, "nowhere"),
        ((SETTINGS,), {"models": ["resnet18+mhas"]}, "mhas"),
    ],
    "overfit": [
        ((SETTINGS,), {"split": "nowhere"}, "nowhere"),
        ((SETTINGS, 1), {}, "num_images must be"),
        ((SETTINGS,), {"max_steps": 0}, "max_steps must be"),
    ],
    "find_lr": [
        ((SETTINGS,), {"split": "nowhere"}, "nowhere"),
        ((SETTINGS,), {"steps": 1}, "steps must be"),
    ],
    "profile_loader": [
        ((SETTINGS,), {"split": "nowhere"}, "nowhere"),
        ((SETTINGS,), {"seconds": -1}, "seconds must be"),
    ],
    "show_augmentation": [
        ((SETTINGS,), {"split": "nowhere"}, "nowhere"),
        ((SETTINGS,), {"num_films": 0}, "num_films must be"),
    ],
    "estimate_memory": [
        ((["resnet18+mhas"],), {}, "mhas"),
        ((["resnet18"],), {"batch_size": 0}, "batch_size must be"),
        ((["resnet18"],), {"precision": "int8"}, "unknown precision"),
    ],
    "ablate": [
        (({},), {}, "variant"),
        (({"bce": "bce"},), {}, "settings"),
        (({"one": SETTINGS, "two": SETTINGS},), {}, "one"),
        (({"one": SETTINGS, "two": OTHERS},), {"split": "nowhere"}, "nowhere"),
    ],
    "compare": [
        ((["nobody", "nowhere.csv"],), {}, "nobody is neither"),
        ((), {"by": "test.auroc"}, "test"),
    ],
    "plan_sample": [((), {"part": "val"}, "--part is of a split")],
    "read_learning_curve": [(("nowhere",), {}, "nowhere")],
    "doctor": [(("nowhere",), {}, "nowhere does not exist")],
    "compare_seen_patients": [(("nowhere.csv", TABLE), {"train": TABLE}, "nowhere.csv")],
    "make_folds": [((TABLE,), {"folds": 5000}, "folds")],
    "merge_tables": [(("absent.toml",), {}, "absent.toml")],
    "adopt_split": [
        ((["train.csv"],), {}, "1 files are no split"),
        (({"train": TABLE, "other": TABLE},), {}, "a split has the parts train and test"),
    ],
    "check_study": [(("nowhere.toml",), {}, "nowhere.toml")],
    "run_study_plan": [(("nowhere.toml",), {}, "nowhere.toml")],
    "work_on_study": [(("nowhere",), {}, "nowhere holds no study")],
    "work_on_slurm": [(("nowhere.toml",), {}, "nowhere.toml")],
    "read_study_status": [(("nowhere",), {}, "nowhere holds no study")],
    "answer_question": [(("nowhere", "yes"), {"why": "w"}, "nowhere is no study")],
    "import_wandb": [(("nowhere.yaml",), {}, "nowhere.yaml")],
    "probe": [(("resnet18",), {"split": "nowhere"}, "nowhere")],
    "combine": [
        ((["nowhere"],), {"out": "x"}, "nowhere is no folder"),
        (([],), {"out": "x"}, "pass a run"),
    ],
    "export": [
        (("nowhere",), {"out": "x"}, "is no run folder"),
    ],
    "check_export": [(("nowhere",), {}, "is no exported folder")],
    "report": [
        ((), {"experiments": "nowhere"}, "nothing|nowhere"),
        ((".",), {}, "is a folder"),
    ],
    "check_lists": [
        (("nowhere",), {}, "neither a run nor a study"),
        ((17,), {}, "subject must be"),
        ((".",), {"notes": "nowhere.md"}, "neither a run nor a study"),
    ],
    "add_to_log": [
        (("nowhere",), {}, "nowhere does not exist"),
        ((".",), {"run": "one", "record": "EXP-001"}, "exclude each other"),
    ],
    "build_loss": [
        (("fcal", LABELS), {}, "Did you mean focal"),
        (("focal", LABELS), {"focal_gamma": "x"}, "--focal-gamma"),
        (("focal", LABELS), {"gama": 1.0}, "--gama"),
        (("bce", [[3]]), {}, "labels other than"),
        (("bce", LABELS), {"device": "gpu!"}, "device must be"),
    ],
    "auroc_interval": [
        ((LABELS, PROBS[:2]), {}, r"probs must have.*\(2, 2\) and targets are \(4, 2\)"),
        (([[2, 0]] * 4, PROBS), {}, "targets other than 1, 0 and -1"),
        ((LABELS, np.full((4, 2), np.nan)), {}, "NaN or infinite probs"),
        ((LABELS, PROBS), {"patients": [1, 2]}, "4 rows need as many patients"),
        ((LABELS, PROBS), {"level": 95}, "level must be"),
    ],
    "compare_aurocs": [
        ((LABELS, PROBS, PROBS[0]), {}, "probs_b must have"),
        ((LABELS, PROBS, "theirs.csv"), {}, "probs_b must hold numbers"),
        ((LABELS, PROBS, PROBS), {"patients": [1, 2, 3, None]}, "1 of 4 patients are missing"),
    ],
    "evaluate": [
        ((), {}, "either a run's folder, or --predictions"),
        ((), {"predictions": PROBS, "labels": LABELS}, "needs its patient's id"),
        ((), {"predictions": PROBS, "patients": [1, 2, 3, 4]}, "need labels row by row"),
        (
            (),
            {"predictions": 2 * np.array(PROBS), "labels": LABELS, "patients": [1, 2, 3, 4]},
            r"predictions outside \[0, 1\]",
        ),
        (
            (),
            {"predictions": PROBS, "labels": LABELS, "patients": [1, 2]},
            "4 rows need as many patients",
        ),
        (
            (),
            {"predictions": PROBS, "labels": LABELS, "patients": [1, 2, 3, 4], "by": ["site"]},
            "--by site: no image has one",
        ),
        (
            (),
            {"predictions": PROBS, "labels": LABELS, "patients": [1, 2, 3, 4], "part": "val"},
            "which arrays do not have",
        ),
        (
            (),
            {"predictions": PROBS, "labels": LABELS, "patients": [1, 2, 3, 4], "resamples": 5},
            "at least 100",
        ),
        (("nowhere",), {"split": "nowhere"}, "nowhere"),
        (("nowhere",), {"images": "films"}, "--images are another site's"),
        (("nowhere",), {"images": "films", "labels": TABLE, "tta": True}, "the run's own split"),
        (("nowhere",), {"labels": TABLE}, "a split has labels of its own"),
        ((17,), {}, "17 is no path"),
        (("run",), {"level": 1.0}, "level must be a number between 0 and 1"),
        (("run",), {"level": 0.4}, "between 0.5 and 0.999"),
        (("run",), {"seed": -1}, "seed must be a whole number"),
        (("run",), {"resamples": "many"}, "resamples must be a whole number"),
        (("run",), {"fit": 3}, "no thresholds are called '3'"),
        (("run",), {"patients": [1]}, "patients are for arrays"),
        ((), {"predictions": TABLE, "labels": TABLE, "by": {"site": []}}, "Pass names of columns"),
        ((), {"predictions": TABLE, "labels": TABLE}, "the data frame has no image column|prob_"),
    ],
    "bootstrap_scores": [
        ((LABELS, PROBS), {"scores": ["auc"]}, "no score is called 'auc'"),
        ((LABELS, PROBS), {"scores": ["f1"]}, "f1 needs thresholds"),
        ((LABELS, PROBS), {"scores": ["f1"], "thresholds": [0.5]}, "as many thresholds"),
        ((LABELS, 2 * np.array(PROBS)), {"scores": ["brier"]}, r"probs outside \[0, 1\]"),
        ((LABELS, PROBS), {"num_resamples": 0}, "num_resamples must be"),
    ],
    "fit_thresholds": [
        ((LABELS, PROBS), {"method": "best"}, "no thresholds are called 'best'"),
        ((LABELS, PROBS), {"method": "sensitivity:0"}, "has to be in"),
        ((LABELS, 2 * np.array(PROBS)), {}, r"probs outside \[0, 1\]"),
        ((LABELS, [0.1, 0.2]), {}, "probs must have"),
    ],
}
NOT_FUNCTIONS = {
    "Aim": "a plain dataclass; what it asks is checked where a sample is planned",
    "TableFormat": "a plain dataclass; what it names is checked where a table is read",
    "ClaheSettings": "settings raise pydantic's errors, or InputError by `parse`",
    "SamplerSettings": "as ClaheSettings",
    "LossSettings": "as ClaheSettings",
    "PolicySettings": "as ClaheSettings",
    "TrainSettings": "as ClaheSettings",
    "Runtime": "as ClaheSettings",
}


def test_every_public_function_is_tried() -> None:
    errors = {
        name
        for name in xlite.__all__
        if inspect.isclass(getattr(xlite, name)) and issubclass(getattr(xlite, name), Exception)
    }
    assert {*xlite.__all__} == {*WRONG, *NOT_FUNCTIONS, *errors}


@pytest.mark.parametrize(
    ("name", "arguments", "options", "message"),
    [(name, *case) for name, cases in WRONG.items() for case in cases],
    ids=[f"{name}-{number}" for name, cases in WRONG.items() for number in range(len(cases))],
)
def test_a_wrong_argument_is_explained(
    name: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    function: Any = {"ClaheCache": xlite.ClaheCache.open, "RadiographDataset": dataset_of}.get(
        name, getattr(xlite, name)
    )
    with pytest.raises(xlite.XliteError, match=message):
        function(*arguments, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("logits", "targets"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 3)),
        (torch.zeros(3, 4), torch.zeros(3, 4)),
        (torch.zeros(3), torch.zeros(3)),
        (np.zeros((3, 2)), np.zeros((3, 2))),
    ],
)
def test_a_loss_explains_wrong_batches(logits: Any, targets: Any) -> None:
    loss = xlite.build_loss("bce", LABELS)
    with pytest.raises(xlite.ArgumentError, match="logits and targets must"):
        loss(logits, targets)


def test_a_loss_of_one_label_takes_one_dimension() -> None:
    loss = xlite.build_loss("focal", pd.Series([1, 0, 0], name="Mass"), focal_gamma=1.0)
    logits, targets = torch.tensor([0.5, -2.0]), torch.tensor([1, 0])
    assert loss(logits, targets) == loss(logits[:, None], targets[:, None])
    assert loss.vocabulary == ("Mass",)


def test_resampled_scores_that_are_not_there_are_named() -> None:
    drawn = xlite.bootstrap_scores(LABELS, PROBS, num_resamples=10)
    with pytest.raises(xlite.ArgumentError, match="There are: auroc, average_precision"):
        drawn.interval("f1")
