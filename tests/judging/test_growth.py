"""A study that grows seed by seed: which look ends a variant, and what counts at it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from judging.drawn_predictions import draw_predictions

from xlite.judging.evaluation import Resampling
from xlite.judging.growth import Growth, follow_looks, list_looked_at
from xlite.judging.methods import Method
from xlite.judging.paired_differences import JudgedMethods, judge_methods

MARGINS = {"margin": 0.01, "safety_margin": 0.5}


@pytest.fixture(scope="module")
def judged() -> JudgedMethods:
    """A baseline, one that is much better, one that is as good but for its seeds; eight seeds."""
    plain = draw_predictions(num_images=600)
    rng = np.random.default_rng(5)
    methods = []
    for name, skill in (("plain", 0.0), ("better", 1.5), ("alike", 0.0)):
        seeds = {}
        for seed in range(8):
            logits = np.log(plain.probs / (1 - plain.probs)) + skill * plain.targets
            noisy = logits + rng.normal(scale=0.3, size=logits.shape)
            seeds[seed] = dataclasses.replace(plain, probs=1 / (1 + np.exp(-noisy)))
        methods.append(Method(name=name, predictions=seeds))
    return judge_methods(methods, resampling=Resampling(num_resamples=100))


def test_a_variant_that_is_decided_keeps_its_verdict_and_its_seeds(judged: JudgedMethods) -> None:
    growth = Growth(seeds=tuple(range(8)), first=3)
    endings = follow_looks(judged, "plain", growth, **MARGINS)
    better = endings["better"].verdict
    assert (better.decision, better.ended) == ("ADOPT", "decided")
    assert better.seeds < 8
    assert better.looks == better.seeds - 2
    assert "limits hold at all looks up to 8 seeds" in better.reasons[-1]
    assert better.audit is None
    assert "Not audited" in better.reasons[-1]
    assert list_looked_at(judged, "plain", endings)["better"] == list(range(better.seeds))
    # Whatever is trained later does not change it.
    fewer = judged.take({name: list(range(better.seeds)) for name in ("plain", "better", "alike")})
    assert follow_looks(fewer, "plain", growth, **MARGINS)["better"].verdict == better


def test_looks_are_a_function_of_the_finished_runs(judged: JudgedMethods) -> None:
    growth = Growth(seeds=tuple(range(8)), first=3)
    assert not follow_looks(
        judged.take({"plain": [0, 1], "alike": [0, 1]}), "plain", growth, **MARGINS
    )
    # A seed that failed on one side is no pair, and its look is made all the same.
    lacking = judged.take({"plain": [0, 1, 2, 3], "alike": [0, 2, 3]})
    assert follow_looks(lacking, "plain", growth, **MARGINS)["alike"].verdict.seeds == 3


def test_one_without_hope_gets_no_further_seeds(judged: JudgedMethods) -> None:
    growth = Growth(seeds=tuple(range(8)), first=3)
    same = dataclasses.replace(judged.methods[0], name="same")
    twice = judge_methods([judged.methods[0], same], resampling=judged.resampling)
    verdict = follow_looks(twice, "plain", growth, **MARGINS)["same"].verdict
    assert (verdict.decision, verdict.ended, verdict.looks) == ("UNDECIDED", "hopeless", 1)
    assert "below 10 %" in verdict.reasons[-1].replace("10%", "10 %")


def test_the_last_look_ends_it(judged: JudgedMethods) -> None:
    growth = Growth(seeds=tuple(range(4)), first=3)
    margins = {"margin": 0.0, "safety_margin": 0.5}
    four = judged.take({"plain": range(4), "alike": range(4)})
    verdict = follow_looks(four, "plain", growth, **margins)["alike"].verdict
    assert verdict.ended in ("last look", "hopeless")
    assert verdict.decision == "UNDECIDED"
