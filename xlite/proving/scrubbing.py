"""Free text of records without what names a person, a machine or a place on it."""

from __future__ import annotations

import getpass
import platform
import re
from collections.abc import Iterable, Mapping
from typing import Any

from xlite.ids import canonical_image_names

PLACE = "<path>"

_WORD = re.compile(r"[\w.+=-]+")
_ABSOLUTE = re.compile(r"(?<![\w.<])(?:~[\w.-]*[\\/]|[\\/]+(?=\w)|[A-Za-z]:[\\/])[^\s'\"`,;)\]]*")
_RELATIVE = re.compile(r"[^\s'\"=,;:()]*[\\/][^\s'\"=,;()]*")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_PLACES = ("working_dir",)
"""Keys whose values are nothing but a place."""
_LEAST_DIGITS = 5
"""A shorter number is not taken for a patient's in a text: it may as well be a count."""


class Scrubber:
    """Texts with pseudonyms for patients and images, and without paths, hosts, users and mails."""

    def __init__(self, names: Mapping[str, str], *, machines: Iterable[str] = ()) -> None:
        """names: pseudonyms by image and patient. machines: hosts and users besides ours."""
        self._words: dict[str, str] = {}
        for name, pseudonym in names.items():
            if not name.isdigit() or len(name) >= _LEAST_DIGITS:
                self._words[name] = pseudonym
        for name, short in zip(names, canonical_image_names(list(names)), strict=True):
            bare = str(short).rpartition("/")[2]
            stem = bare.rpartition(".")[0] or bare
            for one in (bare, stem):
                if not one.isdigit() or len(one) >= _LEAST_DIGITS:
                    self._words.setdefault(one, names[name])
        for one in {platform.node(), _find_user(), *machines} - {""}:
            self._words.setdefault(one, "<machine>")

    def text(self, text: str) -> str:
        """A text of a person or a program.

        >>> Scrubber({"00013_001.png": "i1f"}).text("in /data/anna/00013_001.png (00013_001)")
        'in <path> (i1f)'
        """
        text = _MAIL.sub("<mail>", _ABSOLUTE.sub(PLACE, text))
        return _WORD.sub(self._replace, text)

    def command(self, text: str) -> str:
        """A command line, of whose paths nothing stays."""
        return self.text(_RELATIVE.sub(PLACE, text))

    def content(self, value: Any) -> Any:
        """Plain values with each text scrubbed, keys too."""
        if isinstance(value, dict):
            return {self.text(key): self._field(key, one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.content(one) for one in value]
        return self.text(value) if isinstance(value, str) else value

    def _field(self, key: str, value: Any) -> Any:
        if key in _PLACES:
            return None
        if key == "command" and isinstance(value, str):
            return self.command(value)
        return self.content(value)

    def _replace(self, match: re.Match[str]) -> str:
        word = match[0]
        found = self._words.get(word)
        if found is None and (bare := word.strip(".+=-")) != word:
            found = self._words.get(bare)
            return word if found is None else word.replace(bare, found)
        return word if found is None else found


def _find_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
