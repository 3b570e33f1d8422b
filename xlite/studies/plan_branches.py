"""What decides the way through a plan: `[[rule]]`, `[[ask]]`, and `[finally]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from xlite.studies.plan_experiments import Given
from xlite.studies.plan_tables import Table
from xlite.studies.study_plan import Answer, Ask, Condition, Finally, Rule, ScoreName

_QUANTIFIERS = ("any", "all", "best")
_COMPARISONS = ("above", "below", "within")
_MOST_TEXT = 200


def read_rule(table: Table, given: Given) -> Rule:
    """The rule of a `[[rule]]` table; what is wrong with it is among its faults."""
    when = table.table("when")
    if when is None:
        table.faults.add(f'{table.where}: say when it holds: when = {{any = ["A"], above = 0.8}}.')
        when = Table({}, f"{table.where}: when", type(table.faults)())
    rule = Rule(
        id=table.text("id"),
        when=_read_condition(when, given),
        then=table.names("then"),
        otherwise=table.names("otherwise"),
    )
    table.end()
    if not rule.then and not rule.otherwise:
        table.faults.add(f"{table.where} begins nothing: name targets in then or otherwise.")
    return rule


def _read_condition(table: Table, given: Given) -> Condition:
    quantifiers = [name for name in _QUANTIFIERS if table.take(name) is not None]
    comparisons = [name for name in _COMPARISONS if table.take(name) is not None]
    of = table.names(quantifiers[0]) if quantifiers else ()
    comparison = comparisons[0] if comparisons else "above"
    if comparison == "within":
        low, high = table.pair("within") or (0.0, 1.0)
    else:
        low, high = table.number(comparison, 0.5) or 0.0, 1.0
    condition = Condition(
        quantifier=cast(Any, quantifiers[0] if quantifiers else "any"),
        of=of,
        score=table.score("score", given.score),
        comparison=cast(Any, comparison),
        low=low,
        high=high,
        on=cast(Any, table.choice("on", ("point", "lower bound"), "point")),
    )
    table.end()
    if len(quantifiers) != 1 or not of:
        table.faults.add(f"{table.where} names experiments by one of any, all and best.")
    if len(comparisons) != 1:
        table.faults.add(f"{table.where} compares by one of above, below and within.")
    return condition


def read_ask(table: Table) -> Ask:
    """The question of an `[[ask]]` table; what is wrong with it is among its faults."""
    choices: dict[str, Answer] = {}
    inner = table.table("choices")
    for name, value in (inner.values if inner else {}).items():
        where = f"{table.where}: choice {name!r}"
        if not name.strip() or len(name) > _MOST_TEXT or not name.isprintable():
            table.faults.add(f"{where} is no line of text with at most {_MOST_TEXT} characters.")
        if not isinstance(value, dict):
            table.faults.add(f'{where} takes a table, as {{winner = "A"}} or {{}}.')
            continue
        answer = Table(value, where, table.faults)
        choices[name] = Answer(then=answer.names("then"), winner=answer.text("winner") or None)
        answer.end()
    ask = Ask(
        id=table.text("id"),
        question=table.text("question"),
        choices=choices,
        after=table.names("after"),
    )
    table.end()
    if not ask.question:
        table.faults.add(f'{table.where} has no question: question = "Which one?".')
    if not choices:
        table.faults.add(f'{table.where} has no choices: choices = {{"keep A" = {{}}}}.')
    return ask


def read_finally(table: Table) -> Finally:
    """What `[finally]` says; what is wrong with it is among its faults."""
    scores = []
    for text in table.names("then"):
        with table.faults.kept():
            scores.append(ScoreName.parse(text, where=f"{table.where}: then"))
    end = Finally(
        compare=table.flag("compare"),
        report=table.flag("report"),
        card=table.flag("card"),
        settings=_read_file(table, "settings", ".toml"),
        weights=_read_file(table, "weights", ".safetensors"),
        test=table.flag("test"),
        score=table.score("score"),
        then=tuple(scores),
    )
    table.end()
    return end


def _read_file(table: Table, key: str, ending: str) -> Path | None:
    path = table.path(key)
    if path is not None and path.suffix != ending:
        table.faults.add(f"{table.where}: {key} is a file that ends in {ending}, not {path}.")
    return path
