"""A tree of DICOM to a CLAHE cache, against pydicom's own decoding and against dicomsdl's."""

from __future__ import annotations

import contextlib
import functools
import importlib
import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
from pydicom import uid
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from benchmarks.measure import Row, compare_rates, time_in_turns

_PROCESSES = 2
_SIZE = 224
_NUM_FILMS = 32
# As in clahe_cache.py: the start of the processes would weigh too much.
_PASSES = 5


def run() -> list[Row]:
    """The rows of whole builds, and of decoding alone in this process."""
    from xlite.own_process import keep_freed_memory

    keep_freed_memory()
    plain, packed = _write_films()
    seconds = time_in_turns(
        {
            "xlite": lambda: _build_cache((plain + packed) * _PASSES),
            "pydicom": lambda: _run_in_pool(_equalise_by_pydicom, (plain + packed) * _PASSES),
            **_decoding("plain", plain),
            **_decoding("packed", packed),
        }
    )
    unit = "images/s"
    rows = [
        compare_rates(
            "DICOM to CLAHE cache: pydicom's decoding and the same CLAHE, 2 processes",
            seconds,
            ours="xlite",
            peer="pydicom",
            target=0.9,
            unit=unit,
        )
    ]
    for kind, words in (("plain", "not compressed"), ("packed", "JPEG lossless")):
        for peer, target in (("pydicom", 0.9), ("dicomsdl", None)):
            if f"{kind} by {peer}" in seconds:
                rows.append(
                    compare_rates(
                        f"DICOM to grey, 12 bits, {words}: {peer}, 1 process",
                        seconds,
                        ours=f"{kind} by xlite",
                        peer=f"{kind} by {peer}",
                        target=target,
                        unit=unit,
                    )
                )
    return rows


def _decoding(kind: str, paths: Sequence[Path]) -> dict[str, Callable[[], int]]:
    from xlite.clahe_cache.radiograph import read_radiograph

    readers: dict[str, Callable[[Path], Any]] = {
        "xlite": read_radiograph,
        "pydicom": _grey_by_pydicom,
    }
    with contextlib.suppress(ImportError):
        importlib.import_module("dicomsdl")
        readers["dicomsdl"] = _grey_by_dicomsdl
    return {f"{kind} by {name}": _reading(read, paths) for name, read in readers.items()}


def _reading(read: Callable[[Path], Any], paths: Sequence[Path]) -> Callable[[], int]:
    return lambda: sum(read(path) is not None for path in paths)


def _grey_by_pydicom(path: Path) -> Any:
    # As the converters of the challenges do it, and their every step.
    film = pydicom.dcmread(path)
    values = apply_voi_lut(apply_modality_lut(film.pixel_array, film), film)
    if film.PhotometricInterpretation == "MONOCHROME1":
        values = values.max() - values
    low, high = values.min(), values.max()
    return ((values - low) * (255 / (high - low))).astype(np.uint8)


def _grey_by_dicomsdl(path: Path) -> Any:
    film = importlib.import_module("dicomsdl").open(str(path))
    values = film.pixelData()
    if film.PhotometricInterpretation == "MONOCHROME1":
        values = values.max() - values
    low, high = values.min(), values.max()
    return ((values - low) * (255 / (high - low))).astype(np.uint8)


def _build_cache(paths: Sequence[Path]) -> int:
    from xlite.clahe_cache.build import build_cache
    from xlite.clahe_cache.plan import SourceImage
    from xlite.settings import ClaheSettings

    sources = [SourceImage(str(number), path) for number, path in enumerate(paths)]
    with tempfile.TemporaryDirectory(prefix="xlite-bench-") as scratch:
        settings = ClaheSettings(size=_SIZE)
        return build_cache(sources, Path(scratch) / "out", settings, workers=_PROCESSES).images


def _equalise_by_pydicom(path: Path) -> int:
    from xlite.clahe_cache.clahe import apply_clahe
    from xlite.settings import ClaheSettings

    film = pydicom.dcmread(path)
    values = apply_voi_lut(apply_modality_lut(film.pixel_array, film), film)
    if film.PhotometricInterpretation == "MONOCHROME1":
        values = values.max() - values
    # In all bits, as ours: of 8 CLAHE would have less to do.
    return len(apply_clahe(values, ClaheSettings(size=_SIZE))) // _SIZE


def _run_in_pool(work: Callable[[Any], int], jobs: Sequence[Any]) -> int:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with context.Pool(_PROCESSES, cv2.setNumThreads, (1,)) as pool:
        return sum(pool.imap_unordered(work, jobs, chunksize=8))


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="xlite-bench-")


def _write_films() -> tuple[list[Path], list[Path]]:
    """Radiographs as 12-bit DICOM, half MONOCHROME1: not compressed, and as JPEG lossless."""
    from benchmarks.radiographs import find_radiographs
    from xlite.synthetic.dicom_films import encode_dicom

    folder = Path(_scratch().name)
    plain, packed = [], []
    for number, source in enumerate(find_radiographs().paths[:_NUM_FILMS]):
        grey = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
        assert grey is not None
        photometric = "MONOCHROME1" if number % 2 else "MONOCHROME2"
        path = folder / f"{number}.dcm"
        path.write_bytes(
            encode_dicom(
                grey.astype(np.uint16) * 16,
                bits_stored=12,
                elements={"PhotometricInterpretation": photometric},
            )
        )
        plain.append(path)
        packed.append(_compress(path, folder / f"{number}-packed.dcm"))
    return plain, packed


def _compress(source: Path, target: Path) -> Path:
    gdcm = importlib.import_module("gdcm")
    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    assert pydicom.dcmread(target).file_meta.TransferSyntaxUID == uid.JPEGLosslessSV1
    return target
