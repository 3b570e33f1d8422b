"""The verdict on each method of a comparison against the best, by the rule of ablations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from xlite.judging.margins import DEFAULT_SAFETY_MARGIN, SCORE_TITLES, settle_margins
from xlite.judging.variant_verdict import decide_variant, gather_evidence
from xlite.judging.verdict import describe_verdict_rule

if TYPE_CHECKING:
    from xlite.judging.all_pairs import AllPairs
    from xlite.judging.paired_differences import JudgedMethods
    from xlite.results.ablation import VariantVerdict


@dataclass(frozen=True, kw_only=True)
class ComparisonRule:
    """What is of no consequence in a comparison of methods."""

    margins: Mapping[str, float] = field(default_factory=lambda: settle_margins(None))
    """Of each score."""
    safety_margin: float = DEFAULT_SAFETY_MARGIN

    def options(self, score: str) -> dict[str, Any]:
        """Both margins as the verdict on a score takes them."""
        return {"margin": self.margins[score], "safety_margin": self.safety_margin}


def judge_against_best(
    judged: JudgedMethods,
    names: Sequence[str],
    score: str,
    pairs: AllPairs,
    rule: ComparisonRule,
) -> dict[str, VariantVerdict]:
    """The verdict on all but the first of the names, the best by `score`, against it.

    The data picked the best, so that a mean is better or worse than it only where the p says so
    that is corrected for all pairs. That two are equivalent is claimed of each pair alone.
    """
    best, *others = names
    level, verdicts = judged.resampling.level, {}
    for name in others:
        found = judged.difference(best, name, score)
        evidence = replace(
            gather_evidence(judged, best, name, found, margin=rule.margins[score]),
            is_told_apart=bool(1 - pairs.p[frozenset((best, name))] > level),
        )
        verdicts[name] = decide_variant(evidence, found, level=level, **rule.options(score))
    return verdicts


def describe_comparison_rule(judged: JudgedMethods, score: str, rule: ComparisonRule) -> str:
    """The rule of these verdicts in words."""
    return describe_verdict_rule(
        level=judged.resampling.level,
        over_folds=judged.folds is not None,
        score=SCORE_TITLES[score],
        of_pairs=True,
        **rule.options(score),
    )
