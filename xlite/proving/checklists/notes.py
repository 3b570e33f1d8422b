"""What people state for checklists: `notes.md` of their folder, kept as the log's notes are.

A heading of the second level is a topic, such as Funding, or an item, such as CLAIM 9; the text
below it, without comments, is the statement.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xlite.errors import InputError, did_you_mean
from xlite.inputs import read_bytes
from xlite.proving.checklists.guideline import list_headings, read_topics

NOTES_FILE = "notes.md"

_MAX_BYTES = 4 * 1024 * 1024
_HEADING = re.compile(r"^##[ \t]+(?P<heading>[^\r\n]*?)[ \t#]*\r?$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BEGINNING = """\
# What people state for the checklists of {title}

Write below a heading. What stands here is kept, and read again by `xlite checklist`; a heading
without text states nothing. An item can have a heading of its own, such as ## CLAIM 9.
"""


@dataclass(frozen=True)
class Notes:
    """The text of a notes file, and what it states."""

    text: str
    stated: Mapping[str, str]
    """By heading, as the checklists write it; those without text are left out."""

    def of(self, *headings: str) -> str:
        """What is stated under the first of these headings that has something."""
        return next((self.stated[one] for one in headings if one in self.stated), "")

    def set(self, stated: Mapping[str, str]) -> Notes:
        """The notes with these statements in place of those under the same headings, or added."""
        text = self.text
        for heading, statement in stated.items():
            if self.of(heading) != statement:
                text = _write_section(text, heading, f"\n{statement}\n")
        return Notes(text, {**self.stated, **stated})

    def ask(self, headings: Iterable[str], *, title: str) -> Notes:
        """The notes with an empty section for each of these topics that they lack, with its hint.

        title: what the checklists are of, for notes that have not begun.
        """
        text = self.text or _BEGINNING.format(title=title)
        there = {heading.casefold() for heading, _ in _cut(text)}
        topics = read_topics()
        for heading in headings:
            if heading in topics and heading.casefold() not in there:
                text = f"{text.rstrip()}\n\n## {heading}\n\n<!-- {topics[heading]} -->\n"
        return Notes(text, self.stated)


def read_notes(path: Path) -> Notes:
    """The notes in a file: Markdown with a heading a topic or item, or TOML with a text for each.

    Raises InputError for a heading that no checklist knows, one that is there twice, and a file
    that can't be read.
    """
    remedy = "Pass one of Markdown or TOML, as docs/prove.md shows."
    content = read_bytes(path, max_bytes=_MAX_BYTES, what="notes file", remedy=remedy)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}). Save it as UTF-8.") from None
    pairs = _read_toml(text, path) if path.suffix.lower() == ".toml" else _cut(text)
    return Notes(text, _check(pairs, path))


def _read_toml(text: str, path: Path) -> list[tuple[str, str]]:
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path} is no TOML ({error}).") from None
    for name, value in values.items():
        if not isinstance(value, str):
            raise InputError(
                f'{path}: {name} must be a text, as in "Funding" = "None.". An item is written as '
                '"CLAIM 9" = "…".'
            )
    return list(values.items())


def _cut(text: str) -> list[tuple[str, str]]:
    """The sections as (heading, body)."""
    found = list(_HEADING.finditer(text))
    starts = [*(match.start() for match in found), len(text)]
    return [
        (match["heading"].strip(), text[match.end() : following])
        for match, following in zip(found, starts[1:], strict=True)
    ]


def _check(pairs: Iterable[tuple[str, str]], path: Path) -> dict[str, str]:
    known = {heading.casefold(): heading for heading in list_headings()}
    stated: dict[str, str] = {}
    seen = set()
    for name, body in pairs:
        heading = known.get(" ".join(name.split()).casefold())
        if heading is None:
            raise InputError(
                f"{path}: no checklist has a topic or item {name!r}."
                f"{did_you_mean(name, known.values())} Topics are those of {NOTES_FILE}, items are "
                "written as CLAIM 9, TRIPOD 12c or STARD 15a."
            )
        if heading in seen:
            raise InputError(f"{path} has {heading!r} twice. Make one section of both.")
        seen.add(heading)
        statement = _COMMENT.sub("", body).strip()
        if statement:
            stated[heading] = statement
    return stated


def _write_section(text: str, heading: str, body: str) -> str:
    for match in _HEADING.finditer(text):
        if match["heading"].strip().casefold() == heading.casefold():
            following = _HEADING.search(text, match.end())
            rest = "\n" + text[following.start() :] if following else ""
            return f"{text[: match.end()]}\n{body}{rest}"
    return f"{text.rstrip()}\n\n## {heading}\n{body}".lstrip()
