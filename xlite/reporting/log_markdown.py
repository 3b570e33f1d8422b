"""One entry of the experiment log as Markdown: its line in the index and its record.

Whatever was done, a training, an ablation, a comparison or a study, its record has the same form.
What a person writes is in the record's notes; lines there that begin with "Focus:", "Objective:" or
"Decision:" are taken up into the index and the record.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

KINDS = ("run", "ablation", "comparison", "study")
INDEX_COLUMNS = ("id", "date", "focus", "status", "key result", "decision")
"""The columns of the index."""

FOCUS, OBJECTIVE, DECISION = "Focus", "Objective", "Decision"
REMARKS = (FOCUS, OBJECTIVE, DECISION)
"""What a person can say in a line of the notes."""

FINISHED = "finished"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """What the log shows of one experiment; text is plain, and escaped when it is rendered."""

    kind: str
    """One of KINDS."""
    source: str
    """What tells it from others of its kind and stays: a run's folder, a study's runs."""
    finished: str
    """When it ended, ISO 8601, or nothing."""
    title: str
    """What it is, and its focus unless the notes say another."""
    objective: str
    """Unless the notes say another."""
    key_result: str
    decision: str
    """What follows by rule, unless the notes say another; nothing where no rule applies."""
    facts: Sequence[str]
    """A line each."""
    tables: Sequence[str] = ()
    """Markdown, ready."""
    status: str = FINISHED
    """Of a study that goes on: running, or waiting."""
    command_note: str
    """What the command needs to give the same."""
    command: str


def render_row(key: str, entry: LogEntry, notes: str) -> str:
    """The entry's line of the index, its cells in the order of INDEX_COLUMNS."""
    cells = (
        key,
        entry.finished[:10],
        read_remark(notes, FOCUS) or entry.title,
        entry.status,
        entry.key_result,
        read_remark(notes, DECISION) or entry.decision,
    )
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"


def render_record(key: str, entry: LogEntry, notes: str) -> str:
    """The entry's record, from its first marker to the one that ends its notes.

    notes: put between their comments as they are.
    """
    lines = [
        begin_record(entry.kind, key, entry.source),
        f"### {key}: {escape(entry.title)}",
        "",
        render_body(entry, objective=read_remark(notes, OBJECTIVE)),
        "",
        f"<!-- notes:{key} -->{notes}<!-- end notes -->",
    ]
    return "\n".join(lines)


def render_body(entry: LogEntry, *, objective: str = "") -> str:
    """The entry's facts, tables and command, as everything that tells of it shows them.

    objective: instead of the entry's.
    """
    # A fence ends at as many backticks as it begins with.
    longest = max(map(len, re.findall(r"`+", entry.command)), default=0)
    fence = "`" * max(3, longest + 1)
    facts = [f"Objective: {objective or entry.objective}", *entry.facts]
    tables = [line for table in entry.tables for line in (table, "")]
    lines = [
        *(f"- {escape(fact)}" for fact in facts),
        "",
        *tables,
        escape(entry.command_note),
        "",
        f"{fence}sh",
        _CONTROL.sub(" ", entry.command),
        fence,
    ]
    return "\n".join(lines)


def join_command(words: Sequence[str]) -> str:
    """The words as one line that a shell takes apart into them again.

    >>> join_command(["xlite", "train", "--out", "my runs"])
    "xlite train --out 'my runs'"
    """
    return " ".join(map(_quote_word, words))


def _quote_word(word: str) -> str:
    if not _CONTROL.search(word):
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", escaped) + "'"


def begin_record(kind: str, key: str, source: str) -> str:
    """The comment that a record begins with."""
    return f"<!-- {kind}:{key} {quote(source, safe='+')} -->"


def read_remark(notes: str, name: str) -> str:
    """What the last line "name: text" of the notes says, or nothing.

    >>> read_remark("Seen by two.\\nDecision: adopt it\\n", "Decision")
    'adopt it'
    """
    found = _find_remarks(notes, name)
    return found[-1]["text"].strip() if found else ""


def write_remark(notes: str, name: str, text: str) -> str:
    """The notes with the line "name: text" in place of the last such line, or at their end.

    >>> write_remark("\\nDecision: wait\\nBy hand.\\n", "Decision", "adopt it")
    '\\nDecision: adopt it\\nBy hand.\\n'
    """
    # A comment's end would end the notes, or the comment it would stand in.
    line = f"{name}: " + " ".join(text.split()).replace("<!--", "<!- -").replace("-->", "- ->")
    found = _find_remarks(notes, name)
    if found:
        return notes[: found[-1].start()] + line + notes[found[-1].end() :]
    return notes + ("" if notes.endswith("\n") else "\n") + line + "\n"


def _find_remarks(notes: str, name: str) -> list[re.Match[str]]:
    return list(re.finditer(rf"^{name}:[ \t]*(?P<text>[^\r\n]*)", notes, re.MULTILINE))


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; its first column is aligned left, the others right.

    >>> markdown_table(["label", "change"], [["Mass", "+0.010"]]).splitlines()
    ['| label | change |', '| --- | ---: |', '| Mass | +0.010 |']
    """
    lines = [
        "| " + " | ".join(map(escape, columns)) + " |",
        "| --- |" + " ---: |" * (len(columns) - 1),
        *("| " + " | ".join(map(escape, row)) + " |" for row in rows),
    ]
    return "\n".join(lines)


def escape(value: Any) -> str:
    """One line of text that neither breaks a Markdown table nor forms a comment.

    >>> escape("a|b <!-- c -->")
    'a\\\\|b &lt;!-- c -->'
    """
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|`*\[\]])", r"\\\1", text)
