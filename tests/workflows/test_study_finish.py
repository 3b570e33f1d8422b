"""What a study leaves at its end: comparison, settings, weights, card, look at the test, page."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from told_studies import AUROC, Told

from xlite.files import sha256_of_file
from xlite.judging.labelled_predictions import read_run_predictions
from xlite.reporting.begun_studies import read_study_files
from xlite.reporting.html_page import Heading
from xlite.reporting.html_studies import describe_begun_studies
from xlite.run_folder import read_run
from xlite.splitting.split_folder import read_split
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import Score
from xlite.studies.study_plan import Experiment, Finally, Phase, StudyPlan, Success
from xlite.studies.work_item import WorkItem
from xlite.workflows.run_floor import find_floor
from xlite.workflows.study_finish import NO_IMPROVEMENT, finish

TRAINING = (
    *("--epochs", 1, "--image-size", 64, "--batch-size", 16, "--workers", 0, "--device", "cpu"),
    "--no-pretrained",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, project: Any, xlite_ok: Any) -> Path:
    """An experiments folder with two variants and two seeds each."""
    out: Path = tmp_path_factory.mktemp("trained") / "experiments"
    xlite_ok(
        *("ablate", "--model", "test_resnet", "--losses", "bce,focal", "--seeds", "0,1"),
        *("--split", project.split, "--cache", project.cache, "--out", out, *TRAINING),
    )
    return out


@dataclass(frozen=True)
class Ended:
    """A study of which all but the end is done."""

    folder: StudyFolder
    plan: StudyPlan
    told: Told
    runs: dict[str, list[Path]]

    def finish(self, subject: str, winner: str | None = "focal", **changes: Any) -> Any:
        """The result of one action; changes: of `Finally`."""
        plan = replace(self.plan, finish=replace(self.plan.finish, **changes))
        item = WorkItem(id=f"finish:{subject}", kind="finish", subject=subject, winner=winner)
        return finish(item, self.folder, plan, self.told.state)


@pytest.fixture
def ended(tmp_path: Path, trained: Path, project: Any, monkeypatch: pytest.MonkeyPatch) -> Ended:
    """Two experiments, of which one was below its minimum and the other has won."""
    experiments = tmp_path / "experiments"
    shutil.copytree(trained, experiments)
    for name in ("ablation.json", "ablation.csv", "EXPERIMENT_LOG.md"):
        (experiments / name).unlink()
    monkeypatch.chdir(tmp_path)
    told, runs = Told(), {}
    for name in ("bce", "focal"):
        runs[name] = sorted((experiments / "runs").glob(f"*-{name}-*"))
        for seed, run in enumerate(runs[name]):
            told.train(f"train:{name}:s{seed}", 0.6, run=f"runs/{run.name}", epochs=1, seconds=2.0)
        judged = {"val.auroc": Score(point=0.6, low=0.5, high=0.7), "val.f1": Score(point=0.2)}
        told.end(f"judge:{name}", judged)
    told.decide("winner", "the best val.auroc", id="focal")
    plan = StudyPlan(
        name="loss",
        question="Is focal better?",
        experiments=tuple(
            Experiment(
                id=name,
                settings=read_run(runs[name][0]).settings,
                seeds=(0, 1),
                success=Success(score=AUROC, minimum=minimum, target=0.8),
                expected=(0.4, 0.65),
            )
            for name, minimum in (("bce", 0.7), ("focal", 0.55))
        ),
        split=project.split,
        cache=project.cache,
        out=Path("experiments"),
        finish=Finally(
            settings=Path("configs/best.toml"), weights=Path("weights/best.safetensors")
        ),
    )
    return Ended(StudyFolder(Path("experiments/studies/loss")), plan, told, runs)


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes by path, but for when something was judged."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".lock":
            content = path.read_bytes()
            if path.name == "comparison.json":
                content = json.dumps(json.loads(content) | {"time": ""}).encode()
            found[path.relative_to(folder).as_posix()] = content
    return found


ACTIONS = ("compare", "settings", "weights", "test", "card", "report")


def test_each_action_again_leaves_the_same(ended: Ended, tmp_path: Path) -> None:
    for action in ACTIONS:
        first = ended.finish(action)
        assert (first.outcome, first.error) == ("finished", None), action
        before = contents(tmp_path)
        again = ended.finish(action)
        assert again == first, action
        assert contents(tmp_path) == before, action


def test_experiments_are_ranked_and_judged_against_the_baseline(ended: Ended) -> None:
    result = ended.finish("compare")
    files = read_study_files(ended.folder.path)
    assert files.comparison is not None
    assert {row.name: row.seeds for row in files.comparison.rows} == {"bce": 2, "focal": 2}
    assert files.comparison.part == "val"
    assert files.comparison.test is None
    assert files.verdicts is not None
    assert files.verdicts.baseline == "bce"
    found = result.details["compared"][ended.plan.split.as_posix()]
    assert found["verdicts"] == {"focal": files.verdicts.verdicts["focal"].decision}
    table = pd.read_csv(ended.folder.path / "summary.csv")
    assert list(table["experiment"]) == ["bce", "focal"]
    assert list(table["reached"]) == ["none", "minimum"]
    assert list(table["finished_runs"]) == [2, 2]
    assert list(table["as_expected"]) == [True, True]
    assert list(table["val.f1"]) == [0.2, 0.2]


def test_runs_that_were_looked_at_after_each_seed_are_said_to_be(
    ended: Ended, trained: Path, xlite_ok: Any
) -> None:
    record = json.loads((trained / "ablation.json").read_text())
    path = Path("experiments/ablation.json")
    path.write_text(json.dumps(record | {"max_seeds": 6}))
    ended.finish("compare")
    ended.finish("card")
    files = read_study_files(ended.folder.path)
    assert files.comparison is not None
    assert files.verdicts is not None
    assert files.comparison.grown is not None
    assert files.comparison.grown.methods == ("bce", "focal")
    sentence = files.comparison.grown.sentence
    assert "up to 6, and looked at after each" in sentence
    assert files.verdicts.rule.endswith(sentence)
    assert "looked at after each" in (ended.folder.path / "model_card.md").read_text()
    options = ("--split", ended.plan.split, "--out", "experiments")
    assert "looked at after each" in " ".join(xlite_ok("compare", *options).stderr.split())
    # Of a fixed number of seeds nothing is to be said, nor of runs that are not in the record.
    path.write_text(json.dumps(record))
    assert "looked at after each" not in xlite_ok("compare", *options).stderr
    path.write_text("{")
    said = " ".join(xlite_ok("compare", *options).stderr.split())
    assert "Whether its runs were looked at after each seed is not known." in said


def test_a_failed_run_is_counted_and_left_out(ended: Ended) -> None:
    ended.told.train("train:focal:s2", None)
    ended.finish("compare")
    table = pd.read_csv(ended.folder.path / "summary.csv").set_index("experiment")
    assert list(table.loc["focal", ["finished_runs", "failed_runs"]]) == [2, 1]
    files = read_study_files(ended.folder.path)
    assert files.comparison is not None
    assert [row.seeds for row in files.comparison.rows] == [2, 2]


def test_a_single_experiment_has_nothing_to_be_compared_with(ended: Ended) -> None:
    only = replace(ended, plan=replace(ended.plan, experiments=ended.plan.experiments[:1]))
    result = only.finish("compare", winner="bce")
    [reason] = result.details["left_out"].values()
    assert reason == "only bce has finished runs: nothing to compare with"
    assert not (ended.folder.path / "comparison.json").exists()
    assert (ended.folder.path / "summary.csv").exists()


def test_experiments_on_another_split_are_compared_among_themselves(
    ended: Ended, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(ended.plan.split, tmp_path / "held-out"))
    experiments = list(ended.plan.experiments)
    for one in ended.plan.experiments:
        experiments.append(replace(one, id=f"{one.id}-held-out", split=other))
        for seed, run in enumerate(ended.runs[one.id]):
            ended.told.train(f"train:{one.id}-held-out:s{seed}", 0.6, run=f"runs/{run.name}")
    study = replace(ended, plan=replace(ended.plan, experiments=tuple(experiments)))
    found = study.finish("compare").details["compared"]
    assert found.keys() == {ended.plan.split.as_posix(), other.as_posix()}
    files = read_study_files(ended.folder.path)
    own, others = files.comparison, files.elsewhere["held-out"]
    assert own is not None
    assert {row.name for row in own.rows} == {"bce", "focal"}
    assert {row.name for row in others.rows} == {"bce-held-out", "focal-held-out"}
    page = describe_begun_studies(Path("experiments"))[0]
    headings = [block.text for block in page.blocks if isinstance(block, Heading)]
    assert "All against each other on held-out" in headings
    # The baseline is on the study's split.
    assert "verdicts" not in found[other.as_posix()]


def test_trials_are_compared_by_their_confirming_runs_alone(ended: Ended) -> None:
    told = Told()
    for place, name in enumerate(("bce", "focal")):
        for phase in ("sweep", "confirm"):
            told.decide(f"suggest:{phase}/{place}", **{"loss": name})
            for seed, run in enumerate(ended.runs[name]):
                told.train(f"train:{phase}/{place}:s{seed}", 0.6, run=f"runs/{run.name}")
    phases = (
        Phase(id="sweep", method="random", settings=ended.plan.experiments[0].settings),
        Phase(id="confirm", method="confirm", settings=ended.plan.experiments[0].settings),
    )
    plan = replace(ended.plan, experiments=(), phases=phases)
    study = replace(ended, plan=plan, told=told)
    study.finish("compare", winner="confirm/1")
    files = read_study_files(ended.folder.path)
    assert files.comparison is not None
    assert {row.name for row in files.comparison.rows} == {"confirm/0", "confirm/1"}
    assert list(pd.read_csv(ended.folder.path / "summary.csv")["experiment"]) == [
        "confirm/0",
        "confirm/1",
    ]


def test_the_settings_train_the_winner_again(
    ended: Ended, xlite_ok: Any, project: Any, tmp_path: Path
) -> None:
    ended.finish("settings")
    text = Path("configs/best.toml").read_text()
    assert "Study loss, experiment focal: val.auroc 0.600 (0.500 to 0.700)" in text
    result = xlite_ok(
        *("train", "--config", "configs/best.toml", "--split", project.split, "--seed", 0),
        *("--cache", project.cache, "--workers", 0, "--device", "cpu", "--resume", "--json"),
    )
    # The very same run, so that it is found finished.
    [run] = json.loads(result.stdout)["runs"]
    assert Path(run["run"]).name == ended.runs["focal"][0].name
    assert len(list(Path("experiments/runs").iterdir())) == 4


def test_a_settings_file_of_somebody_else_stays(ended: Ended) -> None:
    path = Path("configs/best.toml")
    path.parent.mkdir()
    path.write_text("model = 'mine'\n")
    result = ended.finish("settings")
    assert result.outcome == "failed"
    assert "configs/best.toml was not written by this command" in result.error
    assert path.read_text() == "model = 'mine'\n"


def test_settings_of_an_earlier_study_are_replaced(ended: Ended) -> None:
    ended.finish("settings", winner="bce")
    assert 'name = "bce"' in Path("configs/best.toml").read_text()
    ended.finish("settings")
    assert 'name = "focal"' in Path("configs/best.toml").read_text()


def test_weights_are_those_of_the_first_seed_and_say_whence_they_are(ended: Ended) -> None:
    result = ended.finish("weights")
    path = Path("weights/best.safetensors")
    first = ended.runs["focal"][0]
    assert sha256_of_file(path) == sha256_of_file(first / "best.safetensors")
    note = json.loads(Path("weights/best.safetensors.study.json").read_text())
    assert (note["run"], note["seed"], note["winner"]) == (first.name, 0, "focal")
    assert result.details["sha256"] == note["sha256"] == sha256_of_file(path)


def test_weights_are_replaced_if_a_study_wrote_them_and_nobody_changed_them(ended: Ended) -> None:
    path = Path("weights/best.safetensors")
    assert ended.finish("weights", winner="bce").outcome == "finished"
    assert ended.finish("weights").outcome == "finished"
    assert sha256_of_file(path) == sha256_of_file(ended.runs["focal"][0] / "best.safetensors")
    path.write_bytes(b"mine")
    result = ended.finish("weights", winner="bce")
    assert (result.outcome, path.read_bytes()) == ("failed", b"mine")
    assert "was not written by a study, and is not replaced" in result.error


def test_a_copy_that_a_crash_left_without_its_note_is_taken_up(ended: Ended) -> None:
    ended.finish("weights")
    Path("weights/best.safetensors.study.json").unlink()
    assert ended.finish("weights").outcome == "finished"
    assert Path("weights/best.safetensors.study.json").exists()


def test_the_test_part_is_looked_at_once_and_only_for_the_winner(ended: Ended) -> None:
    result = ended.finish("test")
    ended.finish("test")
    looks = json.loads(Path("experiments/test_looks.json").read_text())["looks"]
    assert [look["run"] for look in looks] == [run.name for run in ended.runs["focal"]]
    assert {look["command"] for look in looks} == {"study loss: test"}
    score = result.details["scores"]["test.auroc"]
    assert score["low"] < score["point"] < score["high"]
    files = read_study_files(ended.folder.path)
    assert files.look is not None
    mean = sum(one.auroc for one in files.look.by_seed) / 2
    assert len(files.look.by_seed) == 2
    assert 0 < mean < 1


def test_the_card_has_what_a_reader_needs_and_front_matter_that_parses(ended: Ended) -> None:
    ended.finish("compare")
    ended.finish("test")
    ended.finish("card")
    text = (ended.folder.path / "model_card.md").read_text()
    _, front, body = text.split("---\n", 2)
    meta = yaml.safe_load(front)
    assert meta["pipeline_tag"] == "image-classification"
    [model] = meta["model-index"]
    values = {one["metrics"][0]["name"]: one["metrics"][0]["value"] for one in model["results"]}
    assert values["val.auroc"] == 0.6
    assert "test.auroc" in values
    headings = [line for line in body.splitlines() if line.startswith("## ")]
    assert headings == [
        "## Intended use",
        "## Model",
        "## Data and split",
        "## Training settings",
        "## Results",
        "## Comparison",
        "## Who decided what, and why",
        "## Limitations",
    ]
    for said in (
        "| val.auroc | 0.600 | 0.500 to 0.700 |",
        "| focal | val.auroc | 0.600 | 0.500 to 0.700 | minimum | 2 | 0 |",
        "Chosen: focal. the best val.auroc",
        "0 patients stand on two sides",
        "focal instead of bce",
        "Choices made on this validation set: ",
        "corrected for being the best of 2 methods",
        "| label | table alone | 95 % interval | image adds | 95 % interval | within views |",
        "images of the split's train part, without any pixel",
    ):
        assert said in body, said


def test_the_card_has_the_floor_that_the_page_has(ended: Ended) -> None:
    ended.finish("card")
    text = (ended.folder.path / "model_card.md").read_text()
    split = read_split(ended.plan.split)
    floored = find_floor(read_run_predictions(ended.runs["focal"][0], "val", split), split)
    assert floored.floor is not None
    [row] = [line for line in text.splitlines() if line.startswith("| macro | ")]
    macro = floored.floor.macro
    assert row.startswith(
        f"| macro | {macro.auroc:.3f} | {macro.auroc_low:.3f} to {macro.auroc_high:.3f} "
        f"| {macro.adds:+.3f} | "
    )


def test_a_card_without_the_run_s_predictions_says_that_the_floor_was_not_measured(
    ended: Ended,
) -> None:
    for path in ended.runs["focal"][0].glob("predictions_val*"):
        path.unlink()
    assert ended.finish("card").outcome == "finished"
    text = (ended.folder.path / "model_card.md").read_text()
    assert "What the label table reaches without the image was not measured." in text


def test_the_card_without_a_look_says_so(ended: Ended) -> None:
    ended.finish("card")
    text = (ended.folder.path / "model_card.md").read_text()
    assert "The test part was not looked at." in text
    assert "test.auroc" not in text


@pytest.mark.parametrize("action", ["settings", "weights", "card", "test"])
def test_without_a_winner_nothing_is_written_in_its_name(ended: Ended, action: str) -> None:
    result = ended.finish(action, winner=None)
    assert (result.outcome, result.details) == ("finished", {"note": NO_IMPROVEMENT})
    assert not Path("configs").exists()
    assert not Path("weights").exists()
    assert not Path("experiments/test_looks.json").exists()
    assert not (ended.folder.path / "model_card.md").exists()


def test_a_baseline_that_wins_is_no_improvement(ended: Ended) -> None:
    details = ended.finish("settings", winner="bce").details
    assert details["note"] == "No improvement: the baseline bce stays."


def test_a_winner_without_a_finished_run_is_a_failed_action(ended: Ended) -> None:
    result = ended.finish("weights", winner="other")
    assert result.outcome == "failed"
    assert result.error.startswith("other won, and no run of it is finished.")


@pytest.fixture(scope="module")
def trained_over_folds(
    tmp_path_factory: pytest.TempPathFactory, project: Any, xlite_ok: Any
) -> tuple[Path, Path]:
    """An experiments folder with two variants over two folds, and the folds."""
    folder: Path = tmp_path_factory.mktemp("over_folds")
    out, folds = folder / "experiments", folder / "folds"
    xlite_ok("split", "--labels", project.table, "--folds", 2, "--out", folds)
    xlite_ok(
        *("ablate", "--model", "test_resnet", "--losses", "bce,focal", "--seeds", "0"),
        *("--split", folds, "--cache", project.cache, "--out", out, *TRAINING),
    )
    return out, folds


def test_over_folds_the_out_of_fold_predictions_are_compared(
    ended: Ended, trained_over_folds: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiments, folds = trained_over_folds
    monkeypatch.chdir(experiments.parent)
    told = Told()
    for name in ("bce", "focal"):
        for run in sorted((experiments / "runs").glob(f"*-{name}-*")):
            fold = int(read_run(run).data.split_dir.rpartition("/")[2])  # type: ignore[union-attr]
            told.train(f"train:{name}:s0:f{fold}", 0.6, run=f"runs/{run.name}")
        told.end(f"judge:{name}", {"oof.auroc": Score(point=0.6)})
    # A seed without a run of each fold is no seed.
    told.train("train:focal:s1:f0", 0.9, run=f"runs/{run.name}")
    study = Ended(
        StudyFolder(Path("experiments/studies/folds")),
        replace(ended.plan, split=folds),
        told,
        ended.runs,
    )
    result = study.finish("compare")
    assert (result.error, result.details["left_out"]) == (None, {})
    files = read_study_files(study.folder.path)
    assert files.comparison is not None
    assert files.comparison.part == "out-of-fold"
    assert {row.name: row.seeds for row in files.comparison.rows} == {"bce": 1, "focal": 1}
    assert files.verdicts is not None
    looked = study.finish("test")
    assert looked.outcome == "failed"
    assert "every image has served to choose the winner" in looked.error
