"""The report's section on the images that a model gets most wrong.

N images, C labels, S pixels.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.labels import NO_FINDING
from xlite.reporting.absences import NO_RUN, Absence
from xlite.reporting.html_page import (
    Block,
    Gallery,
    Paragraph,
    Picture,
    Section,
    absent_section,
    data_uri,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.reporting.run_images import RunImages

_SIDE = 224
"""Largest side of a thumbnail in pixels."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One image and the label for which its loss is largest."""

    row: int
    column: int
    prob: float
    is_missed: bool
    """A finding with a low prob; else a high prob without the finding."""


def find_mistakes(run: RunImages, *, num_images: int) -> list[Mistake]:
    """The missed findings and the false alarms with the largest log loss, `num_images` of each.

    Log loss is -ln p of a positive and -ln (1 - p) of a negative. An image appears once on each
    side, with its worst label; unknown labels are left out. Ties go to the earlier row.
    """
    mistakes = []
    for is_missed, target in ((True, 1), (False, 0)):
        # Ordering by p is ordering by log loss, without an infinity at 0 and 1.
        wrongness = 1 - run.probs if is_missed else run.probs
        wrongness = np.where(run.targets == target, wrongness, -1.0)
        column = wrongness.argmax(axis=1)
        worst = wrongness.max(axis=1)
        for row in np.argsort(-worst, kind="stable")[:num_images]:
            if worst[row] >= 0:
                mistakes.append(
                    Mistake(
                        row=int(row),
                        column=int(column[row]),
                        prob=float(run.probs[row, column[row]]),
                        is_missed=is_missed,
                    )
                )
    return mistakes


def describe_mistakes(
    run: RunImages | None,
    mistakes: Sequence[Mistake],
    pixels: Mapping[str, NDArray[np.uint8]],
    *,
    absence: Absence = NO_RUN,
) -> Section:
    """Thumbnails of mistakes with what was said and what is true.

    pixels: (S, S) by image id; an image without is left out and counted. run: None when none can
    be judged, which `absence` explains.
    """
    key, title = "mistakes", "What the model gets most wrong"
    if run is None:
        return absent_section(key, title, *absence)
    shown = [mistake for mistake in mistakes if run.image_ids[mistake.row] in pixels]
    if not shown:
        why = "There is no CLAHE cache with the images of the validation part."
        return absent_section(key, title, why, "xlite cache-clahe --labels CSV --images DIR")
    blocks: list[Block] = [
        Paragraph(
            f"{run.name} on validation: the largest log losses, one label an image. Look at them "
            "before blaming the model: labels mined from reports are wrong for some images."
        )
    ]
    if len(shown) < len(mistakes):
        blocks.append(Paragraph(f"{len(mistakes) - len(shown)} images are not in the cache."))
    for heading, is_missed in (("Missed findings", True), ("False alarms", False)):
        pictures = [
            _draw_mistake(run, mistake, pixels[run.image_ids[mistake.row]])
            for mistake in shown
            if mistake.is_missed == is_missed
        ]
        if pictures:
            blocks.append(Gallery(heading, pictures))
    return Section(key, title, blocks)


def _draw_mistake(run: RunImages, mistake: Mistake, pixels: NDArray[np.uint8]) -> Picture:
    label, image_id = run.vocabulary[mistake.column], str(run.image_ids[mistake.row])
    targets = run.targets[mistake.row]
    true = [name for name, target in zip(run.vocabulary, targets, strict=True) if target == 1]
    lines = (
        f"{label.replace('_', ' ')}: {mistake.prob:.3f}",
        f"labels: {', '.join(true).replace('_', ' ') or NO_FINDING}",
        image_id,
    )
    return Picture(
        draw=partial(data_uri, encode_thumbnail(pixels), "image/jpeg"),
        alt=f"Radiograph {image_id}",
        caption="\n".join(lines),
    )


def encode_thumbnail(pixels: NDArray[Any]) -> bytes:
    """(S, S) uint8 pixels as a JPEG of at most 224 pixels a side: some 8 kB."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint8))
    image.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=82)
    return buffer.getvalue()
