"""Models side by side: a ranking with ties, and a choice by tie-breakers declared beforehand.

Only validation scores rank and choose. The test part never does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xlite import console
from xlite.errors import InputError, did_you_mean
from xlite.files import TRAINING_PROGRESS, atomic_path, write_json, write_table
from xlite.judging.all_pairs import AllPairs, compare_all_pairs, shrink_scores
from xlite.judging.paired_differences import TESTED, Contrast, JudgedMethods
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder, list_runs
from xlite.settings import TrainSettings
from xlite.studies.progress import current_time, read_entries

COMPARISON = "comparison.csv"
COMPARISON_RECORD = "comparison.json"

TIE_BREAKERS = (
    *("auroc", "average_precision", "f1", "precision", "recall", "specificity"),
    *("balanced_accuracy", "mcc", "brier"),
)
"""The scores that may break a tie; of brier the lowest wins."""
DEFAULT_THEN = ("val.average_precision", "val.recall")

_DIGITS = 3
"""Tie-breakers that agree to as many decimals as are printed don't decide."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A method's place in the ranking."""

    name: str
    rank: int
    """1 for the best and all that the test can't tell from it; the next group comes after them."""
    p: float
    """Against the leader of its group, corrected; NaN for a leader."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The method that the declared order chooses, and the steps to it in words."""

    name: str
    steps: tuple[str, ...]


def parse_order(by: str, then: Sequence[str]) -> tuple[str, ...]:
    """The names of scores in the order in which they decide, without `val.`.

    Raises InputError for any score of the test part, for an unknown score, and for a first one
    that has no paired test.

    >>> parse_order("val.auroc", ["recall"])
    ('auroc', 'recall')
    """
    order = []
    for option, text in [("--by", by), *(("--then", text) for text in then)]:
        part, dot, name = text.strip().rpartition(".")
        if part == "test" or name.startswith("test"):
            raise InputError(
                f"{option} {text}: the test set never selects. A model that was chosen by its "
                "test score has no test score any more. Choose by val.*, then pass --show-test "
                "to look at the test scores of what was chosen."
            )
        if dot and part != "val":
            raise InputError(f"{option} {text}: only validation scores choose, as in val.auroc.")
        known = TESTED if option == "--by" else TIE_BREAKERS
        if name not in known:
            names = [f"val.{one}" for one in known]
            hint = did_you_mean(f"val.{name}", names)
            raise InputError(f"{option} {text}: use one of {', '.join(names)}.{hint}")
        order.append(name)
    repeated = [name for name in order if order.count(name) > 1]
    if repeated:
        raise InputError(f"--by and --then name val.{repeated[0]} more than once.")
    return tuple(order)


def rank_methods(judged: JudgedMethods, score: str, pairs: AllPairs) -> list[Place]:
    """The methods by the macro mean of a score, best first, those with the same rank tied.

    The best leads the first group, which takes in all whose p against it, corrected for all pairs,
    is at least 1 - level. The best of the rest leads the next group, and so on.
    """
    means = {m.name: judged.macro(m.name, score) for m in judged.methods}
    rest = sorted(means, key=lambda name: -means[name] if means[name] == means[name] else np.inf)
    places: list[Place] = []
    while rest:
        leader, *others = rest
        p = {name: pairs.p[frozenset((leader, name))] for name in others}
        rank = len(places) + 1
        is_apart = {name: 1 - p[name] > judged.resampling.level for name in others}
        places.append(Place(name=leader, rank=rank, p=float("nan")))
        places += [Place(name=n, rank=rank, p=p[n]) for n in others if not is_apart[n]]
        rest = [name for name in others if is_apart[name]]
    return places


def choose_method(judged: JudgedMethods, order: Sequence[str], places: Sequence[Place]) -> Choice:
    """The method that is chosen: of those tied for the first rank by the scores after the first.

    A tie-breaker keeps those whose macro mean over validation is best to three decimals. What is
    left at the end goes to the highest first score.
    """
    left = [place.name for place in places if place.rank == 1]
    steps = [
        f"val.{order[0]}: {left[0]} is best; the test can't tell it from {', '.join(left[1:])}"
        if len(left) > 1
        else f"val.{order[0]}: {left[0]} is best, and the test tells it from all others"
    ]
    for score in order[1:]:
        if len(left) == 1:
            break
        sign = -1 if score == "brier" else 1
        # A score that is undefined for a method can't speak for it.
        values = {n: round(sign * judged.macro(n, score), _DIGITS) for n in left}
        best = max((value for value in values.values() if value == value), default=None)
        left = [name for name in left if values[name] == best] or left
        steps.append(f"val.{score}: {', '.join(left)}")
    if len(left) > 1:
        steps.append(f"still tied: {left[0]} has the highest val.{order[0]}")
    return Choice(name=left[0], steps=tuple(steps))


def describe_comparison(judged: JudgedMethods, order: Sequence[str]) -> dict[str, Any]:
    """The content of `comparison.json` as plain values, methods in the order of the ranking."""
    score = order[0]
    pairs = compare_all_pairs(judged, score)
    places = rank_methods(judged, score, pairs)
    choice = choose_method(judged, order, places)
    leader = places[0].name
    names = [place.name for place in places]
    shrunk = shrink_scores(np.array([judged.macro(name, score) for name in names]), pairs.noise)
    by_name = {method.name: method for method in judged.methods}
    rows: list[dict[str, Any]] = []
    for place, expected in zip(places, shrunk.tolist(), strict=True):
        row: dict[str, Any] = {
            "rank": place.rank,
            "name": place.name,
            "chosen": place.name == choice.name,
            "seeds": len(by_name[place.name].cases),
            **{name: judged.macro(place.name, name) for name in TIE_BREAKERS},
            f"{score}_expected": expected,
        }
        if place.name != leader:
            row |= _describe_change(
                judged.contrast(leader, place.name, score), pairs.p[frozenset((leader, place.name))]
            )
        rows.append(row)
    cases = judged.reference
    return {
        "time": current_time(),
        "part": "val",
        "images": len(cases),
        "patients": len(np.unique(cases.patient_ids)),
        "labels": list(cases.vocabulary),
        "macro_labels": [cases.vocabulary[column] for column in judged.macro_columns],
        "level": judged.resampling.level,
        "resamples": judged.resampling.num_resamples,
        "order": [f"val.{name}" for name in order],
        "best": leader,
        "chosen": choice.name,
        "steps": list(choice.steps),
        "rows": rows,
        "per_class": {
            place.name: {
                label: {
                    name: float(values[column])
                    for name, values in judged.mean_scores(place.name).items()
                }
                for column, label in enumerate(cases.vocabulary)
            }
            for place in places
        },
    }


def _describe_change(contrast: Contrast, p: float) -> dict[str, Any]:
    macro = contrast.macro
    return {
        "change": float(macro.difference),
        "change_low": float(macro.low),
        "change_high": float(macro.high),
        "p": float(macro.p),
        "p_all_pairs": p,
        "covers": contrast.covers,
        "seeds_compared": contrast.num_seeds,
        "seeds_left_out": {name: list(seeds) for name, seeds in contrast.left_out.items() if seeds},
    }


def write_comparison(out: Path, content: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write comparison.csv, a row a method, and comparison.json; returns their paths."""
    import pandas as pd

    path, record = out / COMPARISON, out / COMPARISON_RECORD
    table = pd.DataFrame(content["rows"]).drop(columns="seeds_left_out", errors="ignore")
    with atomic_path(path) as temporary:
        write_table(temporary, table)
    write_json(record, content)
    return path, record


def find_finished_runs(out: Path) -> list[Path]:
    """The folders of an experiments folder's finished runs; damaged ones are named and left out.

    Raises InputError when there is none.
    """
    runs, faults = list_runs(out)
    found = [run.path for run in runs if run.is_finished]
    for fault in faults:
        console.warn(fault)
    if not found:
        raise InputError(f"{out / RUNS} has no finished run. Train one, or name files to compare.")
    return found


def group_runs(run_dirs: Sequence[Path]) -> dict[str, dict[int, Path]]:
    """Runs by method and seed: those that differ in nothing but the seed are one method.

    A method is called as the progress file calls its runs, without the seed; where that is not
    unique, as the folder of its first run.
    """
    groups: dict[str, dict[int, Path]] = {}
    names: dict[str, str] = {}
    for run_dir in run_dirs:
        run = RunFolder(run_dir)
        run.require_begun()
        settings = run.settings
        key = TrainSettings.fingerprint(settings.model_copy(update={"seed": 0}))
        runs = groups.setdefault(key, {})
        if settings.seed in runs:
            raise InputError(
                f"{runs[settings.seed]} and {run_dir} have the same settings and seed. Leave one "
                "out."
            )
        runs[settings.seed] = run_dir
        names.setdefault(key, _name_in_progress(run_dir) or run_dir.name)
    is_unique = {key: list(names.values()).count(name) == 1 for key, name in names.items()}
    return {
        names[key] if is_unique[key] else next(iter(runs.values())).name: runs
        for key, runs in groups.items()
    }


def _name_in_progress(run_dir: Path) -> str | None:
    path = run_dir.parent.parent / TRAINING_PROGRESS
    for name, entry in read_entries(path).items():
        if Path(entry["run"]).name == run_dir.name:
            return re.sub(rf":s{entry['seed']}$", "", name)
    return None
