"""The winner of a study: a person's word, or the best score."""

from __future__ import annotations

from xlite.studies.next_step import DueDecision
from xlite.studies.rules.measured import Measured, measure, measure_candidates
from xlite.studies.rules.standing import Standing

WINNER = "winner"


def decide_winner(standing: Standing) -> DueDecision:
    """Who won, all else having ended: `id` is None where nothing has a score or is good enough.

    The latest answer that names one decides. Without, it is the best by the score of `[finally]`
    among those that have reached the minimum of their criteria, where they have one; scores that
    agree to three decimals are told apart by those of `then`, one after the other, then by their
    further decimals, then by the order of the plan.
    """
    return _named_winner(standing) or _best_scored(standing)


def _named_winner(standing: Standing) -> DueDecision | None:
    numbers = standing.state.decision_numbers
    named = []
    for ask in standing.plan.asks:
        answer = standing.state.answers.get(ask.id)
        choice = None if answer is None else ask.choices.get(answer.choice)
        if answer is not None and choice is not None and choice.winner is not None:
            why = f"{answer.who} answered {ask.id} with {answer.choice!r}: {answer.why}"
            named.append((numbers[f"ask:{ask.id}"], choice.winner, why))
    if not named:
        return None
    number, winner, why = max(named)
    return DueDecision(subject=WINNER, choice={"id": winner}, why=why, saw=(number,))


def _best_scored(standing: Standing) -> DueDecision:
    finish = standing.plan.finish
    first, *others = (measure_candidates(standing, score) for score in (finish.score, *finish.then))
    short = _list_short(standing)
    places = [
        place
        for place, one in enumerate(first)
        if one.point is not None and one.subject not in short
    ]
    saw = tuple(sorted({number for one in first for number in one.saw}))
    shown = ", ".join(map(str, first))
    missed = f"below the minimum: {', '.join(short.values())}" if short else ""
    if not places:
        why = "nothing has a score" + (f": {finish.score} of {shown}" if shown else "")
        why = f"nothing has reached its minimum; {missed}" if short else why
        return DueDecision(subject=WINNER, choice={"id": None}, why=why, saw=saw)

    def rank(place: int) -> tuple[float, ...]:
        rounded = [_rounded(one[place]) for one in (first, *others)]
        return (*rounded, first[place].point or 0.0, -place)

    best = max(places, key=rank)
    why = f"the best {finish.score}: {shown}" + (f"; {missed}" if missed else "")
    tied = [place for place in places if _rounded(first[place]) == _rounded(first[best])]
    if len(tied) > 1:
        why += f"; equal to three decimals: {', '.join(first[place].subject for place in tied)}"
        for score, scores in zip(finish.then, others, strict=True):
            why += f"; {score}: {', '.join(str(scores[place]) for place in tied)}"
    return DueDecision(subject=WINNER, choice={"id": first[best].subject}, why=why, saw=saw)


def _list_short(standing: Standing) -> dict[str, str]:
    """What has not reached the minimum of its criteria, in words, by its id."""
    short = {}
    for one in standing.plan.experiments:
        if one.success is None or one.success.minimum is None:
            continue
        found = measure(standing, one.id, one.success.score)
        value = found.value(one.success.on)
        if value is None or value < one.success.minimum:
            text = found.describe(one.success.on)
            short[one.id] = f"{text} of {one.success.score}, {one.success.minimum:g} wanted"
    return short


def _rounded(measured: Measured) -> float:
    return -1.0 if measured.point is None else round(measured.point, 3)
