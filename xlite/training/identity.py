"""What a run is: its settings and its data. Two sittings belong together when these agree."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.artifacts import RUN_CONFIG, RUN_SCORES, read_json
from xlite.config import TrainSettings, fingerprint_of
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.training.data import StudyData


@dataclass(frozen=True)
class RunIdentity:
    """The settings of a run, and the sums of its data by name."""

    settings: TrainSettings
    data: Mapping[str, str]
    """SHA-256 of each part of the split, and the fingerprint of the pixels."""

    @classmethod
    def of(cls, settings: TrainSettings, data: StudyData) -> RunIdentity:
        """The identity of a run with these settings on this data."""
        split = {f"split.{part}": digest for part, digest in data.split_sha256.items()}
        return cls(settings, {**split, "pixels": data.source_fingerprint})

    @property
    def fingerprint(self) -> str:
        """Changes when the result may: with any setting, the split or the pixels."""
        return fingerprint_of([self.settings.model_dump(mode="json"), dict(self.data)])

    @property
    def name(self) -> str:
        """The run's folder: model, loss, sampler and seed for the eye, a sum for the rest.

        The number of epochs is left out, so that a longer run finds the shorter one.
        """
        settings = self.settings
        rest = settings.model_dump(mode="json", exclude={"epochs"})
        return f"{_stem(settings)}{fingerprint_of([rest, dict(self.data)])[:8]}"

    @classmethod
    def read(cls, run_dir: Path) -> RunIdentity:
        """The identity of the run in a folder, from its `config.json`."""
        config = read_json(run_dir / RUN_CONFIG, remedy=f"Move {run_dir} away.")
        data = config["data"]
        split = {f"split.{part}": digest for part, digest in data["split_sha256"].items()}
        settings = TrainSettings.parse(**config["settings"])
        return cls(settings, {**split, "pixels": data["source"]})

    def to_content(self) -> dict[str, Any]:
        """The identity as plain values, for the checkpoint."""
        return {"settings": self.settings.model_dump(mode="json"), "data": dict(self.data)}

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> RunIdentity:
        """The identity that `to_content` described; a setting it does not know has its default."""
        return cls(TrainSettings.parse(**content["settings"]), content["data"])


def describe_differences(saved: RunIdentity, now: RunIdentity) -> list[str]:
    """What keeps two sittings from being one run, field by field; empty when nothing does.

    More epochs than before are harmless, unless a cosine has been planned over the fewer.
    """
    before, after = (dict(_flatten(identity)) for identity in (saved, now))
    if after["epochs"] > before["epochs"] and now.settings.schedule != "cosine":
        before["epochs"] = after["epochs"]
    return [
        f"{name} was {_shorten(before.get(name))}, is {_shorten(after.get(name))}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def require_same_run(saved: RunIdentity, now: RunIdentity, *, where: Path) -> None:
    """Raise InputError, naming each difference, when a checkpoint belongs to another run."""
    differences = describe_differences(saved, now)
    if differences:
        raise InputError(
            f"{where} was begun with other settings or data: {'; '.join(differences)}. Resume it "
            "with the same ones, or train anew beside it: without --resume, or with another --out."
        )


def refuse_changed_settings(runs_dir: Path, planned: Collection[RunIdentity]) -> None:
    """Raise InputError when a planned run looks like an unfinished one with other settings.

    Settings are part of a folder's name, so without this a changed option would silently begin
    a new run where the user meant to go on. Only runs of the same model, loss, sampler and seed
    that are not in the plan themselves are looked at, and only for runs not yet begun.
    """
    names = {identity.name for identity in planned}
    for identity in planned:
        if (runs_dir / identity.name).exists():
            continue
        stem = re.escape(_stem(identity.settings))
        for config_path in sorted(runs_dir.glob(f"*/{RUN_CONFIG}")):
            folder = config_path.parent
            is_related = re.fullmatch(stem + "[0-9a-f]{8}", folder.name)
            if folder.name in names or not is_related or (folder / RUN_SCORES).exists():
                continue
            require_same_run(RunIdentity.read(folder), identity, where=folder)


def _stem(settings: TrainSettings) -> str:
    model = re.sub(r"[^A-Za-z0-9_.+-]", "-", settings.model)
    return f"{model}-{settings.loss.name}-{settings.sampler.name}-s{settings.seed}-"


def _flatten(identity: RunIdentity) -> Iterator[tuple[str, Any]]:
    for name, value in identity.settings.model_dump(mode="json").items():
        if isinstance(value, dict):
            yield from ((f"{name}.{field}", part) for field, part in value.items())
        else:
            yield name, value
    yield from identity.data.items()


def _shorten(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:16]}…"
