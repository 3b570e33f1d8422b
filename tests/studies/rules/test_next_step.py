"""The next step: what begins when, in which order, and that it is told by plan and ledger alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.studies.rules.simulated import BASE, Simulation, experiment
from xlite.studies.ledger_entries import Claim, Release
from xlite.studies.rules.next_step import MAX_LOST, describe_loss, find_next_step
from xlite.studies.study_plan import (
    END,
    Answer,
    Ask,
    CachePlan,
    Condition,
    Finally,
    Rule,
    ScoreName,
    StudyPlan,
    Success,
)
from xlite.studies.study_state import StudyState

AUROC = ScoreName("val", "auroc")


def above(threshold: float, *names: str, quantifier: str = "any", on: str = "point") -> Condition:
    return Condition(
        quantifier=quantifier,  # type: ignore[arg-type]
        of=names,
        score=AUROC,
        comparison="above",
        low=threshold,
        on=on,  # type: ignore[arg-type]
    )


def scored(**scores: float):  # type: ignore[no-untyped-def]
    """Scores by the subject of an item, dots as `_`."""
    return lambda item, name: scores.get(item.subject, 0.5)


def test_all_experiments_of_a_seed_come_before_the_next_seed() -> None:
    plan = StudyPlan(name="s", experiments=(experiment("A", seeds=(3, 4)), experiment("B")))
    ready = find_next_step(plan, StudyState()).ready
    assert [item.id for item in ready] == ["train:A:s3", "train:B:s0", "train:A:s4"]
    assert [item.settings.seed for item in ready if item.settings] == [3, 0, 4]


def test_folds_are_an_item_each() -> None:
    plan = StudyPlan(
        name="s",
        split=Path("folds"),
        experiments=(experiment("A"), experiment("B", split=Path("plain"))),
    )
    ready = find_next_step(plan, StudyState(), folds={Path("folds"): 3}).ready
    assert [(item.id, item.fold) for item in ready] == [
        ("train:A:s0:f0", 0),
        ("train:A:s0:f1", 1),
        ("train:A:s0:f2", 2),
        ("train:B:s0", None),
    ]


def test_what_comes_after_something_waits_for_its_judgement() -> None:
    finish = Finally(report=True)
    experiments = (experiment("A"), experiment("B", after=("A",)))
    study = Simulation(StudyPlan(name="s", experiments=experiments, finish=finish))
    study.run()
    assert study.ends == ["train:A:s0", "judge:A", "train:B:s0", "judge:B", "finish:report"]


def test_nothing_is_judged_that_nothing_asks_for() -> None:
    study = Simulation(StudyPlan(name="s", experiments=(experiment("A"),)))
    study.run()
    assert study.ends == ["train:A:s0"]
    assert list(study.state.decisions) == ["end"]


def test_a_judgement_is_given_the_runs_that_did_not_fail() -> None:
    plan = StudyPlan(
        name="s", experiments=(experiment("A", seeds=(0, 1)),), finish=Finally(card=True)
    )
    study = Simulation(plan)
    for item, fails in zip(study.step().ready, (True, False), strict=True):
        study.append(Claim(at="", agent="a0", item=item.id))
        study.end(item, fails=fails)
    (judge,) = study.step().ready
    assert judge.runs == ("runs/train:A:s1",)
    assert judge.scores == ("val.auroc",)
    study.run()
    assert "1 of 2 runs" in study.state.decisions["winner"].why


def test_the_cache_comes_first_and_is_merged_last() -> None:
    build = CachePlan(images=Path("raw"), shards=2)
    study = Simulation(StudyPlan(name="s", experiments=(experiment("A"),), build=build))
    assert [item.id for item in study.step().ready] == ["cache:1/2", "cache:2/2"]
    study.run()
    assert study.ends == ["cache:1/2", "cache:2/2", "cache:merge", "train:A:s0"]
    alone = StudyPlan(name="s", build=CachePlan(images=Path("raw")))
    assert [item.id for item in find_next_step(alone, StudyState()).ready] == ["cache:1/1"]


def test_without_a_cache_nothing_is_trained_and_the_study_ends() -> None:
    build = CachePlan(images=Path("raw"), shards=2)
    finish = Finally(report=True)
    study = Simulation(
        StudyPlan(name="s", experiments=(experiment("A"),), build=build, finish=finish),
        p_failed=1.0,
    )
    study.run()
    assert study.ends == ["cache:1/2", "finish:report"]
    assert study.choice("winner") == {"id": None}
    assert study.choice("end")["not_taken"] == ["A"]


@pytest.mark.parametrize(("score", "taken"), [(0.96, "B"), (0.94, "C")])
def test_a_rule_begins_one_branch_and_the_other_is_not_taken(score: float, taken: str) -> None:
    rule = Rule(id="r", when=above(0.95, "A"), then=("B",), otherwise=("C",))
    plan = StudyPlan(
        name="s",
        experiments=(*map(experiment, "ABC"), experiment("D", after=("C",))),
        rules=(rule,),
    )
    study = Simulation(plan, score_of=scored(A=score))
    study.run()
    assert study.choice("rule:r") == {"holds": taken == "B", "begins": [taken]}
    trained = {name.split(":")[1] for name in study.ends if name.startswith("train")}
    assert trained == {"A", "B"} if taken == "B" else {"A", "C", "D"}


def test_a_threshold_for_the_lower_bound_is_held_against_it() -> None:
    rule = Rule(id="r", when=above(0.95, "A", on="lower bound"), then=(END,), otherwise=("B",))
    plan = StudyPlan(name="s", experiments=(experiment("A"), experiment("B")), rules=(rule,))
    # The simulated interval reaches 0.01 below the score.
    study = Simulation(plan, score_of=scored(A=0.955))
    study.run()
    assert study.choice("rule:r")["holds"] is False
    assert "lower bound" in study.state.decisions["rule:r"].why
    assert "0.9450" in study.state.decisions["rule:r"].why


@pytest.mark.parametrize(
    ("quantifier", "failed", "holds"),
    [
        ("any", (), True),
        ("any", ("A",), True),
        ("any", ("A", "B"), False),
        ("all", (), True),
        ("all", ("A",), False),
        ("best", ("A",), True),
        ("best", ("A", "B"), False),
    ],
)
def test_a_failed_experiment_has_no_score(
    quantifier: str, failed: tuple[str, ...], holds: bool
) -> None:
    rule = Rule(id="r", when=above(0.8, "A", "B", quantifier=quantifier), otherwise=(END,))
    plan = StudyPlan(name="s", experiments=(experiment("A"), experiment("B")), rules=(rule,))
    study = Simulation(plan)
    for item in study.step().ready:
        study.append(Claim(at="", agent="a0", item=item.id))
        study.end(item, fails=item.subject in failed)
    study.run()
    assert study.choice("rule:r")["holds"] is holds
    assert ("failed" in study.state.decisions["rule:r"].why) == bool(failed)


def test_after_the_end_nothing_begins_but_what_has_begun_goes_on() -> None:
    rule = Rule(id="r", when=above(0.8, "A"), then=(END,))
    begun, other = experiment("B", seeds=(0, 1)), experiment("C")
    plan = StudyPlan(
        name="s", experiments=(experiment("A", seeds=(5,)), begun, other), rules=(rule,)
    )
    study = Simulation(plan)
    train_a, train_b, *_ = study.step().ready
    for item in (train_a, train_b):
        study.append(Claim(at="", agent="a0", item=item.id))
        study.end(item)
    study.run()
    assert [name for name in study.ends if name.startswith("train")] == [
        "train:A:s5",
        "train:B:s0",
        "train:B:s1",
    ]
    assert study.choice("end")["not_taken"] == ["C"]


def test_an_answer_begins_what_it_names_and_decides_the_winner() -> None:
    ask = Ask(
        id="q",
        question="Which?",
        after=("A", "B"),
        choices={
            "best": Answer(winner="B", then=("C",)),
            "keep": Answer(winner="A"),
        },
    )
    experiments = tuple(map(experiment, "ABC"))
    finish = Finally(weights=Path("w.safetensors"))
    plan = StudyPlan(name="s", experiments=experiments, asks=(ask,), finish=finish)
    for choice, winner in (("best", "B"), ("keep", "A")):
        study = Simulation(plan, score_of=scored(A=0.9, B=0.8, C=0.99))
        step = study.run(until=lambda step: bool(step.waiting_for))
        assert step.waiting_for == (ask,)
        assert not step.ready
        study.answer(ask, choice)
        study.run()
        assert study.choice("winner") == {"id": winner}
        assert ("train:C:s0" in study.ends) == (choice == "best")
        assert f"answered q with '{choice}'" in study.state.decisions["winner"].why


def test_the_best_score_wins_and_ties_are_told_apart() -> None:
    then = ScoreName("val", "sensitivity", "Mass")
    scores = {("A", "val.auroc"): 0.9001, ("B", "val.auroc"): 0.9004, ("C", "val.auroc"): 0.8}
    scores |= {("A", str(then)): 0.7, ("B", str(then)): 0.6, ("C", str(then)): 0.9}
    plan = StudyPlan(
        name="s",
        experiments=tuple(map(experiment, "ABC")),
        finish=Finally(report=True, then=(then,)),
    )
    study = Simulation(plan, score_of=lambda item, name: scores.get((item.subject, name), 0.0))
    study.run()
    assert study.choice("winner") == {"id": "A"}
    why = study.state.decisions["winner"].why
    assert "equal to three decimals: A, B" in why
    assert "0.9004" in why


@pytest.mark.parametrize(
    ("scores", "winner"), [((0.7, 0.81, 0.9), "B"), ((0.7, 0.6, 0.9), "A"), ((0.85, 0.8, 0.9), "A")]
)
def test_what_is_below_its_minimum_does_not_win(scores: tuple[float, ...], winner: str) -> None:
    # The lower bounds of the simulation are 0.01 below the points.
    success = Success(score=AUROC, on="lower bound", minimum=0.8)
    plan = StudyPlan(
        name="s",
        experiments=(
            experiment("A"),
            experiment("B", success=success),
            experiment("C", success=replace(success, minimum=0.95)),
        ),
        finish=Finally(report=True),
    )
    study = Simulation(plan, score_of=scored(**dict(zip("ABC", scores, strict=True))))
    study.run()
    assert study.choice("winner") == {"id": winner}
    assert "below the minimum" in study.state.decisions["winner"].why
    assert "C 0.8900 of val.auroc, 0.95 wanted" in study.state.decisions["winner"].why
    study.require_replayable()


def test_nothing_wins_where_nothing_has_reached_its_minimum() -> None:
    success = Success(score=AUROC, minimum=0.95)
    plan = StudyPlan(
        name="s", experiments=(experiment("A", success=success),), finish=Finally(report=True)
    )
    study = Simulation(plan)
    study.run()
    assert study.choice("winner") == {"id": None}
    assert study.state.decisions["winner"].why == (
        "nothing has reached its minimum; below the minimum: A 0.9000 of val.auroc, 0.95 wanted"
    )


def test_what_is_done_at_the_end_is_done_in_order() -> None:
    finish = Finally(
        report=True,
        compare=True,
        card=True,
        test=True,
        settings=Path("s.toml"),
        weights=Path("w.safetensors"),
    )
    study = Simulation(StudyPlan(name="s", experiments=(experiment("A"),), finish=finish))
    study.run()
    order = ("compare", "settings", "weights", "test", "card", "report")
    assert study.ends[2:] == [f"finish:{name}" for name in order]
    assert study.choice("end") == {"not_taken": [], "failed": []}
    assert study.step().is_ended


def test_an_item_over_which_agents_die_is_given_up() -> None:
    plan = StudyPlan(name="s", experiments=(experiment("A"),))
    study = Simulation(plan)
    for _ in range(MAX_LOST):
        assert describe_loss(study.state, "train:A:s0") is None
        study.append(Claim(at="", agent="x", item="train:A:s0"))
        assert not study.step().ready
        values = {"item": "train:A:s0", "holder": "x", "reason": "lost"}
        study.append(Release(at="", agent="y", **values))  # type: ignore[arg-type]
    assert "lost 3 times" in (describe_loss(study.state, "train:A:s0") or "")
    study.run()
    assert study.state.items["train:A:s0"].status == "failed"


def test_settings_of_an_item_are_those_of_the_experiment_but_for_the_seed() -> None:
    plan = StudyPlan(name="s", experiments=(experiment("A", seeds=(7,), has_fixed_budget=True),))
    (item,) = find_next_step(plan, StudyState()).ready
    assert item.settings == BASE.model_copy(update={"seed": 7})
    assert item.has_fixed_budget


def test_a_plan_that_waits_for_itself_ends() -> None:
    experiments = (experiment("A", after=("B",)), experiment("B", after=("A",)))
    study = Simulation(StudyPlan(name="s", experiments=experiments))
    study.run()
    assert study.choice("end")["not_taken"] == ["A", "B"]


def test_a_chain_may_be_long() -> None:
    names = [f"E{number}" for number in range(2000)]
    experiments = (
        experiment(name, after=(before,) if before else ())
        for before, name in zip(["", *names], names, strict=False)
    )
    rule = Rule(id="r", when=above(0.9, names[-1]))
    plan = StudyPlan(name="s", experiments=tuple(experiments), rules=(rule,))
    assert [item.id for item in find_next_step(plan, StudyState()).ready] == ["train:E0:s0"]
