"""Studies as their ledgers tell of them, without a run: a tree that is decided, a search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xlite.settings import LossSettings, TrainSettings
from xlite.studies.ledger_entries import (
    Begin,
    Change,
    Claim,
    Decision,
    End,
    Entry,
    HumanAnswer,
    Score,
)
from xlite.studies.study_plan import (
    Answer,
    Ask,
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
    Success,
)
from xlite.studies.study_state import StudyState

AUROC = ScoreName("val", "auroc")
AGENT = "host-1"


def settings(**changes: Any) -> TrainSettings:
    """Settings of a small run."""
    return TrainSettings(**{"model": "test_resnet", "initial_weights": "none", **changes})


FINE_TUNING = StudyPlan(
    name="fine-tuning",
    question="Does more dropout or a longer schedule beat the baseline?",
    experiments=(
        Experiment(
            id="2.1",
            title="everything that won",
            settings=settings(dropout=0.1, lr=5e-5),
            seeds=(0, 1, 2),
            success=Success(score=AUROC, minimum=0.80, target=0.85, stretch=0.9),
        ),
        Experiment(
            id="2.2",
            title="focal loss",
            settings=settings(loss=LossSettings(name="focal")),
            seeds=(0, 1, 2),
            success=Success(score=AUROC, on="lower bound", minimum=0.80),
        ),
        Experiment(
            id="2.4",
            title="from scratch",
            settings=settings(lr=1e-3),
            seeds=(0,),
            expected=(0.5, 0.6),
        ),
        Experiment(id="2.5", title="longer", settings=settings(epochs=30), seeds=(0, 1, 2)),
        Experiment(id="check", title="was the checkpoint loaded?", settings=settings(), seeds=(0,)),
    ),
    rules=(
        Rule(
            id="above-83",
            when=Condition(
                quantifier="any", of=("2.1", "2.2"), score=AUROC, comparison="above", low=0.83
            ),
            then=("2.5",),
            otherwise=("check",),
        ),
    ),
    asks=(
        Ask(
            id="choose",
            question="Which becomes the default?",
            after=("2.5",),
            choices={
                "best: 2.5": Answer(winner="2.5", then=("end",)),
                "keep baseline": Answer(winner="2.1"),
            },
        ),
    ),
    finish=Finally(compare=True, report=True),
)


class Told:
    """A ledger that is written down line by line."""

    def __init__(self) -> None:
        self.entries: list[Entry] = [
            Begin(at=self._time(0), agent="person", name="told", plan="", root="../../..")
        ]

    def train(self, item: str, point: float | None, **fields: Any) -> None:
        """An item that was claimed and ended, failed without a score."""
        self.end(
            item,
            {"val.auroc": Score(point=point)} if point is not None else {},
            outcome=fields.pop("outcome", "failed" if point is None else "finished"),
            error="out of memory" if point is None else None,
            **fields,
        )

    def end(self, item: str, scores: dict[str, Score] | None = None, **fields: Any) -> None:
        """An item that was claimed and ended."""
        self.claim(item)
        ended = {"outcome": "finished", "scores": scores or {}, **fields}
        self.entries.append(End(at=self._time(), agent=AGENT, item=item, **ended))

    def claim(self, item: str) -> None:
        """An item that an agent has taken on."""
        self.entries.append(Claim(at=self._time(), agent=AGENT, item=item))

    def decide(self, subject: str, why: str = "", **choice: Any) -> None:
        """What a rule decided."""
        self.entries.append(
            Decision(
                at=self._time(), agent=AGENT, subject=subject, choice=choice, why=why, saw=[2, 4]
            )
        )

    def answer(self, ask: str, choice: str, why: str) -> None:
        """What a person answered."""
        self.entries.append(
            HumanAnswer(
                at=self._time(), agent="person", ask=ask, choice=choice, why=why, who="reader 1"
            )
        )

    def change(self, *differences: str) -> None:
        """A plan that was edited."""
        self.entries.append(
            Change(
                at=self._time(),
                agent="person",
                plan="",
                differences=list(differences),
                invalid_items=[],
                invalid_decisions=[],
            )
        )

    @property
    def state(self) -> StudyState:
        """What it comes to."""
        return StudyState.of(self.entries)

    def _time(self, minute: int | None = None) -> str:
        minute = len(self.entries) if minute is None else minute
        return f"2026-03-01T{minute // 60:02}:{minute % 60:02}:00.000+00:00"


def tell_experiment(
    told: Told, name: str, points: Iterable[float | None], low: float, high: float
) -> None:
    """The runs of an experiment by seed, None for one that failed, and their judgement."""
    points = list(points)
    for seed, point in enumerate(points):
        told.train(
            f"train:{name}:s{seed}", point, run=f"runs/run-{name}-{seed}", epochs=15, seconds=60.0
        )
    known = [point for point in points if point is not None]
    mean = sum(known) / len(known) if known else None
    told.end(f"judge:{name}", {"val.auroc": Score(point=mean, low=low, high=high)})


def tell_fine_tuning(*, is_good: bool = True) -> Told:
    """The study as it goes when an experiment is above the threshold, up to the question; or when
    none is, to its end."""
    told = Told()
    tell_experiment(told, "2.1", [0.86, 0.88, None] if is_good else [0.7, 0.7, 0.7], 0.8, 0.9)
    tell_experiment(told, "2.2", [0.82, 0.82, 0.82] if is_good else [0.6, 0.6, 0.6], 0.75, 0.88)
    tell_experiment(told, "2.4", [0.7], 0.6, 0.8)
    if is_good:
        told.decide("rule:above-83", "2.1 has 0.870", holds=True, begins=["2.5"])
        tell_experiment(told, "2.5", [0.89, 0.9, 0.91], 0.85, 0.94)
    else:
        told.decide("rule:above-83", "the best, 2.1, has 0.700", holds=False, begins=["check"])
        tell_experiment(told, "check", [0.5], 0.4, 0.6)
        told.decide("winner", "nothing reached a minimum", id=None)
        told.decide("end", "nothing is left")
    return told


SEARCH = StudyPlan(
    name="sweep",
    question="Which architecture and rate?",
    phases=(
        Phase(
            id="first",
            method="tpe",
            settings=settings(epochs=9),
            space={
                "model": Distribution(kind="values", values=("test_resnet", "test_efficientnet")),
                "lr": Distribution(kind="log_uniform", low=1e-5, high=1e-2),
                "dropout": Distribution(kind="uniform", low=0.0, high=0.5),
                "batch-size": Distribution(kind="int", low=8, high=32, step=8),
            },
            runs=12,
            rungs=Rungs(first=1, factor=3),
            keep=Keep(best=2),
        ),
        Phase(
            id="second",
            method="confirm",
            settings=settings(epochs=9),
            seeds=(100, 101),
            previous="first",
        ),
    ),
    finish=Finally(compare=True),
)


def tell_search(*, is_confirmed: bool = True) -> Told:
    """Twelve trials of which four went on to the second rung and one to the third."""
    told = Told()
    for number in range(12):
        lr = 10 ** (-5 + number / 4)
        model = ("test_resnet", "test_efficientnet")[number % 2]
        drawn = {
            "model": model,
            "lr": lr,
            "dropout": 0.04 * number,
            "batch-size": 8 * (1 + number % 4),
        }
        told.decide(f"suggest:first/{number}", "", **drawn)
        best = 0.6 + 0.02 * number - 0.003 * (number - 8) ** 2 / 4 + 0.02 * (number % 2)
        told.train(f"train:first/{number}:s0:e1", best - 0.05, outcome="paused", epochs=1)
        if number >= 8:
            told.decide(f"promote:first/{number}:3", "")
            told.train(f"train:first/{number}:s0:e3", best, outcome="paused", epochs=3)
        if number == 11:
            told.decide(f"promote:first/{number}:9", "")
            told.train(
                f"train:first/{number}:s0:e9", 0.86, epochs=9, run="runs/run-11", seconds=90.0
            )
    told.decide("keep:first", "the best two", trials=[11, 9], optimism=0.031)
    if is_confirmed:
        for place, number in enumerate((11, 9)):
            told.decide(f"suggest:second/{place}", "", lr=10 ** (-5 + number / 4))
            for seed in (100, 101):
                told.train(
                    f"train:second/{place}:s{seed}", 0.8 + place / 50, run=f"runs/c{place}-{seed}"
                )
        told.decide("winner", "the higher of the two", id="second/1")
        told.decide("end", "nothing is left")
    return told
