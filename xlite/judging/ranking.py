"""The ranking of methods with ties, and the choice by tie-breakers declared beforehand.

Only validation scores rank and choose. The test part never does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlite.errors import InputError, did_you_mean
from xlite.judging.all_pairs import AllPairs
from xlite.judging.paired_differences import TESTED, JudgedMethods
from xlite.results.comparison import MACRO_SCORES

TIE_BREAKERS = MACRO_SCORES
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


def parse_order(by: str, then: Sequence[str] | None) -> tuple[str, ...]:
    """The names of scores in the order in which they decide, without `val.`.

    then: None for those of DEFAULT_THEN that `by` does not name.

    Raises InputError for any score of the test part, for an unknown score, and for a first one
    that has no paired test.

    >>> parse_order("val.auroc", ["recall"])
    ('auroc', 'recall')
    """
    if then is None:
        then = [name for name in DEFAULT_THEN if name.rpartition(".")[2] not in by]
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
