"""A checklist answered: each item by its evidence, else by the notes, else as missing."""

from __future__ import annotations

from xlite.errors import InputError, LeakageError
from xlite.proving.checklists.evidence.proof import Finding, Gap, Proof
from xlite.proving.checklists.evidence.registry import EVIDENCE
from xlite.proving.checklists.guideline import Guideline, GuidelineItem, read_topics
from xlite.proving.checklists.notes import NOTES_FILE, Notes
from xlite.proving.checklists.subject import Subject
from xlite.reporting.log_markdown import join_command
from xlite.results.checklist import Checklist, ChecklistItem


class Answers:
    """What the evidence of a subject shows, looked for once for all checklists."""

    def __init__(self, subject: Subject) -> None:
        """Nothing is looked for yet."""
        self._subject = subject
        self._found: dict[str, Finding] = {}

    def answer(self, guideline: Guideline, notes: Notes) -> Checklist:
        """The checklist with all of its items, each proven, stated or missing."""
        return Checklist(
            id=guideline.id,
            name=guideline.name,
            publication=guideline.publication,
            subject=self._subject.title,
            items=tuple(self._answer_item(guideline, item, notes) for item in guideline.items),
        )

    def _answer_item(
        self, guideline: Guideline, item: GuidelineItem, notes: Notes
    ) -> ChecklistItem:
        heading = guideline.heading_of(item)
        stated = notes.of(guideline.own_heading_of(item), heading)
        found = self._find(item)
        if isinstance(found, Proof):
            again = join_command(["xlite", "checklist", self._subject.name])
            return ChecklistItem(
                number=item.number,
                section=item.section,
                text=item.text,
                standing="PROVEN",
                shown=found.shown,
                numbers=_as_floats(found),
                files=found.files,
                command=found.command or again,
                stated=stated,
                topic=heading,
            )
        is_stated = bool(stated) and not found.is_contradiction
        return ChecklistItem(
            number=item.number,
            section=item.section,
            text=item.text,
            standing="STATED" if is_stated else "MISSING",
            shown=found.shown,
            numbers=_as_floats(found),
            files=found.files,
            stated=stated,
            topic=heading,
            remedy="" if is_stated else _advise(found, heading),
        )

    def _find(self, item: GuidelineItem) -> Finding:
        if item.evidence is None:
            return Gap(shown="", remedy="")
        if item.evidence not in self._found:
            self._found[item.evidence] = _look_for(item.evidence, self._subject)
        return self._found[item.evidence]


def _look_for(name: str, subject: Subject) -> Finding:
    """What a function of evidence finds; a file that can't be read is a gap, and never a proof."""
    try:
        return EVIDENCE[name](subject)
    except LeakageError as error:
        return Gap(shown=str(error).rstrip("."), remedy="Split again.", is_contradiction=True)
    except InputError as error:
        return Gap(shown=str(error).rstrip("."), remedy="")


def _advise(gap: Gap, heading: str) -> str:
    """What to do: what the evidence says, and where to state it, unless files say the opposite."""
    if gap.is_contradiction:
        return gap.remedy
    hint = read_topics().get(heading)
    if hint is not None:
        state = f'Under "{heading}" of {NOTES_FILE}: {hint}'
    else:
        or_state = "Or state" if gap.remedy else "State"
        state = f'{or_state} it under "## {heading}" of {NOTES_FILE}.'
    return f"{gap.remedy} {state}".strip()


def _as_floats(found: Finding) -> dict[str, float]:
    return {name: float(value) for name, value in found.numbers.items()}
