"""What a plan comes to, for people: its tree, its size, and what it can tell."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from xlite.results.study import TreeNode
    from xlite.results.study_check import PlannedThreshold, StudyCheck

_WIDTH = 80
_ASSUMED = (
    "At best: as if each image were another patient's, labels of a mean independent, and seeds "
    "0.01 apart. Positives of a mean are those of its rarest label with any."
)
_QUESTIONS = ("rule", "question")


def print_check(check: StudyCheck) -> None:
    """Print the tree of a sound plan, its size, and its thresholds beside their noise."""
    title = f"study {check.name}: sound"
    lines = [title, *_fill(check.question, ""), *draw_lines(check.tree)]
    if check.finish:
        lines += _fill(f"at the end: {', '.join(check.finish)}", "")
    lines += _fill(_describe_size(check), "")
    console.result_text("\n".join(lines))
    if check.thresholds:
        console.table(
            "What can be told at each threshold with 80 % power",
            ["threshold", "value", "of", "on", "positives", "seeds", "tells ±"],
            _group_thresholds(check.thresholds),
            drop_first=["seeds", "on"],
            wraps=["threshold"],
            caption=_ASSUMED,
        )
    if check.choices:
        console.table(
            "By how much the best is too good",
            ["choice", "images", "noise of one", "at most"],
            [
                [
                    one.where,
                    f"{one.images:,}",
                    console.decimal(one.standard_error),
                    console.decimal(one.too_good),
                ]
                for one in check.choices
            ],
            wraps=["choice"],
        )


def _group_thresholds(thresholds: Sequence[PlannedThreshold]) -> list[list[str]]:
    """A row for all experiments of which the same is to be said."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for one in thresholds:
        owner, _, level = one.where.partition(": ")
        cells = (
            f"{one.threshold:g}",
            one.score,
            one.on,
            f"{one.positives:,}",
            str(one.seeds),
            console.decimal(one.detectable),
        )
        rows.setdefault((level, *cells), []).append(owner)
    return [[f"{', '.join(owners)}: {key[0]}", *key[1:]] for key, owners in rows.items()]


def draw_lines(tree: Sequence[TreeNode]) -> Iterator[str]:
    """The lines of a tree in 80 columns: what begins at once, and below it what that leads to."""
    for node in tree:
        mark = "? " if node.kind in _QUESTIONS else "  "
        name = "" if node.kind == "end" else f"{node.id}{mark}"
        branch = f"{node.branch}: " if node.branch else ""
        yield from _fill(f"{branch}{name}{node.title}".rstrip(), "  " * (node.depth + 1))


def _fill(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _describe_size(check: StudyCheck) -> str:
    runs = _range(check.least_runs, check.most_runs)
    parts = [f"runs: {runs}, of at most {check.most_epochs:,.0f} epochs together"]
    if check.most_seconds is None or check.least_seconds is None:
        parts.append(f"time unknown: no earlier run of {', '.join(check.unknown_models)}")
    else:
        hours = _range(check.least_seconds / 3600, check.most_seconds / 3600, digits=1)
        parts.append(f"{hours} hours in turn, as earlier runs took")
    if check.most_bytes is not None:
        parts.append(f"at most {check.most_bytes / 1e9:.1f} GB of disk")
    return "; ".join(parts)


def _range(least: float, most: float, *, digits: int = 0) -> str:
    low, high = (f"{value:,.{digits}f}" for value in (least, most))
    return low if low == high else f"{low} to {high}"
