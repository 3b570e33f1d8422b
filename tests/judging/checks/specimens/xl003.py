"""A test part of another ward: 7 in 10 of its films are AP, and of validation's 1 in 3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from judging.checks.drawn_project import deal_by_patient, draw_table, write_parts


def ill(folder: Path) -> list[str]:
    """The test part has other views."""
    return _write(folder, 0.7)


def sound(folder: Path) -> list[str]:
    """All parts are of one population."""
    return _write(folder, 0.35)


def _write(folder: Path, ap_share: float) -> list[str]:
    parts = deal_by_patient(draw_table(num_patients=800))
    rng = np.random.default_rng(1)
    views = np.where(rng.random(len(parts["test"])) < ap_share, "AP", "PA")
    parts["test"] = parts["test"].assign(**{"View Position": views})
    write_parts(folder / "theirs", **parts)
    return ["--split", "theirs"]
