"""A run judged at another site: the drop of its scores taken apart, and its calibration there.

C labels. Nothing is fitted on the other site: thresholds and scaling are of the run's validation
part, and the correction of calibration takes its prevalence from probs alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.thresholding import (
    ThresholdedCalls,
    apply_thresholds,
    crossfit_calls,
    fit_to_predictions,
)
from xlite.places import VALIDATION
from xlite.results.external import (
    Estimate,
    ExternalEvaluation,
    ExternalLabel,
    ScoreDrop,
    SiteCalibration,
)
from xlite.scores.calibration import apply_scaling, fit_platt
from xlite.scores.calibration_interval import CalibrationLimits, Limited, limit_calibration
from xlite.scores.drop import PARTS, Drop, take_drop_apart
from xlite.scores.label_shift import estimate_prevalence, move_prevalence
from xlite.scores.resampling import number_patients
from xlite.scores.reweighted import REWEIGHTED, SiteCalls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xlite.judging.evaluation import Resampling
    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.judging.other_site import OtherSite
    from xlite.scores.ranking import PerClass

_UNKNOWN_VIEW = ""
_NO_VIEW = frozenset({"", "nan", "unknown", "none"})
_CALIBRATION = ("slope", "intercept", "in_the_large", "ece")


def judge_external(
    here: LabelledPredictions,
    calls: ThresholdedCalls,
    site: OtherSite,
    resampling: Resampling,
) -> ExternalEvaluation:
    """The scores of both sites, what their difference is made of, and calibration at the other.

    calls: on the other site's images, at thresholds of the run's validation part. Of the run's own
    validation part they are cross-fitted, as an evaluation of it has them.
    """
    own = site.own
    names, (own_views, views) = _number_views(own, here)
    at_home = _as_calls(own, _call_own(site, calls), own_views, here.vocabulary)
    away = _as_calls(here, calls, views, here.vocabulary)
    unknown = names.index(_UNKNOWN_VIEW) if _UNKNOWN_VIEW in names else None
    drop = take_drop_apart(
        at_home,
        away,
        views=len(names),
        unknown_view=unknown,
        seed=resampling.seed,
        num_resamples=resampling.num_resamples,
    )
    labels, level = range(len(here.vocabulary)), resampling.level
    own_prevalence, prevalence = _prevalence(at_home.targets), _prevalence(away.targets)
    calibrations, estimated, is_scaled = _calibrate(here, site, resampling)
    return ExternalEvaluation(
        site=site.name,
        part=site.part,
        own_images=len(own),
        own_patients=len(np.unique(own.patient_ids)),
        not_in_table=site.not_in_table,
        not_in_run=site.not_in_run,
        mapping=site.mapping,
        failed=site.failed or None,
        own_views=_count(names, own_views),
        views=_count(names, views),
        macro={score: _describe(drop, score, labels, level) for score in REWEIGHTED},
        within_views={
            name: _describe(within, "auroc", labels, level)
            for name, within in _judge_views(at_home, away, names, drop, resampling)
        },
        per_class={
            label: ExternalLabel(
                own_prevalence=own_prevalence[c].item(),
                prevalence=prevalence[c].item(),
                estimated_prevalence=_pick(estimated, c, is_told=bool(is_scaled[c])),
                scores={score: _describe(drop, score, [c], level) for score in REWEIGHTED},
                **{
                    kind: _describe_line(limits, c, is_told=kind == "as_is" or bool(is_scaled[c]))
                    for kind, limits in calibrations.items()
                },
                shared_views=tuple(n for n, one in zip(names, drop.shared[c], strict=True) if one),
            )
            for c, label in enumerate(here.vocabulary)
        },
    )


def _call_own(site: OtherSite, calls: ThresholdedCalls) -> ThresholdedCalls:
    """The calls on the own part: at thresholds of validation; on that itself, cross-fitted.

    Of all labels, as an evaluation of the part has them: halves are dealt by all.
    """
    how = {"method": calls.method, "calibration": calls.calibration}
    if site.part == VALIDATION:
        return crossfit_calls(site.own, **how)
    return apply_thresholds(fit_to_predictions(site.val, **how), site.own, source=calls.source)


def _as_calls(
    labelled: LabelledPredictions,
    calls: ThresholdedCalls,
    views: NDArray[np.intp],
    names: Sequence[str],
) -> SiteCalls:
    kept = [labelled.vocabulary.index(name) for name in names]
    return SiteCalls(
        targets=labelled.targets[:, kept],
        probs=labelled.probs[:, kept],
        said=calls.probs[:, kept],
        is_called=calls.is_called[:, kept],
        called_targets=calls.targets[:, kept],
        patients=number_patients(labelled.patient_ids.astype(str), len(labelled))[0],
        views=views,
    )


def _number_views(
    own: LabelledPredictions, here: LabelledPredictions
) -> tuple[list[str], list[NDArray[np.intp]]]:
    """The views of both sites, and the number of each image's among them."""
    texts = [
        np.array(
            [
                _UNKNOWN_VIEW if text.casefold() in _NO_VIEW else text.upper()
                for text in (
                    str(view).strip() for view in site.columns.get("view", [""] * len(site))
                )
            ]
        )
        for site in (own, here)
    ]
    names = sorted({*texts[0].tolist(), *texts[1].tolist()})
    return names, [np.searchsorted(names, text).astype(np.intp) for text in texts]


def _judge_views(
    at_home: SiteCalls,
    away: SiteCalls,
    names: Sequence[str],
    drop: Drop,
    resampling: Resampling,
) -> list[tuple[str, Drop]]:
    """The drop on the films of each view alone that both sites have of some label."""
    if int(drop.shared.any(axis=0).sum()) < 2:
        return []
    found = []
    for view in np.flatnonzero(drop.shared.any(axis=0)).tolist():
        within = take_drop_apart(
            *(site.select(site.views == view) for site in (at_home, away)),
            views=1,
            seed=resampling.seed,
            num_resamples=resampling.num_resamples,
        )
        found.append((names[view], within))
    return found


def _calibrate(
    here: LabelledPredictions, site: OtherSite, resampling: Resampling
) -> tuple[dict[str, CalibrationLimits], Limited, NDArray[np.bool_]]:
    """Calibration here of probs as they are, scaled, and corrected; the estimated prevalence; (C,)
    whether validation could scale a label, without which there are only its probs as they are.
    """
    kept = [site.val.vocabulary.index(name) for name in here.vocabulary]
    targets = site.val.targets[:, kept]
    scaling = fit_platt(targets, site.val.probs[:, kept])
    # A slope of 0 or less would turn the ranking round.
    is_scaled = scaling.slope > 0
    scaled = np.where(is_scaled, np.nan_to_num(apply_scaling(scaling, here.probs)), here.probs)
    before = _prevalence(targets)
    patients = here.patient_ids.astype(str)
    estimated = estimate_prevalence(here.targets, scaled, before, patients, level=resampling.level)
    is_told = ~np.isnan(estimated.value)
    after = np.where(is_told, estimated.value, 0.5)
    moved = move_prevalence(scaled, np.where(is_told, before, 0.5), after)
    kinds = {"as_is": here.probs, "scaled": scaled, "corrected": moved}
    limits = {
        kind: limit_calibration(
            here.targets,
            probs,
            patients,
            rng=resampling.generator(),
            num_resamples=resampling.num_resamples,
            level=resampling.level,
        )
        for kind, probs in kinds.items()
    }
    return limits, estimated, is_scaled


def _prevalence(targets: NDArray[np.int8]) -> PerClass:
    known = (targets >= 0).sum(axis=0)
    return np.where(known > 0, (targets == 1).sum(axis=0) / np.maximum(known, 1), np.nan)


def _count(names: Sequence[str], views: NDArray[np.intp]) -> dict[str, int]:
    counts = np.bincount(views, minlength=len(names)).tolist()
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def _describe(drop: Drop, score: str, labels: Sequence[int], level: float) -> ScoreDrop:
    parts = {}
    for part in PARTS:
        value, low, high = drop.limit(part, score, labels, level=level)
        parts[part] = Estimate(value=value, low=low, high=high)
    return ScoreDrop(**parts)


def _describe_line(limits: CalibrationLimits, column: int, *, is_told: bool) -> SiteCalibration:
    return SiteCalibration(
        **{name: _pick(getattr(limits, name), column, is_told=is_told) for name in _CALIBRATION}
    )


def _pick(limited: Limited, column: int, *, is_told: bool) -> Estimate:
    """One label's value with its limits; NaN each where it is not told."""
    values = (getattr(limited, name)[column].item() for name in ("value", "low", "high"))
    value, low, high = values if is_told else (np.nan,) * 3
    return Estimate(value=value, low=low, high=high)
