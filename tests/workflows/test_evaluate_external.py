"""A run judged on films that are in no part of its split."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Project, run_cli, run_ok

import xlite
from xlite.errors import InputError, LeakageError
from xlite.results.evaluation import Evaluation
from xlite.results.external import ExternalEvaluation
from xlite.splitting.split_folder import read_split

CHEXPERT = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion"),
    *("Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion"),
    *("Pleural Other", "Fracture", "Support Devices"),
)
MAPPED = {"Pleural Effusion": "Effusion"}
FAST: dict[str, Any] = {"resamples": 100, "floor": False}


@pytest.fixture(scope="module")
def run(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("external") / "experiments"
    run_ok(
        *("train", "--models", "test_resnet", "--split", project.split, "--cache", project.cache),
        *("--out", out, "--no-pretrained", "--batch-size", 16, "--epochs", 1),
    )
    [folder] = (out / "runs").iterdir()
    return folder


@pytest.fixture(scope="module")
def strangers(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The label table of the films of the split's test part, with a column a label.

    Two labels of the run are left out, and one is called by a name that the run does not know.
    """
    part = read_split(project.split).parts["test"]
    table = pd.DataFrame(part.labels, columns=list(part.vocabulary))
    table = table.drop(columns=["Hernia", "Mass"]).rename(columns={"Effusion": "Fluid"})
    table.insert(0, "File", part.image_ids)
    table.insert(1, "Who", part.patient_ids)
    table.insert(2, "View Position", part.table["view"])
    path = tmp_path_factory.mktemp("site") / "hospital.csv"
    table.to_csv(path, index=False)
    return path


def columns(table: Path) -> xlite.TableFormat:
    names = pd.read_csv(table, nrows=1).columns[3:]
    return xlite.TableFormat(image_col="File", label_cols=tuple(names), patient_col="Who")


def list_files(folder: Path, *, left_out: tuple[str, ...]) -> dict[Path, int]:
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and not any(name in str(path.relative_to(folder)) for name in left_out)
    }


def judge(run: Path, project: Project, table: Path, **more: Any) -> Evaluation:
    given = {"table_format": columns(table), "split": project.split, **FAST, **more}
    return xlite.evaluate(run, labels=table, images=project.images, **given)


def test_films_are_predicted_as_the_run_predicts_its_own(
    run: Path, project: Project, strangers: Path
) -> None:
    """The films are those of the test part, which the run has predicted from its cache."""
    found = judge(run, project, strangers)
    own = xlite.evaluate(run, part="test", split=project.split, **FAST)
    assert list(found.per_class) == [
        n for n in own.per_class if n not in ("Hernia", "Mass", "Effusion")
    ]
    for label, row in found.per_class.items():
        for score in ("auroc", "average_precision", "brier", "f1", "threshold"):
            wanted = getattr(own.per_class[label], score)
            assert getattr(row, score) == pytest.approx(wanted, abs=1e-5, nan_ok=True), label
    assert found.thresholds.source == "fitted on the validation part"
    external = found.external
    assert external is not None
    assert {*external.not_in_table} == {"Effusion", "Mass", "Hernia"}
    assert external.not_in_run == ("Fluid",)
    for label, one in external.per_class.items():
        drop = one.scores["auroc"]
        assert drop.here.value == pytest.approx(found.per_class[label].auroc, nan_ok=True)


def test_the_own_side_is_that_of_the_evaluation_of_its_part(
    run: Path, project: Project, strangers: Path
) -> None:
    found = judge(run, project, strangers).external
    own = xlite.evaluate(run, split=project.split, **FAST)
    assert found is not None
    assert (found.part, found.own_images) == ("val", own.images)
    for label, one in found.per_class.items():
        wanted = own.per_class[label]
        for score in ("auroc", "average_precision", "f1", "precision", "specificity", "brier"):
            value = one.scores[score].own.value
            assert value == pytest.approx(getattr(wanted, score), nan_ok=True), (label, score)


def test_the_command_leaves_files_and_counts_looks(
    run: Path, project: Project, strangers: Path
) -> None:
    before = list_files(run.parent.parent, left_out=("evaluation", "test_looks"))
    names = ",".join(columns(strangers).label_cols)
    arguments = (
        *("evaluate", run, "--split", project.split, "--labels", strangers),
        *("--images", project.images, "--image-col", "File", "--label-cols", names),
        *("--patient-col", "Who", "--no-floor", "--resamples", 100, "--no-figures"),
    )
    first = run_ok(*arguments)
    folder = run.parent.parent / "evaluation" / f"{run.name}-on-hospital"
    assert {path.name for path in folder.iterdir()} == {
        *("scores.json", "scores.csv", "drop.csv", "calibration.csv")
    }
    assert "on hospital" in first.stdout
    assert "Fluid. Not judged" in first.stdout + first.stderr
    second = run_ok(*arguments, "--json", "--part", "test")
    content = json.loads(second.stdout)
    looks = content["test_looks"]
    assert len(looks) >= 2
    assert looks[-1]["test_set"] == looks[-2]["test_set"]
    assert ExternalEvaluation.from_json(content["external"]).to_json() == content["external"]
    assert content["external"]["part"] == "test"
    kept = json.loads((run.parent.parent / "test_looks.json").read_text())["looks"]
    # The run's own test part, which stands for its site, was looked at, too.
    assert len(kept) >= 3
    assert list_files(run.parent.parent, left_out=("evaluation", "test_looks")) == before
    page, log = folder / "report.html", run.parent.parent / "EXPERIMENT_LOG.md"
    run_ok("report", "--experiments", run.parent.parent, "--split", project.split, "--out", page)
    assert f"{run.name} on hospital" in page.read_text(encoding="utf-8")
    run_ok("log", "add", "--experiments", run.parent.parent)
    assert "On hospital (" in log.read_text(encoding="utf-8")
    drop = pd.read_csv(folder / "drop.csv")
    parts = drop[["prevalence", "view_mix", "rest"]].fillna(0).sum(axis=1)
    np.testing.assert_allclose(parts[drop["drop"].notna()], drop["drop"].dropna(), atol=1e-5)


def test_patients_of_the_split_are_refused(run: Path, project: Project) -> None:
    with pytest.raises(LeakageError, match="are in the train part of the run's split.*--other-pat"):
        xlite.evaluate(
            run, labels=project.table, images=project.images, split=project.split, **FAST
        )
    other = xlite.evaluate(
        run,
        labels=project.table,
        images=project.images,
        split=project.split,
        other_patients=True,
        **FAST,
    )
    assert other.images == 160


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"thresholds": "thresholds.json"}, "thresholds of the run's validation part alone"),
        ({"save_thresholds": "thresholds.json"}, "thresholds of the run's validation part alone"),
        ({"tta": True}, "--tta judges a part of the run's own split"),
        ({"images": "nowhere"}, "nowhere does not exist"),
        ({"runtime": xlite.Runtime(device="abacus")}, "abacus"),
        (
            {
                "table_format": xlite.TableFormat(
                    label_cols=("Fluid",), image_col="File", patient_col="Who"
                )
            },
            "no label in common.*the table has Fluid",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(
    run: Path, project: Project, strangers: Path, more: dict[str, Any], message: str
) -> None:
    given = {"table_format": columns(strangers), "images": project.images, **more}
    with pytest.raises(InputError, match=message):
        xlite.evaluate(run, labels=strangers, split=project.split, **FAST, **given)


def test_a_folder_of_others_is_refused_before_anything_is_predicted(
    run: Path, project: Project, strangers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scores.csv").write_text("mine")
    monkeypatch.setattr("xlite.predicting.located_films.predict_located", None)
    with pytest.raises(InputError, match=r"scores\.csv"):
        judge(run, project, strangers, out=tmp_path)


def test_films_without_a_table_are_refused(run: Path, project: Project) -> None:
    shown = run_cli("evaluate", run, "--split", project.split, "--images", project.images)
    assert shown.exit_code == 2
    assert "Pass RUN and --labels, or --probe-borders" in shown.stderr


def test_a_tree_of_chexpert_is_judged_by_its_name(
    run: Path, project: Project, tmp_path: Path
) -> None:
    """Films of the test part under CheXpert's names, beside a table of CheXpert's columns."""
    part = read_split(project.split).parts["test"]
    own = dict(zip(part.vocabulary, part.labels.T, strict=True))
    rows = []
    for row, image in enumerate(part.image_ids):
        path = f"CheXpert-v1.0-small/train/patient{64000 + row:05d}/study1/view1_frontal.png"
        (tmp_path / "tree" / path).parent.mkdir(parents=True)
        (tmp_path / "tree" / path).write_bytes((project.images / image).read_bytes())
        rows.append((path, "Male", 60, "Frontal", part.table["view"][row] or "PA"))
    names = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA"]
    table = pd.DataFrame(rows, columns=names)
    for name in CHEXPERT:
        cells = own.get(MAPPED.get(name, name), np.zeros(len(part), dtype=np.int8))
        table[name] = np.where(cells == 1, "1.0", "")
    table.loc[0, "Pleural Effusion"] = "-1.0"
    table.to_csv(tmp_path / "train.csv", index=False)
    layout = xlite.TableFormat(dataset="chexpert", label_map="chexpert-to-nih")
    found = xlite.evaluate(
        run,
        labels=tmp_path / "train.csv",
        images=tmp_path / "tree",
        split=project.split,
        table_format=layout,
        **FAST,
    )
    external = found.external
    assert external is not None
    assert external.mapping is not None
    assert "Support Devices" in external.mapping.unmapped
    # Effusion is CheXpert's Pleural Effusion; one film of it is uncertain, and not judged.
    effusion = found.per_class["Effusion"]
    known = effusion.true_positives + effusion.false_negatives
    assert known == int((own["Effusion"][1:] == 1).sum())
    assert set(external.views) <= {"AP", "PA"}
    assert ExternalEvaluation.from_json(external.to_json()).mapping == external.mapping


def test_a_broken_film_is_named_and_left_out(
    run: Path, project: Project, strangers: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(project.images, tmp_path / "images"))
    name = str(pd.read_csv(strangers)["File"][0])
    (folder / name).write_bytes((folder / name).read_bytes()[:500])
    given = {"table_format": columns(strangers), "split": project.split, **FAST}
    whole = xlite.evaluate(run, labels=strangers, images=project.images, **given)
    found = xlite.evaluate(run, labels=strangers, images=folder, **given)
    assert found.images == whole.images - 1
    assert found.external is not None
    (failed,) = found.external.failed
    assert failed.image == name
    assert "truncated" in failed.reason
    assert ExternalEvaluation.from_json(found.external.to_json()).failed == (failed,)
