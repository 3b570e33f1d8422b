"""How long verdicts take to audit themselves: `python -m benchmarks.self_audit`.

A study of 22,433 images, 14 labels, 3 seeds and 6 variants with 2,000 resamples; what judging takes
itself is not counted. Prints the seconds of all six audits and what the last has found.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.generated_studies import Design, draw_study
from xlite import console
from xlite.judging.self_audit import audit_verdict
from xlite.judging.variant_verdict import judge_variant

_LABELS, _VARIANTS = 14, 6


def main() -> None:
    """Measure the audits of one study."""
    design = Design(
        num_images=22_433,
        images_a_patient=3,
        num_arms=_VARIANTS + 1,
        num_seeds=3,
        prevalence=np.geomspace(0.002, 0.18, _LABELS),
        auroc=np.linspace(0.9, 0.7, _LABELS),
        of_arm=0.2,
        of_run=0.2,
        of_seed=0.02,
        of_label=0.03,
        margin=0.01,
    )
    judged = draw_study(design, np.random.default_rng(0), num_resamples=2000)
    seconds, audited = 0.0, None
    for variant in range(1, design.num_arms):
        pair = ("0", str(variant))
        auroc = judged.difference(*pair, "auroc")
        verdict = judge_variant(judged, *pair, auroc)
        start = time.perf_counter()
        audited = audit_verdict(verdict, judged, auroc, pair=pair)
        seconds += time.perf_counter() - start
    console.say(f"{_VARIANTS} audits: {seconds:.1f} s")
    for sentence in audited.audit.sentences if audited and audited.audit else ():
        console.say(sentence)


if __name__ == "__main__":
    main()
