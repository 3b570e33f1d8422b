"""The specimens of the doctor's checks: of each code one that is ill, and one that is sound.

A specimen is a module of `specimens`, called after its code: `ill` and `sound` make files in a
folder, and return the words after `xlite doctor` that have them looked at from there. What its
docstring says stands in docs/doctor.md.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Specimen:
    """The two fixtures of a check."""

    story: str
    """What the ill one is."""
    ill: Callable[[Path], list[str]]
    sound: Callable[[Path], list[str]]


def find_specimen(code: str) -> Specimen:
    """The specimen of a check; ImportError or AttributeError where a part of it is missing."""
    module = importlib.import_module(f"judging.checks.specimens.{code.lower()}")
    assert module.__doc__ is not None
    return Specimen(module.__doc__.strip(), module.ill, module.sound)
