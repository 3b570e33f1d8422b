"""docs/studies.md against the code: its plan is sound, and each key of a plan is in its table."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from xlite.studies import plan_tables
from xlite.studies.plan_file import parse_plan

PAGE = (Path(__file__).parents[2] / "docs" / "studies.md").read_text(encoding="utf-8")

EVERYTHING = """
name = "all"
[settings]
model = "resnet18"
[data]
[cache]
images = "raw"
[running]
[axes]
loss = ["bce", "focal"]
variants = {big = {lr = 1e-3}}
[[experiment]]
id = "A"
success = {minimum = 0.5}
[[experiment]]
id = "B"
set = {dropout = 0.3}
[[phase]]
id = "one"
method = "tpe"
runs = 5
rungs = {first = 2}
keep = {best = 2}
space = {lr = {log_uniform = [1e-5, 1e-2]}, epochs = {int = [5, 10], step = 5}}
[[phase]]
id = "two"
method = "confirm"
seeds = [100]
[[rule]]
id = "r"
when = {any = ["A"], above = 0.5}
then = ["B"]
[[ask]]
id = "q"
question = "?"
choices = {a = {winner = "A"}, b = {}}
[finally]
report = true
"""
SECTIONS = {
    "At the top": r"",
    "`[data]` and `[cache]`": r"\[(data|cache)\]",
    "`[[experiment]]`": r"\[\[experiment\]\] \w+",
    "`success`": r"\[\[experiment\]\] \w+: success",
    "`[axes]`": r"\[axes\]",
    "`[search]` and `[[phase]]`": r"\[\[phase\]\] \w+",
    "`space`": r"\[\[phase\]\] \w+: space: \w+",
    "`rungs` and `keep`": r"\[\[phase\]\] \w+: (rungs|keep)",
    "`[[rule]]`": r"\[\[rule\]\] \w+(: when)?",
    "`[[ask]]`": r"\[\[ask\]\] \w+(: choice .*)?",
    "`[finally]`": r"\[finally\]",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The keys that reading a plan asks each of its tables for."""
    found: dict[str, set[str]] = defaultdict(set)
    take = plan_tables.Table.take

    def note(table: plan_tables.Table, key: str) -> object:
        found[re.sub(r"^plan: ?|^plan$", "", table.where)].add(key)
        return take(table, key)

    monkeypatch.setattr(plan_tables.Table, "take", note)
    parse_plan(EVERYTHING, None, where="plan")
    return found


def keys_of(section: str) -> set[str]:
    """The names in the first column of a section's table, and in the sentence before it."""
    text = PAGE.partition(f"### {section}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    lead = text.partition("| key |")[0] if section == "`[axes]`" else ""
    return set(re.findall(r"`([a-z_]+)`", "\n".join([*rows, lead])))


@pytest.mark.parametrize("section", SECTIONS)
def test_each_key_of_a_plan_is_in_its_table(section: str, asked: dict[str, set[str]]) -> None:
    tables = {name for name in asked if re.fullmatch(SECTIONS[section], name)}
    assert tables, "the plan of the test has such a table"
    known = set().union(*(asked[name] for name in tables))
    extra = {"step"} if section == "`space`" else set()
    own = {"loss"} if section == "`[axes]`" else set()
    assert keys_of(section) == known - own - extra


def test_the_plan_of_the_page_is_sound() -> None:
    [text] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    plan = parse_plan(text, None, where="losses")
    assert [one.id for one in plan.experiments] == ["plain", "focal", "balanced", "both"]
    assert f"study {plan.name}: sound" in PAGE
