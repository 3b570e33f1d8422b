"""A person's answer to a question of a study."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path

from xlite import places
from xlite.errors import InputError, did_you_mean
from xlite.studies.find_study import find_study
from xlite.studies.ledger_entries import HumanAnswer, entry_time
from xlite.studies.recorded_plan import RecordedPlan, read_state
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import Ask
from xlite.workflows.study_beginning import PERSON
from xlite.workflows.study_record import record_in_log


def answer_question(
    study: str | Path,
    choice: str,
    *,
    why: str,
    who: str | None = None,
    ask: str | None = None,
    out: str | Path = places.EXPERIMENTS_DIR,
) -> HumanAnswer:
    """The answer to a question of a study, as it was recorded in its ledger.

    study: its folder, or its name in `out`. who: None for the user of this process. ask: the
    question's id, where several have this choice. Raises InputError for what is no choice, and for
    a question that is not asked yet, not on the path that was taken, or answered.
    """
    folder = find_study(study, Path(out))
    if not why.strip():
        raise InputError("--why is empty. Say what the choice rests on: it is kept in the log.")
    plans = RecordedPlan(folder)
    while True:
        state = read_state(folder)
        step = plans.find_step(state)
        asked = _find_question(choice, plans.standing(state), step.waiting_for, ask)
        answer = HumanAnswer(
            at=entry_time(),
            agent=PERSON,
            ask=asked.id,
            choice=choice,
            why=why,
            who=who or getpass.getuser(),
        )
        # Not where another entry came first, which may be another answer.
        if folder.ledger.append(answer):
            record_in_log(folder)
            return answer


def _find_question(
    choice: str, standing: Standing, waiting: Sequence[Ask], named: str | None
) -> Ask:
    """The question that can be answered so now."""
    plan = standing.plan
    if not plan.asks:
        raise InputError(f"the study {plan.name} asks nobody anything: its plan has no [[ask]].")
    ids = [one.id for one in plan.asks]
    if named is not None and named not in ids:
        raise InputError(f"--ask {named}: no question is called so.{did_you_mean(named, ids)}")
    asked = [one for one in plan.asks if named in (None, one.id)]
    fitting = [one for one in asked if choice in one.choices]
    open_ = [one for one in fitting if one in waiting]
    if len(open_) == 1:
        return open_[0]
    if open_:
        raise InputError(
            f"{', '.join(one.id for one in open_)} have this choice. Say which with --ask."
        )
    if fitting:
        raise InputError(_describe_closed(fitting[0], standing))
    first = next((one for one in asked if one in waiting), asked[0])
    choices = list(first.choices)
    quoted = ", ".join(f'"{name}"' for name in choices)
    raise InputError(
        f'"{choice}" is no choice of {first.id} ({first.question}): they are {quoted}.'
        f"{did_you_mean(choice, choices)}"
    )


def _describe_closed(ask: Ask, standing: Standing) -> str:
    """Why a question can't be answered now."""
    answer = standing.state.answers.get(ask.id)
    if answer is not None:
        return (
            f'{ask.id} was answered by {answer.who} at {answer.at}: "{answer.choice}" '
            f"({answer.why}). What followed from it stands."
        )
    missing = [one for one in ask.after if standing.status(one) not in ("ended", "not taken")]
    if missing:
        return f"{ask.id} is not asked yet: it waits for {', '.join(missing)}."
    return f"{ask.id} is not asked: no rule or answer has led to it so far."
