"""The verdict on each method of a study against its baseline."""

from __future__ import annotations

import numpy as np

from xlite.judging.paired_differences import JudgedMethods
from xlite.judging.self_audit import audit_verdict
from xlite.judging.variant_verdict import judge_variant
from xlite.judging.verdict import describe_verdict_rule
from xlite.results.comparison import GrownMethods
from xlite.results.study import StudyVerdicts


def judge_against(
    baseline: str, judged: JudgedMethods, grown: GrownMethods | None
) -> StudyVerdicts:
    """The verdict on each method by how its AUROC differs from the baseline's."""
    labelled, level = judged.reference, judged.resampling.level
    differences = {
        method.name: judged.difference(baseline, method.name, "auroc")
        for method in judged.methods
        if method.name != baseline
    }
    rule = describe_verdict_rule(level=level, over_folds=judged.folds is not None)
    return StudyVerdicts(
        baseline=baseline,
        rule=rule if grown is None else f"{rule} {grown.sentence}",
        images=len(labelled),
        patients=len(np.unique(labelled.patient_ids)),
        level=level,
        verdicts={
            name: audit_verdict(
                judge_variant(judged, baseline, name, auroc), judged, auroc, pair=(baseline, name)
            )
            for name, auroc in differences.items()
        },
    )
