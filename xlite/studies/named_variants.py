"""The variants of an ablation from settings by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xlite.errors import ArgumentError, InputError
from xlite.settings import TrainSettings
from xlite.studies.axes import Variant, require_different
from xlite.studies.plan import require_known_models


def name_variants(settings: Mapping[str, TrainSettings]) -> list[Variant]:
    """A variant for each of the settings, the baseline first.

    Its values are those of the settings in which any two of them differ, but for the seed. Raises
    InputError for less than two, for two that are the same, and for an unknown model.

    >>> base = TrainSettings(model="resnet18")
    >>> found = name_variants({"slow": base, "fast": base.model_copy(update={"lr": 1e-3})})
    >>> {variant.name: variant.values for variant in found}
    {'slow': {'lr': '0.0001'}, 'fast': {'lr': '0.001'}}
    """
    wrong = [name for name, one in settings.items() if not isinstance(one, TrainSettings)]
    if wrong:
        raise ArgumentError(f"the settings of {wrong[0]} must be TrainSettings.")
    of_seed_0 = {name: one.model_copy(update={"seed": 0}) for name, one in settings.items()}
    if len(of_seed_0) < 2:
        raise InputError("an ablation compares at least two variants. Pass another one.")
    require_different(of_seed_0)
    require_known_models(list(dict.fromkeys(one.model for one in settings.values())))
    flat = {name: one.flatten() for name, one in of_seed_0.items()}
    varied = _find_varied(list(flat.values()))
    return [
        Variant(name, {key: _as_text(flat[name][key]) for key in varied}, settings[name])
        for name in settings
    ]


def _find_varied(flat: Sequence[Mapping[str, object]]) -> list[str]:
    return [key for key in flat[0] if any(one[key] != flat[0][key] for one in flat)]


def _as_text(value: object) -> str:
    return "none" if value is None else str(value)
