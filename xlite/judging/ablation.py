"""An ablation judged: what each variant changes for each class, what it costs, and the verdict.

Everything is computed from the runs' predictions of the validation part.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.files import ABLATION, atomic_path, write_json, write_table
from xlite.judging.collapse import find_collapses, read_run_facts
from xlite.judging.labelled_predictions import read_run_predictions
from xlite.judging.methods import Method
from xlite.judging.paired_differences import TESTED, Contrast, JudgedMethods, judge_methods
from xlite.judging.verdict import (
    DEFAULT_MARGIN,
    DEFAULT_SAFETY_MARGIN,
    Evidence,
    Verdict,
    decide_verdict,
    describe_verdict_rule,
)
from xlite.run_folder.folder import RunFolder
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.sampling_plan import plan_sampling
from xlite.scores.class_scores import FEW_POSITIVES
from xlite.scores.power import estimate_need
from xlite.splitting.split_folder import Split
from xlite.studies.axes import Variant
from xlite.studies.outcome import Outcome
from xlite.studies.progress import current_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.evaluation import Resampling
    from xlite.settings import TrainSettings
    from xlite.training.data import StudyData

ABLATION_RECORD = "ablation.json"
MACRO = "macro"
PART = "val"


@dataclass(frozen=True, kw_only=True)
class VariantRuns:
    """A variant with the outcome of its run for each seed."""

    variant: Variant
    outcomes: Mapping[int, Outcome]

    @property
    def finished(self) -> dict[int, Outcome]:
        """Those that have scores."""
        return {seed: one for seed, one in self.outcomes.items() if one.scores is not None}


def group_outcomes(
    variants: Sequence[Variant], seeds: Sequence[int], outcomes: Sequence[Outcome]
) -> list[VariantRuns]:
    """The outcomes of `axes.plan_runs` by variant and seed."""
    places = itertools.product(seeds, variants)
    found = {
        (variant.name, seed): outcome
        for (seed, variant), outcome in zip(places, outcomes, strict=True)
    }
    return [
        VariantRuns(variant=variant, outcomes={seed: found[variant.name, seed] for seed in seeds})
        for variant in variants
    ]


def judge_ablation(
    runs: Sequence[VariantRuns],
    data: StudyData,
    *,
    margin: float = DEFAULT_MARGIN,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
    resampling: Resampling | None = None,
) -> dict[str, Any] | None:
    """The content of `ablation.json`, as plain values; None when no run of the baseline finished.

    The first of `runs` is the baseline. Variants without a finished run are left out of the rows
    and have no verdict; a variant is compared over the seeds that finished on both sides.
    """
    baseline, *others = runs
    if not baseline.finished:
        return None
    split = Split(parts=data.parts, sha256=data.split_sha256)
    judged = judge_methods(
        [
            Method(
                name=one.variant.name,
                cases={
                    seed: read_run_predictions(outcome.run_dir, PART, split)
                    for seed, outcome in one.finished.items()
                },
            )
            for one in runs
            if one.finished
        ],
        resampling=resampling,
    )
    level = judged.resampling.level
    name = baseline.variant.name
    contrasts = {
        one.variant.name: {
            score: judged.contrast(name, one.variant.name, score) for score in TESTED
        }
        for one in others
        if one.finished
    }
    verdicts = {
        variant: judge_variant(
            judged, name, variant, found["auroc"], margin=margin, safety_margin=safety_margin
        )
        for variant, found in contrasts.items()
    }
    cases = judged.reference
    return {
        "time": current_time(),
        "baseline": name,
        "part": PART,
        "images": len(cases),
        "patients": len(np.unique(cases.patient_ids)),
        "seeds": list(baseline.outcomes),
        "level": level,
        "margin": margin,
        "safety_margin": safety_margin,
        "resamples": judged.resampling.num_resamples,
        "rule": describe_verdict_rule(margin=margin, safety_margin=safety_margin, level=level),
        "macro_labels": [cases.vocabulary[column] for column in judged.macro_columns],
        "verdict": {
            variant: {
                "decision": verdict.decision,
                "reasons": list(verdict.reasons),
                "gains": list(verdict.gains),
                "losses": list(verdict.losses),
                "unsafe": list(verdict.unsafe),
                "unjudged": list(verdict.unjudged),
                "seeds": contrasts[variant]["auroc"].num_seeds,
                "seeds_left_out": _list_left_out(contrasts[variant]["auroc"]),
                "covers": contrasts[variant]["auroc"].covers,
            }
            for variant, verdict in verdicts.items()
        },
        "variants": [_describe_variant(one) for one in runs],
        "collapse": _find_collapses(judged, runs, data),
        "rows": _list_rows(judged, contrasts, data.parts["train"].positives),
    }


def judge_variant(
    judged: JudgedMethods,
    baseline: str,
    variant: str,
    contrast: Contrast,
    *,
    margin: float = DEFAULT_MARGIN,
    safety_margin: float = DEFAULT_SAFETY_MARGIN,
) -> Verdict:
    """The verdict on a variant from the contrast of its AUROC with the baseline's."""
    level, macro = judged.resampling.level, contrast.macro
    evidence = Evidence(
        num_seeds=contrast.num_seeds,
        macro_change=float(macro.difference),
        macro_low=float(macro.low),
        macro_high=float(macro.high),
        labels=judged.reference.vocabulary,
        patients=judged.patients.with_finding,
        change=contrast.change,
        low=contrast.low,
        p=contrast.p_holm,
        is_identical=judged.is_identical(baseline, variant),
        need=estimate_need(macro, difference=margin if margin > 0 else None, level=level),
    )
    return decide_verdict(evidence, margin=margin, safety_margin=safety_margin, level=level)


def write_ablation(out: Path, content: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write ablation.csv, a row a variant and label, and ablation.json; returns their paths."""
    import pandas as pd

    table = pd.DataFrame(content["rows"])
    for name in ("train_positives", "val_positives", "seeds"):
        table[name] = table[name].astype("Int64")
    path, record = out / ABLATION, out / ABLATION_RECORD
    with atomic_path(path) as temporary:
        write_table(temporary, table)
    write_json(record, content)
    return path, record


def _list_rows(
    judged: JudgedMethods,
    contrasts: Mapping[str, Mapping[str, Contrast]],
    train_positives: NDArray[np.int64],
) -> list[dict[str, Any]]:
    """Rows of variant x class, rarest in training first and the macro mean last."""
    cases = judged.reference
    columns = [*(int(c) for c in np.argsort(train_positives, kind="stable")), None]
    rows = []
    for method in judged.methods:
        scores = judged.mean_scores(method.name)
        found = contrasts.get(method.name)
        for column in columns:
            row: dict[str, Any] = {"variant": method.name, **_count(cases, column, train_positives)}
            row["seeds"] = found["auroc"].num_seeds if found else len(method.cases)
            for score in TESTED:
                values = scores[score]
                row[score] = (
                    judged.macro(method.name, score) if column is None else float(values[column])
                )
                change = _read_contrast(found[score], column) if found else _NO_CHANGE
                row |= {f"{score}_{name}": value for name, value in change.items()}
            rows.append(row)
    return rows


_CHANGE = ("change", "change_low", "change_high", "p", "p_holm")
_NO_CHANGE = {**dict.fromkeys(_CHANGE, math.nan), "change": 0.0}


def _count(cases: Any, column: int | None, train_positives: NDArray[np.int64]) -> dict[str, Any]:
    if column is None:
        return {
            "label": MACRO,
            "train_positives": None,
            "val_positives": None,
            "few_positives": None,
        }
    positives = int(cases.positives[column])
    return {
        "label": cases.vocabulary[column],
        "train_positives": int(train_positives[column]),
        "val_positives": positives,
        "few_positives": positives < FEW_POSITIVES,
    }


def _read_contrast(contrast: Contrast, column: int | None) -> dict[str, float]:
    if column is None:
        # The macro mean is a single question: nothing to correct its p for.
        macro = contrast.macro
        values = [
            float(value) for value in (macro.difference, macro.low, macro.high, macro.p, macro.p)
        ]
    else:
        arrays = (contrast.change, contrast.low, contrast.high, contrast.p, contrast.p_holm)
        values = [float(array[column]) for array in arrays]
    return dict(zip(_CHANGE, values, strict=True))


def _list_left_out(contrast: Contrast) -> dict[str, list[int | None]]:
    """Seeds of one side that the other lacks, by variant: they took no part."""
    return {name: list(seeds) for name, seeds in contrast.left_out.items() if seeds}


def _describe_variant(one: VariantRuns) -> dict[str, Any]:
    finished = [outcome for outcome in one.finished.values() if outcome.scores is not None]
    histories = [RunFolder(outcome.run_dir).history for outcome in finished]
    peaks = [row.get("peak_memory_mb", math.nan) for rows in histories for row in rows]
    seconds = [outcome.scores["seconds"] for outcome in finished if outcome.scores]
    epochs = [outcome.scores["epochs"] for outcome in finished if outcome.scores]
    return {
        "name": one.variant.name,
        "values": dict(one.variant.values),
        "cost": {
            "seconds_a_run": mean(seconds) if seconds else None,
            "epochs_a_run": mean(epochs) if epochs else None,
            "peak_memory_mb": max((peak for peak in peaks if peak == peak), default=None),
        },
        "runs": [
            {
                "seed": seed,
                "name": outcome.name,
                "run": outcome.run_dir.name,
                "error": outcome.error,
            }
            for seed, outcome in one.outcomes.items()
        ],
    }


def _find_collapses(
    judged: JudgedMethods, runs: Sequence[VariantRuns], data: StudyData
) -> list[dict[str, Any]]:
    """Collapsed classes by variant, kind and cause: the labels, and the seeds of each."""
    train = data.parts["train"]
    known = np.maximum((train.labels >= 0).sum(axis=0), 1)
    groups: dict[tuple[str, str, str, str], dict[str, list[int]]] = {}
    by_name = {one.variant.name: one for one in runs}
    for method in judged.methods:
        rows, one = judged.rows(method.name), by_name[method.name]
        exposure = _measure_exposure(one.variant.settings, data)
        for seed, outcome in one.finished.items():
            facts = read_run_facts(
                outcome.run_dir,
                train_positives=train.positives,
                prevalence=train.positives / known,
                exposure=exposure,
            )
            for found in find_collapses(method.cases[seed], judged.calls[rows[seed]], facts):
                key = (method.name, found.kind, found.meaning, found.cause)
                groups.setdefault(key, {}).setdefault(found.label, []).append(seed)
    names = ("variant", "kind", "meaning", "cause")
    return [
        {**dict(zip(names, key, strict=True)), "labels": labels} for key, labels in groups.items()
    ]


def _measure_exposure(settings: TrainSettings, data: StudyData) -> NDArray[np.float64] | None:
    """How often the sampler draws each class, as a multiple of its natural share."""
    train = data.parts["train"]
    plan = plan_sampling(
        find_label_sets(train.labels),
        settings.sampler,
        train.vocabulary,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    if plan.weights is None:
        return None
    natural = plan.natural.positives_per_image
    ratio: NDArray[np.float64] = plan.exposure.positives_per_image / np.where(
        natural > 0, natural, np.nan
    )
    return ratio
