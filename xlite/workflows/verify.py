"""`verify`: a bundle's numbers recomputed from its predictions and labels."""

from __future__ import annotations

import re
from pathlib import Path

from xlite.errors import ArgumentError
from xlite.proving.verifying import verify_bundle
from xlite.results.verification import Verification
from xlite.workflows.bundled_texts import render_texts

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def verify(bundle: str | Path, *, sha256: str | None = None, processes: int = 1) -> Verification:
    """Whether every number of a bundle is what its predictions and labels give, and which is not.

    sha256: what the authors have published of the whole file; without it one who made up both
    predictions and numbers is not found. processes: how many share the work of a large bundle; a
    script that asks for several has to guard its main.

    Needs no image, and writes nothing. Raises InputError for what is no bundle, or is none that is
    safe to unpack; a number that is another is in `differences`, and raises nothing.
    """
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise ArgumentError(f"{sha256!r} is no SHA-256, which has 64 hexadecimal digits.")
    wanted = None if sha256 is None else sha256.lower()
    return verify_bundle(Path(bundle), sha256=wanted, render=render_texts, processes=processes)
