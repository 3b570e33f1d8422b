"""Searches: what is drawn, what is promoted, what is kept, and that no trial escapes a rung."""

from __future__ import annotations

import logging
import logging.handlers
import math
import queue
import random
from dataclasses import replace

import pytest

from tests.studies.rules.simulated import BASE, Simulation
from xlite.errors import InputError
from xlite.scores.selection import selection_optimism
from xlite.studies.ledger_entries import Decision
from xlite.studies.rules.kept_trials import require_fresh_seeds
from xlite.studies.rules.next_step import find_next_step
from xlite.studies.study_plan import (
    TRAINING_SCORES,
    Condition,
    Distribution,
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
from xlite.workflows import study_training

LR = Distribution(kind="log_uniform", low=1e-5, high=1e-2)
MODEL = Distribution(kind="values", values=("resnet18", "resnet34", "efficientnet_b0"))
SPACE = {"model": MODEL, "lr": LR}
SETTINGS = BASE.model_copy(update={"epochs": 45})


def phase(name: str = "search", **values: object) -> Phase:
    known: dict[str, object] = {
        "method": "random",
        "settings": SETTINGS,
        "space": SPACE,
        "runs": 9,
    }
    return Phase(id=name, **(known | values))  # type: ignore[arg-type]


class Objective:
    """The best rate is 1e-3 and the best model resnet34; scores rise with the epochs."""

    def __init__(self, noise: float = 0.0) -> None:
        self.noise = noise
        self.of_subject: dict[str, float] = {}

    def __call__(self, item: WorkItem, name: str) -> float:
        if item.settings is None:
            return self.of_subject[item.subject]
        settings = item.settings
        score = 0.9 - 0.05 * (math.log10(settings.lr) + 3) ** 2
        score += 0.02 * (settings.model == "resnet34")
        score -= 0.1 * math.exp(-(item.until_epoch or settings.epochs) / 5)
        score += self.noise * random.Random(item.id.partition(":e")[0]).gauss(0, 1)
        self.of_subject[item.subject] = score
        return score


def search(*phases: Phase, **values: object) -> Simulation:
    plan = StudyPlan(name="s", phases=phases, finish=Finally(report=True))
    return Simulation(plan, score_of=Objective(), **values)  # type: ignore[arg-type]


def suggestions(study: Simulation, name: str = "search") -> list[dict[str, object]]:
    found = [one for one in study.state.decisions if one.startswith(f"suggest:{name}/")]
    return [choice for one in found if (choice := study.choice(one))]


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_a_search_is_a_pure_function_of_its_seed_and_its_ends(method: str) -> None:
    first, again = (search(phase(method=method, runs=14)) for _ in range(2))
    other = search(phase(method=method, runs=14, seed=1))
    for study in (first, again, other):
        study.run()
        study.require_replayable()
    assert first.entries == again.entries
    assert len(suggestions(first)) == 14
    assert suggestions(first) != suggestions(other)
    for one in suggestions(first):
        assert one["model"] in MODEL.values
        assert LR.low <= one["lr"] <= LR.high  # type: ignore[operator]


def test_tpe_learns_from_what_was_found() -> None:
    def distance(method: str, seed: int) -> float:
        study = search(phase(method=method, runs=40, seed=seed, space={"lr": LR}))
        study.run()
        late = [math.log10(one["lr"]) for one in suggestions(study)[20:]]  # type: ignore[arg-type]
        return sum(abs(x + 3) for x in late) / len(late)

    assert sum(distance("tpe", seed) for seed in range(2)) < 0.6 * sum(
        distance("random", seed) for seed in range(2)
    )


def test_tpe_leaves_optunas_logging_alone() -> None:
    optuna = pytest.importorskip("optuna")
    logger, records = logging.getLogger("optuna"), queue.SimpleQueue[logging.LogRecord]()
    handler = logging.handlers.QueueHandler(records)
    before = (optuna.logging.get_verbosity(), list(logger.handlers), logger.propagate)
    logger.addHandler(handler)
    try:
        search(phase(method="tpe", runs=3)).run()
        assert records.empty()
        # Ensure that this was a meaningful test: a study of one's own is still told of.
        optuna.create_study()
        assert "new study" in records.get_nowait().getMessage()
    finally:
        logger.removeHandler(handler)
    assert before == (optuna.logging.get_verbosity(), list(logger.handlers), logger.propagate)


def test_without_optuna_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(InputError, match=r"xlite\[search\]"):
        search(phase(method="tpe")).run()


def test_a_grid_is_taken_in_order_and_ends() -> None:
    epochs = Distribution(kind="int", low=10, high=21, step=5)
    space = {"epochs": epochs, "model": Distribution(kind="values", values=("resnet18", "b"))}
    study = search(phase(method="grid", runs=0, space=space))
    study.run()
    assert [(one["epochs"], one["model"]) for one in suggestions(study)] == [
        (number, model) for number in (10, 15, 20) for model in ("resnet18", "b")
    ]
    assert study.choice("suggest:search/7") == {}
    items = [find_train_item(study, f"train:search/{n}:s0") for n in (1, 2)]
    assert all(item.has_fixed_budget for item in items)


def find_train_item(study: Simulation, name: str) -> WorkItem:
    """The item of that id, from the entries before it was claimed."""
    state = StudyState()
    for entry in study.entries:
        for item in find_next_step(study.plan, state, folds=study.folds).ready:
            if item.id == name:
                return item
        state.apply([entry])
    raise AssertionError(name)


def test_a_grid_over_a_range_is_refused() -> None:
    with pytest.raises(InputError, match="lr is a range"):
        search(phase(method="grid")).run()


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_no_settings_are_tried_twice_and_a_space_may_be_exhausted(method: str) -> None:
    space = {"model": MODEL, "dropout": Distribution(kind="values", values=(0.0, 0.5))}
    study = search(phase(method=method, space=space, runs=20))
    study.run()
    found = {tuple(one.items()) for one in suggestions(study)}
    assert len(found) == len(suggestions(study)) == 6
    assert study.choice("suggest:search/7") == {}
    assert "no further settings" in study.state.decisions["suggest:search/7"].why


def test_settings_that_do_not_fit_each_other_are_drawn_anew() -> None:
    space = {
        "batch-size": Distribution(kind="values", values=(4, 64)),
        "accumulate": Distribution(kind="values", values=(1, 8)),
    }
    study = search(phase(space=space, runs=10))
    study.run()
    found = {(one["batch-size"], one["accumulate"]) for one in suggestions(study)}
    assert found == {(4, 1), (64, 1), (64, 8)}


def test_a_trial_waits_until_nothing_else_is_to_be_done() -> None:
    study = search(phase(runs=3))
    first = study.step()
    assert [one.subject for one in first.decisions] == ["suggest:search/1"]
    study.decide(first.decisions[0])
    step = study.step()
    assert not step.decisions
    assert [item.id for item in step.ready] == ["train:search/1:s0"]


RUNGS = Rungs(first=5, factor=3)


def test_with_rungs_a_third_goes_on_and_the_last_item_trains_to_the_end() -> None:
    study = search(phase(rungs=RUNGS, runs=9))
    study.run()
    study.require_replayable()
    trained = [name for name in study.ends if name.startswith("train")]
    assert sum(name.endswith(":e5") for name in trained) == 9
    assert sum(name.endswith(":e15") for name in trained) == 3
    assert sum(name.endswith(":e45") for name in trained) == 1
    (last,) = [name for name in trained if name.endswith(":e45")]
    assert find_train_item(study, last).until_epoch is None
    assert find_train_item(study, last.replace(":e45", ":e15")).until_epoch == 15
    best = study.choice("keep:search")["trials"]
    assert [int(last.split("/")[1].split(":")[0])] == best


def test_with_few_trials_the_best_is_trained_to_the_end_all_the_same() -> None:
    study = search(phase(rungs=RUNGS, runs=2))
    study.run()
    trained = [name for name in study.ends if name.startswith("train")]
    assert [name.rpartition(":")[2] for name in trained] == ["e5", "e5", "e15", "e45"]


def require_no_escape(study: Simulation) -> int:
    """Each trial beyond a rung was promoted, among the best of what was seen; how many were."""
    state, factor = StudyState(), RUNGS.factor
    number = 0
    for entry in study.entries:
        if isinstance(entry, Decision) and entry.subject.startswith("promote:"):
            _, subject, target = entry.subject.split(":")
            rung = int(target) // factor
            seen = {one.end.item: one.end for one in state.items.values() if one.end is not None}
            numbers = {one.end_number for one in state.items.values()}
            assert set(entry.saw) <= numbers
            at_rung = {
                name.split(":")[1]: end.scores["val.auroc"].point
                for name, end in seen.items()
                if name.endswith(f":e{rung}") and end.outcome != "failed"
            }
            later = {name.split(":")[1] for name, end in seen.items() if end.outcome == "failed"}
            at_rung = {name: score for name, score in at_rung.items() if name not in later}
            place = sorted(at_rung, key=lambda name: -(at_rung[name] or 0.0)).index(subject)
            assert place < max(1, len(at_rung) // factor)
            number += 1
        if entry.kind == "claim" and entry.item.startswith("train:"):
            _, subject, _, epochs = entry.item.split(":")
            is_promoted = f"promote:{subject}:{epochs[1:]}" in state.decisions
            assert is_promoted or epochs == f"e{RUNGS.first}"
        state.apply([entry])
    return number


@pytest.mark.parametrize("seed", range(12))
def test_no_trial_escapes_a_rung_whatever_dies(seed: int) -> None:
    study = search(
        phase(rungs=RUNGS, runs=20, method="random"),
        num_agents=1 + seed % 4,
        draws=random.Random(seed),
        p_failed=0.1 * (seed % 3),
        p_lost=0.2 * (seed % 2),
    )
    study.run()
    study.require_replayable()
    assert require_no_escape(study) >= 5
    assert len(study.ends) == len(set(study.ends))


def test_a_run_that_ends_before_its_rung_needs_no_promotion() -> None:
    study = search(phase(rungs=RUNGS, runs=3))
    for _ in range(3):
        study.decide(study.step().decisions[0])
        (item,) = study.step().ready
        study.append_claim(item)
        # Early stopping ends a run before the epoch at which it was to pause.
        study.end(replace(item, until_epoch=None))
    study.run()
    assert not [name for name in study.state.decisions if name.startswith("promote")]
    assert len([name for name in study.ends if name.startswith("train")]) == 3


def test_a_trial_is_the_mean_over_its_seeds_and_goes_on_with_all_of_them() -> None:
    study = search(phase(rungs=RUNGS, runs=3, seeds=(0, 1)))
    study.run()
    promoted = [name for name in study.ends if name.endswith(":e15")]
    assert [name.split(":")[2] for name in promoted] == ["s0", "s1"]


def test_phases_are_chained_by_the_values_that_were_kept() -> None:
    first = phase("one", runs=12, keep=Keep(best=2, setting="model"))
    dropout = Distribution(kind="uniform", low=0.2, high=0.5)
    second = phase("two", space={"dropout": dropout}, runs=6, keep=Keep(best=2), previous="one")
    third = phase("three", method="confirm", space={}, runs=0, seeds=(100, 101), previous="two")
    study = search(first, second, third)
    study.run()
    study.require_replayable()
    kept = study.choice("keep:one")
    assert len(kept["values"]) == len(kept["trials"]) == 2  # type: ignore[arg-type]
    rates = {
        study.choice(f"suggest:one/{n}")["model"]: study.choice(f"suggest:one/{n}")["lr"]
        for n in kept["trials"]  # type: ignore[attr-defined]
    }
    assert list(rates) == kept["values"]
    assert len(suggestions(study, "two")) == 6
    for one in suggestions(study, "two"):
        assert rates[one["model"]] == one["lr"]
        assert 0.2 <= one["dropout"] <= 0.5  # type: ignore[operator]
    assert suggestions(study, "three") == [
        study.choice(f"suggest:two/{n}")
        for n in study.choice("keep:two")["trials"]  # type: ignore[attr-defined]
    ]
    confirmed = [name for name in study.ends if ":three/" in name]
    assert confirmed == [
        "train:three/1:s100",
        "train:three/1:s101",
        "judge:three/1",
        "train:three/2:s100",
        "train:three/2:s101",
        "judge:three/2",
    ]
    assert study.choice("winner")["id"] in ("three/1", "three/2")


def test_a_phase_after_one_that_kept_nothing_ends() -> None:
    second = phase("two", previous="one")
    study = search(phase("one", runs=2), second, p_failed=1.0)
    study.run()
    assert study.choice("keep:one")["trials"] == study.choice("keep:two")["trials"] == []
    assert study.choice("winner") == {"id": None}


def test_confirming_with_the_seeds_of_the_search_is_refused() -> None:
    chain = (
        phase("one", seeds=(7,)),
        phase("two", previous="one"),
        phase("three", method="confirm", seeds=(7, 8), previous="two"),
    )
    with pytest.raises(InputError, match="three confirms with seed 7, by which one"):
        require_fresh_seeds(chain)
    require_fresh_seeds((*chain[:2], replace(chain[2], seeds=(8,))))


def test_the_best_trial_is_judged_and_told_to_be_too_good() -> None:
    study = search(phase(runs=9))
    study.run()
    kept = study.choice("keep:search")
    assert f"judge:search/{kept['trials'][0]}" in study.ends  # type: ignore[index]
    assert len([name for name in study.ends if name.startswith("judge")]) == 1
    assert kept["optimism"] > 0  # type: ignore[operator]
    assert "too good" in study.state.decisions["keep:search"].why
    best = study.state.end_of(f"judge:search/{kept['trials'][0]}")  # type: ignore[index]
    assert best is not None
    measured = best.scores["val.auroc"].point
    corrected = measured - kept["optimism"]  # type: ignore[operator]
    why = study.state.decisions["winner"].why
    assert f"search/{kept['trials'][0]} {corrected:.4f} (" in why
    assert f"{measured:.4f} as measured, lowered by {kept['optimism']:.4f}" in why  # type: ignore[index]


def test_trials_that_paused_spread_as_they_did_at_the_first_rung() -> None:
    """What more epochs have added to some of them is no truth that they differ in."""
    study = search(phase(runs=9, rungs=Rungs(first=1, factor=3)))
    study.run()
    kept = study.choice("keep:search")
    number = kept["trials"][0]  # type: ignore[index]
    judged = study.state.end_of(f"judge:search/{number}")
    assert judged is not None
    score = judged.scores["val.auroc"]
    firsts = [
        end.scores["val.auroc"].point
        for name, item in study.state.items.items()
        if name.endswith(":e1") and (end := item.end) is not None
    ]
    assert len(firsts) == 9
    error = (score.high - score.low) / (2 * 1.959964)  # type: ignore[operator]
    expected = selection_optimism([one for one in firsts if one is not None], error)
    assert kept["optimism"] == pytest.approx(expected, rel=1e-3)  # type: ignore[index]


@pytest.mark.parametrize("method", ["random", "confirm"])
def test_trials_are_judged_where_training_does_not_have_the_score(method: str) -> None:
    score = ScoreName("val", "balanced_accuracy")
    chain = [phase("one", runs=3, keep=Keep(best=2), score=score)]
    if method == "confirm":
        chain.append(phase("two", method="confirm", seeds=(9,), previous="one", score=score))
    study = search(*chain)
    study.run()
    study.require_replayable()
    last = chain[-1].id
    judged = [name for name in study.ends if name.startswith(f"judge:{last}/")]
    assert judged == [f"judge:{last}/{n}" for n in range(1, 3 if last == "two" else 4)]
    # Each trial waits for its judgement before the next one is suggested.
    assert study.ends[:4] == ["train:one/1:s0", "judge:one/1", "train:one/2:s0", "judge:one/2"]
    points = {
        n: study.state.items[f"judge:one/{n}"].end.scores[str(score)].point  # type: ignore[union-attr]
        for n in (1, 2, 3)
    }
    best = sorted(points, key=lambda n: -(points[n] or 0.0))[:2]
    assert study.choice("keep:one")["trials"] == best


def test_scores_of_training_are_those_of_a_runs_history() -> None:
    assert set(TRAINING_SCORES) == set(study_training._COLUMNS)


def test_a_rule_asks_for_the_best_trial_less_the_optimism_of_the_choice() -> None:
    condition = Condition(
        quantifier="any",
        of=("search",),
        score=ScoreName("val", "auroc"),
        comparison="above",
        low=0.5,
        on="lower bound",
    )
    plan = StudyPlan(name="s", phases=(phase(),), rules=(Rule(id="r", when=condition),))
    study = Simulation(plan, score_of=Objective())
    study.run()
    kept = study.choice("keep:search")
    best = study.state.end_of(f"judge:search/{kept['trials'][0]}")  # type: ignore[index]
    assert best is not None
    low = (best.scores["val.auroc"].low or 0.0) - kept["optimism"]  # type: ignore[operator]
    assert f"{low:.4f}" in study.state.decisions["rule:r"].why
