"""The film in a DICOM file as a grey array; only the elements that pixels need are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from xlite.clahe_cache.dicom_codings import CODINGS, decode_compressed
from xlite.clahe_cache.dicom_grey import Depth, has_several_windows, make_grey_table
from xlite.dicom_file import DEFLATED, UnreadableDicomError, element, number, read_elements

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

_PIXEL_TAGS = (
    *("SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration"),
    *("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"),
    *("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
)

_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_NATIVE = {"1.2.840.10008.1.2", _EXPLICIT_LITTLE, _EXPLICIT_BIG, DEFLATED}


def decode_dicom(
    data: bytes,
    *,
    check_size: Callable[[int, int], None],
    note_windows: Callable[[], None] | None = None,
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The (H, W) grey film in `data`: uint8 of up to 8 bits stored, else uint16, bone white.

    `check_size` gets width and height from the header before a pixel is decoded, and raises for
    too many. How stored values become grey: `make_grey_table`. `note_windows` is called for a film
    of several windows, of which the first is taken.

    Raises UnreadableDicomError for what is damaged, no single grey film, or has no decoder here,
    and InputError without pydicom.
    """
    header = read_elements(data, _PIXEL_TAGS)
    syntax = _transfer_syntax(header)
    depth = _check_layout(header)
    rows, columns = number(header, "Rows"), number(header, "Columns")
    check_size(columns, rows)
    if syntax in _NATIVE:
        words = _decode_native(header, syntax, (rows, columns), depth)
    else:
        words = decode_compressed(header, syntax, (rows, columns), bits_stored=depth.stored)
    table = make_grey_table(header, depth, num_words=1 << (8 * words.dtype.itemsize))
    if note_windows is not None and has_several_windows(header):
        note_windows()
    if table is None:
        return words
    # OpenCV takes a fifth of numpy's time for 8 bits; of 16 bits its older versions know nothing.
    grey: NDArray[Any] = cv2.LUT(words, table) if len(table) == 256 else table.take(words)
    low, high, *_ = cv2.minMaxLoc(grey)
    if low == high and words.min() != words.max():
        raise UnreadableDicomError("its window leaves one grey level of the whole film")
    return grey


def _transfer_syntax(header: Dataset) -> str:
    meta: Any = getattr(header, "file_meta", None) or {}
    syntax = element(meta, "TransferSyntaxUID")
    if syntax is None:
        raise UnreadableDicomError("a DICOM file that does not say how it is encoded")
    name = str(syntax)
    if name not in _NATIVE and name not in CODINGS:
        raise UnreadableDicomError("DICOM of an encoding that is not read (a video, for one)")
    return name


def _check_layout(header: Dataset) -> Depth:
    """The bits of a pixel; raises UnreadableDicomError for what is no single grey film."""
    for name in ("FloatPixelData", "DoubleFloatPixelData"):
        if name in header:
            raise UnreadableDicomError("DICOM with pixels of floats; 8 to 16 bits are read")
    if "PixelData" not in header:
        raise UnreadableDicomError("DICOM without pixels (a report, an index or a truncated file)")
    if number(header, "NumberOfFrames", 1) > 1:
        raise UnreadableDicomError("DICOM of several frames, a film has one")
    if number(header, "SamplesPerPixel", 1) != 1:
        raise UnreadableDicomError("DICOM in colour; MONOCHROME1 and MONOCHROME2 are read")
    allocated, stored = number(header, "BitsAllocated"), number(header, "BitsStored")
    depth = Depth(
        allocated=allocated,
        stored=stored,
        high_bit=number(header, "HighBit", stored - 1),
        is_signed=number(header, "PixelRepresentation", 0) == 1,
    )
    if allocated not in (8, 16) or not 2 <= stored <= allocated:
        raise UnreadableDicomError("DICOM of neither 8 nor 16 bits a pixel")
    if not stored - 1 <= depth.high_bit < allocated:
        raise UnreadableDicomError("damaged DICOM (its HighBit does not fit its bits)")
    return depth


def _decode_native(
    header: Dataset, syntax: str, shape: tuple[int, int], depth: Depth
) -> NDArray[Any]:
    pixels = element(header, "PixelData")
    pixels = pixels if isinstance(pixels, bytes) else b""
    size = depth.allocated // 8
    num_bytes = shape[0] * shape[1] * size
    if len(pixels) < num_bytes:
        raise UnreadableDicomError(
            f"truncated DICOM ({len(pixels):,} bytes of pixels where {num_bytes:,} belong)"
        )
    order = ">" if syntax == _EXPLICIT_BIG else "<"
    if order == ">" and size == 1 and header["PixelData"].VR == "OW":
        # Bytes come in words of two, turned about.
        pixels = np.frombuffer(pixels[: len(pixels) // 2 * 2], ">u2").astype("<u2").tobytes()
    words = np.frombuffer(pixels, f"{order}u{size}", shape[0] * shape[1])
    return words.astype(f"u{size}", copy=False).reshape(shape)
