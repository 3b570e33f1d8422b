"""The reasons of a verdict in sentences: what was seen, what it means, and what it would take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.console import decimal

if TYPE_CHECKING:
    from xlite.judging.evidence import Evidence
    from xlite.results.ablation import Verdict
    from xlite.scores.power import DecisionNeed

NO_EFFECT = "The predictions are identical: what was varied changes nothing here."

_POWER = 0.8
_MOST_LABELS = 6


def describe_evidence(
    evidence: Evidence, found: Verdict, *, margin: float, level: float
) -> list[str]:
    """What was seen: the mean with its interval and chances, and what became of the labels."""
    reasons = [_describe_macro(evidence, level)]
    if not evidence.is_told_apart and (evidence.macro_high < 0 or evidence.macro_low > 0):
        reasons.append("By the p corrected for all pairs they are not told apart.")
    if not np.isnan(evidence.chances.equivalent):
        reasons.append(_describe_chances(evidence, margin))
    if found.losses:
        reasons.append(f"Lost: {', '.join(found.losses)}.")
    if found.gains:
        reasons.append(f"Gained: {', '.join(found.gains)}.")
    if found.unjudged:
        counts = dict(zip(evidence.labels, evidence.patients.tolist(), strict=True))
        named = [f"{label} (of {counts[label]} patients)" for label in found.unjudged]
        reasons.append(f"Too few patients to judge: {_enumerate(named)}.")
    return reasons


def describe_size(evidence: Evidence, found: Verdict, *, margin: float, level: float) -> list[str]:
    """How large the change of the mean can be, where chance leaves it within the margin."""
    reasons = []
    is_not_worse = evidence.is_not_worse(level)
    if is_not_worse and evidence.is_not_better(level):
        reasons.append(f"Whichever is better is so by less than {margin:g}.")
    elif is_not_worse and not evidence.macro_low > 0:
        reasons.append(f"If it is worse in the mean, then by less than {margin:g}.")
    if found.decision in ("EQUIVALENT", "NON-INFERIOR") and not found.unsafe:
        reasons.append("Each label judged is safe.")
    return reasons


def describe_missed(evidence: Evidence, found: Verdict, *, level: float) -> list[str]:
    """The labels that stand between a variant and more; of one that loses anyway it is idle."""
    missed = ""
    if found.decision == "EQUIVALENT":
        missed = "NON-INFERIOR"
    elif found.decision == "UNDECIDED" and not found.losses:
        if evidence.macro_low > 0:
            missed = "ADOPT"
        elif evidence.is_not_worse(level):
            missed = "NON-INFERIOR"
    if not missed or not found.unsafe:
        return []
    lows = dict(zip(evidence.labels, evidence.low.tolist(), strict=True))
    named = [f"{label} (down to {decimal(lows[label], sign=True)})" for label in found.unsafe]
    return [f"Not {missed}, since not shown safe: {_enumerate(named)}."]


def _describe_chances(evidence: Evidence, margin: float) -> str:
    chances = evidence.chances
    worse, equivalent, better = (
        decimal(float(value)) for value in (chances.worse, chances.equivalent, chances.better)
    )
    return (
        f"P(worse by more than {margin:g}) {worse}, P(equivalent) {equivalent}, "
        f"P(better by more than {margin:g}) {better}."
    )


def _describe_macro(evidence: Evidence, level: float) -> str:
    if np.isnan(evidence.macro_low):
        return "No label can be judged: too few patients, or no seed in common."
    low, high = (decimal(limit, sign=True) for limit in (evidence.macro_low, evidence.macro_high))
    both = ", over patients and folds" if evidence.num_folds else ""
    return (
        f"Macro {evidence.score} {decimal(evidence.macro_change, sign=True)}, {100 * level:g} % "
        f"interval {low} to {high}{both}."
    )


def describe_need(need: DecisionNeed, num_seeds: int, margin: float) -> list[str]:
    """What would find the margin with 80 % chance, as far as the pilot can say."""
    effect = f"A macro change of {margin:g}" if margin > 0 else "The observed macro change"
    power, seeds, factor = need.power_now, need.num_seeds, need.image_factor
    if power.low >= _POWER:
        return [f"{effect} would have been found with {_POWER:.0%} chance or more."]
    sentences = []
    if np.isfinite(power.low):
        chance = _name_range(100 * power.low, 100 * power.high, ".0f")
        sentences.append(f"{effect} would be found with {chance} % chance now.")
    ways = []
    if np.isfinite(seeds.high):
        ways.append(f"{_name_range(*seeds, '.0f')} seeds (now {num_seeds})")
    if np.isfinite(factor.high):
        low, high = map(_name_factor, factor)
        ways.append(f"{low if low == high else f'{low} to {high}'} times the images")
    if ways:
        sentences.append(f"For 80 % it takes {' or '.join(ways)}: 8 of 10 pilots have it in there.")
    else:
        sentences.append(
            f"What it would take to find {effect[0].lower()}{effect[1:]} can't be said from "
            f"{num_seeds} seeds: images, seeds or both."
        )
    return sentences


def _name_range(low: float, high: float, spec: str) -> str:
    """Both limits, or the one number that they are when rounded.

    >>> _name_range(2.9, 3.1, ".0f"), _name_range(11, 20, ".0f")
    ('3', '11 to 20')
    """
    first, last = format(low, spec), format(high, spec)
    return first if first == last else f"{first} to {last}"


def _name_factor(factor: float) -> str:
    """A factor with two digits, as people write and say it.

    >>> _name_factor(2.04), _name_factor(15.2), _name_factor(384.0), _name_factor(999.0)
    ('2', '15', '380', 'a thousand')
    """
    rounded = float(f"{factor:.2g}")
    return (
        "a thousand" if rounded == 1000 else f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"
    )


def _enumerate(named: Sequence[str]) -> str:
    """The first of them with commas, and how many more there are.

    >>> _enumerate(["a", "b"])
    'a, b'
    """
    more = len(named) - _MOST_LABELS
    return ", ".join(named[:_MOST_LABELS]) + (f" and {more} more" if more > 0 else "")


def describe_one_seed(evidence: Evidence, decision: str) -> str:
    """That one seed decides nothing, and what the images alone would."""
    about = (
        "all folds begin with the same initial weights, so the interval covers the images and not "
        "the seeds"
        if evidence.num_folds
        else "the interval covers the images, not the seeds, so it is about these two trained "
        "models and not about the methods"
    )
    return f"One seed: {about} (as such it would be {decision}). Pass --seeds 0,1,2."
