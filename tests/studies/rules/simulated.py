"""Studies without training: agents that claim what is ready and end it with planted scores."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from xlite.settings import TrainSettings
from xlite.studies.ledger_entries import (
    Claim,
    Decision,
    End,
    Entry,
    HumanAnswer,
    Release,
    Score,
)
from xlite.studies.next_step import DueDecision, Step
from xlite.studies.rules.next_step import describe_loss, find_next_step
from xlite.studies.study_plan import Ask, Experiment, StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.work_item import WorkItem

AT = "2026-01-01T00:00:00.000+00:00"
BASE = TrainSettings(model="resnet18")

ScoreOf = Callable[[WorkItem, str], float]
"""The score that an item ends with, by the score's name."""


def experiment(name: str, *, seeds: tuple[int, ...] = (0,), **values: object) -> Experiment:
    return Experiment(id=name, settings=BASE, seeds=seeds, **values)  # type: ignore[arg-type]


class Simulation:
    """A study that is worked through by agents in an order that `draws` decides."""

    def __init__(
        self,
        plan: StudyPlan,
        *,
        score_of: ScoreOf = lambda item, name: 0.9,
        answers: Mapping[str, str] | None = None,
        folds: Mapping[Path, int] | None = None,
        num_agents: int = 1,
        draws: random.Random | None = None,
        p_failed: float = 0.0,
        p_lost: float = 0.0,
    ) -> None:
        self.plan, self.score_of, self.answers = plan, score_of, dict(answers or {})
        self.folds = dict(folds or {})
        self.agents: dict[str, WorkItem | None] = {f"a{n}": None for n in range(num_agents)}
        self.draws = draws or random.Random(0)
        self.p_failed, self.p_lost = p_failed, p_lost
        self.entries: list[Entry] = []
        self.state = StudyState()

    def step(self) -> Step:
        return find_next_step(self.plan, self.state, folds=self.folds)

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.state.apply([entry])

    def append_claim(self, item: WorkItem, agent: str = "a0") -> None:
        self.append(Claim(at=AT, agent=agent, item=item.id))

    def decide(self, due: DueDecision, agent: str = "a0") -> None:
        values = {"choice": due.choice, "why": due.why, "saw": list(due.saw)}
        self.append(Decision(at=AT, agent=agent, subject=due.subject, **values))

    def end(self, item: WorkItem, agent: str = "a0", *, fails: bool = False) -> None:
        error = describe_loss(self.state, item.id)
        if error is not None or fails:
            error = error or "it failed"
            self.append(End(at=AT, agent=agent, item=item.id, outcome="failed", error=error))
            return
        names = item.scores if item.kind == "judge" else ("val.auroc",)
        points = {
            name: self.score_of(item, name) for name in names if item.kind in ("train", "judge")
        }
        scores = {name: Score(point=x, low=x - 0.01, high=x + 0.01) for name, x in points.items()}
        run = f"runs/{item.id.partition(':e')[0]}" if item.kind == "train" else None
        outcome = "paused" if item.until_epoch else "finished"
        self.append(
            End(at=AT, agent=agent, item=item.id, outcome=outcome, run=run, scores=scores)  # type: ignore[arg-type]
        )

    def answer(self, ask: Ask, choice: str | None = None) -> None:
        choice = choice or self.answers.get(ask.id) or self.draws.choice(list(ask.choices))
        self.append(
            HumanAnswer(at=AT, agent="person", ask=ask.id, choice=choice, why="w", who="me")
        )

    def run(self, *, until: Callable[[Step], bool] = lambda step: False) -> Step:
        """Work until the study ends, or the next step is one that `until` asks for."""
        for _ in range(50_000):
            step = self.step()
            if until(step):
                return step
            if step.is_ended and not any(self.agents.values()):
                return step
            self._act(self.draws.choice(list(self.agents)), step)
        raise AssertionError("the study does not end")

    def _act(self, agent: str, step: Step) -> None:
        item = self.agents[agent]
        if item is not None:
            if self.draws.random() < self.p_lost:
                values = {"item": item.id, "holder": agent, "reason": "lost"}
                self.append(Release(at=AT, agent="another", **values))  # type: ignore[arg-type]
            else:
                self.end(item, agent, fails=self.draws.random() < self.p_failed)
            self.agents[agent] = None
        elif step.decisions:
            self.decide(step.decisions[0], agent)
        elif step.ready:
            item = step.ready[0]
            self.append_claim(item, agent)
            assert self.state.items[item.id].holder == agent
            self.agents[agent] = item
        elif step.waiting_for:
            self.answer(self.draws.choice(step.waiting_for))
        else:
            assert any(self.agents.values()) or step.is_ended, "nothing can be done: it hangs"

    @property
    def claims(self) -> list[str]:
        """The items in the order in which they were claimed."""
        return [entry.item for entry in self.entries if isinstance(entry, Claim)]

    @property
    def ends(self) -> list[str]:
        """The items in the order of their ends."""
        return [entry.item for entry in self.entries if isinstance(entry, End)]

    def choice(self, subject: str) -> dict[str, object]:
        return self.state.decisions[subject].choice

    def require_replayable(self) -> None:
        """Each decision follows from the entries before it, and no step changes the state."""
        state = StudyState()
        for entry in self.entries:
            if isinstance(entry, Decision):
                due = find_next_step(self.plan, state, folds=self.folds).decisions[0]
                again = find_next_step(self.plan, state, folds=self.folds).decisions[0]
                recorded = (entry.subject, entry.choice, entry.why, tuple(entry.saw))
                assert recorded == (due.subject, due.choice, due.why, due.saw)
                assert due == again
            state.apply([entry])
