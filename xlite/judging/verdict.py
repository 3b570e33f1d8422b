"""The verdict on a variant, by a rule that is declared beforehand and printed beside it.

Pure: evidence in, decision and reasons out.
C labels; changes are of validation AUROC, variant minus baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from xlite.console import decimal
from xlite.results.ablation import Verdict
from xlite.scores.finding_patients import LEAST_PATIENTS
from xlite.scores.multiplicity import adjust_holm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.fold_scores import FoldComparison
    from xlite.scores.power import DecisionNeed

Decision = Literal["ADOPT", "REJECT", "TRADE-OFF", "UNDECIDED"]

DEFAULT_MARGIN = 0.01
"""A change of a label's AUROC up to this one is taken to be of no consequence."""

DEFAULT_SAFETY_MARGIN = 0.05
"""The loss of a label's AUROC that has to be ruled out for ADOPT.

0.05 is the usual margin of non-inferiority in reader studies of imaging devices (Chen, Petrick and
Sahiner 2012, Acad. Radiol. 19:1158). A smaller one is seldom to be shown: the change of a label of
35 patients has a standard error of about 0.02, so that its interval reaches down to -0.04 without
any difference.
"""

_POWER = 0.8
_MOST_LABELS = 6

_BOTH_TESTS = (
    "Over folds interval and p are the wider and the larger of two: of patients and seeds, on the "
    "pooled out-of-fold predictions, and of the corrected t-test over folds."
)

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
    patients: NDArray[np.int64]
    """(C,) patients with the label."""
    change: NDArray[np.float64]
    """(C,) NaN where undefined."""
    low: NDArray[np.float64]
    """(C,) lower limit of the change at the rule's level, of each label alone."""
    p: NDArray[np.float64]
    """(C,) corrected for the number of labels; NaN where the label can't be judged."""
    is_identical: bool = False
    """Whether the predictions are the very same."""
    need: DecisionNeed | None = None
    """What it would take to tell a macro change as large as the margin from none."""
    num_folds: int = 0
    """The folds that were trained over, with which limits and p are those of both tests."""

    def widen(self, over_folds: FoldComparison) -> Evidence:
        """The evidence that passes the corrected test over folds as well: wider, and larger p.

        Patients and seeds know nothing of other training images, and folds of one seed begin alike:
        neither test stands for the other.
        """
        macro, classes = over_folds.macro, over_folds.classes
        judged = np.where(np.isnan(self.p), np.nan, classes.p)
        return replace(
            self,
            macro_low=float(np.minimum(self.macro_low, macro.low)),
            macro_high=float(np.maximum(self.macro_high, macro.high)),
            low=np.minimum(self.low, classes.low),
            p=np.maximum(self.p, adjust_holm(judged)),
            need=None,
            num_folds=int(macro.num_folds),
        )


def describe_verdict_rule(
    *,
    margin: float = DEFAULT_MARGIN,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
    level: float = 0.95,
    over_folds: bool = False,
) -> str:
    """The rule in words, to stand beside every verdict."""
    rule = (
        f"A label has gained or lost when its AUROC changes by more than {margin:g} with a "
        f"Holm-corrected p below {1 - level:.2g}; it is safe when the {100 * level:g} % interval "
        f"of its change lies above -{safety_margin:g}. REJECT: the interval of the macro AUROC "
        "change lies below 0. ADOPT: it lies above 0, no label has lost and each is safe. "
        "TRADE-OFF: labels have lost while the macro AUROC or other labels have gained. "
        "UNDECIDED: all else, and always with one seed. Labels that fewer than "
        f"{LEAST_PATIENTS} patients have are not judged."
    )
    return f"{rule} {_BOTH_TESTS}" if over_folds else rule


def decide_verdict(
    evidence: Evidence,
    *,
    margin: float = DEFAULT_MARGIN,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
    level: float = 0.95,
) -> Verdict:
    """The verdict that the rule of `describe_verdict_rule` gives on the evidence.

    An interval that ends at 0 lies neither above nor below it, a change of exactly the margin is
    no loss, and a p of exactly 1 - level is not below it. With one seed the chance in training is
    not in the interval: it is about two trained models, not about two ways of training.

    The limits of safety are not corrected for the number of labels. ADOPT claims that all are safe:
    it is wrong if one is not, and the interval of that one alone lies above the margin by chance
    in at most (1 - level) / 2 of trials, however many others there are (intersection-union test:
    Berger 1982, Technometrics 24:295).

    >>> from dataclasses import replace
    >>> found = Evidence(
    ...     num_seeds=3, macro_change=0.02, macro_low=0.01, macro_high=0.03,
    ...     labels=("Edema",), patients=np.array([40]), change=np.array([0.02]),
    ...     low=np.array([-0.01]), p=np.array([0.01]),
    ... )
    >>> decide_verdict(found).decision, decide_verdict(replace(found, num_seeds=1)).decision
    ('ADOPT', 'UNDECIDED')
    >>> decide_verdict(replace(found, low=np.array([-0.07]))).reasons[-1]
    'Not ADOPT, since not shown safe: Edema (down to -0.070).'
    """
    # NaN compares as false: a label without a test has neither gained nor lost.
    # Written so because in floats 1 - 0.95 is a little more than 0.05.
    is_significant = 1 - evidence.p > level
    is_judged = ~np.isnan(evidence.p)
    names, lowest_first = np.array(evidence.labels, dtype=object), np.argsort(evidence.low)
    is_unsafe = is_judged & ~(evidence.low > -safety_margin)
    verdict = Verdict(
        decision="UNDECIDED",
        reasons=(NO_EFFECT,),
        gains=tuple(names[is_significant & (evidence.change > margin)]),
        losses=tuple(names[is_significant & (evidence.change < -margin)]),
        unsafe=tuple(names[lowest_first][is_unsafe[lowest_first]]),
        unjudged=tuple(names[~is_judged]),
    )
    if evidence.is_identical:
        return replace(verdict, unsafe=())
    decision = _apply_rule(evidence, verdict)
    reasons = _describe_evidence(evidence, verdict, decision, level)
    if evidence.num_seeds < 2:
        reasons.append(_describe_one_seed(evidence, decision))
        decision = "UNDECIDED"
    elif decision == "UNDECIDED" and not evidence.macro_low > 0:
        if -margin < evidence.macro_low and evidence.macro_high < margin:
            reasons.append(f"Whichever is better is so by less than {margin:g}.")
        elif evidence.need is not None:
            reasons += _describe_need(evidence.need, evidence.num_seeds, margin)
    return replace(verdict, decision=decision, reasons=tuple(reasons))


def _describe_one_seed(evidence: Evidence, decision: Decision) -> str:
    about = (
        "all folds begin with the same initial weights, so the interval covers the images and not "
        "the seeds"
        if evidence.num_folds
        else "the interval covers the images, not the seeds, so it is about these two trained "
        "models and not about the methods"
    )
    return f"One seed: {about} (as such it would be {decision}). Pass --seeds 0,1,2."


def _apply_rule(evidence: Evidence, found: Verdict) -> Decision:
    if evidence.macro_high < 0:
        return "REJECT"
    has_gained = evidence.macro_low > 0
    if found.losses:
        return "TRADE-OFF" if has_gained or found.gains else "UNDECIDED"
    return "ADOPT" if has_gained and not found.unsafe else "UNDECIDED"


def _describe_evidence(
    evidence: Evidence, found: Verdict, decision: Decision, level: float
) -> list[str]:
    reasons = [_describe_macro(evidence, level)]
    if found.losses:
        reasons.append(f"Lost: {', '.join(found.losses)}.")
    if found.gains:
        reasons.append(f"Gained: {', '.join(found.gains)}.")
    if found.unjudged:
        counts = dict(zip(evidence.labels, evidence.patients.tolist(), strict=True))
        named = [f"{label} (of {counts[label]} patients)" for label in found.unjudged]
        reasons.append(f"Too few patients to judge: {_enumerate(named)}.")
    # What stands between the variant and ADOPT; of one that loses anyway it would be idle.
    if decision == "UNDECIDED" and evidence.macro_low > 0 and found.unsafe:
        lows = dict(zip(evidence.labels, evidence.low.tolist(), strict=True))
        named = [f"{label} (down to {decimal(lows[label], sign=True)})" for label in found.unsafe]
        reasons.append(f"Not ADOPT, since not shown safe: {_enumerate(named)}.")
    return reasons


def _describe_macro(evidence: Evidence, level: float) -> str:
    if np.isnan(evidence.macro_low):
        return "No label can be judged: too few patients, or no seed in common."
    low, high = (decimal(limit, sign=True) for limit in (evidence.macro_low, evidence.macro_high))
    both = ", over patients and folds" if evidence.num_folds else ""
    return (
        f"Macro AUROC {decimal(evidence.macro_change, sign=True)}, {100 * level:g} % interval "
        f"{low} to {high}{both}."
    )


def _describe_need(need: DecisionNeed, num_seeds: int, margin: float) -> list[str]:
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
        ways.append(f"{_name_range(*factor, '.2g')} times the images")
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


def _enumerate(named: Sequence[str]) -> str:
    """The first of them with commas, and how many more there are.

    >>> _enumerate(["a", "b"])
    'a, b'
    """
    more = len(named) - _MOST_LABELS
    return ", ".join(named[:_MOST_LABELS]) + (f" and {more} more" if more > 0 else "")
