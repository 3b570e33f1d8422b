from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import InputError
from xlite.files import write_json
from xlite.run_folder.file_names import RUN_CONFIG, RUN_SCORES
from xlite.run_folder.folder import RunFolder
from xlite.settings import LossSettings, TrainSettings, fingerprint_of
from xlite.training.identity import (
    KnownRuns,
    RunIdentity,
    describe_differences,
    locate_run,
    read_identities,
    refuse_changed_settings,
)


def identity_of(
    pixels: str = "p", *, has_fixed_budget: bool = False, **changes: Any
) -> RunIdentity:
    settings = TrainSettings.parse(model="resnet18", **changes)
    return RunIdentity(settings, {"split.train": "t", "pixels": pixels}, has_fixed_budget)


def refuse(runs_dir: Path, planned: list[RunIdentity]) -> None:
    refuse_changed_settings(runs_dir, planned, read_identities(runs_dir))


def begin(runs_dir: Path, identity: RunIdentity) -> Path:
    folder = runs_dir / identity.name
    record = {
        "settings": identity.settings.model_dump(mode="json"),
        "has_fixed_budget": identity.has_fixed_budget,
        "labels": ["Mass"],
        "data": {
            "images": {"train": 5},
            "train_positives": [2],
            "split_sha256": {"train": "t"},
            "source": identity.data["pixels"],
        },
    }
    write_json(folder / RUN_CONFIG, record)
    return folder


def test_a_content_gives_the_identity_again(tmp_path: Path) -> None:
    identity = identity_of(lr=0.5)
    assert RunIdentity.from_content(identity.to_content(), where=tmp_path) == identity
    assert RunIdentity.read(RunFolder(begin(tmp_path, identity))) == identity


def test_a_setting_that_the_checkpoint_does_not_know_has_its_default() -> None:
    content = identity_of().to_content()
    del content["settings"]["ema_decay"]
    assert RunIdentity.from_content(content, where=Path("run")) == identity_of()


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
        refuse(tmp_path, [identity_of(lr=0.5)])
    # Another seed or loss, the same run, and a plan that has both are what they look like.
    refuse(tmp_path, [identity_of(seed=1), identity_of()])
    refuse(tmp_path, [identity_of(), identity_of(lr=0.5)])
    write_json(folder / RUN_SCORES, {})
    refuse(tmp_path, [identity_of(lr=0.5)])


# A new setting leaves them as they are. A default that changes has to raise VERSION in identity.py:
# the same name would mean another run.
NAMES = {
    "resnet18-pos-weight-none-s42-": {},
    "resnet18-focal-none-s42-": {"loss": {"name": "focal", "focal_gamma": 1.0}, "epochs": 3},
    "resnet18-bce-max-entropy-s7-": {
        "loss": {"name": "bce"},
        "sampler": {"name": "max-entropy", "strength": 0.5},
        "seed": 7,
    },
}
SUMS = ("c9101e21", "7c2a0646", "b3515d51")


def test_names_are_those_of_yesterday() -> None:
    names = [identity_of(**changes).name for changes in NAMES.values()]
    assert names == [stem + digits for stem, digits in zip(NAMES, SUMS, strict=True)]
    assert fingerprint_of(TrainSettings(model="").model_dump(mode="json")) == "4076bf022f09", (
        "with a new setting change this sum; with a changed default raise VERSION as well"
    )


def test_a_setting_that_is_added_later_leaves_runs_where_they_are(tmp_path: Path) -> None:
    identity = identity_of(lr=0.5)
    folder = begin(tmp_path, identity).rename(tmp_path / "as-an-older-version-called-it")
    content = json.loads((folder / RUN_CONFIG).read_text())
    del content["settings"]["ema_decay"], content["settings"]["loss"]["ldam_scale"]
    write_json(folder / RUN_CONFIG, content)
    assert locate_run(tmp_path, identity, read_identities(tmp_path)) == folder
    longer = identity_of(lr=0.5, epochs=99)
    assert locate_run(tmp_path, longer, read_identities(tmp_path)) == folder
    other = identity_of(lr=0.25)
    assert locate_run(tmp_path, other, read_identities(tmp_path)) == tmp_path / other.name


def test_known_runs_are_found_as_they_come_and_each_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, identity = KnownRuns(tmp_path), identity_of(lr=0.5)
    assert known.locate(identity) == tmp_path / identity.name
    folder = begin(tmp_path, identity).rename(tmp_path / "renamed")
    for number in range(3):
        begin(tmp_path, identity_of(lr=0.1 + number))
    assert known.locate(identity) == folder
    reads: list[str] = []
    read = RunIdentity.read
    monkeypatch.setattr(RunIdentity, "read", lambda run: reads.append(run.name) or read(run))
    late = begin(tmp_path, identity_of(lr=0.25)).rename(tmp_path / "late")
    assert known.locate(identity_of(lr=0.25)) == late
    assert known.locate(identity) == folder
    assert reads == ["late"]
    shutil.rmtree(folder)
    assert known.locate(identity) == tmp_path / identity.name


def test_a_setting_that_was_removed_is_named_with_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = begin(tmp_path, identity_of())
    content = json.loads((folder / RUN_CONFIG).read_text())
    content["settings"]["lookahead"] = 0.2
    write_json(folder / RUN_CONFIG, content)
    with pytest.raises(InputError, match=rf"{folder} was trained with the setting 'lookahead'"):
        RunIdentity.read(RunFolder(folder))
    assert read_identities(tmp_path) == {}
    assert "'lookahead'" in capsys.readouterr().err


def test_a_varied_budget_is_part_of_what_a_run_is() -> None:
    one, two = (identity_of(has_fixed_budget=True, epochs=n) for n in (1, 2))
    names = {one.name, two.name, identity_of(epochs=1).name}
    assert len(names) == len({one.key, two.key, identity_of(epochs=1).key}) == 3
    assert describe_differences(one, two) == ["epochs was 1, is 2"]
    assert describe_differences(identity_of(epochs=1), one) == ["budget was open, is fixed"]
