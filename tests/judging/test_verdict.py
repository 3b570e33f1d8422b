from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from xlite.judging.evidence import Evidence
from xlite.judging.fold_scores import FoldComparison
from xlite.judging.verdict import decide_verdict, describe_verdict_rule
from xlite.judging.verdict_reasons import NO_EFFECT
from xlite.scores.chances import Chances
from xlite.scores.fold_differences import FoldDifference, compare_folds
from xlite.scores.power import DecisionNeed, Range

LABELS = ("Hernia", "Edema", "Mass")
NAN = float("nan")


def evidence(
    low: float,
    high: float,
    *,
    change: tuple[float, ...] = (0, 0, 0),
    p: tuple[float, ...] = (1, 1, 1),
    lows: tuple[float, ...] = (-0.02, -0.02, -0.02),
) -> Evidence:
    # As if it were the interval of a normal distribution.
    center, error = (low + high) / 2, (high - low) / 2 / norm.ppf(0.975)
    worse, better = norm.cdf((-0.01 - center) / error), norm.sf((0.01 - center) / error)
    chances = Chances(worse=worse, equivalent=1 - worse - better, better=better)
    return Evidence(
        num_seeds=3,
        chances=chances,
        macro_change=(low + high) / 2,
        macro_low=low,
        macro_high=high,
        labels=LABELS,
        patients=np.array([12, 40, 300]),
        change=np.array(change, dtype=float),
        low=np.array(lows, dtype=float),
        p=np.array(p, dtype=float),
    )


LOSS = {"change": (-0.05, 0.0, 0.0), "p": (0.01, 1.0, 1.0)}
GAIN = {"change": (0.05, 0.0, 0.0), "p": (0.01, 1.0, 1.0)}
BOTH = {"change": (-0.05, 0.05, 0.0), "p": (0.01, 0.01, 1.0)}


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        (evidence(0.001, 0.02), "ADOPT"),
        (evidence(0.001, 0.02, **GAIN), "ADOPT"),
        (evidence(0.0, 0.02), "NON-INFERIOR"),
        (evidence(0.0, 0.02, **GAIN), "NON-INFERIOR"),
        (evidence(0.0, 0.02, **LOSS), "UNDECIDED"),
        (evidence(0.0, 0.02, lows=(-0.05, 0.01, 0.01)), "UNDECIDED"),
        (evidence(-0.009, 0.009), "EQUIVALENT"),
        (evidence(-0.009, 0.009, lows=(-0.05, 0.01, 0.01)), "EQUIVALENT"),
        (evidence(-0.009, 0.009, **GAIN), "NON-INFERIOR"),
        (evidence(-0.009, 0.009, lows=(-0.05, 0.01, 0.01), **GAIN), "UNDECIDED"),
        (evidence(-0.009, 0.009, **LOSS), "UNDECIDED"),
        (evidence(-0.009, 0.009, **BOTH), "TRADE-OFF"),
        (evidence(0.001, 0.009), "ADOPT"),
        (evidence(0.001, 0.009, lows=(-0.05, 0.01, 0.01)), "EQUIVALENT"),
        (evidence(-0.009, -0.001), "REJECT"),
        # Two one-sided tests at 5 %: the 90 % interval, 1.645 / 1.96 as wide, decides.
        (evidence(-0.0119, 0.0119), "EQUIVALENT"),
        (evidence(-0.0120, 0.0120), "UNDECIDED"),
        (evidence(-0.02, -0.001), "REJECT"),
        (evidence(-0.02, -0.001, **GAIN), "REJECT"),
        (evidence(-0.02, 0.0), "UNDECIDED"),
        (evidence(-0.02, 0.02), "UNDECIDED"),
        (evidence(-0.02, 0.02, **GAIN), "UNDECIDED"),
        (evidence(-0.02, 0.02, **LOSS), "UNDECIDED"),
        (evidence(-0.02, 0.02, **BOTH), "TRADE-OFF"),
        (evidence(0.001, 0.02, **LOSS), "TRADE-OFF"),
        (evidence(0.001, 0.02, **BOTH), "TRADE-OFF"),
        (evidence(-0.02, -0.001, **BOTH), "REJECT"),
        (evidence(NAN, NAN), "UNDECIDED"),
        (evidence(0.001, 0.02, lows=(-0.049, 0.01, 0.01)), "ADOPT"),
        (evidence(0.001, 0.02, lows=(-0.05, 0.01, 0.01)), "UNDECIDED"),
        (evidence(0.001, 0.02, lows=(-0.05, 0.01, 0.01), **GAIN), "UNDECIDED"),
        (evidence(0.001, 0.02, lows=(-0.05, 0.01, 0.01), **LOSS), "TRADE-OFF"),
        (evidence(-0.02, -0.001, lows=(-0.2, 0.01, 0.01)), "REJECT"),
        (evidence(0.001, 0.02, lows=(-0.9, 0.01, 0.01), p=(NAN, 1, 1)), "ADOPT"),
        (evidence(0.001, 0.02, lows=(NAN, 0.01, 0.01)), "UNDECIDED"),
    ],
)
def test_each_rule_at_its_border(found: Evidence, decision: str) -> None:
    assert decide_verdict(found).decision == decision


@pytest.mark.parametrize(
    ("change", "p", "margin", "has_lost"),
    [
        (-0.011, 0.049, 0.01, True),
        (-0.01, 0.049, 0.01, False),
        (-0.011, 0.05, 0.01, False),
        (-0.011, 0.049, 0.02, False),
        (-0.0001, 0.049, 0.0, True),
        (-0.5, NAN, 0.01, False),
        (NAN, NAN, 0.01, False),
    ],
)
def test_a_label_has_lost_only_beyond_margin_and_level(
    change: float, p: float, margin: float, has_lost: bool
) -> None:
    found = evidence(0.001, 0.02, change=(change, 0, 0), p=(p, 1, 1))
    verdict = decide_verdict(found, margin=margin)
    assert verdict.losses == (("Hernia",) if has_lost else ())
    assert verdict.decision == ("TRADE-OFF" if has_lost else "ADOPT")
    mirrored = decide_verdict(replace(found, change=-found.change), margin=margin)
    assert mirrored.gains == verdict.losses


def test_another_level_moves_the_border_of_p() -> None:
    found = evidence(0.001, 0.02, change=(-0.05, 0, 0), p=(0.08, 1, 1))
    assert decide_verdict(found).decision == "ADOPT"
    assert decide_verdict(found, level=0.9).decision == "TRADE-OFF"


@pytest.mark.parametrize("found", [evidence(0.01, 0.02), evidence(-0.02, -0.01)])
def test_one_seed_decides_nothing_and_says_what_the_images_alone_would(found: Evidence) -> None:
    alone = decide_verdict(replace(found, num_seeds=1))
    assert alone.decision == "UNDECIDED"
    assert f"it would be {decide_verdict(found).decision}" in alone.reasons[-1]
    assert "--seeds" in alone.reasons[-1]
    assert decide_verdict(replace(found, num_seeds=2)).decision != "UNDECIDED"


def test_identical_predictions_are_no_evidence_of_equality() -> None:
    verdict = decide_verdict(replace(evidence(-0.02, 0.02), is_identical=True))
    assert (verdict.decision, verdict.reasons) == ("UNDECIDED", (NO_EFFECT,))


def test_labels_that_are_not_shown_safe_stand_in_the_way_of_adoption_by_name() -> None:
    found = evidence(0.001, 0.02, lows=(-0.07, -0.14, 0.0))
    verdict = decide_verdict(found)
    assert verdict.decision == "UNDECIDED"
    assert verdict.unsafe == ("Edema", "Hernia")
    assert verdict.reasons[-1] == (
        "Not ADOPT, since not shown safe: Edema (down to -0.140), Hernia (down to -0.070)."
    )
    assert decide_verdict(found, safety_margin=0.15).decision == "ADOPT"
    assert decide_verdict(found, safety_margin=0.1).unsafe == ("Edema",)
    # One that may be worse in the mean does not come near ADOPT: its labels are beside the point.
    unclear = evidence(-0.1, 0.02, lows=(-0.07, -0.14, 0.0))
    assert not any("safe" in reason for reason in decide_verdict(unclear).reasons)


def test_labels_that_cannot_be_judged_are_named_with_their_patients() -> None:
    verdict = decide_verdict(evidence(0.001, 0.02, p=(NAN, 1, 1)))
    assert verdict.unjudged == ("Hernia",)
    assert "Too few patients to judge: Hernia (of 12 patients)." in verdict.reasons
    many = replace(
        evidence(NAN, NAN),
        labels=tuple("abcdefgh"),
        patients=np.full(8, 3),
        change=np.zeros(8),
        low=np.full(8, NAN),
        p=np.full(8, NAN),
    )
    assert decide_verdict(many).reasons[0].startswith("No label can be judged")
    assert decide_verdict(many).reasons[1].endswith("f (of 3 patients) and 2 more.")


NOWHERE = Range(NAN, NAN)
NEVER = Range(np.inf, np.inf)


def need(**fields: Range) -> DecisionNeed:
    values = {
        "power_now": Range(0.2, 0.4),
        "num_seeds": Range(6.0, 21.0),
        "image_factor": Range(2.5, 4.0),
    }
    return DecisionNeed(**{**values, **fields})


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (need(), ["20 to 40 % chance", "6 to 21 seeds (now 3)", "2.5 to 4 times the images"]),
        (need(image_factor=Range(384, 999)), ["380 to a thousand times the images"]),
        (need(image_factor=Range(998, 1000)), ["or a thousand times the images"]),
        (need(num_seeds=Range(9, np.inf)), ["For 80 % it takes 2.5 to 4 times"]),
        (need(image_factor=Range(9, np.inf)), ["For 80 % it takes 6 to 21 seeds (now 3):"]),
        (need(num_seeds=NEVER, image_factor=NEVER), ["20 to 40 %", "can't be said from 3 seeds"]),
        (need(power_now=Range(0.85, 0.9)), ["would have been found with 80% chance or more"]),
        (need(power_now=NOWHERE, image_factor=NOWHERE), ["For 80 % it takes 6 to 21 seeds"]),
    ],
)
def test_an_open_verdict_says_what_it_would_take(wanted: DecisionNeed, words: list[str]) -> None:
    said = " ".join(decide_verdict(replace(evidence(-0.03, 0.04), need=wanted)).reasons)
    assert all(word in said for word in words), said
    assert "inf" not in said
    assert "nan" not in said


def test_an_interval_within_the_margin_needs_no_more_data() -> None:
    found = replace(evidence(-0.009, 0.009), need=need())
    assert decide_verdict(found).reasons[1:] == (
        "P(worse by more than 0.01) 0.015, P(equivalent) 0.971, P(better by more than 0.01) 0.015.",
        "Whichever is better is so by less than 0.01.",
        "Each label judged is safe.",
    )
    wider = replace(evidence(-0.02, 0.02), need=need())
    assert "seeds" in decide_verdict(wider).reasons[-1]


def test_equivalence_is_of_the_mean_and_names_the_labels_that_may_have_lost() -> None:
    found = decide_verdict(evidence(-0.009, 0.009, lows=(-0.14, 0.01, 0.01)))
    assert found.decision == "EQUIVALENT"
    assert found.reasons[-1] == ("Not NON-INFERIOR, since not shown safe: Hernia (down to -0.140).")


def test_another_level_moves_the_border_of_equivalence() -> None:
    found = evidence(-0.0119, 0.0119)
    assert decide_verdict(found, level=0.95).decision == "EQUIVALENT"
    assert decide_verdict(found, level=0.99).decision == "UNDECIDED"


def test_what_the_best_was_picked_for_is_no_rejection_unless_all_pairs_say_so() -> None:
    picked = replace(evidence(-0.03, -0.001), is_told_apart=False)
    found = decide_verdict(picked)
    assert found.decision == "UNDECIDED"
    assert "not told apart" in found.reasons[1]
    assert decide_verdict(replace(picked, is_told_apart=True)).decision == "REJECT"


def test_a_decision_needs_no_estimate() -> None:
    assert not any(
        "seeds" in r for r in decide_verdict(replace(evidence(0.1, 0.2), need=need())).reasons
    )


def test_the_rule_names_its_numbers() -> None:
    rule = describe_verdict_rule(margin=0.02, safety_margin=0.07, level=0.9)
    assert "0.02" in rule
    assert "-0.07" in rule
    assert "90 %" in rule
    assert "below 0.1" in rule
    assert "below 10 % each" in rule
    assert "80 % interval lies within ±0.02" in rule


def over_folds(*changes: tuple[float, float, float]) -> FoldComparison:
    """The changes of the three labels in each fold."""
    each = np.array(changes)

    def compare(values: np.ndarray) -> FoldDifference:
        return compare_folds(values, test_per_train=0.5)

    return FoldComparison(classes=compare(each), macro=compare(each.mean(axis=1)))


def test_over_folds_a_verdict_takes_the_wider_interval_and_the_larger_p() -> None:
    sure = evidence(0.005, 0.02, **GAIN)
    agreed = over_folds((0.011, 0.01, 0.01), (0.012, 0.01, 0.01), (0.013, 0.01, 0.01))
    assert decide_verdict(sure.widen(agreed)).decision == "ADOPT"
    # Folds that disagree: what patients alone would adopt is not adopted.
    apart = over_folds((0.05, 0.05, 0.05), (-0.05, -0.04, -0.03), (0.05, 0.03, 0.0))
    widened = sure.widen(apart)
    assert decide_verdict(sure).decision == "ADOPT"
    found = decide_verdict(widened)
    assert found.decision == "UNDECIDED"
    assert found.gains == ()
    assert widened.macro_low == pytest.approx(float(apart.macro.low))
    assert widened.macro_high == pytest.approx(float(apart.macro.high))
    assert found.reasons[0].endswith("over patients and folds.")
    # Folds that agree don't make patients that disagree any surer.
    unsure = evidence(-0.02, 0.02)
    assert unsure.widen(agreed).macro_low == -0.02
    assert decide_verdict(unsure.widen(agreed)).decision == "UNDECIDED"


def test_folds_of_one_seed_decide_nothing() -> None:
    agreed = over_folds((0.011, 0.01, 0.01), (0.012, 0.01, 0.01), (0.013, 0.01, 0.01))
    found = decide_verdict(replace(evidence(0.005, 0.02), num_seeds=1).widen(agreed))
    assert found.decision == "UNDECIDED"
    assert found.reasons[-1].startswith("One seed: all folds begin with the same initial weights")
    assert "as such it would be ADOPT" in found.reasons[-1]


def test_a_label_that_too_few_folds_have_is_not_judged() -> None:
    nan = float("nan")
    rare = over_folds((nan, 0.01, 0.01), (nan, 0.01, 0.02), (0.5, 0.01, 0.01))
    found = decide_verdict(evidence(0.005, 0.02).widen(rare))
    assert found.unjudged == ("Hernia",)
