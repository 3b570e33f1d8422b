"""The specimens of the doctor's checks: of each code one that is ill, and one that is sound.

A specimen is a module of `specimens`, called after its code: `ill` and `sound`, and further ones as
`ill_by_the_ledger`, make files in a folder, and return the words after `xlite doctor` that have
them looked at from there. What its docstring says of `ill` stands in docs/doctor.md.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Specimen:
    """The fixtures of a check."""

    story: str
    """What the ill one is."""
    ill: Callable[[Path], list[str]]
    sound: Callable[[Path], list[str]]
    further: dict[str, Callable[[Path], list[str]]]
    """By name, which begins with ill or sound."""

    @property
    def fixtures(self) -> dict[str, Callable[[Path], list[str]]]:
        """All by name."""
        return {"ill": self.ill, "sound": self.sound, **self.further}


def find_specimen(code: str) -> Specimen:
    """The specimen of a check; ImportError or AttributeError where a part of it is missing."""
    module = importlib.import_module(f"judging.checks.specimens.{code.lower()}")
    assert module.__doc__ is not None
    further = {
        name: made for name, made in vars(module).items() if name.startswith(("ill_", "sound_"))
    }
    return Specimen(module.__doc__.strip(), module.ill, module.sound, further)
