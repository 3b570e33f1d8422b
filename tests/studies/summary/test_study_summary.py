"""A study in short: the path taken, who reached what, and who decided it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from told_studies import AUROC, FINE_TUNING, SEARCH, Told, tell_fine_tuning, tell_search

from xlite.places import STUDY_RECORD
from xlite.results.study import Study, StudyScore
from xlite.studies.folder import StudyFolder
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import END, Success
from xlite.studies.summary.experiments import find_reached
from xlite.studies.summary.study import summarise_study, write_study_record


def summarise(told: Told, plan: Any = FINE_TUNING, **options: Any) -> Study:
    return summarise_study(Standing(plan, told.state, {}), **options)


def tree_of(study: Study) -> dict[str, tuple[int, str, str]]:
    return {node.id: (node.depth, node.branch, node.state) for node in study.tree}


def test_the_tree_shows_the_path_taken_and_the_one_that_was_not() -> None:
    study = summarise(tell_fine_tuning(), open_questions=("choose",))
    assert tree_of(study) == {
        "2.1": (0, "", "finished"),
        "2.2": (0, "", "finished"),
        "2.4": (0, "", "finished"),
        "above-83": (0, "", "decided"),
        "2.5": (1, "then", "finished"),
        "choose": (1, "", "open"),
        "end": (2, "best: 2.5", "waiting"),
        "check": (1, "otherwise", "not taken"),
    }
    texts = {node.id: node.outcome for node in study.tree}
    assert texts["above-83"] == "holds: 2.1 has 0.870"
    assert texts["2.1"] == (
        "val.auroc 0.870 (0.800 to 0.900); reached its target; 1 of 3 runs failed"
    )
    assert texts["2.4"].endswith("not as expected (0.5 to 0.6)")
    assert study.state == "waiting"
    assert study.questions == ("Which becomes the default? (best: 2.5, keep baseline)",)


def test_the_other_path_ends_without_an_improvement() -> None:
    study = summarise(tell_fine_tuning(is_good=False))
    states = {name: state for name, (_, _, state) in tree_of(study).items()}
    assert states["check"] == "finished"
    assert states["2.5"] == states["choose"] == "not taken"
    assert (study.state, study.has_winner, study.winner) == ("ended", True, None)
    assert study.why == "nothing reached a minimum"
    assert [one.choice for one in study.decisions if one.subject == "winner"] == ["no improvement"]


def test_where_a_rule_ends_the_study_nothing_waits_any_more() -> None:
    told = Told()
    for seed in (0, 1, 2):
        told.train(f"train:2.1:s{seed}", 0.9, run=f"runs/{seed}")
    told.decide("rule:above-83", "2.1 has 0.9", holds=True, begins=[END])
    states = {name: state for name, (_, _, state) in tree_of(summarise(told)).items()}
    assert states["2.1"] == "finished"
    assert states["2.2"] == states["2.4"] == states["2.5"] == states["choose"] == "not taken"


def test_nothing_is_told_of_before_it_has_happened() -> None:
    told = Told()
    told.train("train:2.1:s0", 0.8, run="runs/one")
    told.claim("train:2.1:s1")
    study = summarise(told)
    first, second, *_ = study.experiments
    assert (first.state, first.runs, first.reached) == ("running", ("runs/one",), "minimum")
    assert first.result == StudyScore(point=0.8)
    assert (second.state, second.result, second.reached) == ("waiting", StudyScore(), None)
    assert {state for _, _, state in tree_of(study).values()} == {"running", "waiting"}


@pytest.mark.parametrize(
    ("on", "score", "reached"),
    [
        ("point", StudyScore(point=0.86, low=0.7, high=0.9), "target"),
        ("lower bound", StudyScore(point=0.86, low=0.81, high=0.9), "minimum"),
        ("lower bound", StudyScore(point=0.86), None),
        ("point", StudyScore(point=0.8), "minimum"),
        ("point", StudyScore(point=0.79), "none"),
        ("point", StudyScore(point=float("nan")), None),
    ],
)
def test_a_criterion_is_held_against_what_the_plan_says(
    on: Any, score: StudyScore, reached: str | None
) -> None:
    success = Success(score=AUROC, on=on, minimum=0.8, target=0.85, stretch=0.9)
    assert find_reached(success, score) == reached


def test_a_seed_that_failed_is_named_and_left_out() -> None:
    [first, *_] = summarise(tell_fine_tuning()).experiments
    assert first.failures == ("seed 2: out of memory",)
    assert first.runs == ("runs/run-2.1-0", "runs/run-2.1-1")
    assert first.result.point == pytest.approx(0.87)
    assert first.changes == {"model": "test_resnet", "initial_weights": "none", "lr": 5e-05}


def test_what_is_written_at_the_end_tells_of_a_study_that_has_ended() -> None:
    told = tell_fine_tuning()
    told.answer("choose", "best: 2.5", "better")
    told.decide("winner", "reader 1", id="2.5")
    study = summarise(told)
    assert study.state == "ended"
    told.end("finish:settings", details={"file": "best.toml"})
    told.decide("end", "all", not_taken=["check", "other"], failed=[])
    study = summarise(told)
    assert study.files == {"settings": "best.toml"}
    assert study.decisions[-1].choice == "not taken: check, other"


def test_decisions_of_rules_and_people_stand_in_the_order_of_their_time() -> None:
    told = tell_fine_tuning()
    told.answer("choose", "keep baseline", "0.02 is not worth twice the time")
    told.change("2.5: lr 1e-4 -> 3e-5")
    decisions = summarise(told).decisions
    assert [(one.who, one.subject, one.choice) for one in decisions] == [
        ("rule", "rule:above-83", "holds; begins 2.5"),
        ("reader 1", "ask:choose", "keep baseline"),
        ("person", "plan", "changed"),
    ]
    assert decisions[0].saw == (2, 4)
    assert decisions[1].number == len(told.entries) - 1


def test_a_search_shows_its_trials_and_their_rungs() -> None:
    study = summarise(tell_search(), SEARCH)
    first, second = study.searches
    assert len(first.trials) == 12
    assert [trial.state for trial in first.trials] == ["paused"] * 11 + ["finished"]
    assert first.trials[11].rungs.keys() == {1, 3, 9}
    assert (first.best, first.trials[11].score, first.optimism) == (11, 0.86, 0.031)
    assert first.corrected == pytest.approx(0.829)
    assert first.kept == "trials 11, 9"
    assert second.trials[1].score == pytest.approx(0.82)
    assert second.trials[1].runs == ("runs/c1-100", "runs/c1-101")
    assert study.winner == "second/1"
    kept = next(one for one in study.decisions if one.subject == "keep:first")
    assert kept.choice == "trials: 11, 9; optimism: 0.031"
    assert [node.title for node in study.tree] == ["tpe, 12 runs", "fresh seeds 100, 101"]
    # What was decided of single trials stands with them alone.
    assert {one.subject for one in study.decisions} == {"keep:first", "winner", "end"}


def test_a_trial_that_lacks_a_seed_at_a_rung_has_no_score_there() -> None:
    told = Told()
    told.decide("suggest:first/0", lr=1e-3)
    told.train("train:first/0:s0:e1", 0.6, outcome="paused", epochs=1)
    told.claim("train:first/0:s1:e1")
    [trial] = summarise(told, SEARCH).searches[0].trials
    assert (trial.state, trial.score, trial.rungs) == ("running", None, {})


def test_a_rungs_last_item_that_trained_to_the_end_counts_by_its_epochs() -> None:
    told = Told()
    told.decide("suggest:second/0", lr=1e-3)
    told.train("train:second/0:s100", 0.7, epochs=9, run="runs/a")
    [trial] = summarise(told, SEARCH).searches[1].trials
    assert (trial.state, trial.rungs) == ("finished", {9: 0.7})


def test_the_record_is_written_whole_and_reads_back(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "experiments" / "studies" / "told")
    written = write_study_record(folder, Standing(SEARCH, tell_search().state, {}))
    path = folder.path / STUDY_RECORD
    assert Study.read(path, remedy="") == written
    before = path.read_bytes()
    write_study_record(folder, Standing(SEARCH, tell_search().state, {}))
    assert path.read_bytes() == before
    assert json.loads(before)["entries"] == len(tell_search().entries)
