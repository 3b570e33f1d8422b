"""A study's own chance of a wrong verdict, its power, and the losses that it would have seen.

Studies like it are simulated (`simulated_studies`), truth is planted in them, and each is judged by
the rule that gave the verdict. C labels judged, T trials.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.margins import DEFAULT_SAFETY_MARGIN
from xlite.judging.verdict import DEFAULT_MARGIN
from xlite.judging.verdict_rule import apply_rule
from xlite.results.verdict_audit import Found, VerdictAudit
from xlite.scores.bootstrap import average_classes
from xlite.scores.simulated_studies import ObservedStudy, SimulatedStudies, simulate_studies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.paired_difference import PairedDifference
    from xlite.judging.paired_differences import JudgedMethods
    from xlite.results.ablation import VariantVerdict

TRIALS = 4000
"""A rate of 5 % is counted to 0.35 points, one of half to 0.8."""

_SEEN = 0.8
_OUTSIDE = 0.1


def audit_verdict(
    verdict: VariantVerdict,
    judged: JudgedMethods,
    auroc: PairedDifference,
    *,
    pair: tuple[str, str],
    margin: float = DEFAULT_MARGIN,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
    trials: int = TRIALS,
) -> VariantVerdict:
    """The verdict with its audit, or UNDECIDED where it would be wrong more often than it may.

    auroc: how the second method of the pair differs from the first. Without an audit, as it was,
    is a verdict of one seed, where nothing is decided; over folds, whose test knows of chances
    that resampling does not; on identical predictions; and where no label can be judged.
    """
    if auroc.num_seeds < 2 or judged.folds is not None or judged.is_identical(*pair):
        return verdict
    if not judged.patients.is_judged.any():
        return verdict
    rule = _Rule(margin=margin, safety_margin=safety_margin, level=judged.resampling.level)
    audit = audit_study(judged, auroc, pair=pair, rule=rule, trials=trials)
    if not audit.is_wrong_too_often(verdict.decision):
        return replace(verdict, audit=audit)
    error, nominal = audit.find_error(verdict.decision) or (0.0, 0.0)
    reason = (
        f"Not {verdict.decision}: of simulated studies like this one it is wrong in "
        f"{100 * error:.1f} %, and may be in {100 * nominal:.2g} %."
    )
    return replace(
        verdict,
        decision="UNDECIDED",
        reasons=(*verdict.reasons, reason),
        audit=replace(audit, withheld=verdict.decision),
    )


@dataclass(frozen=True, kw_only=True)
class _Rule:
    margin: float
    safety_margin: float
    level: float

    def decide(self, drawn: SimulatedStudies, truth: NDArray[np.float64]) -> dict[str, float]:
        """How often each decision is given when the labels truly differ so; truth: (C,)."""
        shift = np.append(truth, truth.mean())
        studies = drawn.plant(shift)
        change = studies.change
        low, high = change - studies.margins[0], change + studies.margins[0]
        labels, macro = change[:, :-1], change[:, -1]
        is_significant = studies.find_significant()
        decisions = apply_rule(
            is_lower=high[:, -1] < 0,
            is_higher=low[:, -1] > 0,
            has_gains=(is_significant & (labels > self.margin)).any(axis=1),
            has_losses=(is_significant & (labels < -self.margin)).any(axis=1),
            is_safe=(low[:, :-1] > -self.safety_margin).all(axis=1),
            is_not_worse=macro - studies.one_sided > -self.margin,
            is_not_better=macro + studies.one_sided < self.margin,
        )
        names, counts = np.unique(decisions, return_counts=True)
        return dict(zip(names.tolist(), (counts / len(decisions)).tolist(), strict=True))


def audit_study(
    judged: JudgedMethods,
    auroc: PairedDifference,
    *,
    pair: tuple[str, str],
    rule: _Rule,
    trials: int,
) -> VerdictAudit:
    """The errors and the power of the rule on studies like that of a pair of methods."""
    columns = np.flatnonzero(judged.patients.is_judged)
    labels = [judged.reference.vocabulary[column] for column in columns]
    study = _observe(judged, auroc, pair, columns)
    rng = np.random.default_rng(judged.resampling.seed)
    drawn, far, near = (
        simulate_studies(study, trials=trials, rng=rng, level=rule.level, seed_share=share)
        for share in (None, 1 - _OUTSIDE, _OUTSIDE)
    )
    none = np.zeros(len(labels))
    gained, lost = (
        [rule.decide(one, none + truth) for one in (drawn, far, near)]
        for truth in (rule.margin, -rule.margin)
    )
    harmed = [rule.decide(drawn, _harm(label, len(labels), rule)) for label in range(len(labels))]
    worst = int(np.argmax([found.get("ADOPT", 0.0) for found in harmed]))
    seen = _find_smallest_seen(drawn, rule.margin)
    order = np.argsort(judged.patients.with_finding[columns], kind="stable")
    return VerdictAudit(
        trials=trials,
        nominal=round(1 - rule.level, 12),
        margin=rule.margin,
        if_equal=rule.decide(drawn, none),
        if_gained=gained[0],
        if_lost=lost[0],
        harmed_label=labels[worst],
        if_harmed=harmed[worst],
        adopted=_find("ADOPT", gained),
        rejected=_find("REJECT", lost),
        smallest_seen={labels[k]: float(seen[k]) for k in order},
    )


def _find(decision: str, chances: list[dict[str, float]]) -> Found:
    chance, low, high = (found.get(decision, 0.0) for found in chances)
    # Three simulations count each a little differently.
    return Found(chance=chance, low=min(low, chance), high=max(high, chance))


def _find_smallest_seen(drawn: SimulatedStudies, margin: float) -> NDArray[np.float64]:
    """The loss of each label, alone, that has a Holm-corrected p in 8 of 10; (C,), NaN above 1.

    The smallest of C p values is multiplied by C. A loss makes scores spread, so it is sought anew
    from the spread that it makes.
    """
    loss = np.zeros(drawn.change.shape[1] - 1)
    for _ in range(5):
        studies = drawn.plant(np.append(-loss, -loss.mean()))
        unlucky = studies.change[:, :-1] + loss
        needed = np.maximum(studies.margins[-1][:, :-1], margin)
        loss = np.minimum(np.quantile(unlucky + needed, _SEEN, axis=0), 1.0)
    return np.where(loss < 1, loss, np.nan)


def _harm(label: int, count: int, rule: _Rule) -> NDArray[np.float64]:
    truth = np.full(count, rule.safety_margin)
    truth[label] = -rule.safety_margin
    return truth


def _observe(
    judged: JudgedMethods,
    auroc: PairedDifference,
    pair: tuple[str, str],
    columns: NDArray[np.intp],
) -> ObservedStudy:
    scores, resampled = (
        _append_macro(values[..., columns]) for values in judged.take_arms(*pair, "auroc")
    )
    # A resample without a positive of a label tells nothing of it.
    deviations = np.nan_to_num(resampled - np.nanmean(resampled, axis=2, keepdims=True))
    classes, macro = auroc.classes, auroc.macro

    def join(of_classes: NDArray[np.float64], of_macro: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.append(of_classes[columns], of_macro)

    return ObservedStudy(
        scores=scores,
        deviations=deviations,
        image=join(classes.between_image_sd, macro.between_image_sd) ** 2,
        interaction=join(classes.interaction_sd, macro.interaction_sd) ** 2,
        image_freedom=join(classes.image_freedom, macro.image_freedom),
    )


def _append_macro(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([values, average_classes(values)[..., np.newaxis]], axis=-1)
