"""What a verdict says of its own error and power, on studies whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.generated_studies import Design, draw_study
from benchmarks.validity_self_audit import audit_once, judge
from xlite.judging.paired_differences import JudgedMethods
from xlite.judging.self_audit import audit_verdict
from xlite.judging.variant_verdict import judge_variant
from xlite.judging.verdict_rule import apply_rule
from xlite.results.ablation import VariantVerdict
from xlite.results.verdict_audit import VerdictAudit

DESIGN = Design(
    num_images=500,
    images_a_patient=1,
    num_arms=3,
    num_seeds=3,
    prevalence=np.array([0.2, 0.3, 0.06]),
    auroc=np.array([0.75, 0.8, 0.7]),
    of_arm=0.2,
    of_run=0.2,
    of_seed=0.03,
    of_label=0.03,
    margin=0.04,
)


def audited(judged: JudgedMethods, verdict: VariantVerdict | None = None) -> VariantVerdict:
    auroc = judged.difference("0", "1", "auroc")
    verdict = verdict or judge_variant(judged, "0", "1", auroc, margin=0.04)
    return audit_verdict(verdict, judged, auroc, pair=("0", "1"), margin=0.04, trials=1000)


def test_error_and_power_are_about_those_of_repeated_studies() -> None:
    rng = np.random.default_rng(0)
    said = [audit_once(DESIGN, rng) for _ in range(5)]
    powers = [one.rejected.chance for one in said if one is not None]
    lost = np.full(3, -DESIGN.margin)
    true = np.mean([judge(DESIGN, rng, lost).decision == "REJECT" for _ in range(40)])
    assert 0.3 < true < 0.95, "the power is neither none nor certain"
    # 40 trials tell the true one to 0.08, and three seeds move what is said by as much.
    assert np.mean(powers) == pytest.approx(true, abs=0.15)
    assert all(one is not None and 0.003 < one.error < 0.06 for one in said)


def test_more_images_see_more_and_smaller_losses() -> None:
    rng = np.random.default_rng(1)
    steady = replace(DESIGN, of_seed=0.01, of_label=0.01, margin=0.015)
    small = audit_once(steady, rng)
    large = audit_once(replace(steady, num_images=4000), rng)
    assert small is not None
    assert large is not None
    assert large.rejected.chance > small.rejected.chance
    assert large.adopted.chance > small.adopted.chance
    assert list(small.smallest_seen) == ["C", "A", "B"], "of the fewest patients first"
    assert large.smallest_seen["C"] < small.smallest_seen["C"]
    assert small.smallest_seen["C"] > small.smallest_seen["B"] > steady.margin
    for found in (small.rejected, small.adopted):
        assert found.low <= found.chance <= found.high
    assert VerdictAudit.from_json(small.to_json()) == small


def judged_by_few_patients(rng: np.random.Generator) -> JudgedMethods:
    """Two patients in a hundred decide: a sample with one of them twice is far from any other."""
    judged = draw_study(replace(DESIGN, num_arms=2), rng)
    scores = 0.8 + 0.001 * rng.normal(size=(6, 3))
    resampled = np.repeat(scores[:, np.newaxis], 1000, axis=1)
    far = rng.permutation(np.repeat([-0.1, 0.0, 0.1], [40, 920, 40]))
    resampled[3:] += far[:, np.newaxis]
    return replace(
        judged, scores={"auroc": scores, "brier": scores}, resampled={"auroc": resampled}
    )


def test_a_verdict_that_is_wrong_too_often_is_not_given() -> None:
    judged = judged_by_few_patients(np.random.default_rng(2))
    auroc = judged.difference("0", "1", "auroc")
    given = judge_variant(judged, "0", "1", auroc, margin=0.04)
    verdict = audited(judged, replace(given, decision="REJECT"))
    audit = verdict.audit
    assert audit is not None
    assert 0.06 < audit.error < 0.1, "the two tails that no normal distribution has"
    assert (verdict.decision, audit.withheld) == ("UNDECIDED", "REJECT")
    assert verdict.reasons[-1].startswith(
        "Not REJECT: of simulated studies like this one it is wrong"
    )
    # What claims nothing can't be wrong.
    open_one = audited(judged, replace(given, decision="UNDECIDED"))
    assert (open_one.decision, open_one.reasons) == ("UNDECIDED", given.reasons)
    assert open_one.audit is not None
    assert open_one.audit.withheld is None


def test_without_seeds_or_labels_to_judge_there_is_nothing_to_simulate() -> None:
    rng = np.random.default_rng(3)
    one_seed = draw_study(replace(DESIGN, num_seeds=1), rng)
    assert audited(one_seed).audit is None
    rare = draw_study(replace(DESIGN, num_images=40, prevalence=np.full(3, 0.05)), rng)
    assert not rare.patients.is_judged.any()
    assert audited(rare).audit is None
    judged = draw_study(DESIGN, rng)
    same = replace(judged.methods[0], name="1")
    twice = replace(judged, methods=(judged.methods[0], same, *judged.methods[2:]))
    assert audited(twice).audit is None


@pytest.mark.parametrize(
    ("facts", "decision"),
    [
        ({"is_lower": True}, "REJECT"),
        ({"has_losses": True, "has_gains": True}, "TRADE-OFF"),
        ({"has_losses": True, "is_not_worse": True}, "UNDECIDED"),
        ({"is_higher": True, "is_safe": True}, "ADOPT"),
        ({"is_higher": True}, "UNDECIDED"),
        ({"is_not_worse": True, "is_not_better": True}, "EQUIVALENT"),
        ({"is_not_worse": True, "is_not_better": True, "has_gains": True}, "UNDECIDED"),
        ({"is_not_worse": True, "is_safe": True}, "NON-INFERIOR"),
    ],
)
def test_many_studies_are_decided_as_one(facts: dict[str, bool], decision: str) -> None:
    none = dict.fromkeys(
        (
            "is_lower",
            "is_higher",
            "has_gains",
            "has_losses",
            "is_safe",
            "is_not_worse",
            "is_not_better",
        ),
        False,
    )
    assert apply_rule(**(none | facts)).item() == decision
    many = {name: np.array([value, False]) for name, value in (none | facts).items()}
    assert apply_rule(**many).tolist() == [decision, "UNDECIDED"]
