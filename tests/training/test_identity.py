from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xlite.artifacts import RUN_CONFIG, RUN_SCORES, write_json
from xlite.config import LossSettings, TrainSettings
from xlite.errors import InputError
from xlite.training.identity import RunIdentity, describe_differences, refuse_changed_settings


def identity_of(pixels: str = "p", **changes: Any) -> RunIdentity:
    settings = TrainSettings.parse(model="resnet18", **changes)
    return RunIdentity(settings, {"split.train": "t", "pixels": pixels})


def begin(runs_dir: Path, identity: RunIdentity) -> Path:
    folder = runs_dir / identity.name
    record = {
        "settings": identity.settings.model_dump(mode="json"),
        "data": {"split_sha256": {"train": "t"}, "source": identity.data["pixels"]},
    }
    write_json(folder / RUN_CONFIG, record)
    return folder


def test_a_content_gives_the_identity_again(tmp_path: Path) -> None:
    identity = identity_of(lr=0.5)
    assert RunIdentity.from_content(identity.to_content()) == identity
    assert RunIdentity.read(begin(tmp_path, identity)) == identity


def test_a_setting_that_the_checkpoint_does_not_know_has_its_default() -> None:
    content = identity_of().to_content()
    del content["settings"]["ema_decay"]
    assert RunIdentity.from_content(content) == identity_of()


def test_every_difference_is_named() -> None:
    changed = identity_of("q", lr=0.5, loss=LossSettings(name="focal", focal_gamma=3.0))
    assert describe_differences(identity_of(), changed) == [
        "loss.name was pos-weight, is focal",
        "loss.focal_gamma was 2.0, is 3.0",
        "lr was 0.0001, is 0.5",
        "pixels was p, is q",
    ]


def test_more_epochs_are_harmless_and_fewer_are_not() -> None:
    assert describe_differences(identity_of(epochs=5), identity_of(epochs=9)) == []
    assert describe_differences(identity_of(epochs=9), identity_of(epochs=5)) == [
        "epochs was 9, is 5"
    ]
    planned, longer = (identity_of(epochs=n, schedule="cosine") for n in (5, 9))
    assert describe_differences(planned, longer) == ["epochs was 5, is 9"]


def test_the_name_leaves_out_the_epochs_alone() -> None:
    assert identity_of(epochs=5).name == identity_of(epochs=9).name
    assert identity_of(epochs=5).fingerprint != identity_of(epochs=9).fingerprint
    names = {identity_of().name, identity_of(lr=0.5).name, identity_of("q").name}
    assert len(names) == 3


def test_a_changed_option_does_not_silently_begin_a_new_run(tmp_path: Path) -> None:
    folder = begin(tmp_path, identity_of())
    with pytest.raises(InputError, match=r"lr was 0\.0001, is 0\.5\. Resume it with the same"):
        refuse_changed_settings(tmp_path, [identity_of(lr=0.5)])
    # Another seed or loss, the same run, and a plan that has both are what they look like.
    refuse_changed_settings(tmp_path, [identity_of(seed=1), identity_of()])
    refuse_changed_settings(tmp_path, [identity_of(), identity_of(lr=0.5)])
    write_json(folder / RUN_SCORES, {})
    refuse_changed_settings(tmp_path, [identity_of(lr=0.5)])
