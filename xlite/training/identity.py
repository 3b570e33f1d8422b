"""What a run is: its settings and its data. Two sittings belong together when these agree."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite import console
from xlite.errors import InputError
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.listing import find_run_folders
from xlite.run_folder.saved_settings import parse_settings
from xlite.settings import TrainSettings, fingerprint_of

if TYPE_CHECKING:
    from xlite.training.data import StudyData

VERSION = 2
"""Of the fingerprints: raised when a default changes, so that a name never means two runs."""


@dataclass(frozen=True)
class RunIdentity:
    """The settings of a run, and the sums of its data by name."""

    settings: TrainSettings
    data: Mapping[str, str]
    """SHA-256 of each part of the split, and the fingerprint of the pixels."""
    has_fixed_budget: bool = False
    """Whether the number of epochs is part of what the run is, as it is where it was varied; else
    a longer run continues a shorter one."""

    @classmethod
    def of(
        cls, settings: TrainSettings, data: StudyData, *, has_fixed_budget: bool = False
    ) -> RunIdentity:
        """The identity of a run with these settings on this data."""
        split = {f"split.{part}": digest for part, digest in data.split_sha256.items()}
        return cls(settings, {**split, "pixels": data.source_fingerprint}, has_fixed_budget)

    @property
    def fingerprint(self) -> str:
        """Changes when the result may: with any setting, the split or the pixels.

        Only settings that are not the default are in it, so that a new one, as long as it has its
        default, leaves it as it was.
        """
        return fingerprint_of([VERSION, self.settings.changes(), dict(self.data)])

    @property
    def name(self) -> str:
        """What the folder of a new run is called: some settings for the eye, a sum for the rest."""
        changes = self.settings.changes()
        changes.pop("epochs", None)
        budget = [self.settings.epochs] if self.has_fixed_budget else []
        return f"{_stem(self)}{fingerprint_of([VERSION, changes, dict(self.data), *budget])[:8]}"

    @property
    def key(self) -> str:
        """The same for two identities whose runs share a folder: all but a budget that is open."""
        settings = self.settings
        if not self.has_fixed_budget:
            settings = settings.model_copy(update={"epochs": 1})
        content = settings.model_dump(mode="json")
        return fingerprint_of([content, dict(self.data), self.has_fixed_budget])

    @classmethod
    def read(cls, run: RunFolder) -> RunIdentity:
        """The identity of a run that is there already, whichever version began it."""
        data = run.config.data
        split = {f"split.{part}": digest for part, digest in data.split_sha256.items()}
        return cls(run.settings, {**split, "pixels": data.source}, run.config.has_fixed_budget)

    def to_content(self) -> dict[str, Any]:
        """The identity as plain values, for the checkpoint."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "data": dict(self.data),
            "has_fixed_budget": self.has_fixed_budget,
        }

    @classmethod
    def from_content(cls, content: Mapping[str, Any], *, where: Path) -> RunIdentity:
        """The identity that `to_content` described; a setting it does not know has its default.

        where: the run folder, for the InputError about a setting that this version does not know.
        """
        settings = parse_settings(content["settings"], where=where)
        return cls(settings, content["data"], content.get("has_fixed_budget", False))


class KnownRuns:
    """The runs of a folder by what they are, for a process that asks for one after another.

    Each run's records are read once: of 10,000 runs that takes seconds, looking which have come
    since takes milliseconds.
    """

    def __init__(self, runs_dir: Path) -> None:
        """Nothing is read before `locate`."""
        self.runs_dir = runs_dir
        self._seen: set[str] = set()
        self._holders: dict[str, list[Path]] = {}

    def locate(self, identity: RunIdentity) -> Path:
        """The folder of a run, as `locate_run` finds it."""
        named, key = self.runs_dir / identity.name, identity.key
        if _read_key(named) == key:
            return named
        self._look_again()
        holders = [folder for folder in self._holders.get(key, []) if RunFolder(folder).is_begun]
        return holders[0] if holders else named

    def _look_again(self) -> None:
        for run in find_run_folders(self.runs_dir, leave_out=self._seen):
            self._seen.add(run.name)
            key = _read_key(run.path, says_why=True)
            if key is not None:
                self._holders.setdefault(key, []).append(run.path)


def _read_key(folder: Path, *, says_why: bool = False) -> str | None:
    """The key of the run in a folder; None where there is none that can be read."""
    run = RunFolder(folder)
    if not run.is_begun:
        return None
    try:
        return RunIdentity.read(run).key
    except InputError as error:
        if says_why:
            console.warn(f"{run.name} is passed over: {error}")
        return None


def read_identities(runs_dir: Path) -> dict[Path, RunIdentity]:
    """The identities of the runs below a folder; those that can't be read are left out."""
    found = {}
    for run in find_run_folders(runs_dir):
        try:
            found[run.path] = RunIdentity.read(run)
        except InputError as error:
            console.warn(f"{run.name} is passed over: {error}")
    return found


def locate_run(runs_dir: Path, identity: RunIdentity, existing: Mapping[Path, RunIdentity]) -> Path:
    """The folder of a run: the one that holds it, whatever it is called, or that of its name.

    existing: `read_identities` of `runs_dir`. Another version may have named the folder otherwise,
    and a person may have renamed it.
    """
    named = runs_dir / identity.name
    holders = [folder for folder, other in existing.items() if other.key == identity.key]
    return named if named in holders or not holders else holders[0]


def describe_differences(saved: RunIdentity, now: RunIdentity) -> list[str]:
    """What keeps two sittings from being one run, field by field; empty when nothing does.

    More epochs than before are harmless, unless a cosine or an average of the last ones has been
    planned over the fewer, or the budget is what was varied.
    """
    before, after = (_flatten(identity) for identity in (saved, now))
    is_planned = now.settings.schedule == "cosine" or now.settings.select == "average"
    is_open = not (now.has_fixed_budget or is_planned)
    if after["epochs"] > before["epochs"] and is_open:
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


def refuse_changed_settings(
    runs_dir: Path, planned: Collection[RunIdentity], existing: Mapping[Path, RunIdentity]
) -> None:
    """Raise InputError when a planned run looks like an unfinished one with other settings.

    Settings are part of what a run is, so without this a changed option would silently begin a
    new run where the user meant to go on. Only runs of the same model, loss, sampler and seed
    that are not in the plan themselves are looked at, and only for runs not yet begun.
    """
    folders = {locate_run(runs_dir, identity, existing): identity for identity in planned}
    for place, identity in folders.items():
        if place.exists():
            continue
        for folder, other in existing.items():
            is_related = _stem(other) == _stem(identity) and folder not in folders
            if is_related and not RunFolder(folder).is_finished:
                require_same_run(other, identity, where=folder)


def _stem(identity: RunIdentity) -> str:
    settings = identity.settings
    model = re.sub(r"[^A-Za-z0-9_.+-]", "-", settings.model)
    budget = f"e{settings.epochs}-" if identity.has_fixed_budget else ""
    return f"{model}-{settings.loss.name}-{settings.sampler.name}-s{settings.seed}-{budget}"


def _flatten(identity: RunIdentity) -> dict[str, Any]:
    budget = "fixed" if identity.has_fixed_budget else "open"
    return {**identity.settings.flatten(), **identity.data, "budget": budget}


def _shorten(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:16]}…"
