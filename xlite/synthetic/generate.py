"""Synthetic chest radiographs with NIH's imbalance, to try everything without a download.

They are drawings, not data: good for a demo, a test or a smoke run of a cluster, never for a
claim about radiographs. Imbalance, co-occurrence and leakage are real in them: label sets have
NIH's frequencies, and a patient looks alike on all of the patient's films.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlite import console
from xlite.errors import InputError
from xlite.files import sha256_of_file, write_json
from xlite.labels import NIH_LABELS, decode_labels
from xlite.ownership import require_writable_folder
from xlite.records import Record
from xlite.synthetic.anatomy import Anatomy, Plane, draw_anatomy, paint_curves
from xlite.synthetic.film import draw_normal_film
from xlite.synthetic.findings import DEFORMATIONS, OPACITIES
from xlite.synthetic.label_draws import draw_series_labels, draw_series_lengths

LABEL_TABLE = "Data_Entry_2017.csv"
IMAGE_FOLDER = "images"
RECORD = "synthetic.json"

NIH_HEADER = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "Patient Age",
    "Patient Gender",
    "View Position",
    # NIH writes "OriginalImage[Width,Height]" unquoted: its header splits into two columns each.
    "OriginalImage[Width",
    "Height]",
    "OriginalImagePixelSpacing[x",
    "y]",
)

Projection = Literal["PA", "AP"]


class _Settings(Record):
    """What decides the films."""

    drawing_version: int
    num_images: int
    seed: int
    image_size: int
    min_positives: int


class SyntheticRecord(_Settings):
    """`synthetic.json`: the settings of the films beside it, and their table."""

    table_sha256: str


# Raised whenever the same settings give other pictures, so that old folders are not taken for new.
_DRAWING_VERSION = 1
_MIN_IMAGE_SIZE = 32
_THORAX_FIELD_MM = 360.0


def generate_synthetic(
    out: str | Path,
    *,
    num_images: int,
    seed: int = 42,
    image_size: int = 256,
    min_positives: int = 0,
) -> Path:
    """The path of the label table of `num_images` synthetic films written to the folder `out`.

    `out` gets `images/00000001_000.png` and so on (8-bit grey, `image_size` square),
    `Data_Entry_2017.csv` with NIH's header, and `synthetic.json` with the settings. The same
    settings and library versions give the same bytes: each image is a function of (seed,
    patient, image number, findings) alone. `synthetic.json` comes last: its presence means
    "complete". An interrupted call leaves `out` empty, and a folder that is complete with the
    same settings is left as it is. `min_positives` lifts rare classes to at least that many
    images, above NIH's prevalence (see `draw_label_sets`).

    Raises InputError for settings out of range, and when `out` holds anything else.
    """
    out = Path(out)
    _check_settings(num_images, seed, image_size, min_positives)
    settings = _Settings(
        drawing_version=_DRAWING_VERSION,
        num_images=num_images,
        seed=seed,
        image_size=image_size,
        min_positives=min_positives,
    )
    if _is_finished(out, settings):
        return out / LABEL_TABLE
    require_writable_folder(out)
    table_rng = _keyed_rng(seed, patient=0, slot=0)
    lengths = draw_series_lengths(num_images, rng=table_rng)
    labels = draw_series_labels(lengths, rng=table_rng, min_positives=min_positives)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=out) as scratch:
        folder = Path(scratch)
        (folder / IMAGE_FOLDER).mkdir()
        rows = list(_write_images(folder / IMAGE_FOLDER, lengths, labels, seed, image_size))
        table = pd.DataFrame(rows, columns=list(NIH_HEADER))
        table.to_csv(folder / LABEL_TABLE, index=False, lineterminator="\n")
        table_sha256 = sha256_of_file(folder / LABEL_TABLE)
        record = SyntheticRecord(**settings.model_dump(), table_sha256=table_sha256)
        write_json(folder / RECORD, record.model_dump())
        for name in (IMAGE_FOLDER, LABEL_TABLE, RECORD):
            (folder / name).rename(out / name)
    return out / LABEL_TABLE


def draw_radiograph(
    findings: NDArray[np.integer[Any]],
    *,
    patient_rng: np.random.Generator,
    image_rng: np.random.Generator,
    image_size: int,
    view: Projection = "PA",
) -> NDArray[np.uint8]:
    """One chest film, (S, S) uint8: lungs dark, bones bright, the patient's left on the right.

    findings: (14,) of 0 and 1 in the order of NIH_LABELS. The patient's build and the sites of
    findings come from `patient_rng`: start it anew for each film of a patient. Positioning,
    exposure, noise and the density of findings come from `image_rng`. An AP film has a larger
    heart, a higher diaphragm and less contrast, which makes the view a confounder, as in life.
    Raises ValueError for findings of another shape.
    """
    if findings.shape != (len(NIH_LABELS),):
        raise ValueError(f"findings must have shape ({len(NIH_LABELS)},), not {findings.shape}")
    anatomy = _position(draw_anatomy(patient_rng), view, image_rng)
    site_keys = patient_rng.integers(2**62, size=len(NIH_LABELS))
    course_keys = image_rng.integers(2**62, size=len(NIH_LABELS))
    present = [NIH_LABELS[label] for label in np.flatnonzero(findings == 1)]

    def streams(finding: str) -> tuple[np.random.Generator, np.random.Generator]:
        # A stream for each finding: one does not move because another came or went.
        label = NIH_LABELS.index(finding)
        return _philox(int(site_keys[label])), _philox(int(course_keys[label]))

    for finding in present:
        if finding in DEFORMATIONS:
            anatomy = DEFORMATIONS[finding](anatomy, *streams(finding))
    film = draw_normal_film(anatomy, size=image_size)
    for finding in present:
        if finding in OPACITIES:
            OPACITIES[finding](film, *streams(finding))
    return _expose(film.brightness(), view, image_rng)


def _position(anatomy: Anatomy, view: Projection, rng: np.random.Generator) -> Anatomy:
    breath = rng.uniform(-0.015, 0.015)
    magnification = 1.0
    if view == "AP":
        # The heart lies nearer the tube and so casts a larger shadow; bedside films are often
        # taken lying, with less of a breath.
        breath, magnification = breath - 0.03, 1.07
    right, left = anatomy.bases
    return replace(
        anatomy,
        bases=(right + breath, left + breath),
        heart_width=anatomy.heart_width * magnification,
    )


def _expose(brightness: Plane, view: Projection, rng: np.random.Generator) -> NDArray[np.uint8]:
    size = len(brightness)
    _draw_foreign(brightness, view, rng)
    middle, degrees, zoom = (size / 2, size / 2), rng.uniform(-2.5, 2.5), rng.uniform(0.96, 1.05)
    turn = np.asarray(cv2.getRotationMatrix2D(middle, degrees, zoom), dtype=np.float64)
    turn[:, 2] += rng.uniform(-0.02, 0.02, 2) * size
    turned = cv2.warpAffine(brightness, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
    grey = np.clip(turned, 0, None).astype(np.float32) ** np.float32(rng.uniform(0.65, 1.0))
    grey *= np.float32(rng.uniform(0.85, 1.0))
    if view == "AP":
        # Scatter without a grid fogs the film.
        grey = np.float32(0.1) + np.float32(rng.uniform(0.65, 0.85)) * grey
    mottle = rng.standard_normal((size, size), dtype=np.float32)
    grey += np.float32(rng.uniform(0.012, 0.03)) * mottle
    film: NDArray[np.uint8] = np.clip(np.rint(grey * 255), 0, 255).astype(np.uint8)
    return film


def _draw_foreign(brightness: Plane, view: Projection, rng: np.random.Generator) -> None:
    # The marker "L" on the patient's left, and on bedside films the leads of a monitor.
    size = len(brightness)
    corner = np.array([rng.uniform(0.87, 0.92), rng.uniform(0.06, 0.12)])
    letter = corner + np.array([[0.0, -0.04], [0.0, 0.0], [0.025, 0.0]])
    brightness += np.float32(0.7) * paint_curves([letter], width=0.007, size=size)
    if view == "AP":
        t = np.linspace(0, 1, 8)
        leads = []
        for _ in range(rng.integers(3)):
            x = rng.uniform(0.2, 0.8) + rng.uniform(-0.3, 0.3) * t
            y = rng.uniform(0.1, 0.3) + rng.uniform(0.3, 0.6) * t + 0.04 * np.sin(6 * t)
            leads.append(np.stack([x, y], axis=1))
        brightness += np.float32(0.18) * paint_curves(leads, width=0.005, size=size)


def _write_images(
    folder: Path,
    lengths: NDArray[np.int64],
    labels: NDArray[np.int8],
    seed: int,
    image_size: int,
) -> Iterator[tuple[object, ...]]:
    # Writes each patient's films and yields their rows of the label table.
    texts = decode_labels(labels, NIH_LABELS)
    spacing = round(_THORAX_FIELD_MM / image_size, 3)
    with console.progress_bar(len(labels), "synthetic films", "image") as bar:
        position = 0
        for patient, length in enumerate(lengths, start=1):
            person = _keyed_rng(seed, patient=patient, slot=0)
            is_female = draw_anatomy(person).is_female
            age = int(np.clip(person.normal(47, 17), 16, 95))
            # Some patients are always filmed in bed; NIH repeats the view in 75 % of follow-ups.
            ap_share = person.beta(0.42, 0.62)
            for follow_up in range(int(length)):
                image_rng = _keyed_rng(seed, patient=patient, slot=follow_up + 1)
                view: Projection = "AP" if image_rng.random() < ap_share else "PA"
                pixels = draw_radiograph(
                    labels[position],
                    patient_rng=_keyed_rng(seed, patient=patient, slot=0),
                    image_rng=image_rng,
                    image_size=image_size,
                    view=view,
                )
                name = f"{patient:08d}_{follow_up:03d}.png"
                _, encoded = cv2.imencode(".png", pixels)
                (folder / name).write_bytes(encoded.tobytes())
                sex = "F" if is_female else "M"
                row = (name, texts[position], follow_up, patient, age, sex, view)
                yield (*row, image_size, image_size, spacing, spacing)
                position += 1
                bar.update()


def _check_settings(num_images: int, seed: int, image_size: int, min_positives: int) -> None:
    if num_images < 1:
        raise InputError(f"num_images is {num_images}; ask for at least one image.")
    if image_size < _MIN_IMAGE_SIZE:
        raise InputError(
            f"image_size is {image_size}; below {_MIN_IMAGE_SIZE} pixels no finding is visible."
        )
    if not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed}; it must lie between 0 and 2^63 - 1.")
    if min_positives < 0:
        raise InputError(f"min_positives is {min_positives}; it can't be negative.")


def _is_finished(out: Path, settings: _Settings) -> bool:
    # Whether `out` holds these settings' films already. InputError when it holds anything else.
    # os.path answers for names that are too long, too.
    if not os.path.lexists(out) or (os.path.isdir(out) and not os.listdir(out)):  # noqa: PTH112, PTH208
        return False
    remedy = "Choose another folder, or remove this one first."
    if not os.path.lexists(out / RECORD):
        raise InputError(
            f"{out} is not empty and holds no finished set of synthetic films. {remedy}"
        )
    record = SyntheticRecord.read(out / RECORD, remedy=remedy)
    for name in _Settings.model_fields:
        found, wanted = getattr(record, name), getattr(settings, name)
        if name != "schema_version" and found != wanted:
            raise InputError(
                f"{out} holds synthetic films of other settings "
                f"({name} {found}, not {wanted}). {remedy}"
            )
    table = out / LABEL_TABLE
    num_files = sum(1 for _ in (out / IMAGE_FOLDER).glob("*.png"))
    is_changed = not table.is_file() or sha256_of_file(table) != record.table_sha256
    if is_changed or num_files != settings.num_images:
        raise InputError(f"{out} held synthetic films, but its files were changed. {remedy}")
    return True


def _keyed_rng(seed: int, *, patient: int, slot: int) -> np.random.Generator:
    # Slot 0 is the patient's own stream, slot k + 1 that of film k; patient 0 is the table.
    return _philox(seed, (patient << 16) | slot)


def _philox(seed: int, counter_key: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, counter_key], np.uint64)))
