"""Radiograph files as grey arrays; every broken file becomes one kind of error with a reason.

A radiograph is returned as its detector stored it: no EXIF rotation, since labels and boxes
refer to the stored pixels, and of a file with several frames the first one.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from kornia_rs.io import decode_image_png_u8, decode_image_png_u16
from PIL import Image, ImageFile, UnidentifiedImageError

from xlite.clahe_cache.dicom import decode_dicom
from xlite.dicom_file import UnreadableDicomError, is_dicom, number, read_elements
from xlite.inputs import MAX_IMAGE_BYTES, RefusedFileError, open_regular, read_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 64 * 1024 * 1024
"""The most pixels (H x W) that are decoded: 3.5 times a 43 cm detector at 100 µm (4300 x 4300)."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PNG_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_PNG_HEADER = struct.Struct(">IIBBBBB")
_PNG_HEADER_AT = 16
_PNG_GREY = 0
_PNG_CHANNELS = {_PNG_GREY: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_OVERHEAD = 1 << 16
_FAST_DECODERS = {8: decode_image_png_u8, 16: decode_image_png_u16}
"""By bits a pixel, for PNG's plain grey; colour, alpha and palettes are left to OpenCV."""

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"

_PILLOW_FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PPM", "TIFF", "WEBP")
"""What radiographs are exported as. Pillow tells formats by content and knows 40 more, of which
EPS starts Ghostscript, and others have parsers that hardly anybody looks at."""

_TIFF_PHOTOMETRIC = 262
_TIFF_WHITE_IS_ZERO = 0
_TIFF_BITS = 258


class UnreadableImageError(Exception):
    """A file that holds no whole image; `reason` fits into one cell of a table."""

    def __init__(self, reason: str, path: Path | str | None = None) -> None:
        self.reason = reason
        self.path = path
        super().__init__(reason if path is None else f"{path}: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is pickled by its message alone, which is not what it is made of here.
        return type(self), (self.reason, self.path)


def read_radiograph(
    path: Path | str, *, note_windows: Callable[[], None] | None = None
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The image in `path` as an (H, W) grey array: uint16 for 16-bit files, else uint8.

    PNG, JPEG, JPEG 2000, TIFF, BMP, GIF, WebP, PNM and DICOM (`decode_dicom`), whatever the file is
    called; 1-bit images become 0 and 255. Alpha is ignored. Colour becomes ITU-R BT.601 luma,
    (299 R + 587 G + 114 B) / 1000 rounded, which is Pillow's "L" to within one grey level and
    returns R unchanged where R = G = B.
    A 16-bit TIFF in which white is zero is inverted, as Pillow does with its 8-bit kin.
    note_windows: called for a DICOM film of several windows, of which the first is taken.

    Raises UnreadableImageError, which names the file, for one that is missing, empty, truncated or
    damaged, no regular file, of no such format, larger than 512 MiB, or of more than MAX_PIXELS
    pixels, which is read from the header; InputError for DICOM without the extra that reads it.
    """
    try:
        data = read_bytes(Path(path), max_bytes=MAX_IMAGE_BYTES)
        if not data:
            raise UnreadableImageError("the file is empty (0 bytes)")
        return decode_radiograph(data, note_windows=note_windows)
    except (RefusedFileError, UnreadableImageError) as error:
        raise UnreadableImageError(error.reason, path) from None


def measure_radiograph(path: Path | str) -> tuple[int, int]:
    """Height and width of the image that `read_radiograph` returns; raises what it raises.

    Those of a PNG or a DICOM file stand in its header; others are decoded.
    """
    try:
        data = read_bytes(Path(path), max_bytes=MAX_IMAGE_BYTES)
        if data.startswith(_PNG_SIGNATURE) and len(data) >= _PNG_HEADER_AT + _PNG_HEADER.size:
            width, height, *_ = _PNG_HEADER.unpack_from(data, _PNG_HEADER_AT)
        elif is_dicom(data):
            header = read_elements(data, ("Rows", "Columns"), stops_at_pixels=True)
            height, width = number(header, "Rows"), number(header, "Columns")
        else:
            height, width = decode_radiograph(data).shape
        _check_pixel_count(width, height)
    except UnreadableDicomError as error:
        raise UnreadableImageError(str(error), path) from None
    except (RefusedFileError, UnreadableImageError) as error:
        raise UnreadableImageError(error.reason, path) from None
    return height, width


def check_radiograph(path: Path | str) -> None:
    """Raise UnreadableImageError where `read_radiograph` would, as far as a file's ends show it.

    A PNG or JPEG that begins and ends as one takes 40 µs instead of 4 ms, and damage between its
    ends stays unseen; any other file is decoded.
    """
    try:
        with open_regular(Path(path)) as file:
            start = file.read(len(_PNG_SIGNATURE))
            file.seek(max(0, file.seek(0, os.SEEK_END) - len(_PNG_END)))
            end = file.read()
    except (RefusedFileError, OSError):
        read_radiograph(path)
        return
    is_png = start == _PNG_SIGNATURE and end == _PNG_END
    is_jpeg = start.startswith(_JPEG_START) and end.endswith(_JPEG_END)
    if not (is_png or is_jpeg):
        read_radiograph(path)


def decode_radiograph(
    data: bytes, *, note_windows: Callable[[], None] | None = None
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The encoded image `data` as `read_radiograph` returns it; the only decoder in xlite."""
    if data.startswith(_PNG_SIGNATURE):
        return _decode_png(data)
    if is_dicom(data):
        try:
            return decode_dicom(data, check_size=_check_pixel_count, note_windows=note_windows)
        except UnreadableDicomError as error:
            raise UnreadableImageError(str(error)) from None
    return _decode_with_pillow(data)


def _decode_png(data: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    # The fast decoder checks the CRCs of pixel data itself; doing it twice costs 0.15 ms.
    chunks = _critical_png_chunks(data, checks_pixels=False)
    grey = _decode_grey_png(data, chunks[0])
    if grey is None:
        # libpng would report damage, and a faulty colour profile, on the terminal: hence the
        # check before, and critical chunks only.
        chunks = _critical_png_chunks(data, checks_pixels=True)
        _check_compressed_size(chunks)
        grey = _decode_with_opencv(b"".join((_PNG_SIGNATURE, *chunks)), "PNG")
    return grey


def _decode_grey_png(
    data: bytes, header: memoryview
) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    """The pixels of a PNG that stores nothing but grey, or None where OpenCV has to try.

    Rust's decoder (kornia-rs) takes 4.4 ms for a 1024 x 1024 NIH image, OpenCV 8.9, Pillow 9.8.
    """
    width, height, bits, colour, _, _, interlace = _PNG_HEADER.unpack_from(header, 8)
    if colour != _PNG_GREY or bits not in _FAST_DECODERS or interlace:
        return None
    try:
        pixels: NDArray[Any] = _FAST_DECODERS[bits](data, (height, width), "mono")
    except Exception:  # noqa: BLE001  (it raises Exception itself, of no narrower kind)
        return None
    return pixels[:, :, 0]


def _decode_with_opencv(data: bytes, name: str) -> NDArray[np.uint8] | NDArray[np.uint16]:
    try:
        pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise UnreadableImageError(f"damaged {name} ({error.err})") from None
    if pixels is None:
        raise UnreadableImageError(f"damaged {name} (its pixel data can't be decompressed)")
    if pixels.ndim == 3:
        is_alpha = pixels.shape[2] == 4
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2GRAY if is_alpha else cv2.COLOR_BGR2GRAY)
    grey: NDArray[Any] = pixels
    return grey


def _critical_png_chunks(data: bytes, *, checks_pixels: bool) -> list[memoryview]:
    """The chunks that pixels need, header first, once the CRCs are right.

    checks_pixels: those of the pixel data, too.
    """
    view = memoryview(data)
    kept: list[memoryview] = []
    offset = len(_PNG_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if offset + 12 > len(data):
            raise UnreadableImageError(f"truncated PNG (ends after {len(data)} bytes)")
        length, kind = struct.unpack_from(">I4s", data, offset)
        end = offset + 12 + length
        if end > len(data):
            raise UnreadableImageError(f"truncated PNG (ends after {len(data)} bytes)")
        (expected,) = struct.unpack_from(">I", data, end - 4)
        # Metadata too: a damaged name could make pixels look like metadata.
        is_checked = checks_pixels or kind != b"IDAT"
        if is_checked and zlib.crc32(view[offset + 4 : end - 4]) != expected:
            raise UnreadableImageError(f"damaged PNG (wrong checksum at byte {offset})")
        if kind in _PNG_CRITICAL:
            if not kept:
                if kind != b"IHDR" or length != _PNG_HEADER.size:
                    raise UnreadableImageError("damaged PNG (no header)")
                _check_pixel_count(*struct.unpack_from(">II", data, offset + 8))
            kept.append(view[offset:end])
        offset = end
    return kept


def _check_compressed_size(chunks: list[memoryview]) -> None:
    """Raise UnreadableImageError where pixel data take more room than the pixels themselves.

    libpng unpacks what is left after the last row only to throw it away: 1.5 MB took it 6.5 s.
    """
    width, height, bits, colour, *_ = _PNG_HEADER.unpack_from(chunks[0], 8)
    # A byte a row names its filter; interlacing has up to twice the rows.
    num_bytes = height * (width * bits * _PNG_CHANNELS.get(colour, 4) // 8 + 3)
    compressed = sum(len(chunk) for chunk in chunks if bytes(chunk[4:8]) == b"IDAT")
    if compressed > 2 * num_bytes + _PNG_OVERHEAD:
        raise UnreadableImageError(
            f"damaged PNG ({compressed:,} bytes of pixel data for {width} x {height} pixels)"
        )


def _decode_with_pillow(data: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    try:
        with warnings.catch_warnings():
            # Pillow warns about faulty metadata, which is not ours; faulty pixels it raises.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_PILLOW_FORMATS) as image:
                _check_pixel_count(image.width, image.height)
                if _is_deep_colour(image):
                    return _decode_with_opencv(data, "TIFF")
                image.load()
                return _grey_of_pillow_image(image)
    except UnidentifiedImageError:
        raise UnreadableImageError("not an image of a format that is read") from None
    except Image.DecompressionBombError:
        raise UnreadableImageError(f"more than {MAX_PIXELS:,} pixels") from None
    # What Pillow's parsers raise on damaged bytes.
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, MemoryError) as error:
        raise UnreadableImageError(f"damaged image ({error})") from None


def _is_deep_colour(image: ImageFile.ImageFile) -> bool:
    """Whether it is a TIFF of 16 bits a colour, of which Pillow keeps 8."""
    bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, ())
    return image.mode in ("RGB", "RGBA") and bits in ((16,) * 3, (16,) * 4)


def _grey_of_pillow_image(
    image: ImageFile.ImageFile,
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint16)
        tags = getattr(image, "tag_v2", {})
        is_inverted = tags.get(_TIFF_PHOTOMETRIC) == _TIFF_WHITE_IS_ZERO
        return np.asarray(np.uint16(65535) - grey if is_inverted else grey)
    if image.mode in ("I", "F"):
        raise UnreadableImageError("32-bit pixels; save the image with 8 or 16 bits")
    # Pillow would blend nothing either: "LA" and "RGBA" lose their alpha when converted.
    return np.array(image.convert("L"), np.uint8)


def _check_pixel_count(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(
            f"{width} x {height} pixels are more than the {MAX_PIXELS:,} allowed"
        )
    if width * height == 0:
        raise UnreadableImageError("an image without pixels")
