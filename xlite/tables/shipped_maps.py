"""The label maps that come with xlite, and a map by its name or its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from xlite.errors import InputError, did_you_mean
from xlite.tables.label_map_file import parse_label_map, parse_vocabulary, read_toml
from xlite.tables.label_maps import LabelMap, MappedLabel, Vocabulary

_FOLDER = Path(__file__).parent / "maps"
_BETWEEN = "-to-"


@cache
def shipped_vocabularies() -> dict[str, Vocabulary]:
    """The vocabularies that maps may name, by their names."""
    return {
        path.stem: parse_vocabulary(
            read_toml(path, what="vocabulary"), name=path.stem, where=path.name
        )
        for path in sorted((_FOLDER / "vocabularies").glob("*.toml"))
    }


def shipped_map_names() -> tuple[str, ...]:
    """The names of all maps that come with xlite, in both directions."""
    served = {name: _served_by(name) for name in shipped_vocabularies()}
    pairs = {tuple(name.split(_BETWEEN)) for name in map_files()}
    return tuple(
        f"{one}{_BETWEEN}{other}"
        for one in served
        for other in served
        if one != other
        and (
            served[one] == served[other]
            or not pairs.isdisjoint({(served[one], served[other]), (served[other], served[one])})
        )
    )


def map_files() -> tuple[str, ...]:
    """The names of the maps that have a file, each read backwards too."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def find_label_map(name: str) -> LabelMap:
    """The map of a name, such as "nih-to-chexpert", or in a TOML file.

    A shipped map is read backwards where it is the other direction's. Raises InputError for a
    name that there is not, and for what is wrong with a file.
    """
    if name.endswith(".toml"):
        path = Path(name)
        values = read_toml(path, what="label map")
        known = shipped_vocabularies()
        return parse_label_map(values, name=path.stem, where=str(path), known=known)[0]
    names = shipped_map_names()
    if name not in names:
        hint = did_you_mean(name, names) or f" There are: {', '.join(names)}."
        raise InputError(f"--map {name}: there is no such map.{hint} Or name a .toml file.")
    return _read_shipped(name)


def invert(label_map: LabelMap, unions: Sequence[str], *, name: str) -> LabelMap:
    """The map read backwards: broader becomes narrower, and the other way round.

    unions: labels of the map's source that are made up of those of its target within them.
    """
    labels = []
    for source in label_map.source.labels:
        exact = next((one.name for one in label_map.labels if one.exact == source), None)
        # An exact label says all that the others do.
        others = () if exact is not None else label_map.labels
        row = MappedLabel(
            name=source,
            exact=exact,
            broader=tuple(one.name for one in others if source in one.narrower),
            narrower=tuple(one.name for one in others if source in one.broader),
            partial=tuple(one.name for one in label_map.labels if source in one.partial),
            is_complete=source in unions,
        )
        if row.sources:
            labels.append(row)
    return LabelMap(
        name=name, source=label_map.target, target=label_map.source, labels=tuple(labels)
    )


@cache
def _read_shipped(name: str) -> LabelMap:
    vocabularies = shipped_vocabularies()
    one, other = name.split(_BETWEEN)
    first, second = _served_by(one), _served_by(other)
    path = _FOLDER / f"{first}{_BETWEEN}{second}.toml"
    if first == second:
        values = {"from": one, "to": other, "same_names": True}
        return parse_label_map(values, name=name, where=name, known=vocabularies)[0]
    is_backwards = not path.exists()
    if is_backwards:
        path = _FOLDER / f"{second}{_BETWEEN}{first}.toml"
    made, unions = parse_label_map(
        read_toml(path, what="label map"), name=name, where=path.name, known=vocabularies
    )
    if is_backwards:
        made = invert(made, unions, name=name)
    order = vocabularies[other].labels
    return replace(
        made,
        source=vocabularies[one],
        target=vocabularies[other],
        labels=tuple(sorted(made.labels, key=lambda label: order.index(label.name))),
    )


@cache
def _served_by(vocabulary: str) -> str:
    """The vocabulary whose maps serve this one, which has the same labels; else itself."""
    values = read_toml(_FOLDER / "vocabularies" / f"{vocabulary}.toml", what="vocabulary")
    return str(values.get("maps_as", vocabulary))
