"""Ablation and comparison over folds: pooled out-of-fold predictions, and the tests over folds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from workflows.drawn_folds import write_folds

from xlite.errors import InputError
from xlite.results.ablation import Ablation
from xlite.results.comparison import Comparison
from xlite.scores.fold_differences import compare_folds
from xlite.scores.ranking import auroc, macro_mean
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.splitting.split_folder import read_split
from xlite.tables.read_labels import read_labels
from xlite.workflows.ablate import ablate
from xlite.workflows.compare import compare
from xlite.workflows.evaluate import evaluate
from xlite.workflows.train import train

BCE = TrainSettings(
    model="test_resnet",
    initial_weights="none",
    loss=LossSettings(name="bce"),
    batch_size=16,
    lr=1e-3,
    epochs=1,
)
VARIANTS = {"slow": BCE, "fast": BCE.model_copy(update={"lr": 1e-2})}
CPU = Runtime(device="cpu", num_workers=0)


@pytest.fixture(scope="module")
def folds(project: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folds(read_labels(project.table), tmp_path_factory.mktemp("f"), num_folds=3)


@pytest.fixture(scope="module")
def judged(
    project: Any, folds: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Ablation]:
    out = tmp_path_factory.mktemp("judged")
    found = ablate(VARIANTS, seeds=[0, 1], split=folds, cache=project.cache, out=out, runtime=CPU)
    return out, found


@pytest.fixture
def place(judged: tuple[Path, Ablation], tmp_path: Path) -> Path:
    """A copy of the experiments folder to change."""
    shutil.copytree(judged[0], tmp_path / "experiments")
    return tmp_path / "experiments"


def runs_of(found: Ablation, variant: str) -> dict[tuple[int, int | None], str]:
    (record,) = (one for one in found.variants if one.name == variant)
    return {(run.seed, run.fold): run.run for run in record.runs}


def test_an_ablation_over_folds_judges_every_image_once(
    judged: tuple[Path, Ablation], project: Any
) -> None:
    out, found = judged
    table = read_labels(project.table)
    assert (found.part, found.images) == ("out-of-fold", len(table))
    assert found.patients == len(np.unique(table.patient_ids))
    assert list(runs_of(found, "fast")) == [(seed, fold) for seed in (0, 1) for fold in range(3)]
    assert found.find_row("fast", None).seeds == 2
    assert len(list((out / "out_of_fold").glob("*/predictions.csv"))) == 4
    written = Ablation.read(out / "ablation.json", remedy="")
    assert written.to_json() == found.to_json()


def test_tests_over_folds_are_of_the_runs_own_test_parts_seeds_averaged(
    judged: tuple[Path, Ablation], folds: Path
) -> None:
    from xlite.run_folder.folder import RunFolder

    out, found = judged
    changes, shares = [], []
    columns = [found_label(found, label) for label in found.macro_labels]
    for fold in range(3):
        split = read_split(folds / str(fold))
        test = split.parts["test"]
        of_seeds = []
        for seed in (0, 1):
            scores = []
            for variant in ("slow", "fast"):
                own = RunFolder(out / "runs" / runs_of(found, variant)[seed, fold])
                said = own.predictions("test")
                rows = [list(said.image_ids).index(name) for name in test.image_ids]
                scores.append(auroc(test.labels, said.probs[rows])[columns])
            of_seeds.append(scores[1] - scores[0])
        changes.append(macro_mean(np.mean(of_seeds, axis=0))[0])
        patients = [len(np.unique(split.parts[name].patient_ids)) for name in ("test", "train")]
        shares.append(patients[0] / patients[1])
    expected = compare_folds(np.array(changes), test_per_train=float(np.mean(shares)))
    assert found.over_folds is not None
    assert (found.over_folds.folds, found.over_folds.repeats) == (3, 1)
    assert found.over_folds.test_per_train == pytest.approx(np.mean(shares))
    (macro,) = found.over_folds.macro("auroc")
    assert (macro.name, macro.folds) == ("fast", 3)
    assert macro.change == pytest.approx(float(expected.difference))
    assert macro.p == pytest.approx(float(expected.p))
    assert macro.p_naive == pytest.approx(float(expected.p_naive))
    assert macro.p_naive < macro.p


def found_label(found: Ablation, label: str) -> int:
    return read_vocabulary(found).index(label)


def read_vocabulary(found: Ablation) -> list[str]:
    assert found.over_folds is not None
    return list(dict.fromkeys(one.label for one in found.over_folds.tests if one.label))


def test_the_verdict_takes_both_tests(judged: tuple[Path, Ablation]) -> None:
    _, found = judged
    assert "the wider and the larger of two" in found.rule
    assert found.over_folds is not None
    (macro,) = found.over_folds.macro("auroc")
    pooled = found.find_row("fast", None).change("auroc")
    low = min(macro.change_low, pooled.low)
    shown = found.verdict["fast"].reasons[0]
    assert f"{low:+.3f} to " in shown
    assert "over patients and folds" in shown


def test_the_command_prints_both_tests_over_folds(
    judged: tuple[Path, Ablation], place: Path, project: Any, folds: Path, xlite_ok: Any
) -> None:
    shown = xlite_ok(
        *("ablate", "--model", "test_resnet", "--no-pretrained", "--loss", "bce", "--resume"),
        *("--split", folds, "--cache", project.cache, "--out", place, "--seeds", "0,1"),
        *("--batch-size", 16, "--vary", "lr=1e-3,1e-2", "--epochs", 1),
        *("--device", "cpu", "--workers", 0),
    )
    assert "Macro AUROC over 3 folds, against " in shown.stdout
    assert "naive p" in shown.stdout
    assert "160 out-of-fold images" in shown.stdout
    assert "skipped" in shown.stderr
    log = (place / "EXPERIMENT_LOG.md").read_text()
    assert "160 out-of-fold images" in log
    assert "corrected for shared training images" in log
    xlite_ok("report", "--experiments", place, "--split", folds, "--out", place / "report.html")
    assert "corrected for shared training images" in (place / "report.html").read_text()


def test_a_comparison_over_folds_ranks_by_both_tests(
    judged: tuple[Path, Ablation], place: Path, folds: Path, xlite_ok: Any
) -> None:
    shown = xlite_ok("compare", "--split", folds, "--out", place)
    assert "Macro AUROC over 3 folds" in shown.stdout
    found = Comparison.read(place / "comparison.json", remedy="")
    assert (found.part, found.images) == ("out-of-fold", 160)
    assert [sorted(seeds) for seeds in (found.fold_runs or {}).values()] == [[0, 1], [0, 1]]
    assert found.runs == {}
    assert found.over_folds is not None
    (macro,) = found.over_folds.macro("auroc")
    (other,) = found.others
    assert other.corrected_p >= macro.p > macro.p_naive


def test_a_run_stands_for_those_of_the_other_folds(
    judged: tuple[Path, Ablation], place: Path, folds: Path, project: Any
) -> None:
    out, ablation = judged
    one, other = (out / "runs" / runs_of(ablation, name)[1, 2] for name in ("slow", "fast"))
    found = compare({"slow": one, "fast": other}, split=folds, labels=project.table)
    assert found.fold_runs is not None
    assert found.fold_runs["slow"][1] == {
        fold: runs_of(ablation, "slow")[1, fold] for fold in range(3)
    }
    assert {row.name: row.seeds for row in found.rows} == {"slow": 1, "fast": 1}
    # Predictions of anyone's for all images are a method, too.
    file = next((out / "out_of_fold").glob("*/predictions.csv"))
    assert len(compare([one, file], split=folds).rows) == 2


def test_folds_without_a_run_are_named(
    judged: tuple[Path, Ablation], place: Path, folds: Path
) -> None:
    _, ablation = judged
    runs = runs_of(ablation, "slow")
    shutil.rmtree(place / "runs" / runs[0, 1])
    with pytest.raises(InputError, match=r"seed 0 has no finished run of fold 1\. Train them"):
        compare(
            [place / "runs" / runs[0, 0], place / "runs" / runs_of(ablation, "fast")[0, 0]],
            split=folds,
        )
    # Of all runs the seed that is whole remains.
    found = compare(split=folds, out=place)
    assert [sorted(seeds) for seeds in (found.fold_runs or {}).values()] in (
        [[1], [0, 1]],
        [[0, 1], [1]],
    )


def test_runs_of_another_split_are_no_runs_of_the_folds(
    place: Path, folds: Path, project: Any, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="trained on different splits. If these are folds"):
        compare(split=project.split, out=place)
    one_fold = next((place / "runs").iterdir())
    with pytest.raises(InputError, match="was trained on another split: the SHA-256"):
        compare({"a": one_fold, "b": one_fold}, split=project.split)
    others = write_folds(read_labels(project.table), tmp_path / "others", num_folds=2)
    with pytest.raises(InputError, match="another split than these folds"):
        compare(split=others, out=place)
    train(BCE, split=project.split, cache=project.cache, out=tmp_path / "single", runtime=CPU)
    single = next((tmp_path / "single" / "runs").iterdir())
    with pytest.raises(InputError, match=rf"{single.name} was trained on another split than"):
        compare([single, one_fold], split=folds)


def test_a_sealed_test_part_stays_sealed_whatever_the_folds_are_of(
    place: Path, folds: Path, project: Any
) -> None:
    (outcome,) = train(BCE, split=project.split, cache=project.cache, out=place, runtime=CPU)
    sealed = outcome.run_dir / "predictions_test.csv"
    found = evaluate(predictions=sealed, split=folds, allow_partial=True)
    assert [look.run for look in found.test_looks or ()] == [outcome.run_dir.name]
    with pytest.raises(InputError, match="is of the sealed test part of"):
        compare({"a": sealed, "b": sealed}, split=folds, allow_partial=True)
    # That of a fold is none.
    of_fold = next((place / "out_of_fold").glob("*/out_of_fold.json"))
    run = next(iter(json.loads(of_fold.read_text())["runs"].values()))
    own = place / "runs" / run / "predictions_test.csv"
    assert evaluate(predictions=own, split=folds, allow_partial=True).test_looks is None


def test_folds_have_no_test_part_to_show(place: Path, folds: Path) -> None:
    with pytest.raises(InputError, match="--show-test: folds have no sealed test part"):
        compare(split=folds, out=place, show_test=True)
    assert not (place / "test_looks.json").exists()


def test_json_of_single_splits_has_no_key_of_folds(golden: Path) -> None:
    found = compare(split="splits", out="experiments")
    assert not {"over_folds", "fold_runs"} & set(found.to_json())
    assert "over_folds" not in json.loads((golden / "experiments/comparison.json").read_text())


def test_an_evaluation_over_folds_is_of_every_image_by_the_run_that_never_saw_it(
    judged: tuple[Path, Ablation], place: Path, folds: Path, xlite_ok: Any
) -> None:
    _, ablation = judged
    run = place / "runs" / runs_of(ablation, "fast")[1, 2]
    shown = json.loads(xlite_ok("evaluate", run, "--split", folds, "--json").stdout)
    assert (shown["images"], shown["part"]) == (160, "out-of-fold")
    assert shown["thresholds"]["source"] == "of each fold, fitted on its validation part"
    assert not shown["epoch_chosen_here"]
    # Folds are no sealed test set.
    assert "test_looks" not in shown
    assert not (place / "test_looks.json").exists()
    # The pooled file has the same probs, whoever judges it.
    records = (path for path in (place / "out_of_fold").glob("*/out_of_fold.json"))
    (pooled,) = (p.parent for p in records if run.name in p.read_text())
    file = pooled / "predictions.csv"
    same = evaluate(predictions=file, split=folds)
    assert same.part == "out-of-fold"
    by_label = {label: row["auroc"] for label, row in shown["per_class"].items()}
    assert {label: row.auroc for label, row in same.per_class.items()} == pytest.approx(
        by_label, nan_ok=True
    )
    with pytest.raises(InputError, match=r"holds runs of 4 models and seeds over these folds"):
        evaluate(place, split=folds)
    # The folder of pooled predictions is as good as a run.
    assert evaluate(pooled, split=folds).to_json()["per_class"] == shown["per_class"]
    groups = evaluate(run, split=folds, by="fold").subgroups
    assert sorted(one.group for one in groups) == ["0", "1", "2"]


def test_what_does_not_go_with_folds_is_refused(
    judged: tuple[Path, Ablation], place: Path, folds: Path
) -> None:
    _, ablation = judged
    run = place / "runs" / runs_of(ablation, "fast")[0, 0]
    with pytest.raises(InputError, match="--part test: over folds the out-of-fold"):
        evaluate(run, split=folds, part="test")
    with pytest.raises(InputError, match="--tta predicts anew with one run"):
        evaluate(run, split=folds, tta=True)
    shutil.rmtree(place / "runs" / runs_of(ablation, "fast")[0, 2])
    with pytest.raises(InputError, match=r"test_resnet-bce-none-s0 has no finished run of fold 2"):
        evaluate(run, split=folds)


def test_folds_without_validation_are_judged_out_of_fold(project: Any, tmp_path: Path) -> None:
    import xlite

    folds, out = tmp_path / "folds", tmp_path / "experiments"
    xlite.make_folds(project.table, out=folds, folds=2, val=None)
    options: dict[str, Any] = {"split": folds, "out": out}
    found = ablate(VARIANTS, seeds=[0], cache=project.cache, runtime=CPU, **options)
    assert (found.part, found.images) == ("out-of-fold", 160)
    verdict = found.verdict["fast"]
    assert verdict.decision == "UNDECIDED"
    assert "all folds begin with the same initial weights" in verdict.reasons[-1]
    assert len(compare(**options).rows) == 2
    shown = evaluate(out / "runs" / runs_of(found, "fast")[0, 1], split=folds)
    assert shown.images == 160
    assert shown.thresholds.source == "cross-fitted between halves of the patients"
