"""Synthetic chest radiographs with NIH's imbalance, to try everything without a download.

They are drawings, not data: good for a demo, a test or a smoke run of a cluster, never for a
claim about radiographs. Imbalance, co-occurrence and leakage are real in them: label sets have
NIH's frequencies, and a patient looks alike on all of the patient's films.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
from xlite.synthetic.anatomy import draw_anatomy
from xlite.synthetic.label_draws import draw_series_labels, draw_series_lengths
from xlite.synthetic.places import Place, find_places, write_places
from xlite.synthetic.radiograph import Projection, draw_film, philox

LABEL_TABLE = "Data_Entry_2017.csv"
BOX_TABLE = "BBox_List_2017.csv"
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
    `Data_Entry_2017.csv` and `BBox_List_2017.csv` with NIH's headers, where each finding has
    boxes around what shows it, and `synthetic.json` with the settings. The same
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
        places: list[Place] = []
        films = _write_images(folder / IMAGE_FOLDER, lengths, labels, seed, image_size, places)
        table = pd.DataFrame(list(films), columns=list(NIH_HEADER))
        table.to_csv(folder / LABEL_TABLE, index=False, lineterminator="\n")
        write_places(folder / BOX_TABLE, places)
        table_sha256 = sha256_of_file(folder / LABEL_TABLE)
        record = SyntheticRecord(**settings.model_dump(), table_sha256=table_sha256)
        write_json(folder / RECORD, record.model_dump())
        for name in (IMAGE_FOLDER, BOX_TABLE, LABEL_TABLE, RECORD):
            (folder / name).rename(out / name)
    return out / LABEL_TABLE


def _write_images(
    folder: Path,
    lengths: NDArray[np.int64],
    labels: NDArray[np.int8],
    seed: int,
    image_size: int,
    places: list[Place],
) -> Iterator[tuple[object, ...]]:
    # Writes each patient's films and yields their rows of the label table; adds to the places.
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
                film = draw_film(
                    labels[position],
                    patient_rng=_keyed_rng(seed, patient=patient, slot=0),
                    image_rng=image_rng,
                    image_size=image_size,
                    view=view,
                )
                name = f"{patient:08d}_{follow_up:03d}.png"
                places += find_places(name, film.signs)
                _, encoded = cv2.imencode(".png", film.pixels)
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
    return philox(seed, (patient << 16) | slot)
