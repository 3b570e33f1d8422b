"""What a run is worth at another site, from predictions of both."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from judging.drawn_predictions import LABELS, draw_predictions

from xlite.judging.evaluation import Resampling
from xlite.judging.external import judge_external
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.other_site import OtherSite
from xlite.judging.thresholding import apply_thresholds, fit_to_predictions
from xlite.results.external import ExternalEvaluation

GOLDEN = Path(__file__).parents[1] / "golden" / "evaluation" / "external.json"


def draw(seed: int, prefix: str, views: tuple[str, ...]) -> LabelledPredictions:
    drawn = draw_predictions(seed, prefix=prefix)
    rng = np.random.default_rng(seed)
    return replace(drawn, columns={"view": rng.choice(views, len(drawn))})


def judge(here: LabelledPredictions, own: LabelledPredictions, **more: Any) -> ExternalEvaluation:
    calls = apply_thresholds(
        fit_to_predictions(own, method="f1", calibration="none"), here, source="validation"
    )
    site = OtherSite(
        name="hospital",
        part="val",
        own=own,
        val=own,
        not_in_table=("Mass",),
        not_in_run=(),
        mapping=None,
    )
    return judge_external(here, calls, site, Resampling(num_resamples=100, **more))


@pytest.fixture(scope="module")
def found() -> ExternalEvaluation:
    return judge(draw(1, "h", ("AP", "PA", "LATERAL")), draw(2, "o", ("ap", "PA ")))


def approx(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: approx(one) for key, one in value.items()}
    return pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value


def test_the_result_is_as_it_was_and_comes_back_from_its_file(found: ExternalEvaluation) -> None:
    content = json.loads(json.dumps(found.to_json()))
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert content == approx(golden)
    assert ExternalEvaluation.read(GOLDEN, remedy="").to_json() == golden


def test_views_are_those_of_both_whatever_their_spelling(found: ExternalEvaluation) -> None:
    assert found.own_views.keys() == {"AP", "PA"}
    assert found.views.keys() == {"AP", "PA", "LATERAL"}
    assert found.per_class["Mass"].shared_views == ("AP", "PA")
    assert found.within_views.keys() == {"AP", "PA"}


def test_probs_are_corrected_to_a_prevalence_that_no_label_told(found: ExternalEvaluation) -> None:
    here = draw(1, "h", ("AP", "PA", "LATERAL"))
    flipped = replace(here, targets=(1 - here.targets).astype(np.int8))
    other = judge(flipped, draw(2, "o", ("AP", "PA")))
    for label in LABELS:
        told, blind = found.per_class[label], other.per_class[label]
        assert told.estimated_prevalence == blind.estimated_prevalence
        assert told.prevalence == pytest.approx(1 - blind.prevalence)


def test_a_label_that_validation_ranks_the_wrong_way_round_is_not_scaled() -> None:
    own = draw(2, "o", ("AP", "PA"))
    probs = own.probs.copy()
    probs[:, 0] = 1 - probs[:, 0]
    found = judge(draw(1, "h", ("AP", "PA")), replace(own, probs=probs)).per_class
    assert np.isnan(
        [found["Mass"].scaled.ece.value, found["Mass"].estimated_prevalence.value]
    ).all()
    assert found["Mass"].as_is.ece.value > 0
    assert found["Edema"].scaled.ece.value > 0


def test_tables_have_a_row_for_each_label(found: ExternalEvaluation) -> None:
    drops, lines = found.drops_to_frame(), found.calibration_to_frame()
    assert len(drops) == 7 * (len(LABELS) + 1)
    assert {"own", "here_low", "view_mix_high"} < {*drops.columns}
    assert len(lines) == 3 * len(LABELS)
