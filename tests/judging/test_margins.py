from __future__ import annotations

from typing import Any

import pytest

from xlite.errors import InputError
from xlite.judging.margins import DEFAULT_MARGINS, SCORE_TITLES, parse_margins, settle_margins
from xlite.judging.paired_differences import TESTED


def test_each_score_whose_differences_are_tested_has_a_margin_and_a_title() -> None:
    assert tuple(DEFAULT_MARGINS) == tuple(SCORE_TITLES) == TESTED
    assert settle_margins(None) == DEFAULT_MARGINS == parse_margins([])


def test_a_bare_number_is_of_the_score_that_decides() -> None:
    assert settle_margins(0.02) == {**DEFAULT_MARGINS, "auroc": 0.02}
    found = parse_margins(["0.03", "auroc=0"], decisive="f1")
    assert found == {**DEFAULT_MARGINS, "f1": 0.03, "auroc": 0.0}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["wide"], "--margin wide: pass a number"),
        (["f1="], "--margin f1=: pass a number"),
        (["auc=0.01"], "margin of auc: the scores that have one are auroc"),
        (["auroc=-1"], "margin of auroc must be a number of 0 or more and below 1"),
        (["nan"], "must be a number"),
        (["1"], "below 1"),
        (["0.01", "auroc=0.02"], "--margin names auroc more than once"),
    ],
)
def test_a_margin_that_cannot_be_used_is_refused_by_name(texts: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        parse_margins(texts)


@pytest.mark.parametrize("margin", [-0.01, float("inf"), True, "0.01", {"aurok": 0.1}])
def test_the_same_of_python(margin: Any) -> None:
    with pytest.raises(ValueError, match="margin"):
        settle_margins(margin)
