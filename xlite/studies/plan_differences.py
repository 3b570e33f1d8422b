"""The differences of two plans in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from xlite.settings import TrainSettings
from xlite.studies.study_plan import ScoreName, StudyPlan

_PARTS = {"experiments": "experiment", "phases": "phase", "rules": "rule", "asks": "question"}
_WORDS = {
    "finish": "[finally]",
    "growth": "[seeds]",
    "build": "[cache]",
    "runtime": "[running]",
    "rest_seconds": "rest",
    "has_fixed_budget": "",
    "has_open_budget": "budget",
}
"""What a field is called in a plan file; not at all where it is not in one."""


def describe_differences(old: StudyPlan, new: StudyPlan) -> Iterator[str]:
    """Words for each value that is another, and for each part that came or went.

    >>> list(describe_differences(StudyPlan(name="a"), StudyPlan(name="a", rest_seconds=3)))
    ['rest is 3 instead of 0']
    """
    for field in fields(StudyPlan):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if field.name in _PARTS:
            yield from _compare_parts(_PARTS[field.name], before, after)
        else:
            yield from _compare(_WORDS.get(field.name, field.name), before, after)


def _compare_parts(kind: str, old: tuple[Any, ...], new: tuple[Any, ...]) -> Iterator[str]:
    others = {one.id: one for one in new}
    for one in old:
        other = others.pop(one.id, None)
        if other is None:
            yield f"{kind} {one.id} is gone"
        else:
            for field in fields(one):
                before, after = getattr(one, field.name), getattr(other, field.name)
                name = _WORDS.get(field.name, field.name)
                if name:
                    yield from _compare(f"{kind} {one.id}: {name}", before, after)
    for name in others:
        yield f"{kind} {name} is new"


def _compare(name: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    before, after = _flatten(old), _flatten(new)
    if before is None or after is None:
        yield f"{name} is {_show(new)} instead of {_show(old)}"
        return
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            label = name if isinstance(old, Mapping) else name.removesuffix("settings").rstrip()
            yield f"{label} {key} is {_show(after.get(key))} instead of {_show(before.get(key))}"


def _flatten(value: Any) -> Mapping[str, Any] | None:
    """The fields of what is made of some; None of a plain value."""
    if isinstance(value, TrainSettings):
        return value.flatten()
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return value
    if is_dataclass(value) and not isinstance(value, ScoreName):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return None


def _show(value: Any) -> str:
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(map(_show, value))
    if is_dataclass(value) and not isinstance(value, ScoreName):
        found = _flatten(value) or {}
        shown = (f"{key} {_show(one)}" for key, one in found.items() if one not in (None, (), ""))
        return f"({', '.join(shown)})"
    return str(value)
