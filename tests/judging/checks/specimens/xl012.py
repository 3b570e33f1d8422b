"""A run with a "focal" loss whose exponent γ is 0: cross-entropy by another name."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import draw_table, write_run, write_split

from xlite.settings import LossSettings, TrainSettings


def ill(folder: Path) -> list[str]:
    """An exponent of 0."""
    return _write(folder, gamma=0.0)


def sound(folder: Path) -> list[str]:
    """The usual one."""
    return _write(folder, gamma=2.0)


def _write(folder: Path, *, gamma: float) -> list[str]:
    split = write_split(folder / "splits", draw_table())
    loss = LossSettings(name="focal", focal_gamma=gamma)
    write_run(folder / "run", split, settings=TrainSettings(model="test_resnet", loss=loss))
    return ["--run", "run"]
