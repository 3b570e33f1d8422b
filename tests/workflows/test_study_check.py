"""A plan held against its data: what is refused, and what a sound one is said to come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import write_run
from workflows.drawn_folds import write_folds

from xlite.errors import InputError
from xlite.results.study_check import StudyCheck
from xlite.scores.detectable import detectable_difference, score_error, total_error
from xlite.settings import TrainSettings
from xlite.splitting.split_folder import read_split
from xlite.studies.plan_tables import PlanError
from xlite.workflows.study_check import check_study

LABELS = ("Effusion", "Mass", "Hernia")
SETTINGS = '[settings]\nmodel = "test_resnet"\nepochs = 10\n'
A = '[[experiment]]\nid = "A"\n'
B = '[[experiment]]\nid = "B"\nset = {lr = 1e-3}\n'


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory, xlite_ok: Any) -> Path:
    """A project with a split and folds of 2,000 images, Hernia being in none of validation."""
    folder = tmp_path_factory.mktemp("studied")
    draws = np.random.default_rng(0)
    columns = {
        name: draws.random(2000) < share for name, share in zip(LABELS, (0.3, 0.1, 0), strict=True)
    }
    columns["Hernia"][:1] = True
    table = pd.DataFrame(
        {
            "Image Index": [f"{number}.png" for number in range(2000)],
            "Patient ID": [str(number // 2) for number in range(2000)],
            **{name: found.astype(int) for name, found in columns.items()},
        }
    )
    table.to_csv(folder / "labels.csv", index=False)
    arguments = ("--labels", folder / "labels.csv", "--label-cols", ",".join(LABELS))
    columns_of = ("--image-col", "Image Index", "--patient-col", "Patient ID")
    xlite_ok("split", *arguments, *columns_of, "--out", folder / "data" / "splits")
    train = read_split(folder / "data" / "splits").parts["train"]
    write_folds(train, folder / "folds", num_folds=4)
    (folder / "data" / "clahe_cache").mkdir()
    return folder


@pytest.fixture(autouse=True)
def in_project(studied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(studied)


def check(text: str, tmp_path: Path) -> StudyCheck:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return check_study(path)


def faults_of(text: str, tmp_path: Path) -> list[str]:
    with pytest.raises(PlanError) as caught:
        check(text, tmp_path)
    return [fault.removeprefix(f"{tmp_path / 'plan.toml'}: ") for fault in caught.value.faults]


def count_of_val(studied: Path, label: str) -> tuple[int, int]:
    val = pd.read_csv(studied / "data" / "splits" / "val.csv")
    return int((val[label] == 1).sum()), int((val[label] == 0).sum())


def test_a_threshold_says_what_can_be_told_from_it(studied: Path, tmp_path: Path) -> None:
    criterion = 'success = {score = "val.auroc.Mass", minimum = 0.7}\n'
    (found,) = check(SETTINGS + A + "seeds = [0, 1, 2]\n" + criterion, tmp_path).thresholds
    positives, negatives = count_of_val(studied, "Mass")
    error = total_error(score_error("auroc", 0.7, positives, negatives), num_seeds=3)
    assert (found.where, found.positives, found.seeds) == ("A: minimum", positives, 3)
    assert found.images == positives + negatives
    assert found.standard_error == pytest.approx(error)
    assert found.detectable == pytest.approx(detectable_difference(error))


def test_thresholds_within_their_noise_are_refused_for_the_point_alone(tmp_path: Path) -> None:
    near = SETTINGS + A + "success = {minimum = 0.80, target = 0.81{on}}\n"
    (fault,) = faults_of(near.replace("{on}", ""), tmp_path)
    assert fault.startswith("A: target 0.81 is 0.01 above minimum 0.8 in val.auroc, and the val")
    assert "more images" in fault
    assert 'on = "lower bound"' in fault
    sound = check(near.replace("{on}", ', on = "lower bound"'), tmp_path)
    assert [one.threshold for one in sound.thresholds] == [0.80, 0.81]
    far = near.replace("{on}", "").replace("0.81", "0.95")
    assert check(far, tmp_path).thresholds


def test_a_rule_too_near_to_what_is_known_is_refused(tmp_path: Path) -> None:
    text = SETTINGS + A + B + "[[rule]]\nid = 'r'\nwhen = {any = 'A', above = 0.8}\nthen = 'B'\n"
    assert check(text, tmp_path).thresholds[0].where == "A: rule r"
    known = text.replace(
        '[[experiment]]\nid = "B"',
        'success = {minimum = 0.5, known = 0.79}\n[[experiment]]\nid = "B"',
    )
    assert any(
        "rule r 0.8 is 0.01 above known 0.79" in fault for fault in faults_of(known, tmp_path)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SETTINGS + A + 'success = {score = "val.auroc.Hernia", minimum = 0.7}\n',
            "A: no image of the val part of data/splits has Hernia",
        ),
        (
            SETTINGS + A + 'success = {score = "val.auroc.Mas", minimum = 0.7}\n',
            "A: there is no label 'Mas' in the val part of data/splits. Did you mean Mass?",
        ),
        (
            SETTINGS + A + 'success = {score = "val.aurco", minimum = 0.7}\n',
            "val.aurco: there is no score 'aurco' to judge by. Did you mean auroc?",
        ),
        (
            SETTINGS + A + 'success = {score = "oof.auroc", minimum = 0.7}\n',
            "data/splits is a single split, and oof scores are of folds",
        ),
        (
            SETTINGS + A + "split = 'nowhere'\nsuccess = {minimum = 0.7}\n",
            "nowhere",
        ),
        ('[settings]\nmodel = "resnet19"\n' + A, "resnet19"),
        (
            SETTINGS
            + "[search]\nruns = 2\nspace = {model = {values = ['test_resnet', 'resnet19']}}\n",
            "resnet19",
        ),
    ],
)  # fmt: skip
def test_what_the_data_do_not_bear_is_refused(text: str, message: str, tmp_path: Path) -> None:
    assert any(message in fault for fault in faults_of(text, tmp_path))


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    text = SETTINGS + A + 'success = {score = "val.auroc.Mas", minimum = 0.7}\n'
    second = 'success = {score = "val.aurco", minimum = 0.7}\n'
    found = faults_of(text + B + second, tmp_path)
    assert len(found) == 2


def test_pooled_folds_tell_more_than_their_validation_part(tmp_path: Path) -> None:
    text = SETTINGS + A + "success = {score = 'SCORE', minimum = 0.7}\n"
    single = check(text.replace("SCORE", "val.auroc.Mass"), tmp_path)
    pooled = check(
        '[data]\nsplit = "folds"\n'
        + text.replace("SCORE", "oof.auroc.Mass")
        + "[finally]\nscore = 'oof.auroc'\n",
        tmp_path,
    )
    assert pooled.thresholds[0].images == len(pd.read_csv("data/splits/train.csv"))
    assert pooled.thresholds[0].detectable < single.thresholds[0].detectable
    assert (single.most_runs, pooled.most_runs) == (1, 4)


def test_folds_without_validation_bear_a_plan_that_asks_out_of_fold(
    studied: Path, tmp_path: Path, xlite_ok: Any
) -> None:
    xlite_ok(
        *("split", "--labels", studied / "labels.csv", "--label-cols", ",".join(LABELS)),
        *("--image-col", "Image Index", "--patient-col", "Patient ID"),
        *("--folds", 3, "--no-val", "--out", tmp_path / "folds"),
    )
    text = f'[data]\nsplit = "{tmp_path / "folds"}"\n' + SETTINGS + A
    found = check(text + "success = {score = 'oof.auroc.Mass', minimum = 0.7}\n", tmp_path)
    assert found.thresholds[0].images == 2000
    assert any(
        "has no val part" in fault
        for fault in faults_of(text + "[finally]\nreport = true\n", tmp_path)
    )


def test_the_size_is_that_of_the_shortest_and_the_longest_way(tmp_path: Path) -> None:
    rule = "[[rule]]\nid = 'r'\nwhen = {any = 'A', above = 0.8}\nthen = 'B'\notherwise = 'search'\n"
    search = "[search]\nruns = 9\nspace = {lr = {log_uniform = [1e-5, 1e-3]}}\n"
    text = "seeds = [0, 1]\n" + SETTINGS + A + B + rule + search
    found = check(text, tmp_path)
    assert (found.least_runs, found.most_runs) == (4, 11)
    assert (found.least_epochs, found.most_epochs) == (40, 110)
    assert found.starts == ("A",)
    rungs = check(text + "rungs = {first = 1, factor = 3}\n", tmp_path)
    # 9 trials to epoch 1, 3 on to 3, 1 on to 9 and to 10.
    assert (rungs.least_epochs, rungs.most_epochs) == (40, 20 + 9 + 3 * 2 + 6 + 1)


def test_earlier_runs_tell_of_time_and_others_are_named(tmp_path: Path) -> None:
    text = SETTINGS + A + f'[data]\nout = "{tmp_path / "experiments"}"\n'
    unknown = check(text, tmp_path)
    assert (unknown.most_seconds, unknown.unknown_models) == (None, ("test_resnet",))
    assert unknown.most_bytes is not None
    assert unknown.most_bytes > 1000
    write_run(tmp_path / "experiments" / "runs" / "a", TrainSettings(model="test_resnet", epochs=9))
    known = check(text, tmp_path)
    assert known.most_seconds == pytest.approx(100)
    assert known.unknown_models == ()


def test_the_best_of_many_is_said_to_be_too_good(tmp_path: Path) -> None:
    search = "[search]\nruns = 45\nspace = {lr = {log_uniform = [1e-5, 1e-3]}}\n"
    found = check(SETTINGS + search, tmp_path)
    (choice,) = found.choices
    assert choice.too_good == pytest.approx(2.2 * choice.standard_error, rel=0.01)
    assert any("Confirm the best ones with fresh seeds" in warning for warning in found.warnings)


def test_the_command_prints_the_tree_in_eighty_columns(tmp_path: Path, xlite: Any) -> None:
    path = tmp_path / "plan.toml"
    long = "a title that is much longer than anybody would read in a single line of a terminal"
    rule = "[[rule]]\nid = 'r'\nwhen = {any = 'A', above = 0.8}\nthen = 'B'\notherwise = 'end'\n"
    path.write_text(SETTINGS + A + f'title = "{long}"\n' + B + rule, encoding="utf-8")
    result = xlite("study", "check", path)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "study plan: sound"
    assert "  r? A above 0.8 in val.auroc" in lines
    assert "    then: B" in lines
    assert "    otherwise: the study ends" in lines
    assert max(len(line) for line in lines if "│" not in line and "┃" not in line) <= 80


def test_the_command_gives_json_and_exit_code_two(tmp_path: Path, xlite: Any) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(SETTINGS + A, encoding="utf-8")
    result = xlite("study", "check", path, "--json")
    assert StudyCheck.from_json(json.loads(result.stdout)).name == "plan"
    path.write_text(SETTINGS + A + "nope = 1\nalso = 2\n", encoding="utf-8")
    result = xlite("study", "check", path)
    assert result.exit_code == 2
    assert result.stderr.count("there is no key") == 2
    assert xlite("study", "check", tmp_path / "absent.toml").exit_code == 2
    assert xlite("study", "check", tmp_path).exit_code == 2


def test_nothing_is_written(studied: Path, tmp_path: Path) -> None:
    before = sorted(studied.rglob("*"))
    check(SETTINGS + A, tmp_path)
    assert sorted(studied.rglob("*")) == before
    assert not (studied / "experiments").exists()
    with pytest.raises(InputError):
        check("", tmp_path)


def test_a_study_begins_with_nothing_but_a_sound_plan(tmp_path: Path, xlite: Any) -> None:
    path = tmp_path / "plan.toml"
    criterion = 'success = {score = "val.auroc.Hernia", minimum = 0.7}\n'
    path.write_text(SETTINGS + A + criterion, encoding="utf-8")
    result = xlite("study", "run", path, "--out", tmp_path / "experiments")
    assert result.exit_code == 2
    assert "has Hernia, so that val.auroc.Hernia would be undefined" in result.stderr
    assert not (tmp_path / "experiments" / "studies" / "plan" / "ledger").exists()
