"""One number of a bundle changed in one digit, with all sums mended where that is asked for."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_RECORD = "bundle.json"
_TEXTS = "texts/"
_NUMBER = re.compile(rb"(?<![\w.<-])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.>-])")
_JSON_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")

Members = dict[str, bytes]


def read_members(bundle: Path) -> Members:
    """The members of a bundle by name, in their order."""
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(members: Members, out: Path) -> None:
    """A zip of these members, stored: speed counts, not size."""
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def change_any(members: Members, rng: np.random.Generator) -> tuple[Members, str]:
    """A digit of any number of any member changed, and which; sums stay as they were."""
    names = [name for name in members if not name.endswith(".npy")]
    while True:
        name = names[rng.integers(len(names))]
        content = members[name]
        found = list(_NUMBER.finditer(content))
        if not found:
            continue
        match = found[rng.integers(len(found))]
        changed = _change_digit(match[0].decode(), rng).encode()
        if float(changed) != float(match[0]):
            new = content[: match.start()] + changed + content[match.end() :]
            return {**members, name: new}, f"{name}: {match[0]!r} to {changed!r}"


def change_proven(
    members: Members, rng: np.random.Generator, proven: list[tuple[str, tuple[Any, ...]]]
) -> tuple[Members, str]:
    """A digit of one of the numbers that are proven changed, and which; all sums are mended."""
    while True:
        name, place = proven[rng.integers(len(proven))]
        new, told = _change_at(members[name], name, place, rng)
        if new != members[name]:
            return mend_sums({**members, name: new}), f"{name}: {told}"


def list_proven(members: Members) -> list[tuple[str, tuple[Any, ...]]]:
    """The places of the numbers that a bundle proves: of records, tables, histories and texts."""
    stated = json.loads(members[_RECORD])["stated"]
    found: list[tuple[str, tuple[Any, ...]]] = []
    for name, content in members.items():
        kept = stated.get(name, [])
        if any(key.startswith("all:") for key in kept):
            continue
        if name.endswith(".json") and name in _recomputed(members):
            leaves = _list_leaves(json.loads(content))
            found += [(name, place) for place in leaves if not _is_kept(place, kept)]
        elif name.endswith(".csv") and "/runs/" not in name and not name.startswith("splits/"):
            found += [(name, place) for place in _list_cells(content)]
        elif name.endswith("history.csv"):
            found += [(name, place) for place in _list_history(members, name)]
        elif name.startswith(_TEXTS):
            found += [(name, match.span()) for match in _NUMBER.finditer(content)]
    return found


def mend_sums(members: Members) -> Members:
    """The members with every sum that one has of another made anew."""
    mended = dict(members)
    for name in [name for name in mended if name.endswith("config.json")]:
        mended[name] = _mend_config(mended, name)
    for name in [name for name in mended if name.endswith("split.json")]:
        mended[name] = _mend_files(mended, name)
    for name in [name for name in mended if name.endswith("scores.json") and "/runs/" in name]:
        mended[name] = _mend_files(mended, name)
    record = json.loads(mended[_RECORD])
    record["members"] = {name: _sum(mended[name]) for name in record["members"]}
    mended[_RECORD] = json.dumps(record).encode()
    return mended


def _recomputed(members: Members) -> set[str]:
    ends = ("split.json", "config.json", "scores.json", "thresholds.json")
    ends += ("comparison.json", "ablation.json")
    ends += ("study.json", "verdicts.json", "test_look.json")
    return {name for name in members if name.endswith(ends) or "/ledger/" in name}


def _is_kept(place: tuple[Any, ...], kept: list[str]) -> bool:
    path = ".".join(str(part) for part in place if isinstance(part, str))
    return any(path == key or path.startswith(f"{key}.") for key in kept)


def _list_leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _list_leaves(one, (*at, key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _list_leaves(one, (*at, place))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield at


def _list_cells(content: bytes) -> Iterator[tuple[int, int]]:
    for row, line in enumerate(content.decode().splitlines()):
        for column, cell in enumerate(line.split(",")):
            if row and _JSON_NUMBER.fullmatch(cell):
                yield row, column


def _list_history(members: Members, name: str) -> Iterator[tuple[int, int]]:
    """The scores of the best epoch; those of others are within limits alone."""
    scores = json.loads(members[name.replace("history.csv", "scores.json")])
    lines = members[name].decode().splitlines()
    for column, title in enumerate(lines[0].split(",")):
        cell = lines[scores["best_epoch"]].split(",")[column]
        if title.startswith("val_") and "loss" not in title and cell:
            yield scores["best_epoch"], column


def _change_at(
    content: bytes, name: str, place: tuple[Any, ...], rng: np.random.Generator
) -> tuple[bytes, str]:
    if name.startswith(_TEXTS):
        begin, end = place
        text = content[begin:end].decode()
        changed = _change_digit(text, rng)
        if float(changed) == float(text):
            return content, ""
        return content[:begin] + changed.encode() + content[end:], f"{text} to {changed}"
    if not name.endswith(".json"):
        row, column = place
        lines = content.decode().split("\n")
        cells = lines[row].split(",")
        old, cells[column] = cells[column], _change_digit(cells[column], rng)
        lines[row] = ",".join(cells)
        if float(old) == float(cells[column]):
            return content, ""
        return "\n".join(lines).encode(), f"{place}: {old} to {cells[column]}"
    value = json.loads(content)
    owner = value
    for part in place[:-1]:
        owner = owner[part]
    old = owner[place[-1]]
    text = _change_digit(json.dumps(old), rng)
    owner[place[-1]] = json.loads(text) if isinstance(old, float) else int(float(text))
    if owner[place[-1]] == old:
        return content, ""
    return (json.dumps(value, indent=2) + "\n").encode(), f"{place}: {old} to {text}"


def _change_digit(text: str, rng: np.random.Generator) -> str:
    """A number with one digit of it another one, not of its exponent."""
    mantissa = re.split("[eE]", text)[0]
    places = [place for place, sign in enumerate(mantissa) if sign.isdigit()]
    place = places[rng.integers(len(places))]
    digit = (int(text[place]) + int(rng.integers(1, 10))) % 10
    changed = f"{text[:place]}{digit}{text[place + 1 :]}"
    return re.sub(r"^(-?)0+(?=\d)", r"\1", changed)


def _mend_config(members: Members, name: str) -> bytes:
    config = json.loads(members[name])
    folder = config["data"]["split_dir"]
    sums = config["data"]["split_sha256"]
    config["data"]["split_sha256"] = {part: _sum(members[f"{folder}/{part}.csv"]) for part in sums}
    return (json.dumps(config, indent=2) + "\n").encode()


def _mend_files(members: Members, name: str) -> bytes:
    content = json.loads(members[name])
    folder = name.rpartition("/")[0]
    for file in content["files"]:
        if (other := members.get(f"{folder}/{file}")) is not None:
            content["files"][file] = _sum(other)
    return (json.dumps(content, indent=2) + "\n").encode()


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
