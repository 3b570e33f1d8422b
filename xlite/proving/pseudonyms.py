"""Names under which patients and images go into a bundle: keyed hashes that keep an order.

Intervals are drawn over patients in the sorted order of their ids, and thresholds are cross-fitted
between halves that a bit of an id's CRC-32 decides. A hash alone would change both, and with them
the last digits of what was published. So a patient of a part that is judged has his place among its
patients before the hash, and one digit behind it that gives back the bit. That the order tells
who has the complete list of a part's patients whom he looks at is in `docs/prove.md`; those of the
training part, who are never drawn, have hashes alone and are in their order.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from xlite.ids import canonical_image_names, canonical_patient_id
from xlite.tables.hashed_ids import hash_id

_DIGITS = 24
"""96 bits: two of a million images have the same one time in 10^17."""


class Pseudonyms:
    """The names of patients and images under a key."""

    def __init__(self, key: bytes, judged: Mapping[str, Iterable[str]]) -> None:
        """Nobody is named yet. judged: the patients of each set of images that is judged."""
        self._key = key
        self._places = _number(judged)
        self._canonical = {canonical_patient_id(one): one for one in self._places}
        self._patients: dict[str, str] = {}
        self._images: dict[str, str] = {}

    def patient(self, text: str) -> str:
        """The name of a patient, as the id is spelled."""
        if (known := self._patients.get(text)) is not None:
            return known
        hashed = hash_id(self._key, "patient", text)[: _DIGITS + 1]
        spelled = text if text in self._places else self._canonical.get(canonical_patient_id(text))
        name = hashed
        if spelled is not None:
            name = f"p{self._places[spelled]:07d}-{hashed[1:]}"
            name = _keep_half(name, zlib.crc32(spelled.encode()) & 1)
        self._patients[text] = name
        return name

    def patients(self, texts: Iterable[str]) -> list[str]:
        """The names of patients."""
        return [self.patient(text) for text in texts]

    def images(self, names: Sequence[str]) -> list[str]:
        """The names of images, however their folders are written."""
        absent = [name for name in dict.fromkeys(names) if name not in self._images]
        for name, canonical in zip(absent, canonical_image_names(absent), strict=True):
            short = str(canonical).rpartition("/")[2]
            self._images[name] = f"i{self.digest('image', short)[:_DIGITS]}"
        return [self._images[name] for name in names]

    def date(self, patient: str, text: str) -> str:
        """The name of a patient's study date, empty where there is none."""
        return text and hash_id(self._key, "study", patient, text)

    def digest(self, kind: str, text: str) -> str:
        """64 hexadecimal digits for a text, by which nobody without the key can try it out."""
        return hmac.new(self._key, f"{kind}\0{text}".encode(), hashlib.sha256).hexdigest()

    @property
    def known(self) -> dict[str, str]:
        """The names given so far, by what they stand for."""
        return {**self._patients, **self._images}


def _number(judged: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """The place of each patient in the sorted order of his set; of all where sets share any."""
    sets = [frozenset(patients) for patients in judged.values()]
    distinct = list(dict.fromkeys(sets))
    if any(one & other for one, other in combinations(distinct, 2)):
        distinct = [frozenset().union(*distinct)]
    return {one: place for patients in distinct for place, one in enumerate(sorted(patients))}


def _keep_half(name: str, bit: int) -> str:
    """The name with the first digit behind it that gives its CRC-32 this lowest bit."""
    return next(
        found
        for found in (f"{name}{digit}" for digit in "0123456789abcdef")
        if zlib.crc32(found.encode()) & 1 == bit
    )
