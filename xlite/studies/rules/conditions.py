"""Whether a rule's condition holds, given the scores of what it asks about."""

from __future__ import annotations

from collections.abc import Sequence

from xlite.studies.next_step import DueDecision
from xlite.studies.rules.measured import Measured
from xlite.studies.study_plan import Condition, Rule


def decide_rule(rule: Rule, measured: Sequence[Measured]) -> DueDecision:
    """The decision of a rule, all that it asks about having ended.

    What has no score is passed over by `any` and `best`; `all` does not hold with one such.
    """
    condition = rule.when
    values = [one.value(condition.on) for one in measured]
    known = [value for value in values if value is not None]
    match condition.quantifier:
        case "any":
            holds = any(_satisfies(value, condition) for value in known)
        case "all":
            holds = len(known) == len(values) and all(_satisfies(v, condition) for v in known)
        case "best":
            holds = bool(known) and _satisfies(max(known), condition)
    begins = rule.then if holds else rule.otherwise
    return DueDecision(
        subject=f"rule:{rule.id}",
        choice={"holds": holds, "begins": list(begins)},
        why=_explain(condition, measured, holds=holds),
        saw=tuple(sorted({number for one in measured for number in one.saw})),
    )


def _satisfies(value: float, condition: Condition) -> bool:
    match condition.comparison:
        case "above":
            return value > condition.low
        case "below":
            return value < condition.low
        case "within":
            return condition.low <= value <= condition.high


def _explain(condition: Condition, measured: Sequence[Measured], *, holds: bool) -> str:
    shown = ", ".join(one.describe(condition.on) for one in measured)
    threshold = (
        f"within {condition.low:g} and {condition.high:g}"
        if condition.comparison == "within"
        else f"{condition.comparison} {condition.low:g}"
    )
    what = f"{condition.score}" + (" (lower bound)" if condition.on == "lower bound" else "")
    verdict = "holds" if holds else "does not hold"
    return f"{condition.quantifier} {threshold} {verdict}: {what} of {shown}"
