"""Any plan in any order of events: it ends, and nothing is done twice, lost, or decided anew."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.studies.rules.simulated import BASE, Simulation, experiment
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import (
    END,
    Answer,
    Ask,
    CachePlan,
    Condition,
    Distribution,
    Experiment,
    Finally,
    Keep,
    Phase,
    Rule,
    Rungs,
    ScoreName,
    StudyPlan,
)
from xlite.studies.study_state import StudyState
from xlite.studies.work_item import WorkItem

AUROC = ScoreName("val", "auroc")
FOLDS = {Path("folds"): 2}
EXPERIMENTS = ("A", "B", "C", "D")
PHASES = ("P", "Q")
ASKS = ("ask1", "ask2")
TARGETS = (*EXPERIMENTS, *PHASES, *ASKS)
EPOCHS = Distribution(kind="int", low=1, high=9, step=4)
MODELS = Distribution(kind="values", values=("resnet18", "resnet34", "resnet50"))


def some(*names: str, least: int = 0, most: int = 2) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), unique=True, min_size=least, max_size=most).map(tuple)


@st.composite
def experiments(draw: st.DrawFn, name: str) -> Experiment:
    return experiment(
        name,
        seeds=draw(st.sampled_from([(0,), (0, 1), (5, 3)])),
        # Cycles are refused by `check`; here they must not hang either.
        after=draw(some(*TARGETS, "rule1", most=1)),
        split=draw(st.sampled_from([None, Path("folds")])),
    )


@st.composite
def phases(draw: st.DrawFn, name: str, previous: str | None) -> Phase:
    is_confirm = previous is not None and draw(st.booleans())
    return Phase(
        id=name,
        method="confirm" if is_confirm else draw(st.sampled_from(["random", "grid"])),
        settings=BASE.model_copy(update={"epochs": 9}),
        space={"model": MODELS} if draw(st.booleans()) else {"model": MODELS, "epochs": EPOCHS},
        runs=draw(st.integers(1, 6)),
        score=draw(st.sampled_from([AUROC, ScoreName("val", "specificity")])),
        seeds=draw(st.sampled_from([(0,), (0, 1)])),
        rungs=None if is_confirm else draw(st.sampled_from([None, Rungs(first=2, factor=2)])),
        keep=draw(st.sampled_from([None, Keep(best=2), Keep(best=2, setting="model")])),
        previous=previous,
        split=draw(st.sampled_from([None, Path("folds")])),
        after=draw(some(*TARGETS, most=1)),
    )


@st.composite
def rules(draw: st.DrawFn, name: str) -> Rule:
    condition = Condition(
        quantifier=draw(st.sampled_from(["any", "all", "best"])),
        of=draw(some(*EXPERIMENTS, *PHASES, least=1)),
        score=AUROC,
        comparison=draw(st.sampled_from(["above", "below", "within"])),
        low=0.5,
        high=0.9,
        on=draw(st.sampled_from(["point", "lower bound"])),
    )
    then, otherwise = draw(some(*TARGETS, END)), draw(some(*TARGETS, END))
    return Rule(id=name, when=condition, then=then, otherwise=otherwise)


@st.composite
def asks(draw: st.DrawFn, name: str) -> Ask:
    winner = draw(st.sampled_from([None, "A", "P"]))
    choices = {
        "yes": Answer(then=draw(some(*TARGETS, END)), winner=winner),
        "no": Answer(then=draw(some(*TARGETS))),
    }
    return Ask(id=name, question="?", choices=choices, after=draw(some(*TARGETS, "rule1")))


@st.composite
def plans(draw: st.DrawFn) -> StudyPlan:
    is_chained = draw(st.booleans())
    return StudyPlan(
        name="s",
        experiments=tuple(draw(experiments(name)) for name in EXPERIMENTS),
        phases=(draw(phases("P", None)), draw(phases("Q", "P" if is_chained else None))),
        rules=tuple(draw(rules(f"rule{n}")) for n in range(1, draw(st.integers(0, 3)) + 1)),
        asks=tuple(draw(asks(name)) for name in ASKS),
        build=draw(st.sampled_from([None, CachePlan(images=Path("raw"), shards=2)])),
        finish=draw(st.sampled_from([Finally(), Finally(report=True, compare=True)])),
    )


def by_chance(item: WorkItem, name: str) -> float:
    return random.Random(item.id.partition(":")[2]).random()


@settings(max_examples=150, deadline=None)
@given(
    plan=plans(),
    num_agents=st.integers(1, 4),
    seed=st.integers(0, 2**16),
    p_failed=st.sampled_from([0.0, 0.2, 1.0]),
    p_lost=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_any_study_ends_with_all_items_done_once(
    plan: StudyPlan, num_agents: int, seed: int, p_failed: float, p_lost: float
) -> None:
    study = Simulation(
        plan,
        score_of=by_chance,
        folds=FOLDS,
        num_agents=num_agents,
        draws=random.Random(seed),
        p_failed=p_failed,
        p_lost=p_lost,
    )
    study.run()
    assert len(study.ends) == len(set(study.ends))
    assert not study.state.held
    assert "end" in study.state.decisions
    standing = Standing(plan, study.state, FOLDS)
    for one in plan.experiments:
        items = [run.item for run in standing.runs(one)]
        done = [item for item in items if study.state.end_of(item) is not None]
        is_ended = standing.status(one.id) == "ended"
        assert done == (items if is_ended else [])
    for phase in plan.phases:
        is_ended = standing.status(phase.id) == "ended"
        assert is_ended == (f"keep:{phase.id}" in study.state.decisions)
        assert is_ended or not standing.trials(phase)
        assert not any(trial.is_pending for trial in standing.trials(phase))
    # What is done at the end comes after all else.
    kinds = [name.startswith("finish:") for name in study.ends]
    assert kinds == sorted(kinds)
    study.require_replayable()
    assert vars(StudyState.of(study.entries)) == vars(study.state)


@settings(max_examples=30, deadline=None)
@given(plan=plans(), seed=st.integers(0, 2**16))
def test_with_one_agent_the_ledger_is_the_same_each_time(plan: StudyPlan, seed: int) -> None:
    # Who dies or asks first is drawn; with one agent nothing else may depend on chance.
    first, again = (
        Simulation(plan, score_of=by_chance, folds=FOLDS, draws=random.Random(seed))
        for _ in range(2)
    )
    first.run()
    again.run()
    assert first.entries == again.entries
