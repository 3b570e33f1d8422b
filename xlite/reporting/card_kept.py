"""What people write in a card: between its markers it is kept when the card is made again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import yaml

from xlite.errors import InputError

_BEGIN, _END = "<!-- notes:card -->", "<!-- end notes -->"
_BEGIN_FRONT, _END_FRONT = "# notes", "# end notes"
_GENERATED = ("pipeline_tag", "library_name", "tags", "model-index")
"""Keys of the front matter that are not people's."""
_PLACE_FOR_NOTES = "\n<!-- What you write here, before the next line, is kept. -->\n"
_PLACE_FOR_FRONT = "# What you write here, as license: cc-by-4.0, is kept.\n"


@dataclass(frozen=True)
class KeptParts:
    """The two parts of a card that are people's, as they are, with the line ends around them."""

    front: str = _PLACE_FOR_FRONT
    """Lines of YAML."""
    notes: str = _PLACE_FOR_NOTES
    """Markdown."""

    @classmethod
    def of(cls, card: str) -> Self:
        """What people wrote in an earlier card; what a first card has where it is empty.

        Raises InputError where a marker has lost its partner, or where the front matter is no YAML
        or says again what is generated.
        """
        if not card.strip():
            return cls()
        front = _cut(card, _BEGIN_FRONT, _END_FRONT)
        _check_front(front)
        return cls(front=front, notes=_cut(card, _BEGIN, _END))

    @property
    def added(self) -> str:
        """The front matter's lines with their comments."""
        return f"{_BEGIN_FRONT}\n{self.front}{_END_FRONT}"


def render_notes(kept: KeptParts) -> list[str]:
    """The lines of the notes with their comments, and an empty one."""
    return [f"{_BEGIN}{kept.notes}{_END}", ""]


def _cut(card: str, begin: str, end: str) -> str:
    # A comment of HTML may have its text on its line; one of YAML ends with its line.
    after = r"[ \t]*\r?\n" if begin.startswith("#") else ""
    begins = list(re.finditer(rf"^{re.escape(begin)}{after}", card, re.MULTILINE))
    ends = list(re.finditer(rf"^{re.escape(end)}[ \t]*\r?$", card, re.MULTILINE))
    if len(begins) != 1 or len(ends) != 1 or ends[0].start() < begins[0].end():
        raise InputError(
            f"the card that is there needs one line {begin} and, after it, one line {end}; it has "
            f"{len(begins)} and {len(ends)}. Restore them, or move the card away to have a new one."
        )
    return card[begins[0].end() : ends[0].start()]


def _check_front(text: str) -> None:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        fault = " ".join(str(error).split())
        raise InputError(
            f"the front matter's notes in the card that is there are no YAML: {fault}. Correct "
            "them, as in: license: cc-by-4.0"
        ) from None
    if values is None:
        return
    if not isinstance(values, dict):
        raise InputError(
            "the front matter's notes in the card that is there name no key. Write them as "
            "license: cc-by-4.0"
        )
    for name in _GENERATED:
        if name in values:
            raise InputError(
                f"the front matter's notes in the card that is there have {name!r}, which is "
                "generated above them. Remove it."
            )
