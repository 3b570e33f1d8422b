"""When a number in a file is the one that was recomputed, to its last digit, and where it is not.

A bundle's records hold ten significant digits: enough for any reader, and few enough for two
machines to agree on each of them, whose sums differ in the sixteenth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

DIGITS = 10
_SLACK = 1e-3
"""Of a unit of the last digit: where a number lies midway two machines may round it either way."""
_NOISE = 1e-13
"""What a difference of two scores may be by that are the same."""
_ABSENT = "nothing"


def round_numbers(value: Any) -> Any:
    """Plain values with each number at ten significant digits.

    >>> round_numbers({"auroc": 0.6330623409745523, "images": 60})
    {'auroc': 0.633062341, 'images': 60}
    """
    if isinstance(value, dict):
        return {key: round_numbers(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [round_numbers(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def agree(stated: float, found: float, *, digits: int = DIGITS) -> bool:
    """Whether a number is another one, rounded to so many significant digits.

    >>> agree(0.633062341, 0.6330623409745523), agree(0.633062342, 0.6330623409745523)
    (True, False)
    """
    if math.isnan(stated) or math.isnan(found):
        return math.isnan(stated) and math.isnan(found)
    if stated == found:
        return True
    size = max(abs(stated), abs(found))
    unit = 10.0 ** (math.floor(math.log10(size)) - digits + 1)
    return abs(stated - found) <= (0.5 + _SLACK) * unit + _NOISE


def list_differences(
    stated: Any, found: Any, *, digits: int = DIGITS, where: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Each place where plain values differ from those recomputed: its key, and both of them."""
    if isinstance(stated, dict) and isinstance(found, dict):
        for key in dict.fromkeys([*stated, *found]):
            place = f"{where}.{key}" if where else str(key)
            one, other = stated.get(key, _ABSENT), found.get(key, _ABSENT)
            yield from list_differences(one, other, digits=digits, where=place)
    elif isinstance(stated, list) and isinstance(found, list):
        if len(stated) != len(found):
            yield f"{where}: how many", len(stated), len(found)
        for number, (one, other) in enumerate(zip(stated, found, strict=False)):
            yield from list_differences(one, other, digits=digits, where=f"{where}[{number}]")
    elif not _is_same(stated, found, digits):
        yield where, stated, found


def count_numbers(value: Any) -> int:
    """How many numbers plain values hold, those in texts not counted."""
    if isinstance(value, dict):
        return sum(map(count_numbers, value.values()))
    if isinstance(value, list):
        return sum(map(count_numbers, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_same(stated: Any, found: Any, digits: int) -> bool:
    is_number = [
        isinstance(one, int | float) and not isinstance(one, bool) for one in (stated, found)
    ]
    if all(is_number):
        if isinstance(stated, int) and isinstance(found, int):
            return stated == found
        return agree(float(stated), float(found), digits=digits)
    return type(stated) is type(found) and bool(stated == found)
