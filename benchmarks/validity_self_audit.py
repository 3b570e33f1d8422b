"""Whether verdicts know their own error and power: what they say of it, and what is true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.generated_studies import Design, draw_design, draw_study
from benchmarks.rates import Rate, Simulation
from xlite.judging.evidence import Evidence
from xlite.judging.self_audit import audit_verdict
from xlite.judging.variant_verdict import judge_variant
from xlite.judging.verdict import decide_verdict
from xlite.results.ablation import Verdict
from xlite.results.verdict_audit import VerdictAudit

_WITHIN = 0.02
_PAIR = ("0", "1")


def self_reported_rates(*, studies: int = 200, repetitions: int = 10) -> list[Rate]:
    """What studies say of themselves, and how often it happens when they are repeated."""
    said: dict[str, list[float]] = {}
    true: dict[str, list[bool]] = {}
    for design, audit, rng in _draw_audits(studies, 0):
        even = np.ones(len(design.labels))
        rarest, loss = next(iter(audit.smallest_seen.items()))
        harmed = even * 0.05
        harmed[design.labels.index(audit.harmed_label)] = -0.05
        lost = np.where(np.array(design.labels) == rarest, -loss, 0.0)
        cases = {
            "no difference: ADOPT": (0 * even, audit.if_equal.get("ADOPT", 0.0)),
            "no difference: REJECT": (0 * even, audit.if_equal.get("REJECT", 0.0)),
            "each label better by the margin: ADOPT": (design.margin * even, audit.adopted.chance),
            "each label worse by the margin: REJECT": (
                -design.margin * even,
                audit.rejected.chance,
            ),
            "one label loses the safety margin, others gain it: ADOPT": (
                harmed,
                audit.if_harmed.get("ADOPT", 0.0),
            ),
            "the rarest label loses as much as would be seen: lost": (lost, 0.8),
        }
        for case, (truth, chance) in cases.items():
            # Of a loss of everything nothing is claimed, and none is left to plant.
            if not (truth > 0.5 - design.auroc).all():
                continue
            verdicts = [judge(design, rng, truth) for _ in range(repetitions)]
            word = case.rpartition(": ")[2]
            true.setdefault(case, []).extend(
                rarest in one.losses if word == "lost" else one.decision == word for one in verdicts
            )
            said.setdefault(case, []).append(chance)
    return [rate for case in said for rate in _compare(case, said[case], true[case])]


def ranges_of_power(*, studies: int = 40, repetitions: int = 60) -> list[Rate]:
    """A study's range of its own power holds the truth."""
    held, near = [], []
    for design, audit, rng in _draw_audits(studies, 1):
        truth = np.full(len(design.labels), -design.margin)
        power = float(
            np.mean([judge(design, rng, truth).decision == "REJECT" for _ in range(repetitions)])
        )
        said = audit.rejected
        held.append(said.low - _WITHIN <= power <= said.high + _WITHIN)
        near.append(abs(said.chance - power) <= _WITHIN)
    case = f"power of REJECT, truth from {repetitions} repetitions"
    return [
        _count(f"{case}: within the range or 2 points of it", held, least=0.7),
        _count(f"{case}: within 2 points of the one number", near),
    ]


SIMULATIONS: Mapping[str, Simulation] = {
    "self-audit": self_reported_rates,
    "self-audit-range": ranges_of_power,
}
"""By the name that `python -m benchmarks.validity` knows them by."""


def judge(design: Design, rng: np.random.Generator, truth: NDArray[np.float64] | None) -> Verdict:
    """The verdict on a newly drawn study, without what takes most of the time of `judge_variant`.

    That is what the study would need, and the chances that EQUIVALENT and NON-INFERIOR rest on:
    these two are UNDECIDED here.
    """
    judged = draw_study(design, rng, truth)
    auroc = judged.difference(*_PAIR, "auroc")
    evidence = Evidence(
        num_seeds=auroc.num_seeds,
        macro_change=float(auroc.macro.difference),
        macro_low=float(auroc.macro.low),
        macro_high=float(auroc.macro.high),
        labels=design.labels,
        patients=judged.patients.with_finding,
        change=auroc.change,
        low=auroc.low,
        p=auroc.p_holm,
    )
    return decide_verdict(evidence, margin=design.margin)


def _draw_audits(
    studies: int, seed: int
) -> Iterator[tuple[Design, VerdictAudit, np.random.Generator]]:
    """Studies without a difference, with what they say of themselves."""
    for number in range(studies):
        rng = np.random.default_rng([seed, number])
        audit = None
        while audit is None:  # no label could be judged
            design = draw_design(rng)
            audit = audit_once(design, rng)
        yield design, audit, rng


def audit_once(design: Design, rng: np.random.Generator) -> VerdictAudit | None:
    """What one study of a design says of its own error and power; None where it can't be judged."""
    judged = draw_study(design, rng)
    auroc = judged.difference(*_PAIR, "auroc")
    verdict = judge_variant(judged, *_PAIR, auroc, margin=design.margin)
    return audit_verdict(verdict, judged, auroc, pair=_PAIR, margin=design.margin).audit


def _compare(case: str, said: list[float], true: list[bool]) -> Iterator[Rate]:
    mean = float(np.mean(said))
    yield Rate(case=f"{case}, said", rate=mean, trials=len(said))
    yield _count(
        f"{case}, true",
        true,
        least=round(max(mean - _WITHIN, 0.0), 3),
        most=round(mean + _WITHIN, 3),
    )


def _count(
    case: str, happened: list[bool], *, least: float | None = None, most: float | None = None
) -> Rate:
    rate = float(np.mean(happened))
    return Rate(case=case, rate=rate, trials=len(happened), least=least, most=most)
