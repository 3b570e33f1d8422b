"""How the stored values of a DICOM film become the grey that CLAHE takes.

DICOM PS3.3 C.11.1 and C.11.2: stored value, modality transform, VOI transform, and at last the
photometric interpretation, all of a value alone. So one table of at most 65,536 entries holds the
whole way, and a film is looked up in it once.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.dicom_file import UnreadableDicomError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

DICOM_GREY = "modality, then VOI LUT, else first window, else all stored levels"
"""The way, as `cache.json` records it; another way has to be called otherwise."""

_LINEAR, _EXACT, _SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"


@dataclass(frozen=True, kw_only=True)
class Depth:
    """The bits of a stored pixel."""

    allocated: int
    stored: int
    high_bit: int
    is_signed: bool


@dataclass(frozen=True)
class _Levels:
    """What each word has become so far, of 2^`bits` levels from `low` to `high`."""

    values: NDArray[np.float64]
    low: float
    high: float
    bits: int


def make_grey_table(
    header: Dataset, depth: Depth, *, num_words: int
) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    """The grey of each of `num_words` words as stored, white being bright; None where it is itself.

    Without VOI LUT and window a film keeps its levels, counted from the smallest that can be
    stored, since rescaling moves and widens all alike: uint8 of up to 8 bits, spread over 0 to
    255, and uint16 of more, whose own range CLAHE widens. A window, the first of several, maps its
    width to all of uint8 or uint16. MONOCHROME1 is turned about last. Overlays in unused bits are
    masked.

    Raises UnreadableDicomError for another photometric interpretation, and for damaged tables.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            is_inverted = _is_inverted(header)
            levels = _stored_levels(depth, num_words)
            is_plain = depth.stored == 8 * (num_words > 256) + 8 and not depth.is_signed
            levels, is_changed = _apply_modality(header, levels)
            levels, is_windowed = _apply_voi(header, levels)
    except UnreadableDicomError:
        raise
    except Exception:  # noqa: BLE001  (pydicom's, of whatever a damaged value led to)
        raise UnreadableDicomError("damaged DICOM (its grey scale can't be read)") from None
    if is_plain and not (is_inverted or is_changed or is_windowed):
        return None
    return _as_integers(levels, is_inverted=is_inverted, is_deep=levels.high - levels.low > 255)


def _is_inverted(header: Dataset) -> bool:
    photometric = header.get("PhotometricInterpretation")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnreadableDicomError(
            "DICOM in colour or of no known kind; MONOCHROME1 and 2 are read"
        )
    return bool(photometric == "MONOCHROME1")


@functools.lru_cache(maxsize=8)
def _stored_levels(depth: Depth, num_words: int) -> _Levels:
    count = 1 << depth.stored
    shift = depth.high_bit + 1 - depth.stored if num_words == 1 << depth.allocated else 0
    values = (np.arange(num_words) >> shift) & (count - 1)
    low = 0
    if depth.is_signed:
        low = -count // 2
        values = np.where(values >= count // 2, values - count, values)
    return _Levels(values.astype(np.float64), low, low + count - 1, depth.stored)


def _apply_modality(header: Dataset, levels: _Levels) -> tuple[_Levels, bool]:
    sequence = header.get("ModalityLUTSequence")
    if sequence:
        return _look_up(sequence[0], levels), True
    slope = _finite(header.get("RescaleSlope"), 1.0)
    intercept = _finite(header.get("RescaleIntercept"), 0.0)
    if slope == 0:
        raise UnreadableDicomError("damaged DICOM (a RescaleSlope of 0 leaves no grey)")
    ends = sorted(slope * end + intercept for end in (levels.low, levels.high))
    moved = _Levels(slope * levels.values + intercept, ends[0], ends[1], levels.bits)
    return moved, slope < 0


def _apply_voi(header: Dataset, levels: _Levels) -> tuple[_Levels, bool]:
    """The levels as a reader is meant to see them: integers from 0."""
    sequence = header.get("VOILUTSequence")
    if sequence:
        return _look_up(sequence[0], levels), True
    top = 255 if levels.bits <= 8 else 65535
    centre, width = (_first(header.get(name)) for name in ("WindowCenter", "WindowWidth"))
    function = header.get("VOILUTFunction") or _LINEAR
    if centre is None or width is None or width <= 0 or (width == 1 and function == _LINEAR):
        # No window, or one that shows nothing: steps of the stored value, whatever the slope.
        count = top if levels.bits <= 8 else (1 << levels.bits) - 1
        return _spread(levels, levels.low, levels.high, count), False
    if function == _SIGMOID:
        with np.errstate(over="ignore"):
            share = 1 / (1 + np.exp(-4 * (levels.values - centre) / width))
        return _Levels(top * share, 0, top, levels.bits), True
    if function == _EXACT:
        return _spread(levels, centre - width / 2, centre + width / 2, top), True
    # C.11.2.1.2.1: of pixels' width, so that centre 128 and width 256 leave 8 bits as they are.
    half = (width - 1) / 2
    return _spread(levels, centre - 0.5 - half, centre - 0.5 + half, top), True


def has_several_windows(header: Dataset) -> bool:
    """Whether a film has several windows, or several VOI tables, of which the first is taken."""
    sequence = header.get("VOILUTSequence")
    if sequence:
        return len(sequence) > 1
    values = (header.get(name) for name in ("WindowCenter", "WindowWidth"))
    return all(isinstance(value, MutableSequence) and len(value) > 1 for value in values)


def _spread(levels: _Levels, low: float, high: float, top: int) -> _Levels:
    return _Levels(np.clip((levels.values - low) / (high - low), 0, 1) * top, 0, top, levels.bits)


def _look_up(item: Dataset, levels: _Levels) -> _Levels:
    """The levels through a table of the header, whose ends stand for what lies beyond them."""
    count, first, bits = (int(number) for number in item.get("LUTDescriptor"))
    count = count or 65536
    # The type of the second number is the pixels', and pydicom may not know it.
    if first > 32767 and levels.low < 0:
        first -= 65536
    data = item.get("LUTData")
    if isinstance(data, bytes):
        data = np.frombuffer(data, "<u2" if len(data) >= 2 * count else "u1")
    table = np.atleast_1d(np.asarray(data)).astype(np.float64)
    if not 0 < count <= len(table) or not 8 <= bits <= 16:
        raise UnreadableDicomError("damaged DICOM (a table of greys that does not fit itself)")
    top = (1 << bits) - 1
    places = np.clip(np.rint(levels.values) - first, 0, count - 1).astype(np.int64)
    return _Levels(np.clip(table[places] % 65536, 0, top), 0, top, bits)


def _as_integers(
    levels: _Levels, *, is_inverted: bool, is_deep: bool
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    values = levels.high - levels.values if is_inverted else levels.values - levels.low
    grey = np.rint(values)
    return grey.astype(np.uint16) if is_deep else grey.astype(np.uint8)


def _finite(value: Any, default: float) -> float:
    number = default if value is None or value == "" else float(value)
    if not math.isfinite(number):
        raise UnreadableDicomError("damaged DICOM (its rescaling is no number)")
    return number


def _first(value: Any) -> float | None:
    """The first number of a value that may hold several; None where it holds none."""
    if value is None or value == "":
        return None
    number = float(value[0] if isinstance(value, MutableSequence) else value)
    return number if math.isfinite(number) else None
