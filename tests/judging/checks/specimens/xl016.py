"""A run with a sampler that evens out labels, and weights of positives N⁻/N⁺ on top of it."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import draw_table, write_run, write_split

from xlite.settings import SamplerSettings, TrainSettings


def ill(folder: Path) -> list[str]:
    """Both in full."""
    return _write(folder, [9.0, 9.0, 9.0])


def sound(folder: Path) -> list[str]:
    """The sampler, and hardly any weights."""
    return _write(folder, [1.1, 1.1, 1.1])


def _write(folder: Path, pos_weight: list[float]) -> list[str]:
    split = write_split(folder / "splits", draw_table(prevalence=0.1))
    settings = TrainSettings(
        model="test_resnet", sampler=SamplerSettings(name="max-entropy", no_finding="share:0.3")
    )
    write_run(folder / "run", split, settings=settings, config={"pos_weight": pos_weight})
    return ["--run", "run", "--split", "splits"]
