"""A run whose sampler gives images without a finding the weight 1, and those with one 1/n."""

from __future__ import annotations

from pathlib import Path

from judging.checks.drawn_project import draw_table, write_run, write_split

from xlite.settings import SamplerSettings, TrainSettings


def ill(folder: Path) -> list[str]:
    """Another scale than the labels'."""
    return _write(folder, no_finding="1.0")


def sound(folder: Path) -> list[str]:
    """The weight of the commonest label."""
    return _write(folder, no_finding="smallest")


def _write(folder: Path, *, no_finding: str) -> list[str]:
    split = write_split(folder / "splits", draw_table())
    sampler = SamplerSettings(name="inverse-mean", no_finding=no_finding)
    write_run(folder / "run", split, settings=TrainSettings(model="test_resnet", sampler=sampler))
    return ["--run", "run", "--split", "splits"]
