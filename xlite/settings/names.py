"""The names of settings in --vary, --variant, --set and settings files: their options' names."""

from __future__ import annotations

from functools import cache

from xlite import console
from xlite.settings.dataset import ClaheSettings, SamplerSettings
from xlite.settings.loss import LossSettings
from xlite.settings.policy import PolicySettings
from xlite.settings.settings import Settings
from xlite.settings.training import Runtime, TrainSettings

PARTS: dict[str, type[Settings]] = {
    "loss": LossSettings,
    "sampler": SamplerSettings,
    "policy": PolicySettings,
}
"""The parts of `TrainSettings` that are settings themselves: the tables of a settings file."""


def current_name(text: str) -> str:
    """The name in the form that options have, without dashes; of a renamed one, the new name.

    >>> current_name("--batch_size ")
    'batch-size'
    """
    name = text.strip().lstrip("-").replace("_", "-")
    new = former_names().get(name)
    if new is not None:
        console.say(renamed(name, new))
    return new or name


def renamed(old: str, new: str) -> str:
    """The note on a name that is no longer the name of anything but still read."""
    return f"note: {old} is called {new} now"


@cache
def setting_places() -> dict[str, tuple[str | None, str]]:
    """Where each setting of a run is kept, by its name: the part of `TrainSettings`, and the field.

    The part is None for `TrainSettings` itself.

    >>> setting_places()["sampler-power"], setting_places()["lr"]
    (('sampler', 'power'), (None, 'lr'))
    """
    places: dict[str, tuple[str | None, str]] = {
        TrainSettings.option(field).lstrip("-"): (None, field)
        for field in TrainSettings.model_fields
        if field not in PARTS
    }
    for part, kind in PARTS.items():
        for field in kind.model_fields:
            places[kind.option(field).lstrip("-")] = (part, field)
    return places


@cache
def former_names() -> dict[str, str]:
    """Today's name of each option that was called otherwise, both without dashes."""
    kinds: list[type[Settings]] = [TrainSettings, *PARTS.values(), Runtime, ClaheSettings]
    return {
        former.lstrip("-"): kind.option(field).lstrip("-")
        for kind in kinds
        for field in kind.model_fields
        if (former := kind.shown(field).former_option) is not None
    }
