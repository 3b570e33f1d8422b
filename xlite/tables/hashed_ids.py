"""Patients and studies under keyed hashes, so that no table that is written names them.

HMAC-SHA256 (RFC 2104, FIPS 198-1) of 128 bits: the same key gives the same hash in every table,
so that splits, predictions and other tables still match, and nobody without the key can try out
ids. The key is read and never written.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.errors import InputError
from xlite.ids import canonical_patient_id
from xlite.inputs import open_regular

if TYPE_CHECKING:
    from xlite.tables.manifest import Manifest

MIN_KEY_BYTES = 16
_MAX_KEY_BYTES = 1 << 16
_DIGITS = 32
_NEW_KEY = "Make one: (umask 077; head -c 32 /dev/urandom > KEYFILE)."


def hash_ids(manifest: Manifest, key_file: Path | None) -> Manifest:
    """The manifest with a hash for each patient and for each patient's study date.

    One patient has one hash however the id is spelled. Views, sexes, ages and the names of images
    stay. None for `key_file` changes nothing. Raises InputError for a key that is missing, shorter
    than 16 bytes, or readable by others.

    >>> hash_id(b"sixteen bytes ok", "patient", "0013") == hash_id(
    ...     b"sixteen bytes ok", "patient", "13.0"
    ... )
    True
    """
    if key_file is None:
        return manifest
    key = read_key(key_file)
    patients = manifest.table["patient_id"]
    hashes = {one: hash_id(key, "patient", one) for one in patients.unique()}
    table = manifest.table.assign(patient_id=patients.map(hashes))
    if "date" in table:
        table["date"] = [
            date and hash_id(key, "study", patient, date)
            for patient, date in zip(patients, table["date"], strict=True)
        ]
    return replace(manifest, table=table)


def hash_id(key: bytes, kind: str, patient: str, *others: str) -> str:
    """A hash of 128 bits behind a letter, which no spreadsheet takes for a number."""
    text = "\0".join((kind, canonical_patient_id(patient), *others))
    return kind[0] + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:_DIGITS]


def read_key(path: Path) -> bytes:
    """The key in a file; InputError for one that is missing, too short or readable by others."""
    with open_regular(path, what="key", remedy=_NEW_KEY) as file:
        mode = os.fstat(file.fileno()).st_mode
        key = file.read(_MAX_KEY_BYTES)
    if len(key) < MIN_KEY_BYTES:
        raise InputError(
            f"the key {path} has {len(key)} bytes; {MIN_KEY_BYTES} are needed. {_NEW_KEY}"
        )
    # Windows has no such bits.
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"the key {path} can be read by others. Run: chmod 600 {path}")
    return key
