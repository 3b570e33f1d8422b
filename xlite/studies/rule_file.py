"""The file of a decision rule: thresholds and scaling by label, and the images they have seen."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xlite.artifacts import read_json, write_json
from xlite.errors import InputError, LeakageError
from xlite.scores.calibration import LogitScaling
from xlite.studies.cases import Cases
from xlite.studies.decision_rule import DecisionRule

_MARK_DIGITS = 12


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedOn:
    """The images that a rule has seen."""

    name: str
    num_images: int
    split_sha256: str | None
    """SHA-256 of the split's part, where the images came from one."""
    images_sha256: str
    """SHA-256 of the sorted names, a line each."""
    marks: frozenset[str]
    """The first 48 bits of each name's SHA-256: enough to count images seen before."""

    @classmethod
    def of(cls, cases: Cases, *, split_sha256: str | None = None) -> FittedOn:
        """What a rule that is fitted on these cases has seen."""
        names = _names(cases)
        return cls(
            name=cases.name,
            num_images=len(cases),
            split_sha256=split_sha256,
            images_sha256=hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest(),
            marks=frozenset(map(_mark, names)),
        )


def write_rule(path: Path, rule: DecisionRule, fitted_on: FittedOn) -> None:
    """Write a rule with the marks of the images it has seen as JSON, atomically."""
    write_json(
        path,
        {
            "method": rule.method,
            "calibration": rule.calibration,
            "fitted_on": {
                "name": fitted_on.name,
                "images": fitted_on.num_images,
                "split_sha256": fitted_on.split_sha256,
                "images_sha256": fitted_on.images_sha256,
                "marks": "".join(sorted(fitted_on.marks)),
            },
            "per_class": {
                name: {
                    "threshold": float(rule.thresholds[c]),
                    "slope": float(rule.scaling.slope[c]),
                    "intercept": float(rule.scaling.intercept[c]),
                    "notes": rule.notes.get(name, []),
                }
                for c, name in enumerate(rule.vocabulary)
            },
        },
    )


def read_rule(path: Path) -> tuple[DecisionRule, FittedOn]:
    """The rule in a file of `write_rule`, and what it has seen; InputError for another file."""
    remedy = "Write it with `xlite evaluate --save-thresholds FILE`."
    content = read_json(path, remedy=remedy)
    try:
        seen, rows = content["fitted_on"], content["per_class"]
        marks = seen["marks"]
        starts = range(0, len(marks), _MARK_DIGITS)
        # An undefined threshold is null in JSON.
        columns = [
            [np.nan if row[name] is None else float(row[name]) for row in rows.values()]
            for name in ("threshold", "slope", "intercept")
        ]
        rule = DecisionRule(
            vocabulary=tuple(rows),
            method=content["method"],
            calibration=content["calibration"],
            scaling=LogitScaling(slope=np.array(columns[1]), intercept=np.array(columns[2])),
            thresholds=np.array(columns[0]),
            notes={name: list(row["notes"]) for name, row in rows.items() if row["notes"]},
        )
        fitted_on = FittedOn(
            name=seen["name"],
            num_images=seen["images"],
            split_sha256=seen["split_sha256"],
            images_sha256=seen["images_sha256"],
            marks=frozenset(marks[at : at + _MARK_DIGITS] for at in starts),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path} is no file of fitted thresholds. {remedy}") from None
    return rule, fitted_on


def require_unseen(fitted_on: FittedOn, cases: Cases, *, split_sha256: str | None = None) -> None:
    """Raise LeakageError when a rule was fitted on any of the images that it is to be judged on."""
    names = _names(cases)
    num_seen = sum(_mark(name) in fitted_on.marks for name in names)
    is_same_part = split_sha256 is not None and split_sha256 == fitted_on.split_sha256
    if not num_seen and not is_same_part:
        return
    what = "these very images" if num_seen in (0, len(names)) else "images among these"
    raise LeakageError(
        f"the thresholds were fitted on {what}: {num_seen} of {len(names)} images of {cases.name} "
        f"are among the {fitted_on.num_images} of {fitted_on.name}. Scores at them would flatter. "
        "Judge other images, or leave --thresholds out: thresholds are cross-fitted then."
    )


def _names(cases: Cases) -> list[str]:
    # Without folders: the same image may be named with one in another table.
    return [re.split(r"[/\\]", str(name))[-1] for name in cases.image_ids.tolist()]


def _mark(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:_MARK_DIGITS]
