"""What `report` and `log add` have written."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Result


@dataclass(frozen=True, kw_only=True)
class ReportSection(Result):
    """A section of the page."""

    key: str
    """Its anchor in the page."""
    title: str
    present: bool
    """Whether it shows something; else it says what is missing."""


@dataclass(frozen=True, kw_only=True)
class ReportPage(Result):
    """A page that was written."""

    report: str
    """Its path."""
    bytes: int
    sections: tuple[ReportSection, ...]


@dataclass(frozen=True, kw_only=True)
class LogUpdate(Result):
    """An experiment log that is up to date."""

    log: str
    """Its path."""
    id: str | None
    """The record that remarks went to; None without remarks."""
