"""DICOM files: their mark, and the values of a few elements of their headers.

What is wrong with a file is said in words of ours: a message of pydicom's may quote the header,
which names patients.
"""

from __future__ import annotations

import functools
import importlib
import io
import logging
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

from xlite.errors import InputError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

EXTRA_MISSING = 'These images are DICOM, which needs an extra: pip install "xlite[dicom]".'

DEFLATED = "1.2.840.10008.1.2.1.99"
"""The transfer syntax of files that are compressed but for their first elements."""

_MARK_AT, _MARK = 128, b"DICM"
_MAX_INFLATED = 1 << 30


class UnreadableDicomError(Exception):
    """A DICOM file that holds no film that is read; the message is of our words alone."""


def is_dicom(data: bytes) -> bool:
    """Whether `data` begins as a DICOM file does, whatever it is called.

    >>> is_dicom(bytes(128) + b"DICM"), is_dicom(b"DICM")
    (True, False)
    """
    return data[_MARK_AT : _MARK_AT + len(_MARK)] == _MARK


def read_elements(data: bytes, tags: tuple[str, ...], *, stops_at_pixels: bool = False) -> Dataset:
    """The elements of a DICOM file by the names of `tags`, of which values may yet be damaged.

    stops_at_pixels: what comes after them is not needed, nor they, and `data` may end before.

    Raises UnreadableDicomError where the file can't be parsed, and InputError without pydicom.
    """
    pydicom = import_pydicom()
    _check_inflated(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header: Dataset = pydicom.dcmread(
                io.BytesIO(data), specific_tags=list(tags), stop_before_pixels=stops_at_pixels
            )
    # It raises whatever the damage led to: KeyError, struct.error, RecursionError, …
    except Exception:  # noqa: BLE001
        raise UnreadableDicomError("damaged DICOM (its header can't be parsed)") from None
    return header


def element(header: Dataset, name: str) -> Any:
    """The value of an element, None where it is absent or empty.

    Raises UnreadableDicomError that names the element where its value is none of its kind.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = header.get(name)
    # A value is parsed when it is asked for, and raises whatever the damage led to.
    except Exception:  # noqa: BLE001
        raise UnreadableDicomError(f"damaged DICOM (its {name} can't be read)") from None
    return None if value is None or value == "" else value


def number(header: Dataset, name: str, default: int | None = None) -> int:
    """A whole number of the header; `default` where it is absent, else UnreadableDicomError."""
    value = element(header, name)
    if value is None and default is not None:
        return default
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise UnreadableDicomError(f"damaged DICOM (no {name} in its header)") from None


@functools.cache
def import_pydicom() -> Any:
    """The package, with GDCM silent; InputError that names the extra where it is not there."""
    try:
        pydicom = importlib.import_module("pydicom")
    except ImportError:
        raise InputError(EXTRA_MISSING) from None
    # Its warnings quote what they find odd.
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    try:
        gdcm = importlib.import_module("gdcm")
    except ImportError:
        return pydicom
    # It reports damage on the terminal from C++.
    for quieten in ("DebugOff", "WarningOff", "ErrorOff"):
        getattr(gdcm.Trace, quieten)()
    return pydicom


def _check_inflated(data: bytes) -> None:
    """Raise UnreadableDicomError where a deflated file would grow without end."""
    # The file's meta elements are never compressed, and are short.
    start = data[:4096]
    if DEFLATED.encode() not in start:
        return
    at = start.find(b"\x02\x00\x00\x00UL\x04\x00")
    if at < 0:
        return
    (length,) = struct.unpack_from("<I", data, at + 8)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data[at + 12 + length :], _MAX_INFLATED)
    except zlib.error:
        raise UnreadableDicomError("damaged DICOM (it can't be inflated)") from None
    if not inflater.eof:
        what = "inflates to more than 1 GiB" if len(inflated) == _MAX_INFLATED else "is truncated"
        raise UnreadableDicomError(f"damaged DICOM ({what})")
