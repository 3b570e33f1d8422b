"""The verdict on a variant, by a rule that is declared beforehand and printed beside it.

Pure: evidence in, decision and reasons out.
C labels; changes are of validation AUROC, variant minus baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from xlite.console import decimal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.scores.power import DecisionNeed

Decision = Literal["ADOPT", "REJECT", "TRADE-OFF", "UNDECIDED"]

DEFAULT_MARGIN = 0.01
"""A change of a label's AUROC up to this one is taken to be of no consequence."""

_POWER = 0.8

NO_EFFECT = "The predictions are identical: what was varied changes nothing here."


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """What is known of a variant against its baseline."""

    num_seeds: int
    """Seeds that both were trained with."""
    macro_change: float
    macro_low: float
    """Lower limit of the macro change at the rule's level; with one seed, of images only."""
    macro_high: float
    labels: tuple[str, ...]
    change: NDArray[np.float64]
    """(C,) NaN where undefined."""
    p: NDArray[np.float64]
    """(C,) corrected for the number of labels; NaN where there is no test."""
    is_identical: bool = False
    """Whether the predictions are the very same."""
    need: DecisionNeed | None = None
    """What it would take to tell a macro change as large as the margin from none."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision with its reasons, and the labels that gained and lost."""

    decision: Decision
    reasons: tuple[str, ...]
    gains: tuple[str, ...]
    losses: tuple[str, ...]


def describe_rule(*, margin: float = DEFAULT_MARGIN, level: float = 0.95) -> str:
    """The rule in words, to stand beside every verdict."""
    return (
        f"A label has gained or lost when its AUROC changes by more than {margin:g} with a "
        f"Holm-corrected p below {1 - level:.2g}. REJECT: the {100 * level:g} % interval of the "
        "macro AUROC change lies below 0. ADOPT: it lies above 0 and no label has lost. TRADE-OFF: "
        "labels have lost while the macro AUROC or other labels have gained. UNDECIDED: all else, "
        "and always with one seed."
    )


def decide(evidence: Evidence, *, margin: float = DEFAULT_MARGIN, level: float = 0.95) -> Verdict:
    """The verdict that the rule of `describe_rule` gives on the evidence.

    An interval that ends at 0 lies neither above nor below it, a change of exactly the margin is
    no loss, and a p of exactly 1 - level is not below it. With one seed the chance in training is
    not in the interval: it is about two trained models, not about two ways of training.

    >>> from dataclasses import replace
    >>> found = Evidence(
    ...     num_seeds=3, macro_change=0.02, macro_low=0.01, macro_high=0.03,
    ...     labels=("Edema",), change=np.array([0.02]), p=np.array([0.01]),
    ... )
    >>> decide(found).decision, decide(replace(found, num_seeds=1)).decision
    ('ADOPT', 'UNDECIDED')
    """
    # NaN compares as false: a label without a test has neither gained nor lost.
    # Written so because in floats 1 - 0.95 is a little more than 0.05.
    is_significant = 1 - evidence.p > level
    gains = _select(evidence.labels, is_significant & (evidence.change > margin))
    losses = _select(evidence.labels, is_significant & (evidence.change < -margin))
    if evidence.is_identical:
        return Verdict(decision="UNDECIDED", reasons=(NO_EFFECT,), gains=(), losses=())
    decision = _apply_rule(evidence, gains, losses)
    reasons = [_describe_macro(evidence, level)]
    if losses:
        reasons.append(f"Lost: {', '.join(losses)}.")
    if gains:
        reasons.append(f"Gained: {', '.join(gains)}.")
    if evidence.num_seeds < 2:
        reasons.append(
            "One seed: the interval covers the images, not the seeds, so it is about these two "
            f"trained models and not about the methods (as such it would be {decision}). Pass "
            "--seeds 0,1,2."
        )
        decision = "UNDECIDED"
    elif decision == "UNDECIDED":
        if -margin < evidence.macro_low and evidence.macro_high < margin:
            reasons.append(f"Whichever is better is so by less than {margin:g}.")
        elif evidence.need is not None:
            reasons.append(_describe_need(evidence.need, evidence.num_seeds, margin))
    return Verdict(decision=decision, reasons=tuple(reasons), gains=gains, losses=losses)


def _apply_rule(evidence: Evidence, gains: tuple[str, ...], losses: tuple[str, ...]) -> Decision:
    if evidence.macro_high < 0:
        return "REJECT"
    has_gained = evidence.macro_low > 0
    if losses:
        return "TRADE-OFF" if has_gained or gains else "UNDECIDED"
    return "ADOPT" if has_gained else "UNDECIDED"


def _describe_macro(evidence: Evidence, level: float) -> str:
    low, high = (decimal(limit, sign=True) for limit in (evidence.macro_low, evidence.macro_high))
    return (
        f"Macro AUROC {decimal(evidence.macro_change, sign=True)}, {100 * level:g} % interval "
        f"{low} to {high}."
    )


def _describe_need(need: DecisionNeed, num_seeds: int, margin: float) -> str:
    effect = f"A macro change of {margin:g}" if margin > 0 else "The observed macro change"
    if need.power_now >= _POWER:
        return f"{effect} would have been found with {100 * need.power_now:.0f} % chance."
    ways = []
    if np.isfinite(need.num_seeds):
        ways.append(f"{need.num_seeds:.0f} seeds (now {num_seeds})")
    if np.isfinite(need.image_factor):
        text = f"{need.image_factor:.3g} times the images"
        if np.isfinite(need.num_positives):
            text += f" ({need.num_positives:.0f} positives of the rarest label)"
        ways.append(text)
    if not ways:
        return (
            f"{effect} would be found with 80 % chance neither by 1,000 seeds on these images "
            "nor on 1,000 times the images with these seeds: both have to grow."
        )
    return (
        f"{effect} would be found with {100 * need.power_now:.0f} % chance now; for 80 % it takes "
        f"{' or '.join(ways)}."
    )


def _select(labels: tuple[str, ...], is_chosen: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(label for label, chosen in zip(labels, is_chosen, strict=True) if chosen)
