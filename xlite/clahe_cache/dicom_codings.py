"""The ways in which DICOM compresses pixels, and what decodes each of them."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xlite.dicom_file import UnreadableDicomError, element

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class _Coding:
    """A way in which pixel data are compressed, and pydicom's plugins that are let at it."""

    name: str
    plugins: tuple[str, ...]


_JPEG_LOSSLESS = _Coding("JPEG lossless", ("gdcm",))
_JPEG_LS = _Coding("JPEG-LS", ("pyjpegls", "gdcm"))
_JPEG_2000 = _Coding("JPEG 2000", ("pylibjpeg", "pillow"))
_HTJ2K = _Coding("High-throughput JPEG 2000", ("pylibjpeg",))
CODINGS = {
    "1.2.840.10008.1.2.5": _Coding("RLE", ("pydicom",)),
    "1.2.840.10008.1.2.4.50": _Coding("JPEG baseline", ("pillow",)),
    # Of 12 bits there is no free decoder but libjpeg's, under the GPL.
    "1.2.840.10008.1.2.4.51": _Coding("JPEG extended (12 bits)", ("pillow",)),
    "1.2.840.10008.1.2.4.57": _JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.70": _JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.80": _JPEG_LS,
    "1.2.840.10008.1.2.4.81": _JPEG_LS,
    "1.2.840.10008.1.2.4.90": _JPEG_2000,
    "1.2.840.10008.1.2.4.91": _JPEG_2000,
    "1.2.840.10008.1.2.4.201": _HTJ2K,
    "1.2.840.10008.1.2.4.202": _HTJ2K,
    "1.2.840.10008.1.2.4.203": _HTJ2K,
}

_LIBJPEG_WORDS = (b"JPEG", b"marker", b"Huffman", b"sampling", b"downscale")
_stderr_lock = threading.Lock()

_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_HUFFMAN_TABLES, _SCAN = 0xC4, 0xDA
_J2K_SIZE = b"\xff\x4f\xff\x51"


def decode_compressed(
    header: Dataset, syntax: str, shape: tuple[int, int], *, bits_stored: int
) -> NDArray[Any]:
    """The (H, W) words of one to two bytes that a compressed film holds.

    Raises UnreadableDicomError for damage, for a film of another size than `shape`, and where
    nothing that is installed decodes it.
    """
    coding = CODINGS[syntax]
    if coding.plugins == ("pillow",) and bits_stored != 8:
        raise UnreadableDicomError(f"{coding.name} of more than 8 bits, which has no decoder here")
    from pydicom.encaps import get_frame
    from pydicom.pixels.decoders.base import get_decoder

    decoder = get_decoder(syntax)
    plugin = next((name for name in coding.plugins if name in decoder.available_plugins), None)
    if plugin is None:
        raise UnreadableDicomError(
            f'{coding.name}, which has no decoder here: pip install "xlite[dicom]"'
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = get_frame(element(header, "PixelData"), 0, number_of_frames=1)
            # A decoder may believe the codestream's size, and the header was what was checked.
            is_sound = coding.name == "RLE" or _codestream_shape(frame) == shape
            pixels: NDArray[Any] | None = None
            if is_sound:
                with _heeding_libjpeg() if plugin == "gdcm" else contextlib.nullcontext():
                    pixels, _ = decoder.as_array(header, index=0, raw=True, decoding_plugin=plugin)
    # Whatever the damage led to, and a message of theirs may quote the header.
    except Exception:  # noqa: BLE001
        raise UnreadableDicomError(
            f"damaged DICOM ({coding.name} pixels can't be decoded)"
        ) from None
    if pixels is None or pixels.shape != shape or pixels.dtype.itemsize > 2:
        raise UnreadableDicomError(f"damaged DICOM ({coding.name} pixels of another size)")
    return pixels.view(f"u{pixels.dtype.itemsize}")


@contextlib.contextmanager
def _heeding_libjpeg() -> Iterator[None]:
    """Raise ValueError where libjpeg within GDCM finds damage, which it tells the terminal alone.

    The pixels after the damage would pass for an image's. What others write meanwhile is passed on.
    """
    with _stderr_lock, tempfile.TemporaryFile() as heard:
        terminal = os.dup(2)
        os.dup2(heard.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            heard.seek(0)
            text = heard.read()
            if text and not any(word in text for word in _LIBJPEG_WORDS):
                os.write(terminal, text)
            os.close(terminal)
        if any(word in text for word in _LIBJPEG_WORDS):
            raise ValueError


def _codestream_shape(frame: bytes) -> tuple[int, int] | None:
    """(H, W) that a JPEG, JPEG-LS or JPEG 2000 codestream says; None for one that is not sound.

    Sound is one grey component of at most 16 bits, whose tables and scan fit each other: GDCM
    writes outside of its memory where they don't.
    """
    if frame.startswith(_J2K_SIZE):
        right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
        components, precision = struct.unpack_from(">HB", frame, 40)
        is_grey = components == 1 and precision & 0x7F < 16
        return (bottom - top, right - left) if is_grey else None
    shape: tuple[int, int] | None = None
    at = 2
    while frame[:2] == b"\xff\xd8" and at + 4 <= len(frame) and frame[at] == 0xFF:
        marker, length = frame[at + 1], int.from_bytes(frame[at + 2 : at + 4], "big")
        segment = frame[at + 4 : at + 2 + length]
        if marker in _JPEG_FRAMES:
            precision, height, width, components = struct.unpack_from(">BHHB", segment)
            if shape is not None or components != 1 or not 2 <= precision <= 16:
                return None
            shape = (height, width)
        elif marker == _HUFFMAN_TABLES and not _are_huffman_tables(segment):
            return None
        elif marker == _SCAN:
            return shape if len(segment) == 6 and segment[0] == 1 else None
        # Fill bytes stand before a marker, and belong to none.
        at += 1 if marker == 0xFF else 2 + length
    return None


def _are_huffman_tables(segment: bytes) -> bool:
    """Whether a DHT segment holds whole tables, each of a number that there is."""
    while segment:
        count = sum(segment[1:17])
        if len(segment) < 17 + count or segment[0] & 0x0F > 3 or count > 256:
            return False
        segment = segment[17 + count :]
    return True
