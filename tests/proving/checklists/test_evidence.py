"""Each proof rests on files: whatever it rests on is taken away, and the item is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlite.proving.checklists.answer import Answers
from xlite.proving.checklists.evidence.proof import Gap, Proof
from xlite.proving.checklists.evidence.registry import EVIDENCE
from xlite.proving.checklists.guideline import GUIDELINES, read_guideline, read_topics
from xlite.proving.checklists.notes import Notes
from xlite.proving.checklists.subject import Subject, read_subject
from xlite.results.checklist import ChecklistItem
from xlite.results.explanation import (
    Beside,
    Explanation,
    LabelLocalisation,
    Measure,
    Randomisation,
)
from xlite.results.external import Estimate, ExternalEvaluation, ScoreDrop
from xlite.workflows.evaluate import evaluate

NOTHING = Notes("", {})
EVERYTHING = {"4", "9", "10", "12", "19", "20", "22", "23", "24", "25", "26", "27", "28", "29"} | {
    *("32", "35", "36", "37", "38", "42")
}
"""The items of CLAIM that a study proves by itself."""
MORE = {"30", "39"}
"""Those that an evaluation in groups adds."""


def answer(subject: Subject, guideline: Any = "claim", notes: Notes = NOTHING) -> dict[str, Any]:
    found = Answers(subject).answer(read_guideline(guideline), notes)
    return {item.number: item for item in found.items}


def look_at(number: str, guideline: Any = "claim") -> ChecklistItem:
    """The item as the files in the working folder show it now."""
    listed = read_guideline(guideline)
    [item] = [one for one in listed.items if one.number == number]
    return Answers(read_subject("loss"))._answer_item(listed, item, NOTHING)


def change_json(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def winners(study: Subject) -> list[Path]:
    return [run.path for run in study.runs]


def each_run(study: Subject, act: Callable[[Path], None]) -> None:
    for path in winners(study):
        act(path)


def leave_out(name: str) -> Callable[[Subject], None]:
    return lambda study: each_run(study, lambda path: (path / name).unlink())


def change_scores(study: Subject) -> None:
    def shift(content: Any) -> None:
        for one in content["experiments"]:
            one["scores"]["val.auroc"]["point"] += 0.01

    change_json(study.study_folder.path / "study.json", shift)


def change_own_scores(study: Subject) -> None:
    each_run(
        study,
        lambda path: change_json(
            path / "scores.json", lambda one: one["val"]["macro"].update(auroc=0.987)
        ),
    )


def change_look(study: Subject) -> None:
    path = study.study_folder.path / "test_look.json"
    change_json(path, lambda one: one["scores"]["test.auroc"].update(low=0.9))


def remove_look(study: Subject) -> None:
    (study.study_folder.path / "test_look.json").unlink()


def change_begin(**changes: Any) -> Callable[[Subject], None]:
    def act(study: Subject) -> None:
        path = study.study_folder.ledger.path_of(1)
        change_json(path, lambda entry: entry.update(changes))

    return act


def ask_nothing(study: Subject) -> None:
    path = study.study_folder.ledger.path_of(1)
    asked = 'question = "Does focal loss find more than BCE?"\n'
    change_json(path, lambda entry: entry.update(plan=entry["plan"].replace(asked, "")))


def plan_one_seed(study: Subject) -> None:
    path = study.study_folder.ledger.path_of(1)
    change_json(path, lambda entry: entry.update(plan=entry["plan"].replace("[0, 1]", "[0]")))


def share_a_patient(study: Subject) -> None:
    """The first training patient is in validation, too, and all sums are made to fit."""
    from xlite.files import sha256_of_file

    train, val = Path("splits/train.csv"), Path("splits/val.csv")
    row = train.read_text().splitlines()[1].split(",")
    lines = val.read_text().splitlines()
    cells = lines[1].split(",")
    cells[lines[0].split(",").index("Patient ID")] = row[lines[0].split(",").index("Patient ID")]
    val.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    digest = sha256_of_file(val)
    change_json(Path("splits/split.json"), lambda one: one["files"].update({"val.csv": digest}))


def count_otherwise(study: Subject) -> None:
    change_json(Path("splits/split.json"), lambda one: one["parts"]["val"].update(images=1))


def give_the_parts(study: Subject) -> None:
    change_json(Path("splits/split.json"), lambda one: one.update(given=["a.csv", "b.csv"]))


def choose_some(study: Subject) -> None:
    change_json(Path("splits/split.json"), lambda one: one.update(subset=0.5))


def cut_history(study: Subject) -> None:
    def cut(path: Path) -> None:
        lines = (path / "history.csv").read_text().splitlines()
        (path / "history.csv").write_text("\n".join(lines[:-1]) + "\n")

    each_run(study, cut)


def worsen_best_epoch(study: Subject) -> None:
    def worsen(path: Path) -> None:
        best = json.loads((path / "scores.json").read_text())["best_epoch"]
        lines = [line.split(",") for line in (path / "history.csv").read_text().splitlines()]
        lines[best][lines[0].index("val_auroc")] = "0.01"
        (path / "history.csv").write_text("\n".join(map(",".join, lines)) + "\n")

    each_run(study, worsen)


def forget_comparison(study: Subject) -> None:
    (study.study_folder.path / "comparison.json").unlink()


def change_predictions(part: str) -> Callable[[Subject], None]:
    def change(path: Path) -> None:
        file = path / f"predictions_{part}.csv"
        file.write_text(file.read_text().replace("0.4", "0.6"))

    return lambda study: each_run(study, change)


def drop_ages(study: Subject) -> None:
    from xlite.files import sha256_of_file

    for part in ("train", "val", "test"):
        path = Path(f"splits/{part}.csv")
        path.write_text(path.read_text().replace("Patient Age", "Something"))
        digest = sha256_of_file(path)
        change_json(
            Path("splits/split.json"),
            lambda one, name=path.name, digest=digest: one["files"].update({name: digest}),
        )

        def believe(one: Any, part: str = part, digest: str = digest) -> None:
            one["data"]["split_sha256"][part] = digest

        def note(path: Path, believe: Any = believe) -> None:
            change_json(path / "config.json", believe)
            digest = sha256_of_file(path / "config.json")
            change_json(
                path / "scores.json", lambda one: one["files"].update({"config.json": digest})
            )

        each_run(study, note)


TAKEN_AWAY: list[tuple[str, Callable[[Subject], None], str]] = [
    ("4", ask_nothing, "the plan names no question"),
    ("9", leave_out("best.safetensors"), "does not exist"),
    ("10", count_otherwise, "counts other images"),
    ("12", lambda study: Path("splits/val.csv").unlink(), "does not exist"),
    ("19", give_the_parts, "how they came about is in no file"),
    ("20", share_a_patient, "val"),
    ("22", leave_out("best.safetensors"), "does not exist"),
    ("23", leave_out("sittings.json"), "no sitting is recorded"),
    ("24", leave_out("config.json"), "config.json"),
    ("25", cut_history, "the history has 1 epochs, and the run counts 2"),
    ("26", worsen_best_epoch, "has not the best validation"),
    ("27", leave_out("best.safetensors"), "does not exist"),
    ("28", change_own_scores, "the run says macro AUROC 0.987"),
    ("29", forget_comparison, "neither an evaluation nor a comparison"),
    ("32", change_predictions("test"), "is not what the run wrote"),
    ("35", choose_some, "how many that left out is in no file"),
    ("36", drop_ages, "has no age or no sex"),
    ("37", change_scores, "val.auroc is said to be"),
    ("38", remove_look, "the test part was not judged"),
    ("38", change_look, "test.auroc is said to be"),
    ("42", change_begin(at="2999-01-01T00:00:00+00:00"), "ended before the plan"),
]


OTHERS_TAKEN_AWAY: list[tuple[str, str, Callable[[Subject], None], str]] = [
    ("tripod", "7", leave_out("best.safetensors"), "does not exist"),
    ("tripod", "12g", leave_out("predictions_test.csv"), "does not exist"),
    ("tripod", "16", give_the_parts, "not drawn at random"),
    ("tripod", "21", lambda study: Path("splits/test.csv").unlink(), "does not exist"),
    ("stard", "15a", leave_out("config.json"), "config.json"),
    ("stard", "17a", share_a_patient, "val"),
    ("stard", "19", change_predictions("val"), "is not what the run wrote"),
    ("stard", "21", plan_one_seed, "the plan has 1 seeds"),
    ("stard", "26b", lambda study: Path("splits/test.csv").unlink(), "does not exist"),
    ("stard", "40b", leave_out("predictions_test.csv"), "does not exist"),
]


def test_a_finished_study_proves_twenty_items_of_claim_without_typing(study: Subject) -> None:
    found = answer(study)
    proven = {number for number, item in found.items() if item.standing == "PROVEN"}
    assert proven == EVERYTHING
    assert len(proven) >= 20
    for number in proven:
        item = found[number]
        assert item.shown, number
        assert "xlite " in item.command, number
        assert item.remedy == "", number
    assert all(found[number].numbers for number in proven)
    assert {item.standing for item in found.values()} == {"PROVEN", "MISSING"}
    assert all(item.remedy for item in found.values() if item.standing == "MISSING")


def test_everything_that_is_proven_is_taken_away_below(study: Subject) -> None:
    assert {number for number, _, _ in TAKEN_AWAY} == EVERYTHING
    taken = {("claim", number) for number, _, _ in TAKEN_AWAY}
    taken |= {(name, number) for name, number, _, _ in OTHERS_TAKEN_AWAY}
    found = {
        (name, item.number): item.evidence
        for name in GUIDELINES
        for item in read_guideline(name).items
    }
    proven = {
        found[name, number]
        for name in GUIDELINES
        for number, item in answer(study, name).items()
        if item.standing == "PROVEN"
    }
    assert proven == {found[key] for key in taken}


@pytest.mark.parametrize(
    ("number", "take_away", "said"), TAKEN_AWAY, ids=[f"{n}-{s[:24]}" for n, _, s in TAKEN_AWAY]
)
def test_without_its_evidence_an_item_is_missing(
    study: Subject, number: str, take_away: Callable[[Subject], None], said: str
) -> None:
    take_away(study)
    item = look_at(number)
    assert item.standing == "MISSING"
    assert said in item.shown


@pytest.mark.parametrize(
    ("guideline", "number", "take_away", "said"),
    OTHERS_TAKEN_AWAY,
    ids=[f"{name}-{number}" for name, number, _, _ in OTHERS_TAKEN_AWAY],
)
def test_so_it_is_of_the_other_lists(
    study: Subject,
    guideline: str,
    number: str,
    take_away: Callable[[Subject], None],
    said: str,
) -> None:
    take_away(study)
    item = look_at(number, guideline)
    assert item.standing == "MISSING"
    assert said in item.shown


def test_another_site_proves_external_testing(study: Subject) -> None:
    found = evaluate(study.run.path, part="test", split="splits", figures=False)
    one = Estimate(value=0.7, low=0.6, high=0.8)
    drop = ScoreDrop(own=one, here=one, drop=one, prevalence=one, view_mix=one, rest=one)
    external = ExternalEvaluation(
        site="elsewhere",
        part="test",
        own_images=1,
        own_patients=1,
        not_in_table=(),
        not_in_run=(),
        mapping=None,
        own_views={},
        views={},
        macro={"auroc": drop, "average_precision": drop},
        within_views={},
        per_class={},
    )
    study.__dict__["evaluations"] = [replace(found, external=external)]
    proof = EVIDENCE["external"](study)
    assert isinstance(proof, Proof)
    assert proof.numbers == {"elsewhere.auroc": 0.7}
    assert isinstance(EVIDENCE["robustness"](study), Proof)
    study.__dict__["evaluations"] = [found]
    assert isinstance(EVIDENCE["external"](study), Gap)


def test_maps_that_were_held_against_boxes_prove_an_explanation(study: Subject) -> None:
    beside = Beside(value=0.2, low=0.1, high=0.3, gain=0.1, gain_low=0.05, gain_high=0.2)
    measure = Measure(
        value=0.3, low=0.2, high=0.4, centre=beside, mean_box=beside, randomised=beside
    )
    overall = LabelLocalisation(
        films=8,
        patients=8,
        boxes=8,
        called=None,
        empty=0,
        pointing=measure,
        energy=measure,
        iou=measure,
        threshold=0.5,
    )
    record = Explanation(
        name="a",
        run=study.run.path.as_posix(),
        model="test_resnet",
        method="gradcam",
        labels=study.run.labels,
        films=8,
        patients=8,
        maps=8,
        map_side=(7, 7),
        thresholds="",
        boxes_left_out={},
        overall=overall,
        per_class={},
        randomisation=Randomisation(maps=8, patients=8, care="cares", stages=()),
        gallery=(),
        notes=(),
    )
    path = Path("experiments/explanations/a/localisation.json")
    path.parent.mkdir(parents=True)
    for one, standing in (
        (record, "PROVEN"),
        (replace(record, run="experiments/runs/another"), "MISSING"),
        (replace(record, labels=("Other",)), "MISSING"),
        (replace(record, overall=None), "MISSING"),
    ):
        path.write_text(json.dumps(one.to_json()))
        assert look_at("31").standing == standing
    path.write_text("{")
    assert look_at("31").standing == "MISSING"


def test_an_evaluation_in_groups_proves_more(study: Subject) -> None:
    # As one that was evaluated before, without groups.
    for subgroups in (False, True):
        evaluate(
            study.run.path,
            part="test",
            split="splits",
            subgroups=subgroups,
            figures=False,
            write=True,
        )
    found = answer(read_subject("loss"))
    proven = {number for number, item in found.items() if item.standing == "PROVEN"}
    assert proven == EVERYTHING | MORE
    assert "groups of" in found["30"].shown
    stard = answer(read_subject("loss"), "stard")
    assert look_at("23a", "tripod").standing == "PROVEN"
    assert {"23", "30", "31"} <= {n for n, item in stard.items() if item.standing == "PROVEN"}
    # An evaluation of other predictions or labels proves nothing of this run.
    for scores in Path("experiments/evaluation").glob("*/scores.json"):
        change_json(scores, lambda one: one["asked"].update(cases="0" * 64))
    again = answer(read_subject("loss"))
    assert {again[number].standing for number in MORE} == {"MISSING"}
    assert look_at("23", "stard").standing == look_at("23a", "tripod").standing == "MISSING"


def test_a_call_that_does_not_add_up_is_no_cross_table(study: Subject) -> None:
    evaluate(study.run.path, part="val", split="splits", figures=False, write=True)
    [scores] = Path("experiments/evaluation").glob("*/scores.json")

    def miscount(one: Any) -> None:
        for row in one["per_class"].values():
            row["true_positives"] += 1

    change_json(scores, miscount)
    assert look_at("39").standing == "MISSING"
    assert "other positives than its calls add up to" in look_at("39").shown


def test_a_run_alone_has_no_plan_and_says_what_to_do(study: Subject) -> None:
    found = answer(read_subject(study.run.path))
    assert found["4"].standing == found["42"].standing == "MISSING"
    assert "xlite study run" in found["4"].remedy
    assert found["20"].standing == "PROVEN"
    assert found["38"].standing == "MISSING"


def test_items_topics_and_evidence_fit_together() -> None:
    used = set()
    for name, count in zip(GUIDELINES, (44, 52, 48), strict=True):
        items = read_guideline(name).items
        assert len(items) == len({item.number for item in items}) == count
        assert all(item.evidence or item.topic for item in items)
        used |= {item.evidence for item in items if item.evidence}
        assert {item.topic for item in items if item.topic} <= set(read_topics())
    assert used == set(EVIDENCE)
