from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xlite.scores.power import DecisionNeed
from xlite.studies.verdict import NO_EFFECT, Evidence, decide, describe_rule

LABELS = ("Hernia", "Edema", "Mass")
NAN = float("nan")


def evidence(
    low: float,
    high: float,
    *,
    change: tuple[float, ...] = (0, 0, 0),
    p: tuple[float, ...] = (1, 1, 1),
) -> Evidence:
    return Evidence(
        num_seeds=3,
        macro_change=(low + high) / 2,
        macro_low=low,
        macro_high=high,
        labels=LABELS,
        change=np.array(change, dtype=float),
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
        (evidence(0.0, 0.02), "UNDECIDED"),
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
    ],
)
def test_each_rule_at_its_border(found: Evidence, decision: str) -> None:
    assert decide(found).decision == decision


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
    verdict = decide(found, margin=margin)
    assert verdict.losses == (("Hernia",) if has_lost else ())
    assert verdict.decision == ("TRADE-OFF" if has_lost else "ADOPT")
    mirrored = decide(replace(found, change=-found.change), margin=margin)
    assert mirrored.gains == verdict.losses


def test_another_level_moves_the_border_of_p() -> None:
    found = evidence(0.001, 0.02, change=(-0.05, 0, 0), p=(0.08, 1, 1))
    assert decide(found).decision == "ADOPT"
    assert decide(found, level=0.9).decision == "TRADE-OFF"


@pytest.mark.parametrize("found", [evidence(0.01, 0.02), evidence(-0.02, -0.01)])
def test_one_seed_decides_nothing_and_says_what_the_images_alone_would(found: Evidence) -> None:
    alone = decide(replace(found, num_seeds=1))
    assert alone.decision == "UNDECIDED"
    assert f"it would be {decide(found).decision}" in alone.reasons[-1]
    assert "--seeds" in alone.reasons[-1]
    assert decide(replace(found, num_seeds=2)).decision != "UNDECIDED"


def test_identical_predictions_are_no_evidence_of_equality() -> None:
    verdict = decide(replace(evidence(0.0, 0.0), is_identical=True))
    assert (verdict.decision, verdict.reasons) == ("UNDECIDED", (NO_EFFECT,))


def need(**fields: float) -> DecisionNeed:
    values = {"power_now": 0.4, "num_seeds": 9.0, "image_factor": 2.5, "num_positives": 75.0}
    return DecisionNeed(**{**values, **fields})


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (need(), ["9 seeds (now 3)", "2.5 times the images", "75 positives"]),
        (need(num_seeds=np.inf), ["2.5 times"]),
        (need(image_factor=np.inf, num_positives=np.inf), ["9 seeds"]),
        (need(num_seeds=np.inf, image_factor=np.inf), ["both have to grow"]),
        (need(power_now=0.85), ["would have been found with 85 % chance"]),
    ],
)
def test_an_open_verdict_says_what_it_would_take(wanted: DecisionNeed, words: list[str]) -> None:
    reason = decide(replace(evidence(-0.03, 0.04), need=wanted)).reasons[-1]
    assert all(word in reason for word in words), reason
    assert "inf" not in reason


def test_an_interval_within_the_margin_needs_no_more_data() -> None:
    found = replace(evidence(-0.009, 0.009), need=need())
    assert decide(found).reasons[-1] == "Whichever is better is so by less than 0.01."
    wider = replace(evidence(-0.011, 0.009), need=need())
    assert "seeds" in decide(wider).reasons[-1]


def test_a_decision_needs_no_estimate() -> None:
    assert not any("seeds" in r for r in decide(replace(evidence(0.1, 0.2), need=need())).reasons)


def test_the_rule_names_its_numbers() -> None:
    rule = describe_rule(margin=0.02, level=0.9)
    assert "0.02" in rule
    assert "90 %" in rule
    assert "below 0.1" in rule
