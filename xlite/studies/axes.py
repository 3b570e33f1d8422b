"""The axes of an ablation: which settings are varied, and the variants that come of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xlite.errors import InputError, did_you_mean
from xlite.settings import TrainSettings
from xlite.settings.by_name import NONE, Place, replace_fields, setting_at
from xlite.settings.described import type_of_field
from xlite.settings.names import PARTS, current_name, setting_places
from xlite.studies.plan import PlannedRun, name_run, require_distinct, require_known_models

_FIXED = {
    "seed": "Pass --seeds 0,1,2.",
    "initial_weights": "Train with and without --no-pretrained, then run `xlite compare`.",
    "warm_start": "Train with and without --warm-start, then run `xlite compare`.",
}


@dataclass(frozen=True)
class Axis:
    """A setting by the name of its command-line option, without dashes, and its values as text."""

    name: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Axis:
        """The axis in a `NAME=VALUE,VALUE` of --vary. Raises InputError for another form.

        >>> Axis.parse("lr=1e-4,3e-4")
        Axis(name='lr', values=('1e-4', '3e-4'))
        """
        name, equals, values = text.partition("=")
        parts = tuple(value.strip() for value in values.split(",") if value.strip())
        if not equals or not name.strip() or not parts:
            raise InputError(f"--vary {text!r} is no NAME=VALUE,VALUE, as in --vary lr=1e-4,3e-4.")
        return cls(current_name(name), parts)


@dataclass(frozen=True)
class Combination:
    """Several settings that are changed together, under a name of their own."""

    name: str
    values: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Combination:
        """The combination in a `NAME:SETTING=VALUE,…` of --variant; InputError for another form.

        >>> Combination.parse("both:loss=pos-weight,sampler=max-entropy").values
        {'loss': 'pos-weight', 'sampler': 'max-entropy'}
        """
        name, colon, settings = (part.strip() for part in text.partition(":"))
        pairs = [item.partition("=") for item in settings.split(",")]
        is_whole = all(key.strip() and equals and value.strip() for key, equals, value in pairs)
        if not colon or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", name) or not is_whole:
            raise InputError(
                f"--variant {text!r} is no NAME:SETTING=VALUE,SETTING=VALUE, as in --variant "
                "both:loss=pos-weight,sampler=max-entropy. A name has letters, digits, and _.+- "
                "after the first."
            )
        keys = [current_name(key) for key, _, _ in pairs]
        require_distinct(f"--variant {name}:", keys)
        return cls(name, dict(zip(keys, (value.strip() for _, _, value in pairs), strict=True)))


@dataclass(frozen=True)
class Variant:
    """A way of training that is compared with another, under any seed."""

    name: str
    """What it is made of, as in `loss=focal`, or the name that the user gave it."""
    values: Mapping[str, str]
    """The value of each setting that is varied."""
    settings: TrainSettings

    def run_name(self, seed: int, *, num_seeds: int) -> str:
        """What tables and progress call its run with a seed: `MODEL:loss=focal:s0`."""
        # The model is in the variant's own name where it is what varies.
        stem = self.name if "model" in self.values else f"{self.settings.model}:{self.name}"
        return name_run(stem, seed, num_seeds=num_seeds)


def plan_variants(
    base: TrainSettings,
    axes: Sequence[Axis],
    *,
    combinations: Sequence[Combination] = (),
    baseline: str | None = None,
    product: bool = False,
    knows_models: bool = True,
) -> list[Variant]:
    """The variants that axes and combinations make of `base`, the baseline first.

    The baseline has the first value of each axis, unless `baseline` names others: values, or
    NAME=VALUE, separated by commas. Each further variant differs from it on one axis, or, with
    `product`, every combination of values is one; then come `combinations`, each the baseline but
    for its own values. Raises InputError for a setting or value that does not exist, for two
    variants with the same settings, and for less than two. knows_models: whether models are looked
    up, for which timm is imported.
    """
    if axes or not combinations:
        require_distinct("--losses, --samplers and --vary together", [axis.name for axis in axes])
    if combinations:
        require_distinct("--variant", [combination.name for combination in combinations])
    for axis in axes:
        require_distinct(f"{axis.name}=", axis.values)
    axes = _put_first(axes, baseline)
    settled = _read_settled(base, axes, combinations)
    points = list(itertools.product(*(axis.values for axis in axes)))
    first = points[0]
    if not product:
        # In the order of the axes; a product's order would begin with the last one.
        points = [
            first,
            *(
                (*first[:place], value, *first[place + 1 :])
                for place, axis in enumerate(axes)
                for value in axis.values[1:]
            ),
        ]
    variants = [
        _build_variant(base, axes, values, settled, None if product or values == first else first)
        for values in points
    ]
    variants += [_combine(variants[0], combination) for combination in combinations]
    if knows_models:
        require_known_models([variant.settings.model for variant in variants])
    if len(variants) < 2:
        raise InputError(
            "an ablation compares at least two variants. Pass --losses bce,focal, --samplers "
            "none,max-entropy, --vary lr=1e-4,3e-4, or --variant NAME:SETTING=VALUE,…."
        )
    require_different({variant.name: variant.settings for variant in variants})
    return variants


def require_different(settings: Mapping[str, TrainSettings]) -> None:
    """Raise InputError, which names two, when any of the settings are the same."""
    for (one, ours), (other, theirs) in itertools.combinations(settings.items(), 2):
        if ours == theirs:
            raise InputError(f"{one} and {other} are the same settings. Leave one out.")


def plan_runs(variants: Sequence[Variant], seeds: Sequence[int]) -> list[PlannedRun]:
    """One run a seed and variant, all variants of a seed in turn, each seed's baseline first."""
    require_distinct("--seeds", [str(seed) for seed in seeds])
    return [
        PlannedRun(
            variant.run_name(seed, num_seeds=len(seeds)),
            variant.settings.model_copy(update={"seed": seed}),
            has_fixed_budget="epochs" in variant.values,
        )
        for seed in seeds
        for variant in variants
    ]


def _put_first(axes: Sequence[Axis], baseline: str | None) -> list[Axis]:
    """The axes with the values that `baseline` names in front."""
    ordered = {axis.name: axis for axis in axes}
    for item in (baseline or "").split(","):
        if not item.strip():
            continue
        name, equals, value = (part.strip() for part in item.rpartition("="))
        name = current_name(name)
        found = [
            axis for axis in axes if value in axis.values and (not equals or axis.name == name)
        ]
        if len(found) != 1:
            known = ", ".join(f"{axis.name}={value}" for axis in axes for value in axis.values)
            raise InputError(
                f"--baseline {item.strip()} is {'ambiguous' if found else 'not varied'}. Name one "
                f"of: {known}."
            )
        axis = found[0]
        rest = tuple(other for other in axis.values if other != value)
        ordered[axis.name] = Axis(axis.name, (value, *rest))
    return list(ordered.values())


def _read_settled(
    base: TrainSettings, axes: Sequence[Axis], combinations: Sequence[Combination]
) -> dict[str, str]:
    """The values in `base` of the settings that combinations change and no axis does, as text."""
    on_axes = {axis.name for axis in axes}
    settled = {}
    for name in dict.fromkeys(name for one in combinations for name in one.values):
        if name not in on_axes:
            value = setting_at(base, _find_field(name))
            settled[name] = "none" if value is None else str(value).lower()
    return settled


def _combine(baseline: Variant, combination: Combination) -> Variant:
    settings = _change_settings(baseline.settings, combination.values)
    return Variant(combination.name, {**baseline.values, **combination.values}, settings)


def _build_variant(
    base: TrainSettings,
    axes: Sequence[Axis],
    values: Sequence[str],
    settled: Mapping[str, str],
    differs_from: Sequence[str] | None,
) -> Variant:
    """base: with `settled` in it already, which is part of a whole name and of the values."""
    chosen = {axis.name: value for axis, value in zip(axes, values, strict=True)}
    settings = _change_settings(base, chosen)
    named = [
        f"{name}={value}"
        for place, (name, value) in enumerate(chosen.items())
        if differs_from is None or value != differs_from[place]
    ]
    if differs_from is None:
        named += [f"{name}={value}" for name, value in settled.items()]
    return Variant(",".join(named), {**chosen, **settled}, settings)


def _change_settings(settings: TrainSettings, values: Mapping[str, str]) -> TrainSettings:
    places = {_find_field(name): text for name, text in values.items()}
    return replace_fields(settings, {place: _read(place, text) for place, text in places.items()})


def _read(place: Place, text: str) -> str | None:
    """The text, which validation turns into the field's type; `none` where that is a value."""
    part, field = place
    _, is_optional = type_of_field(TrainSettings if part is None else PARTS[part], field)
    return None if is_optional and text == NONE else text


def _find_field(name: str) -> Place:
    """Where a setting is kept, as `setting_places` says; InputError for one that can't be varied.

    >>> _find_field("focal-gamma"), _find_field("lr")
    (('loss', 'focal_gamma'), (None, 'lr'))
    """
    places = setting_places()
    place = places.get(name)
    if place is not None and place[1] not in _FIXED:
        return place
    if place is not None:
        raise InputError(f"{name} can't be varied here. {_FIXED[place[1]]}")
    hint = did_you_mean(name, places) or f" Known: {', '.join(places)}."
    raise InputError(f"there is no setting {name!r} to vary.{hint}")
