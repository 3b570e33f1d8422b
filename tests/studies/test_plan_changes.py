"""What an edited plan changes of a study that has begun."""

from __future__ import annotations

import pytest

from xlite.studies.ledger_entries import Claim, Decision, End, Entry, HumanAnswer
from xlite.studies.plan_changes import PlanChanges, describe_changes
from xlite.studies.plan_file import parse_plan
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState

PLAN = """
name = "study"
seeds = [0, 1]
[settings]
model = "resnet18"
[[experiment]]
id = "A"
title = "base"
success = {minimum = 0.7}
[[experiment]]
id = "A2"
set = {lr = 1e-3}
[[rule]]
id = "r"
when = {any = ["A"], above = 0.8}
then = ["s"]
otherwise = ["q"]
[[ask]]
id = "q"
question = "Which?"
choices = {a = {winner = "A"}, b = {}}
[[ask]]
id = "late"
after = ["A2"]
question = "And?"
choices = {yes = {}}
[[phase]]
id = "s"
method = "random"
runs = 3
score = "val.auroc"
space = {lr = {log_uniform = [1e-5, 1e-3]}}
keep = {best = 1}
[[phase]]
id = "t"
method = "confirm"
seeds = [100]
score = "val.auroc"
[finally]
compare = true
settings = "best.toml"
"""
ITEMS = (
    *("train:A:s0", "train:A:s1", "judge:A", "train:A2:s0", "train:A2:s1", "judge:A2"),
    *("train:s/0:s0", "train:s/1:s0", "judge:s/0", "train:t/0:s100", "finish:compare"),
    "finish:settings",
)
DECISIONS = ("rule:r", "suggest:s/0", "suggest:s/1", "keep:s", "suggest:t/0", "winner", "end")
OF_A = {"train:A:s0", "train:A:s1", "judge:A"}
OF_A2 = {"train:A2:s0", "train:A2:s1", "judge:A2"}
OF_S = {"train:s/0:s0", "train:s/1:s0", "judge:s/0"}
FINISH = {"finish:compare", "finish:settings"}
END = {"winner", "end"}
OF_SEARCH = {"suggest:s/0", "suggest:s/1", "keep:s", "suggest:t/0"}


def parse(text: str) -> StudyPlan:
    return parse_plan(text, None, where="p.toml")


def ended_state() -> StudyState:
    entries: list[Entry] = []
    for item in ITEMS:
        entries.append(Claim(at="", agent="a", item=item))
        entries.append(End(at="", agent="a", item=item, outcome="finished"))
    for subject in DECISIONS:
        entries.append(Decision(at="", agent="a", subject=subject, choice={}, why=""))
    for ask in ("q", "late"):
        entries.append(HumanAnswer(at="", agent="person", ask=ask, choice="", why="", who=""))
    return StudyState.of(entries)


def change(old: str, new: str) -> PlanChanges:
    assert old in PLAN
    return describe_changes(parse(PLAN), parse(PLAN.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "items", "decisions"),
    [
        ('"Which?"', '"Which one?"', set(), set()),
        ('name = "study"', 'name = "study"\nrest = 5', set(), set()),
        ('title = "base"', 'title = "the base"', set(), set()),
        ('name = "study"', 'name = "study"\nquestion = "Why?"', set(), set()),
        (
            "set = {lr = 1e-3}",
            "set = {lr = 2e-3}",
            OF_A2 | FINISH,
            {"ask:late", *END},
        ),
        (
            'title = "base"',
            "set = {dropout = 0.2}",
            OF_A | FINISH,
            {"rule:r", *END},
        ),
        (
            "seeds = [0, 1]",
            "seeds = [0, 1, 2]",
            {"judge:A", "judge:A2"} | FINISH,
            {"rule:r", "ask:late", *END},
        ),
        ("above = 0.8", "above = 0.81", FINISH, {"rule:r", *END}),
        ("b = {}", 'b = {winner = "A2"}', FINISH, {"ask:q", *END}),
        ("minimum = 0.7", "minimum = 0.71", FINISH, END),
        (
            "minimum = 0.7",
            'minimum = 0.7, score = "val.auroc.Mass"',
            {"judge:A"} | FINISH,
            {"rule:r", *END},
        ),
        ("runs = 3", "runs = 4", {"train:t/0:s100"} | FINISH, {"keep:s", "suggest:t/0", *END}),
        ("1e-3]", "1e-2]", OF_S | {"train:t/0:s100"} | FINISH, OF_SEARCH | END),
        (
            "[[rule]]",
            '[data]\nsplit = "other"\n[[rule]]',
            set(ITEMS),
            {*DECISIONS, "ask:late"},
        ),
        ("compare = true", "compare = true\nreport = true", set(), {"end"}),
        ('"best.toml"', '"other.toml"', {"finish:settings"}, {"end"}),
        ("compare = true", 'compare = true\nscore = "val.f1"', {"judge:A", "judge:A2"} | FINISH,
         {"rule:r", "ask:late", *END}),
    ],
)  # fmt: skip
def test_a_change_invalidates_what_rests_on_it_and_nothing_else(
    old: str, new: str, items: set[str], decisions: set[str]
) -> None:
    changes, state = change(old, new), ended_state()
    assert set(changes.invalid_items(state)) == items
    assert set(changes.invalid_decisions(state)) == decisions
    assert changes.differences


def test_the_same_plan_changes_nothing() -> None:
    assert describe_changes(parse(PLAN), parse(PLAN)) == PlanChanges()


def test_an_experiment_that_is_gone_or_new_is_named() -> None:
    third = '[[experiment]]\nid = "A3"\nset = {lr = 3e-3}\n[[rule]]'
    longer = parse(PLAN.replace("[[rule]]", third))
    added, removed = (
        describe_changes(parse(PLAN), longer),
        describe_changes(longer, parse(PLAN)),
    )
    assert added.differences == ("experiment A3 is new",)
    assert set(added.invalid_items(ended_state())) == FINISH
    assert removed.differences == ("experiment A3 is gone",)
    assert "train:A3:" in removed.items


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("set = {lr = 1e-3}", "set = {lr = 2e-3}", "experiment A2: lr is 0.002 instead of 0.001"),
        ("above = 0.8", "above = 0.81", "rule r: when low is 0.81 instead of 0.8"),
        (
            "minimum = 0.7",
            "minimum = 0.71",
            "experiment A: success minimum is 0.71 instead of 0.7",
        ),
        ('title = "base"', "", "experiment A: title is none instead of base"),
        ('name = "study"', 'name = "study"\nrest = 5', "rest is 5 instead of 0"),
        ("runs = 3", "runs = 4", "phase s: runs is 4 instead of 3"),
        ("b = {}", 'b = {winner = "A2"}', "question q: choices b is (winner A2) instead of ()"),
    ],
)
def test_a_difference_is_a_sentence(old: str, new: str, sentence: str) -> None:
    assert change(old, new).differences == (sentence,)


def test_looks_at_variants_are_made_anew_where_one_of_them_changes() -> None:
    text = (
        '[seeds]\nuntil = "decided"\n[settings]\nmodel = "resnet18"\n'
        '[axes]\nloss = ["bce", "focal"]\n[[experiment]]\nid = "E"\nset = {dropout = 0.3}\n'
    )
    old = parse_plan(text, None, where="p.toml")
    assert old.growth is not None
    assert old.growth.seeds == tuple(range(42, 54))
    other = parse_plan(text.replace("0.3", "0.4"), None, where="p.toml")
    assert "look:" not in describe_changes(old, other).items
    axes = text.replace("[axes]\n", "[axes]\nset = {lr = 1e-3}\n")
    changes = describe_changes(old, parse_plan(axes, None, where="p.toml"))
    assert "look:" in changes.items
    assert "seeds:" in changes.decisions
    longer = parse_plan(text.replace('"decided"\n', '"decided"\nmax = 6\n'), None, where="p.toml")
    assert "[seeds] seeds" in " ".join(describe_changes(old, longer).differences)
