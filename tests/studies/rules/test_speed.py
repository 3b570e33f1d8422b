"""The next step on 10,000 entries, in processor time: agents ask for it after each entry."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.studies.rules.simulated import BASE, Simulation, experiment
from xlite.studies.ledger_entries import Decision
from xlite.studies.rules.next_step import find_next_step
from xlite.studies.study_plan import Distribution, Finally, Phase, Rungs, StudyPlan
from xlite.studies.work_item import WorkItem

NUM_ENTRIES = 10_000
LR = Distribution(kind="log_uniform", low=1e-5, high=1e-2)


def grid_of_experiments(num_experiments: int, num_seeds: int) -> Simulation:
    seeds = tuple(range(num_seeds))
    experiments = tuple(experiment(f"E{n}", seeds=seeds) for n in range(num_experiments))
    study = Simulation(StudyPlan(name="s", experiments=experiments, finish=Finally(report=True)))
    while len(study.entries) < NUM_ENTRIES:
        for item in study.step().ready[:1000]:
            study.append_claim(item)
            study.end(item)
    return study


def search(rungs: Rungs | None) -> Simulation:
    """Trials at their first rung, or that were trained to the end."""
    phase = Phase(
        id="search", method="random", settings=BASE, space={"lr": LR}, runs=9999, rungs=rungs
    )
    study = Simulation(StudyPlan(name="s", phases=(phase,), finish=Finally(report=True)))
    for number in range(1, NUM_ENTRIES // 3 + 1):
        choice = {"lr": 1e-5 + number * 1e-7}
        values = {"subject": f"suggest:search/{number}", "choice": choice, "why": "w"}
        study.append(Decision(at="", agent="a0", **values))  # type: ignore[arg-type]
        item = WorkItem(
            id=f"train:search/{number}:s0" + (":e5" if rungs else ""),
            kind="train",
            subject=f"search/{number}",
            until_epoch=5 if rungs else None,
        )
        study.append_claim(item)
        study.end(item)
    return study


@pytest.mark.parametrize(
    "build",
    [
        lambda: grid_of_experiments(1000, 10),
        lambda: grid_of_experiments(20, 500),
        lambda: search(None),
        lambda: search(Rungs(first=5, factor=3)),
    ],
    ids=["1000 experiments", "500 seeds", "search", "search with rungs"],
)
def test_the_next_step_on_10_000_entries_takes_less_than_a_fifth_of_a_second(
    build: Callable[[], Simulation],
) -> None:
    study = build()
    assert len(study.entries) >= NUM_ENTRIES - 1
    seconds = []
    for _ in range(3):
        began = time.process_time()
        step = find_next_step(study.plan, study.state, most_ready=1)
        seconds.append(time.process_time() - began)
    assert step.ready or step.decisions
    assert min(seconds) < 0.2


def test_a_step_that_is_content_with_a_few_items_has_the_first_ones() -> None:
    plan = StudyPlan(name="s", experiments=tuple(map(experiment, "ABC")))
    study = Simulation(plan)
    few = find_next_step(plan, study.state, most_ready=2)
    assert few == replace(study.step(), ready=study.step().ready[:2])
