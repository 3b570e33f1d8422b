"""What a run's heat maps show: how well they point, whether they care for the weights, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from xlite.results import Number, NumberIfAny, Result
from xlite.results.prediction import FailedFilm

Kind = Literal["true", "missed", "false", "called"]
"""Called and present, present and not called, called and absent; called, where nobody knows."""

Care = Literal["cares", "does not care", "unsettled"]
"""Whether maps change as the weights do."""


@dataclass(frozen=True, kw_only=True)
class Beside(Result):
    """What something else than the model's map reaches on the same films."""

    value: Number
    low: Number
    high: Number
    gain: Number
    """Of the model's maps over it, with an interval over patients."""
    gain_low: Number
    gain_high: Number


@dataclass(frozen=True, kw_only=True)
class Measure(Result):
    """One way to score maps against boxes, from 0 to 1; NaN where undefined."""

    value: Number
    low: Number
    high: Number
    centre: Beside
    """A map that falls from the film's centre outwards."""
    mean_box: Beside
    """How often each place lies in a box of other patients with the label."""
    randomised: Beside
    """The maps of the same model with new weights, the mean of several draws."""


@dataclass(frozen=True, kw_only=True)
class LabelLocalisation(Result):
    """How well maps point to the boxes of one label, or of all."""

    films: int
    """Pairs of a film and a label, where it is of all labels."""
    patients: int
    boxes: int
    called: int | None
    """Of the films; None where there are no thresholds to call by."""
    empty: int
    """Maps in which nothing speaks for the label: they count as 0 in each measure."""
    pointing: Measure
    """Whether the hottest place lies in a box."""
    energy: Measure
    """Share of the map within the boxes."""
    iou: Measure
    """Intersection over union of the boxes and of what reaches a threshold, which is the best of
    other patients."""
    threshold: Number
    """The median of those, as a share of the map's maximum."""


@dataclass(frozen=True, kw_only=True)
class RandomisedStage(Result):
    """Maps after the weights of some layers, from the top down, were drawn anew."""

    layers: str
    """The last of them."""
    similarity: Number
    """Mean rank correlation with the model's own maps, -1 to 1."""
    low: Number
    high: Number
    by_draw: tuple[Number, ...]
    """The same of each draw of weights."""


@dataclass(frozen=True, kw_only=True)
class Randomisation(Result):
    """Whether maps change as the weights are randomised from the top down."""

    maps: int
    patients: int
    care: Care
    stages: tuple[RandomisedStage, ...]


@dataclass(frozen=True, kw_only=True)
class GalleryFilm(Result):
    """One film of a picture, row by row."""

    image_id: str
    kind: Kind
    prob: Number
    """Calibrated, where the run has a calibration."""
    boxes: tuple[tuple[Number, Number, Number, Number], ...]
    """Left, top, width, height in pixels of the film."""
    pointing: NumberIfAny = None
    energy: NumberIfAny = None
    iou: NumberIfAny = None

    left_out: ClassVar[frozenset[str]] = frozenset({"pointing", "energy", "iou"})


@dataclass(frozen=True, kw_only=True)
class GalleryPicture(Result):
    """A picture of one label: films it was found on, missed on, and falsely called on."""

    label: str
    file: str
    threshold: Number
    """Of the prob; NaN without one."""
    counts: dict[Kind, int]
    """Films of each kind, shown or not."""
    films: tuple[GalleryFilm, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation(Result):
    """Heat maps of a run on some films: `localisation.json`."""

    name: str
    run: str
    model: str
    method: str
    labels: tuple[str, ...]
    """The run's."""
    films: int
    """That could be read."""
    failed: tuple[FailedFilm, ...] | None = None
    """Films that could not be read, and are not explained; None where all could."""
    patients: int
    maps: int
    """Pairs of a film and a label that maps were drawn of."""
    map_side: tuple[int, int]
    """Height and width of a map before it is laid on a film."""
    thresholds: str
    """Where the thresholds come from, in words."""
    boxes_left_out: dict[str, int]
    """Boxes that were not judged, by the reason."""
    overall: LabelLocalisation | None
    """None without boxes."""
    per_class: dict[str, LabelLocalisation]
    randomisation: Randomisation
    gallery: tuple[GalleryPicture, ...]
    notes: tuple[str, ...]
    level: Number = 0.95
    """Of the intervals, over patients."""
    schema_version: int = 1
    path: str | None = None
    """The folder that it was written to."""

    left_out: ClassVar[frozenset[str]] = frozenset({"failed", "path"})
