"""One self-contained HTML page from sections of text, tables and pictures.

Everything that comes from files passes through Jinja's escaping, and the page's own content
security policy lets nothing run or load but the one script and the pictures inside it: a label
or a path can inject no markup, and the page works from a file, without a network.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xlite.files import write_text

Tone = Literal["good", "bad", "mixed", "even", "open"]


@dataclass(frozen=True)
class Cell:
    """What a table shows at one place, and by what it is sorted when that is not the text."""

    text: str
    value: float | None = None
    """Sorts a column of numbers; None is no number, such as an undefined score."""
    is_marked: bool = False
    """Set apart: few positives behind it, or a fault."""

    @property
    def sort_key(self) -> str:
        """The number as JavaScript reads it, or nothing."""
        return "" if self.value is None or self.value != self.value else repr(float(self.value))


@dataclass(frozen=True, kw_only=True)
class Column:
    """A table's column: its heading, and whether it holds numbers."""

    title: str
    is_number: bool = True
    is_prose: bool = False
    """Whether its cells are sentences, which may take several lines."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows that sort by a click, and a foot that stays where it is."""

    kind: ClassVar = "table"
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Sequence[Cell]] = ()


@dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    kind: ClassVar = "paragraph"
    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Question:
    """What all this is for."""

    kind: ClassVar = "question"
    text: str


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One number that stands for much, with what has to be known of it."""

    kind: ClassVar = "headline"
    title: str
    value: str
    notes: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    kind: ClassVar = "facts"
    items: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture inside the page."""

    kind: ClassVar = "picture"
    draw: Callable[[], str]
    """Its address, which takes long, and is not asked for where only text is shown."""
    alt: str
    caption: str
    is_wide: bool = False


@dataclass(frozen=True)
class Gallery:
    """Small pictures beside one another."""

    kind: ClassVar = "gallery"
    title: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Command:
    """What to type to get the same, or what is missing."""

    kind: ClassVar = "command"
    text: str


@dataclass(frozen=True, kw_only=True)
class VerdictBox:
    """A verdict with the rule it follows from."""

    kind: ClassVar = "verdict"
    subject: str
    word: str
    tone: Tone
    reason: str
    rule: str


@dataclass(frozen=True)
class Heading:
    """Begins a part of a section."""

    kind: ClassVar = "heading"
    text: str


@dataclass(frozen=True, kw_only=True)
class OutlineItem:
    """A line of an outline, with those that hang on it."""

    word: str
    """Its state, in a word or two."""
    tone: Tone | Literal["faint"]
    title: str
    text: str = ""
    items: Sequence[OutlineItem] = ()


@dataclass(frozen=True)
class Outline:
    """Lines that hang on each other."""

    kind: ClassVar = "outline"
    lines: Sequence[OutlineItem]


Block = (
    Table
    | Paragraph
    | Question
    | Headline
    | Facts
    | Picture
    | Gallery
    | Command
    | VerdictBox
    | Heading
    | Outline
)


@dataclass(frozen=True)
class Section:
    """A part of the page with a place in its contents."""

    key: str
    """Its anchor, a plain word."""
    title: str
    blocks: Sequence[Block]
    is_absent: bool = False
    """Whether it only says what is missing."""


def absent_section(key: str, title: str, why: str, command: str) -> Section:
    """A section that says what is missing, and the command that makes it."""
    return Section(key, title, [Paragraph(why), Command(command)], is_absent=True)


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> Cell:
    """A cell with a number, or a dash where it is undefined.

    >>> number(0.81234).text, number(-0.05, 2, sign=True).text, number(1234567, 0).text
    ('0.812', '−0.05', '1,234,567')
    """
    if value is None or value != value:
        return Cell("–")
    # The minus sign has the width of the plus, so that columns align.
    text = f"{value:{'+' if sign else ''},.{digits}f}".replace("-", "−")
    return Cell(text, value)


def bracket(low: float | None, high: float | None, *, sign: bool = False) -> Cell:
    """A cell with an interval, which sorts by its lower limit.

    >>> bracket(0.5, 0.75).text, bracket(None, None).text
    ('0.500 to 0.750', '–')
    """
    if low is None or high is None or low != low or high != high:
        return Cell("–")
    return Cell(f"{number(low, sign=sign).text} to {number(high, sign=sign).text}", low)


def show_estimate(
    value: float | None, low: float | None, high: float | None, *, sign: bool = True
) -> Cell:
    """A cell with a change, or a value, and its interval; it sorts by the first.

    >>> show_estimate(0.02, -0.01, 0.05).text, show_estimate(0.02, None, None).text
    ('+0.020 (−0.010 to +0.050)', '+0.020')
    """
    cell, limits = number(value, sign=sign), bracket(low, high, sign=sign)
    if limits.value is None:
        return cell
    return Cell(f"{cell.text} ({limits.text})", cell.value)


def data_uri(content: bytes, media_type: str) -> str:
    """The content as an address that needs no file.

    >>> data_uri(b"x", "image/png")
    'data:image/png;base64,eA=='
    """
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def render_page(title: str, introduction: str, sections: Sequence[Section]) -> str:
    """The page as HTML; the same content gives the same bytes."""
    style, script = _read_asset("report.css"), _read_asset("report.js")
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    return (
        _environment()
        .get_template("report.html")
        .render(
            title=title,
            introduction=introduction,
            sections=sections,
            # Ours, read from the package: the only markup that is not escaped.
            style=Markup(style),
            script=Markup(script),
            policy=policy,
        )
    )


def is_page(head: bytes) -> bool:
    """Whether a file that begins like this was written by `write_page`."""
    return b'<meta name="generator" content="xlite report">' in head


def write_page(path: Path, title: str, introduction: str, sections: Sequence[Section]) -> None:
    """Write the page atomically."""
    write_text(path, render_page(title, introduction, sections))


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("xlite.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _read_asset(name: str) -> str:
    return (resources.files("xlite.reporting") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def plain(*texts: Any) -> list[Cell]:
    """Cells of text."""
    return [Cell(str(text)) for text in texts]
