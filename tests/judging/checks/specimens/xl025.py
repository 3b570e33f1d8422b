"""A run that began under torch 2.9 on a GPU and was resumed under 2.10 on a CPU."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import draw_sitting, draw_table, write_run, write_split


def ill(folder: Path) -> list[str]:
    """Another version and another device."""
    return _write(folder, torch="2.10.0", device="cpu")


def sound(folder: Path) -> list[str]:
    """Resumed where it began, with more threads."""
    return _write(folder, torch="2.9.0", device="NVIDIA H100", num_threads=8)


def _write(folder: Path, **environment: object) -> list[str]:
    split = write_split(folder / "splits", draw_table())
    begun = draw_sitting(epochs=3, torch="2.9.0", device="NVIDIA H100")
    resumed = draw_sitting(epochs=3, from_epoch=1, **environment)
    write_run(folder / "run", split, sittings=[begun, resumed])
    return ["--run", "run"]
