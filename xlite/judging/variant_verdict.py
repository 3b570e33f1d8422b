"""From a paired difference to the verdict: the evidence, and the decision with its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.evidence import Evidence
from xlite.judging.judged_chances import judge_chances
from xlite.judging.margins import DEFAULT_SAFETY_MARGIN, SCORE_TITLES
from xlite.judging.verdict import DEFAULT_MARGIN, decide_verdict
from xlite.results.ablation import VariantVerdict
from xlite.results.weighted_change import WeightedChange
from xlite.scores.power import estimate_need

if TYPE_CHECKING:
    from xlite.judging.paired_difference import PairedDifference
    from xlite.judging.paired_differences import JudgedMethods
    from xlite.scores.seed_variance import SeedVariance


def judge_variant(
    judged: JudgedMethods,
    baseline: str,
    variant: str,
    found: PairedDifference,
    *,
    margin: float = DEFAULT_MARGIN,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
) -> VariantVerdict:
    """The verdict on a variant from how its AUROC, or another score, differs from the baseline's.

    margin, safety_margin: of the score that `found` is of.
    """
    options = {"margin": margin, "safety_margin": safety_margin}
    evidence = gather_evidence(judged, baseline, variant, found, margin=margin)
    return decide_variant(evidence, found, level=judged.resampling.level, **options)


def decide_variant(
    evidence: Evidence,
    found: PairedDifference,
    *,
    margin: float,
    safety_margin: float,
    level: float,
) -> VariantVerdict:
    """The verdict on the evidence of a difference, with the chances and the runs behind it."""
    verdict = decide_verdict(evidence, margin=margin, safety_margin=safety_margin, level=level)
    chances = evidence.chances
    return VariantVerdict(
        **vars(verdict),
        p_worse=float(chances.worse),
        p_equivalent=float(chances.equivalent),
        p_better=float(chances.better),
        weighted=None if evidence.is_identical else _describe_weighted(found.weighted),
        seeds=found.num_seeds,
        seeds_left_out=found.missing_seeds,
        covers=found.covers,
    )


def _describe_weighted(found: SeedVariance | None) -> WeightedChange | None:
    if found is None or np.isnan(found.difference):
        return None
    return WeightedChange(
        change=float(found.difference),
        low=float(found.low),
        high=float(found.high),
        p=float(found.p),
    )


def gather_evidence(
    judged: JudgedMethods,
    baseline: str,
    variant: str,
    found: PairedDifference,
    *,
    margin: float = DEFAULT_MARGIN,
) -> Evidence:
    """What `found`, the difference of a variant from the baseline, tells, over folds by both tests.

    margin: what the chances are beyond.
    """
    level, macro = judged.resampling.level, found.macro
    need = None
    # How many seeds it takes is not asked where they are added until it is decided.
    if macro.looks is None:
        need = estimate_need(macro, difference=margin if margin > 0 else None, level=level)
    evidence = Evidence(
        num_seeds=found.num_seeds,
        macro_change=float(macro.difference),
        macro_low=float(macro.low),
        macro_high=float(macro.high),
        labels=judged.reference.vocabulary,
        patients=judged.patients.with_finding,
        change=found.change,
        low=found.low,
        p=found.p_holm,
        chances=judge_chances(judged, baseline, variant, found, margin).macro,
        score=SCORE_TITLES[found.score],
        is_identical=judged.is_identical(baseline, variant),
        need=need,
    )
    over_folds = judged.difference_over_folds(baseline, variant, found.score)
    return evidence if over_folds is None else evidence.widen(over_folds)
