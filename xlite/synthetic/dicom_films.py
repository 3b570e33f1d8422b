"""Synthetic films as DICOM, with patients and studies in their headers and in no table."""

from __future__ import annotations

import csv
import importlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from xlite.synthetic.generate import IMAGE_FOLDER, generate_synthetic

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_DIGITAL_XRAY = "1.2.840.10008.5.1.4.1.1.1.1"
# Below the arc that anybody may use: 2.25 and a number of one's own.
_UID = "2.25.2027"
_FILMS_A_FOLDER = 100
_DATES = ("20240115", "20240302", "20240611", "20240920")


def encode_dicom(
    levels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    bits_stored: int,
    is_signed: bool = False,
    elements: dict[str, Any] | None = None,
) -> bytes:
    """A DICOM file, not compressed, of the (H, W) levels from 0 to 2^`bits_stored` - 1.

    is_signed: levels are stored from the smallest negative number on. elements: of the header,
    by keyword, as `{"PatientID": "7", "PhotometricInterpretation": "MONOCHROME1"}`. Raises
    ModuleNotFoundError without pydicom.
    """
    pydicom = importlib.import_module("pydicom")
    allocated = 8 if bits_stored <= 8 else 16
    film = pydicom.Dataset()
    film.file_meta = pydicom.dataset.FileMetaDataset()
    film.file_meta.MediaStorageSOPClassUID = _DIGITAL_XRAY
    film.file_meta.MediaStorageSOPInstanceUID = f"{_UID}.1"
    film.file_meta.TransferSyntaxUID = _EXPLICIT_LITTLE
    film.SOPClassUID, film.SOPInstanceUID = _DIGITAL_XRAY, f"{_UID}.1"
    film.Modality = "DX"
    film.SamplesPerPixel = 1
    film.PhotometricInterpretation = "MONOCHROME2"
    film.Rows, film.Columns = levels.shape
    film.BitsAllocated, film.BitsStored, film.HighBit = allocated, bits_stored, bits_stored - 1
    film.PixelRepresentation = int(is_signed)
    stored = levels.astype(np.int64) - (1 << (bits_stored - 1) if is_signed else 0)
    pixels = stored.astype(f"<{'i' if is_signed else 'u'}{allocated // 8}").tobytes()
    film.add_new(0x7FE00010, "OW", pixels + b"\0" * (len(pixels) % 2))
    for name, value in (elements or {}).items():
        setattr(film, name, value)
    file = io.BytesIO()
    pydicom.dcmwrite(file, film, enforce_file_format=True)
    return file.getvalue()


def generate_dicom_films(
    out: str | Path, *, num_images: int, seed: int = 42, image_size: int = 256
) -> Path:
    """The label table `labels.csv` of synthetic films that lie as DICOM in `out/films/`.

    12 bits, every other one MONOCHROME1. The table has "Image Index" and "Finding Labels" alone:
    patient, study date, view, sex and age are in the headers. Arguments as `generate_synthetic`
    has them; raises ModuleNotFoundError without pydicom.
    """
    out = Path(out)
    drawn = generate_synthetic(
        out / "drawn", num_images=num_images, seed=seed, image_size=image_size
    )
    with drawn.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (out / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("Image Index", "Finding Labels"))
        for number, row in enumerate(rows):
            grey = cv2.imread(str(drawn.parent / IMAGE_FOLDER / row["Image Index"]), 0)
            patient = f"DEMO-{row['Patient ID']}"
            # A name that says nothing of the patient.
            name = f"{number:05d}.dcm"
            path = out / "films" / f"{number // _FILMS_A_FOLDER:03d}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_encode_film(np.asarray(grey, np.uint8), number, patient, row))
            writer.writerow((name, row["Finding Labels"]))
    return out / "labels.csv"


def _encode_film(grey: NDArray[np.uint8], number: int, patient: str, row: dict[str, str]) -> bytes:
    levels = grey.astype(np.uint16) * 16
    is_inverted = number % 2 == 1
    years = row["Patient Age"].rstrip("Y")
    return encode_dicom(
        4095 - levels if is_inverted else levels,
        bits_stored=12,
        elements={
            "PhotometricInterpretation": "MONOCHROME1" if is_inverted else "MONOCHROME2",
            "PatientID": patient,
            "PatientName": "Nobody^Drawn",
            "PatientSex": row["Patient Gender"],
            "PatientAge": f"{int(years):03d}Y",
            "ViewPosition": row["View Position"],
            "StudyDate": _DATES[int(row["Follow-up #"]) % len(_DATES)],
        },
    )
