"""A checklist as Markdown: an overview, and each item with what shows it."""

from __future__ import annotations

import re
from itertools import groupby

from xlite.reporting.log_markdown import escape
from xlite.results.checklist import Checklist, ChecklistItem

_ABOUT = (
    "PROVEN: files show it, and it was computed from them when this was written; the command "
    "computes it again. STATED: people say so in the notes. MISSING: neither. Items are said in "
    "our own words: the publication is what counts."
)


def render_checklist(checklist: Checklist) -> str:
    """The text of `claim.md` and its like. Nothing in it is kept: statements are in the notes."""
    lines = [
        f"# {escape(checklist.name)}: {escape(checklist.subject)}",
        "",
        f"{escape(checklist.sentence)}.",
        "",
        _ABOUT,
        "",
        escape(checklist.publication),
        "",
        "| item | asked for | |",
        "| --- | --- | --- |",
        *(f"| {one.number} | {escape(one.text)} | {one.standing} |" for one in checklist.items),
        "",
    ]
    for section, items in groupby(checklist.items, key=lambda one: one.section):
        lines += [f"## {escape(section)}", ""]
        for one in items:
            lines += _render_item(one)
    return "\n".join(lines).rstrip() + "\n"


def _render_item(item: ChecklistItem) -> list[str]:
    lines = [f"### {item.number}. {escape(item.text)}: {item.standing}", ""]
    if item.shown:
        lines += [_as_sentence(item.shown), ""]
    if item.stated:
        lines += [*(f"> {escape(line)}".rstrip() for line in item.stated.splitlines()), ""]
    if item.remedy:
        lines += [f"To do: {_render_words(item.remedy)}", ""]
    if item.files:
        lines += [f"Files: {', '.join(map(inline_code, item.files))}", ""]
    if item.command:
        lines += [f"Again: {inline_code(item.command)}", ""]
    return lines


def inline_code(text: str) -> str:
    """The text as code within a line, whatever backticks it has.

    >>> inline_code("a"), inline_code("a`b")
    ('`a`', '`` a`b ``')
    """
    plain = " ".join(text.split())
    longest = max(map(len, re.findall(r"`+", plain)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {plain} {fence}" if longest else f"{fence}{plain}{fence}"


def _as_sentence(text: str) -> str:
    said = _render_words(text)
    return said if said.endswith((".", "?", "!")) else f"{said}."


def _render_words(text: str) -> str:
    """Text in which commands stand between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(
        inline_code(part) if place % 2 and part.strip() else _escape_within(part)
        for place, part in enumerate(parts)
    )


def _escape_within(part: str) -> str:
    """As `escape`, which would take away the spaces at both ends."""
    inner = escape(part)
    before, after = part[:1].isspace(), part[-1:].isspace()
    return f"{' ' if before else ''}{inner}{' ' if after and inner else ''}"
