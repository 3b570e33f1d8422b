"""An ablation in the ledger of choices: what it has chosen by validation, and each look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.judging.choices import record_choice
from xlite.judging.grown_methods import find_grown_methods
from xlite.places import VALIDATION
from xlite.results.selection import SeedLook
from xlite.run_folder.file_names import RUNS
from xlite.training.folded_data import FoldedData

if TYPE_CHECKING:
    from xlite.results.ablation import Ablation
    from xlite.tables.manifest import Manifest
    from xlite.training.folded_data import AnyData


def note_ablation(
    ablation: Ablation,
    data: AnyData,
    out: Path,
    *,
    seeds: int | None = None,
    has_ended: bool = True,
) -> Ablation:
    """The ablation with how often its validation part has been used, after noting this use of it.

    Its rule says where runs of it were looked at after each seed by another command, since its own
    limits do not hold at those looks. seeds: how many there were at this look; None for a fixed
    number. has_ended: whether it is the last look, which chooses; the others show and go on.
    """
    images, split_sha256 = _judged_images(data)
    most, growth = ablation.max_seeds, None
    if seeds is not None and most is not None:
        growth = SeedLook(seeds=seeds, max_seeds=most, runs=tuple(sorted(ablation.run_names)))
    # Before this use is noted: it is none of the earlier ones.
    grown = find_grown_methods(
        {
            one.name: {place: out / RUNS / run.run for place, run in enumerate(one.runs)}
            for one in ablation.variants
        },
        but=most,
    )
    choices = record_choice(
        out,
        images,
        ablation.command,
        kind="ablation" if has_ended else "look",
        names=sorted(variant.name for variant in ablation.variants),
        chosen=None if ablation.winner is None or not has_ended else ablation.winner.name,
        split_sha256=split_sha256,
        growth=growth,
    )
    rule = ablation.rule if grown is None else f"{ablation.rule} {grown.sentence}"
    return replace(ablation, choices=choices, rule=rule, working_dir=str(Path.cwd()))


def _judged_images(data: AnyData) -> tuple[Manifest, str | None]:
    """The images that judge, and the SHA-256 of their table; over folds all, which have none."""
    if isinstance(data, FoldedData):
        return data.splits.images, None
    return data.parts[VALIDATION], data.split_sha256[VALIDATION]
