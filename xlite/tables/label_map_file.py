"""Files of label maps and of vocabularies (TOML), read into values or refused with the remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xlite.errors import InputError, did_you_mean
from xlite.inputs import MEBIBYTE, read_bytes
from xlite.labels import simplify_label
from xlite.tables.label_maps import RELATIONS, LabelMap, MappedLabel, Vocabulary
from xlite.tables.vocabulary import check_vocabulary

_KEYS = ("from", "to", "within", "same_names", "labels", "back")
_RELATION_KEYS = (*RELATIONS, "complete")


def read_toml(path: Path, *, what: str) -> dict[str, Any]:
    """The content of a TOML file of at most 1 MiB; InputError for what is none."""
    content = read_bytes(path, max_bytes=MEBIBYTE, what=what, remedy="Name a TOML file.")
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML: {error}. Correct that line.") from None


def parse_vocabulary(values: Mapping[str, Any], *, name: str, where: str) -> Vocabulary:
    """The vocabulary in a file's values: `title`, `labels`, and `within`, which of them lies in
    which."""
    require_keys(values, ("title", "labels", "within", "maps_as"), where)
    labels = _read_names(values.get("labels"), f"{where}: labels")
    check_vocabulary(labels, source=where)
    within = _read_within(values.get("within", {}), labels, where)
    return Vocabulary(name=name, title=str(values.get("title", name)), labels=labels, within=within)


def parse_label_map(
    values: Mapping[str, Any], *, name: str, where: str, known: Mapping[str, Vocabulary]
) -> tuple[LabelMap, tuple[str, ...]]:
    """The map in a file's values, and the labels of its source that are unions, read backwards.

    known: the vocabularies that `from` and `to` may name. Raises InputError, which says where,
    for keys and labels that there are not, circles, and what contradicts itself.
    """
    require_keys(values, _KEYS, where)
    table = values.get("labels", {})
    if not isinstance(table, dict) or not (table or values.get("same_names")):
        raise InputError(
            f"{where}: there is no [labels]. Write a line a label: Lesion = {{broader = ['Mass']}}."
        )
    target = _read_side(values.get("to"), "to", where, known, default=tuple(table))
    source = _read_side(values.get("from"), "from", where, known, default=())
    if "within" in values:
        within = _read_within(values["within"], source.labels, where)
        source = Vocabulary(
            name=source.name, title=source.title, labels=source.labels, within=within
        )
    rows = {_known(key, target.labels, where): row for key, row in table.items()}
    if values.get("same_names") is True:
        rows = {**_same_names(source, target, where), **rows}
    labels = tuple(
        _parse_row(label, rows[label], source, where) for label in target.labels if label in rows
    )
    _refuse_one_label_twice(labels, where)
    back = values.get("back", {})
    require_keys(back, ("complete",), f"{where}: back")
    unions = _read_names(back.get("complete", []), f"{where}: back.complete")
    label_map = LabelMap(name=name, source=source, target=target, labels=labels)
    return label_map, tuple(_known(union, source.labels, where) for union in unions)


def require_keys(values: Any, known: Sequence[str], where: str) -> None:
    """Raise InputError, with suggestions, unless `values` is a table of no other keys."""
    if not isinstance(values, dict):
        raise InputError(f"{where} is no table. Write {', '.join(known)} in it.")
    for key in values:
        if key not in known:
            hint = did_you_mean(key, known) or f" There are: {', '.join(known)}."
            raise InputError(f"{where}: there is no key {key!r}.{hint}")


def _read_names(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InputError(f"{where} is no list of labels. Write ['Mass', 'Nodule'].")
    repeated = next((name for name in value if value.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"{where} has {repeated!r} twice. Keep one.")
    return tuple(value)


def _read_side(
    value: Any, key: str, where: str, known: Mapping[str, Vocabulary], *, default: tuple[str, ...]
) -> Vocabulary:
    """The vocabulary that `from` or `to` says: by its name, by its labels, or not at all."""
    if isinstance(value, str):
        if value not in known:
            hint = did_you_mean(value, known) or f" There are: {', '.join(sorted(known))}."
            raise InputError(
                f"{where}: {key} = {value!r} is no vocabulary.{hint} Or write its labels as a list."
            )
        return known[value]
    labels = default if value is None else _read_names(value, f"{where}: {key}")
    if labels:
        check_vocabulary(labels, source=f"{where}: {key}")
    return Vocabulary(name="", title="", labels=labels)


def _known(name: str, labels: Sequence[str], where: str) -> str:
    """The label of a vocabulary that `name` is, however it is written; any where none are said."""
    if not labels or name in labels:
        return name
    simple = simplify_label(name)
    for label in labels:
        if simplify_label(label) == simple:
            return label
    raise InputError(
        f"{where}: there is no label {name!r}.{did_you_mean(name, labels)} There are: "
        f"{', '.join(labels[:20])}{', …' if len(labels) > 20 else ''}."
    )


def _read_within(
    value: Any, labels: Sequence[str], where: str
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Labels with those that lie within them, without circles."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: within is no table. Write Lesion = ['Mass', 'Nodule'] in it.")
    within: dict[str, tuple[str, ...]] = {}
    for key, names in value.items():
        inner = _read_names(names, f"{where}: within.{key}")
        within[_known(key, labels, where)] = tuple(_known(name, labels, where) for name in inner)
    for start in within:
        circle = _find_circle(start, within)
        if circle:
            raise InputError(
                f"{where}: labels lie within each other in a circle: {' > '.join(circle)}. "
                "Remove one of these lines."
            )
    return tuple(within.items())


def _find_circle(start: str, within: Mapping[str, Iterable[str]]) -> list[str]:
    """A way from `start` back to it; empty where there is none."""
    ways: list[list[str]] = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in within.get(way[-1], ()):
            if name == start:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def _same_names(source: Vocabulary, target: Vocabulary, where: str) -> dict[str, Any]:
    """A row for each label that both vocabularies have."""
    if not source.labels or not target.labels:
        raise InputError(f"{where}: same_names needs `from` and `to`. Say which labels there are.")
    known = {simplify_label(name): name for name in source.labels}
    pairs = {name: known.get(simplify_label(name)) for name in target.labels}
    return {name: {"exact": found} for name, found in pairs.items() if found is not None}


def _parse_row(name: str, row: Any, source: Vocabulary, where: str) -> MappedLabel:
    """The line of one label of the target."""
    where = f"{where}: {name}"
    require_keys(row, _RELATION_KEYS, where)
    found: dict[str, tuple[str, ...]] = {}
    for relation in RELATIONS:
        names = _read_names(row.get(relation, []), f"{where}: {relation}")
        found[relation] = tuple(_known(one, source.labels, where) for one in names)
        for other in RELATIONS[: RELATIONS.index(relation)]:
            for one in found[relation]:
                if one in found[other]:
                    raise InputError(
                        f"{where} is both {other} and {relation} for {one!r}, which contradict "
                        "each other. Keep one."
                    )
    is_complete = row.get("complete", False)
    if not isinstance(is_complete, bool):
        raise InputError(f"{where}: complete is true or false.")
    if len(found["exact"]) > 1:
        raise InputError(
            f"{where} is exact for {' and '.join(map(repr, found['exact']))}, which can contradict "
            "each other in a row. Write them as broader, with complete = true."
        )
    if found["exact"] and (found["broader"] or found["narrower"]):
        other = "broader" if found["broader"] else "narrower"
        raise InputError(
            f"{where} has an exact label, which says all of it, and {other} ones, which can "
            "contradict it. Keep one, or write all as broader, with complete = true."
        )
    if is_complete and not found["broader"]:
        raise InputError(f"{where} is complete without broader. Write what it is made up of.")
    _refuse_circle(found, source, where)
    return MappedLabel(
        name=name,
        exact=found["exact"][0] if found["exact"] else None,
        broader=found["broader"],
        narrower=found["narrower"],
        partial=found["partial"],
        is_complete=is_complete,
    )


def _refuse_circle(found: Mapping[str, tuple[str, ...]], source: Vocabulary, where: str) -> None:
    """A label can't be broader than one that has within it what the label is narrower than."""
    within = dict(source.within)
    for name in found["broader"]:
        waiting = list(within.get(name, ()))
        seen: set[str] = set()
        while waiting:
            inner = waiting.pop()
            if inner in found["narrower"]:
                raise InputError(
                    f"{where} is broader than {name!r} and narrower than {inner!r}, which lies "
                    f"within {name!r}: a circle. Remove one of the two."
                )
            if inner not in seen:
                seen.add(inner)
                waiting.extend(within.get(inner, ()))


def _refuse_one_label_twice(labels: Sequence[MappedLabel], where: str) -> None:
    """One source can't be the same as two labels of the target: they would be one label."""
    owner: dict[str, str] = {}
    for label in labels:
        if label.exact is None:
            continue
        other = owner.setdefault(label.exact, label.name)
        if other != label.name:
            raise InputError(
                f"{where}: {label.exact!r} is exact for both {other!r} and {label.name!r}, which "
                "would be one label. Make one of them broader or narrower."
            )
