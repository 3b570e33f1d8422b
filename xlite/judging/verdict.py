"""The verdict on a variant, by a rule that is declared beforehand and printed beside it.

Pure: evidence in, decision and reasons out.

EQUIVALENT is the verdict of two one-sided tests at 1 - level (Schuirmann 1987, J.
Pharmacokinet. Biopharm. 15:657), whose p are P(worse) and P(better), so that a difference as
large as the margin passes for none in at most 5 % of trials at the default level: both have to
err for that, and no correction is due (Berger and Hsu 1996, Statist. Sci. 11:283). The 95 %
interval would do so in 2.5 %, and of few seeds be nearly half as wide again; a direction that
is claimed wrongly, by ADOPT or REJECT, is so in 5 % as well. NON-INFERIOR is the lower of the
two tests (Walker and Nowacki 2011, J. Gen. Intern. Med. 26:192) and, as ADOPT, asks for
evidence of safety label by label; EQUIVALENT is about the mean, and names what is not safe.

The limits of safety are not corrected for the number of labels. ADOPT claims that all are safe:
it is wrong if one is not, and the interval of that one alone lies above the margin by chance
in at most (1 - level) / 2 of trials, however many others there are (intersection-union test:
Berger 1982, Technometrics 24:295).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xlite.judging.evidence import Evidence
from xlite.judging.margins import DEFAULT_MARGINS, DEFAULT_SAFETY_MARGIN
from xlite.judging.verdict_reasons import (
    NO_EFFECT,
    describe_evidence,
    describe_missed,
    describe_need,
    describe_one_seed,
    describe_size,
)
from xlite.judging.verdict_rule import Decision, apply_rule
from xlite.results.ablation import Verdict
from xlite.scores.finding_patients import LEAST_PATIENTS

DEFAULT_MARGIN = DEFAULT_MARGINS["auroc"]
"""A change of AUROC up to this one is taken to be of no consequence."""

_ALL_PAIRS = (
    "The best was picked by the same data, so its mean counts as apart only if the p that is "
    "corrected for all pairs says so as well; P(worse) and P(better) are of each pair alone."
)
_BOTH_TESTS = (
    "Over folds interval and p are the wider and the larger of two, and so are P(worse) and "
    "P(better): of patients and seeds, on the pooled out-of-fold predictions, and of the corrected "
    "t-test over folds."
)


def describe_verdict_rule(
    *,
    margin: float = DEFAULT_MARGIN,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
    level: float = 0.95,
    over_folds: bool = False,
    score: str = "AUROC",
    of_pairs: bool = False,
) -> str:
    """The rule in words, to stand beside every verdict.

    score: what decides is called. of_pairs: whether the best of several is what others are against.
    """
    error = f"{100 * (1 - level):.2g} %"
    rule = (
        f"A label has gained or lost when its {score} changes by more than {margin:g} with a "
        f"Holm-corrected p below {1 - level:.2g}; it is safe when the {100 * level:g} % interval "
        f"of its change lies above -{safety_margin:g}. The mean is worse or better when it truly "
        f"changes by more than {margin:g}. The first that holds: REJECT: the interval of the "
        f"macro {score} change lies below 0. TRADE-OFF: labels have lost while the macro {score} "
        "or other labels have gained. ADOPT: the interval lies above 0, no label has lost and each "
        f"is safe. EQUIVALENT: P(worse) and P(better) of the mean are below {error} each, which is "
        f"that its {200 * level - 100:.3g} % interval lies within ±{margin:g}, and no label has "
        f"gained or lost. NON-INFERIOR: P(worse) is below {error}, no label has lost and each is "
        "safe. UNDECIDED: all else, and always with one seed. Labels that fewer than "
        f"{LEAST_PATIENTS} patients have are not judged."
    )
    rule += f" {_ALL_PAIRS}" if of_pairs else ""
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
    decision = _apply_rule(evidence, verdict, level)
    found = replace(verdict, decision=decision)
    reasons = describe_evidence(evidence, found, margin=margin, level=level)
    missed = describe_missed(evidence, found, level=level)
    if evidence.num_seeds < 2:
        reasons += [*missed, describe_one_seed(evidence, decision)]
        return replace(verdict, reasons=tuple(reasons))
    size = describe_size(evidence, found, margin=margin, level=level)
    reasons += [*size, *missed]
    if decision == "UNDECIDED" and not (size or missed) and evidence.need is not None:
        reasons += describe_need(evidence.need, evidence.num_seeds, margin)
    return replace(found, reasons=tuple(reasons))


def _apply_rule(evidence: Evidence, found: Verdict, level: float) -> Decision:
    decision: Decision = apply_rule(
        is_lower=evidence.macro_high < 0 and evidence.is_told_apart,
        is_higher=evidence.macro_low > 0 and evidence.is_told_apart,
        has_gains=bool(found.gains),
        has_losses=bool(found.losses),
        is_safe=not found.unsafe,
        is_not_worse=evidence.is_not_worse(level),
        is_not_better=evidence.is_not_better(level),
    ).item()
    return decision
