"""No alarm on fifty studies of different sizes, labels, views, losses and seeds that are sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from judging.checks.drawn_project import (
    deal_by_patient,
    draw_table,
    write_parts,
    write_run,
    write_split,
)

from xlite.settings import LossSettings, SamplerSettings, TrainSettings
from xlite.workflows.doctor import doctor

NUM_STUDIES = 50
NAMES = ("Mass", "Edema", "Effusion", "Nodule", "Atelectasis", "Hernia")
LOSSES = (LossSettings(), LossSettings(name="bce"), LossSettings(name="focal"))
SAMPLERS = (SamplerSettings(), SamplerSettings(name="none"), SamplerSettings(name="max-entropy"))


def write_sound_study(folder: Path, seed: int) -> None:
    """A label table, a split of it (every third by somebody else), and up to three runs."""
    rng = np.random.default_rng(seed)
    labels = NAMES[: rng.integers(2, len(NAMES) + 1)]
    table = draw_table(
        seed,
        num_patients=int(rng.integers(500, 900)),
        labels=labels,
        prevalence=rng.uniform(0.25, 0.4),
        ap_share=rng.uniform(0.1, 0.9),
    )
    table["site"] = rng.choice(["north", "south", "west"], len(table))
    table["exposure"] = rng.normal(size=len(table))
    (folder / "data").mkdir(parents=True)
    table.to_csv(folder / "data" / "labels.csv", index=False)
    if seed % 3 == 0:
        write_parts(folder / "data" / "theirs", **deal_by_patient(table, seed=seed))
        return
    split = write_split(folder / "data" / "splits", table, seed=seed, vocabulary=labels)
    loss = LOSSES[rng.integers(len(LOSSES))]
    sampler = SAMPLERS[0] if loss.name == "weighted-bce" else SAMPLERS[rng.integers(3)]
    for number in range(rng.integers(1, 4)):
        settings = TrainSettings(model="test_resnet", seed=number, loss=loss, sampler=sampler)
        write_run(
            folder / "experiments" / "runs" / f"resnet:s{number}",
            split,
            seed=number,
            settings=settings,
            skill=rng.uniform(0.5, 2.5),
            epochs=int(rng.integers(2, 8)),
        )


@pytest.mark.slow
def test_no_sound_study_is_called_ill(tmp_path: Path) -> None:
    alarms, checked = [], set()
    for seed in range(NUM_STUDIES):
        folder = tmp_path / f"study_{seed}"
        write_sound_study(folder, seed)
        diagnosis = doctor(folder)
        checked |= {one.code for one in diagnosis.findings if one.status == "passed"}
        alarms += [f"{folder.name}: {one.code} {one.evidence}" for one in diagnosis.issues]
    assert alarms == []
    # Ensure that the checks had something to look at.
    assert len(checked) >= 15, checked
