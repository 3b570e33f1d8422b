"""The report's section on heat maps: whether they point to findings, and care for the weights."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from xlite.errors import InputError
from xlite.places import EXPLANATIONS, LOCALISATION
from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Facts,
    Heading,
    Paragraph,
    Picture,
    Section,
    Table,
    absent_section,
    bracket,
    data_uri,
    number,
    show_estimate,
)
from xlite.results.explanation import (
    Beside,
    Explanation,
    GalleryPicture,
    LabelLocalisation,
    Measure,
    Randomisation,
)

_KEY, _TITLE = "explanations", "Where the model looks"
_COMMAND = "xlite explain RUN --labels TABLE.csv --boxes BOXES.csv"
_REMEDY = "Run `xlite explain` again."

_MEASURES: Mapping[str, tuple[str, str]] = {
    "pointing": ("Pointing game", "share of films whose hottest place lies in a box"),
    "energy": ("Energy inside", "share of the map within the boxes"),
    "iou": (
        "Overlap (IoU)",
        "boxes and what reaches a threshold, which is fitted on other patients",
    ),
}
_BESIDE = {"centre": "the centre", "mean_box": "the mean box", "randomised": "random weights"}
_CARE = {
    "cares": "The maps care for the weights: they change as these are drawn anew.",
    "does not care": "The maps do not care for the weights: with new ones they look alike, so they "
    "say nothing of what the model has learned.",
    "unsettled": "Whether the maps care for the weights is not settled by these films.",
}
_MOST_PICTURES = 6
"""Of some 70 kB each: a page is sent by mail."""
_JPEG_SIDE, _JPEG_QUALITY = 900, 72


def describe_explanations(experiments_dir: Path) -> Section:
    """What each explanation found, with its pictures; or that no run was explained."""
    blocks: list[Block] = []
    for path in sorted((experiments_dir / EXPLANATIONS).glob(f"*/{LOCALISATION}")):
        try:
            found = Explanation.read(path, remedy=_REMEDY)
        except InputError as error:
            text = f"the explanation {path.parent.name} is left out: {error}"
            blocks.append(Paragraph(text, is_warning=True))
        else:
            blocks += _describe(found, path.parent)
    if not blocks:
        return absent_section(_KEY, _TITLE, "No heat map of a run was drawn.", _COMMAND)
    return Section(_KEY, _TITLE, blocks)


def _describe(found: Explanation, folder: Path) -> list[Block]:
    blocks: list[Block] = [
        Heading(found.name),
        Facts(
            {
                "Run": found.run,
                "Maps": f"{found.method}, {' × '.join(map(str, found.map_side))} places, of "
                f"{found.maps:,} pairs of film and label",
                "Films": f"{found.films:,} of {found.patients:,} patients"
                + (f"; {len(found.failed):,} could not be read" if found.failed else ""),
                "Thresholds": found.thresholds,
            }
        ),
        *_describe_randomisation(found.randomisation, found.level),
    ]
    if found.overall is None:
        blocks.append(Paragraph("Without boxes nobody knows whether the maps point rightly."))
    else:
        blocks += [
            _tabulate(name, found.per_class, found.overall, found.level) for name in _MEASURES
        ]
    left_out = [f"{count:,} ({reason})" for reason, count in found.boxes_left_out.items() if count]
    if left_out:
        blocks.append(Paragraph(f"Boxes that were not judged: {', '.join(left_out)}."))
    blocks += map(Paragraph, found.notes)
    return [*blocks, *_show_pictures(found, folder)]


def _describe_randomisation(found: Randomisation, level: float) -> list[Block]:
    table = Table(
        caption=f"Rank correlation of {found.maps:,} maps of {found.patients:,} patients with "
        f"those of the same model after layers were drawn anew, from the last one on; {level:.0%} "
        "intervals over patients.",
        columns=[
            Column(title="drawn anew down to", is_number=False),
            Column(title="similarity"),
            Column(title="interval"),
        ],
        rows=[
            [Cell(one.layers), number(one.similarity, 2), bracket(one.low, one.high)]
            for one in found.stages
        ],
    )
    is_warning = found.care == "does not care"
    said = Paragraph(_CARE.get(found.care, found.care), is_warning=is_warning)
    return [said, table] if found.stages else [said]


def _tabulate(
    name: str, per_class: Mapping[str, LabelLocalisation], overall: LabelLocalisation, level: float
) -> Table:
    title, meaning = _MEASURES[name]
    titles = ("films", title, *(f"gain over {beside}" for beside in _BESIDE.values()))
    return Table(
        caption=f"{title}: {meaning}; and what is gained over other maps on the same films: one "
        "that falls from the centre, the places of other patients' boxes, and the maps of the "
        f"model with new weights. {level:.0%} intervals over patients.",
        columns=[Column(title="label", is_number=False), *(Column(title=one) for one in titles)],
        rows=[_list_cells(label, one, name) for label, one in per_class.items()],
        foot=[_list_cells("all", overall, name)],
    )


def _list_cells(label: str, found: LabelLocalisation, name: str) -> list[Cell]:
    measure: Measure = getattr(found, name)
    gains: list[Beside] = [getattr(measure, beside) for beside in _BESIDE]
    return [
        Cell(label),
        number(found.films, 0),
        show_estimate(measure.value, measure.low, measure.high, sign=False),
        *(show_estimate(one.gain, one.gain_low, one.gain_high) for one in gains),
    ]


def _show_pictures(found: Explanation, folder: Path) -> list[Block]:
    """Those of labels with boxes first, since others show no place to compare with."""
    ordered = sorted(found.gallery, key=lambda one: one.label not in found.per_class)
    blocks = [_show_picture(one, folder) for one in ordered[:_MOST_PICTURES]]
    rest = [one.label for one in ordered[_MOST_PICTURES:]]
    if rest:
        text = f"In the folder {folder.name} there are pictures of {', '.join(rest)}, too."
        blocks.append(Paragraph(text))
    return blocks


def _show_picture(shown: GalleryPicture, folder: Path) -> Block:
    """The picture as a JPEG; a sentence where it is gone or damaged."""
    # The name is a file's own: whatever it says, only the folder's pictures are opened.
    path = folder / Path(shown.file).name
    counts = ", ".join(f"{count:,} {_KINDS[kind]}" for kind, count in shown.counts.items())
    try:
        content = _encode(path)
    except (OSError, ValueError, SyntaxError) as error:
        text = f"The picture {path.name} can't be shown ({type(error).__name__}). {_REMEDY}"
        return Paragraph(text, is_warning=True)
    return Picture(
        draw=partial(data_uri, content, "image/jpeg"),
        alt=f"Films with {shown.label}, their heat maps and boxes.",
        caption=f"{shown.label.replace('_', ' ')}: {counts}. Box: where the finding is.",
        is_wide=True,
    )


_KINDS = {
    "true": "found",
    "missed": "missed",
    "false": "called without the finding",
    "called": "called",
}


def _encode(path: Path) -> bytes:
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as image:
        image.thumbnail((_JPEG_SIDE, 10 * _JPEG_SIDE))
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
