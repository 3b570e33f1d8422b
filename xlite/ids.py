"""Patients and images, known again however a table writes them.

Tables spell one patient `0013`, `13` or `13.0`, `P5` or `p5`, and one image with and without its
folder or with backslashes. What compares ids between files compares the canonical ones; what
writes a table keeps its spelling.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_MATCH = -1
"""Where `match_image_names` found no image of that name."""

AMBIGUOUS = -2
"""Where `match_image_names` found more than one image that the name may mean."""

_WHOLE_NUMBER = re.compile(r"([0-9]+)(?:\.0+)?", re.ASCII)
_SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+", re.ASCII)
_NOT_PLAIN = re.compile(r"^0|[^0-9\n]|^$", re.MULTILINE | re.ASCII)
_NOT_CANONICAL = (
    *("\\", " ", "\t", "//", "\n/", "/\n"),
    *("/./", "\n./", "/.\n"),
)
"""What canonical image names, a line each, hold nowhere."""
_LARGEST_EXACT = 2**53
"""From here on a float does not hold every whole number, so that two ids can become one."""


def canonical_patient_id(text: str) -> str:
    """The one spelling of a patient's id: no blanks around it, no case, NFC, plain whole numbers.

    A whole number loses its leading zeros and a fraction of zeros, which is what a spreadsheet or
    pandas adds to a column with a gap.

    >>> [canonical_patient_id(text) for text in ("0013", " 13.0", "P5", "p05", "13.5")]
    ['13', '13', 'p5', 'p05', '13.5']
    """
    text = text.strip()
    number = _WHOLE_NUMBER.fullmatch(text)
    if number:
        return number[1].lstrip("0") or "0"
    if text.isascii():
        return text.lower()
    # Canonical caseless matching, Unicode 15 section 3.13, D145; composed again at the end.
    folded = unicodedata.normalize("NFD", text).casefold()
    return unicodedata.normalize("NFC", folded).strip()


def canonical_patient_ids(ids: Iterable[Any]) -> NDArray[Any]:
    """(N,) canonical patient ids as text; each distinct spelling is looked at once."""
    codes, distinct = pd.factorize(np.asarray(_listed(ids), dtype=object))
    # NIH's thirty thousand patients are plain numbers already.
    if not _NOT_PLAIN.search("\n".join(map(str, distinct))):
        return np.array([str(text) for text in distinct], dtype=object)[codes]
    spelled = np.empty(len(distinct), dtype=object)
    spelled[:] = [canonical_patient_id(str(text)) for text in distinct]
    return spelled[codes]


def is_among(ids: Iterable[Any], others: Iterable[Any]) -> NDArray[np.bool_]:
    """Whether each of N patient ids is one of `others`, however it is spelled, (N,).

    By a table of hashes: numpy's isin sorts objects, and took 42 s for NIH's patients.

    >>> is_among(["7", "8"], ["0007"]).tolist()
    [True, False]
    """
    found = pd.Series(canonical_patient_ids(ids)).isin(set(canonical_patient_ids(others)))
    return found.to_numpy(dtype=np.bool_)


def is_rounded_id(text: str) -> bool:
    """Whether an id was a number too long for the program that wrote it, and lost digits.

    >>> [is_rounded_id(text) for text in ("1.23E+17", "9007199254740993.0", "12e4", "13.0")]
    [True, True, False, False]
    """
    text = text.strip()
    if "+" in text:
        return _SCIENTIFIC.fullmatch(text) is not None
    number = _WHOLE_NUMBER.fullmatch(text) if "." in text else None
    if number is None:
        return False
    digits = number[1].lstrip("0")
    # int() refuses thousands of digits.
    return len(digits) > 16 or (len(digits) == 16 and int(digits) >= _LARGEST_EXACT)


def find_rounding(ids: Sequence[str]) -> str | None:
    """How numbers of distinct patients lost digits on their way through a float; None if none did.

    One id in powers of ten tells it. Otherwise all have to be what a float of 64 bits (of 32)
    holds exactly, which five (twenty) numbers beyond its range are by chance one time in a million,
    and share no factor but powers of two: ids that end in zeros were made so.

    >>> find_rounding(["8.38E+37", "12"])
    "written as '8.38E+37'"
    >>> find_rounding([str(10**17 + 48 * k) for k in range(9)])
    'all exactly what a float of 64 bits can hold'
    >>> find_rounding([str(10**17 + 7 * k) for k in range(9)]) is None
    True
    """
    written = next((text for text in ids if is_rounded_id(text)), None)
    if written is not None:
        return f"written as {written.strip()!r}"
    numbers = {
        int(match[1]) for text in ids if (match := _WHOLE_NUMBER.fullmatch(text.strip()[:64]))
    }
    for bits, float_type, first, last, least in (
        (64, np.float64, _LARGEST_EXACT, math.inf, 5),
        (32, np.float32, 2**24, _LARGEST_EXACT, 20),
    ):
        large = [number for number in numbers if first < number < last]
        if len(large) < max(least, len(ids) / 2):
            continue
        factor = math.gcd(*large)
        is_exact = all(int(float_type(number)) == number for number in large)
        if is_exact and factor > 1 and factor & (factor - 1) == 0:
            return f"all exactly what a float of {bits} bits can hold"
    return None


def canonical_image_name(name: str) -> str:
    """The one spelling of an image's name or path: slashes, no `./`, no blanks around it, NFC.

    Case stays: file systems tell `a.png` from `A.PNG`.

    >>> canonical_image_name(r".\\train\\p1\\view1.png"), canonical_image_name("/data//a.png")
    ('train/p1/view1.png', 'data/a.png')
    """
    name = unicodedata.normalize("NFC", name.strip()).replace("\\", "/")
    if "/" not in name:
        return name
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def canonical_image_names(names: Iterable[Any]) -> NDArray[Any]:
    """(N,) canonical image names as text."""
    listed = list(map(str, _listed(names)))
    # Most tables have plain file names or paths, and need no work on each of them.
    everything = "\n".join(["", *listed, ""])
    if not everything.isascii() or any(sign in everything for sign in _NOT_CANONICAL):
        listed = [canonical_image_name(name) for name in listed]
    result = np.empty(len(listed), dtype=object)
    result[:] = listed
    return result


def match_image_names(names: Iterable[Any], known: Iterable[Any]) -> NDArray[np.intp]:
    """(N,) position in `known` of each name; NO_MATCH or AMBIGUOUS where there is not one.

    Two names are of one image when they are equal, or when one is the end of the other at a
    slash: `view1.png` and `p1/view1.png`, never `p1/view1.png` and `p2/view1.png`. Equality goes
    first. Linear in the number of names for tables of one or a few depths of folders, also where
    every path ends alike.

    >>> known = ["p1/a.png", "p2/a.png", "b.png"]
    >>> match_image_names(["p2/a.png", "x/b.png", "a.png", "c.png"], known)
    array([ 1,  2, -2, -1])
    """
    wanted, paths = canonical_image_names(names), canonical_image_names(known)
    whole = _positions_by_name(enumerate(paths))
    rows = np.array([whole.get(name, NO_MATCH) for name in wanted], dtype=np.intp)
    if have_one_depth([wanted, paths]):
        return rows
    rest = np.flatnonzero(rows == NO_MATCH)
    depth_of = np.array([path.count("/") + 1 for path in paths], dtype=np.intp)
    depths = sorted(set(depth_of.tolist()))
    endings: dict[int, dict[str, int]] = {}
    for row in rest:
        depth = wanted[row].count("/") + 1
        if depth not in endings:
            longer = np.flatnonzero(depth_of > depth).tolist()
            endings[depth] = _positions_by_name((at, _ending(paths[at], depth)) for at in longer)
        found = {endings[depth].get(wanted[row], NO_MATCH)}
        found |= {whole.get(_ending(wanted[row], k), NO_MATCH) for k in depths if k < depth}
        found.discard(NO_MATCH)
        if found:
            rows[row] = found.pop() if len(found) == 1 else AMBIGUOUS
    return rows


def find_nested_name(names: Sequence[str]) -> tuple[int, int] | None:
    """Positions of a canonical name and of a longer one that ends in it; None where none does.

    >>> find_nested_name(["x/a.png", "b.png", "a.png"])
    (2, 0)
    """
    if have_one_depth([names]):
        return None
    depth_of = np.array([name.count("/") + 1 for name in names], dtype=np.intp)
    for depth in sorted(set(depth_of.tolist()))[:-1]:
        longer = {_ending(names[at], depth): at for at in np.flatnonzero(depth_of > depth).tolist()}
        for at in np.flatnonzero(depth_of == depth).tolist():
            if names[at] in longer:
                return at, longer[names[at]]
    return None


def have_one_depth(tables: Iterable[Iterable[str]]) -> bool:
    """Whether all canonical names lie in equally many folders, so that none is another's end.

    >>> have_one_depth([["a.png"], ["b.png"]]), have_one_depth([["a.png"], ["x/a.png"]])
    (True, False)
    """
    depths: set[int] = set()
    for names in tables:
        # NIH's hundred thousand plain names are not looked at one by one.
        everything = "\n".join(names)
        depths |= {path.count("/") for path in everything.split("\n")} if "/" in everything else {0}
    return len(depths) < 2


def _listed(values: Iterable[Any]) -> Collection[Any]:
    return values if isinstance(values, np.ndarray | Sequence) else list(values)


def _positions_by_name(named: Iterable[tuple[int, str]]) -> dict[str, int]:
    positions: dict[str, int] = {}
    for position, name in named:
        positions[name] = AMBIGUOUS if name in positions else int(position)
    return positions


def _ending(path: str, depth: int) -> str:
    """The last `depth` parts of a path that has more of them."""
    return path.split("/", path.count("/") + 1 - depth)[-1]
