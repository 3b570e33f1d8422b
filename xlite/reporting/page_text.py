"""What a page says, as Markdown: its sentences, tables and facts, without its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xlite.reporting.html_page import (
    Block,
    Command,
    Facts,
    Gallery,
    Heading,
    Headline,
    Outline,
    OutlineItem,
    Paragraph,
    Picture,
    Question,
    Section,
    Table,
    VerdictBox,
)
from xlite.reporting.log_markdown import escape, markdown_table


def render_text(title: str, sections: Sequence[Section]) -> str:
    """The page as Markdown, a picture being its caption; the same content gives the same text.

    Sections that only say what is missing are left out.
    """
    lines = [f"# {escape(title)}", ""]
    for section in sections:
        if not section.is_absent:
            lines += [f"## {escape(section.title)}", ""]
            for block in section.blocks:
                lines += [*_describe(block), ""]
    return "\n".join(lines)


def _describe(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph | Question):
        yield escape(block.text)
    elif isinstance(block, Heading):
        yield f"### {escape(block.text)}"
    elif isinstance(block, Headline):
        notes = "; ".join(block.notes)
        yield f"{escape(block.title)}: **{escape(block.value)}**. {escape(notes)}"
    elif isinstance(block, Facts):
        yield from (f"- {escape(name)}: {escape(text)}" for name, text in block.items.items())
    elif isinstance(block, Command):
        yield f"    {' '.join(block.text.split())}"
    elif isinstance(block, VerdictBox):
        yield f"**{escape(block.word)}** {escape(block.subject)}. {escape(block.reason)}"
        yield f"Rule: {escape(block.rule)}"
    elif isinstance(block, Outline):
        yield from _hang(block.lines, "")
    elif isinstance(block, Picture):
        yield f"Figure: {escape(block.alt)} {escape(block.caption)}"
    elif isinstance(block, Gallery):
        yield f"### {escape(block.title)}"
        yield from (f"- {escape(one.alt)} {escape(one.caption)}" for one in block.pictures)
    else:
        yield from _tabulate(block)


def _tabulate(table: Table) -> Iterator[str]:
    yield escape(table.caption)
    yield ""
    yield markdown_table(
        [column.title for column in table.columns],
        [
            [f"{cell.text}{' *' if cell.is_marked else ''}" for cell in row]
            for row in (*table.rows, *table.foot)
        ],
    )


def _hang(lines: Sequence[OutlineItem], indent: str) -> Iterator[str]:
    for line in lines:
        text = f" {escape(line.text)}" if line.text else ""
        yield f"{indent}- {escape(line.word)}: {escape(line.title)}.{text}"
        yield from _hang(line.items, f"{indent}  ")
