"""What `xlite explain` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.intervals import bracket
from xlite.cli.predict_tables import say_failed
from xlite.console import decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xlite.results.explanation import Explanation, LabelLocalisation, Measure, Randomisation

_MEASURES: Mapping[str, str] = {
    "pointing": "the hottest place lies in a box",
    "energy": "share of the map in the boxes",
    "iou": "overlap (IoU) at a threshold of other patients",
}
_CARE = {
    "cares": "The maps care for the weights",
    "does not care": "The maps do not care for the weights: they show the film, not the model",
    "unsettled": "Whether the maps care for the weights is not settled",
}


def print_explanation(found: Explanation) -> None:
    """Print how well maps point, whether they care for the weights, and where the pictures are."""
    console.say(
        f"{found.name}: {found.maps:,} maps ({found.method}) of {found.films:,} films, "
        f"{found.patients:,} patients"
    )
    say_failed(found.failed or ())
    for note in found.notes:
        console.say(note)
    for reason, count in found.boxes_left_out.items():
        console.say(f"{count:,} boxes left out: {reason}")
    if found.overall is not None:
        for name, title in _MEASURES.items():
            _print_measure(name, title, found.overall, found.per_class)
    _print_care(found.randomisation)
    console.say(f"written to {found.path}: localisation.json, {len(found.gallery)} pictures")


def _print_measure(
    name: str, title: str, overall: LabelLocalisation, per_class: Mapping[str, LabelLocalisation]
) -> None:
    rows = [
        [label, f"{one.films:,}", *_describe(getattr(one, name))]
        for label, one in {**per_class, "all": overall}.items()
    ]
    console.table(
        title=f"{name}: {title}",
        columns=["label", "films", "maps", "over the centre", "centre", "mean box", "new weights"],
        rows=rows,
        caption="Intervals are over patients; those of the gain over mean box and new weights are "
        "in localisation.json."
        if name == "pointing"
        else None,
    )


def _describe(one: Measure) -> list[str]:
    centre = one.centre
    return [
        bracket(one.value, one.low, one.high),
        bracket(centre.gain, centre.gain_low, centre.gain_high, sign=True),
        *(decimal(other.value) for other in (centre, one.mean_box, one.randomised)),
    ]


def _print_care(found: Randomisation) -> None:
    if not found.stages:
        console.say("No map was drawn, so that none was compared with those of new weights.")
        return
    first, last = found.stages[0], found.stages[-1]
    console.say(
        f"{_CARE[found.care]}: rank correlation "
        f"{bracket(last.similarity, last.low, last.high)} with those of new weights "
        f"({decimal(first.similarity)} with a new last layer), {found.maps:,} maps of "
        f"{found.patients:,} patients."
    )
