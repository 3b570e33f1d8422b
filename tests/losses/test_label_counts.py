"""Counts of known labels, and the weights, margins and priors that follow from them."""

from __future__ import annotations

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.losses.label_counts import (
    count_labels,
    effective_number,
    effective_number_weights,
    margins_by_count,
    name_classes,
    prior_log_odds,
    require_one_a_label,
)

LABELS = np.array([[1, 0, -1], [1, -1, -1], [0, 0, -1], [1, 0, -1]], dtype=np.int8)
VOCABULARY = ("Mass", "Edema", "Hernia")


def test_counts_are_of_known_labels():
    counts = count_labels(LABELS, VOCABULARY)
    np.testing.assert_array_equal(counts.positives, [3, 0, 0])
    np.testing.assert_array_equal(counts.negatives, [1, 3, 0])
    np.testing.assert_array_equal(counts.is_learnable, [True, False, False])
    np.testing.assert_array_equal(counts.prevalence, [0.75, 0.0, 0.0])
    np.testing.assert_allclose(prior_log_odds(counts), [np.log(3), 0.0, 0.0])


def test_labels_without_a_side_are_named_once(capsys):
    count_labels(LABELS, VOCABULARY).warn_of_unlearnable("it stays as it is")
    assert capsys.readouterr().err == (
        "warning: Edema, Hernia: no positive or no negative image in the training part, so the "
        "class can't be learned; it stays as it is.\n"
    )
    count_labels(LABELS[:, :1], ("Mass",)).warn_of_unlearnable("it stays as it is")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.9999])
def test_weights_are_cuis_published_normalisation(beta):
    counts = np.array([5, 50, 5000])
    # class_balanced_loss.py of Cui et al.: weights / sum(weights) * no_of_classes.
    published = (1.0 - beta) / (1.0 - np.power(beta, counts))
    published = published / np.sum(published) * len(counts)
    np.testing.assert_allclose(effective_number_weights(counts, beta), published)


def test_an_effective_number_is_a_geometric_sum():
    assert effective_number(np.array([7]), 0.9)[0] == pytest.approx(sum(0.9**k for k in range(7)))
    with pytest.raises(InputError, match=r"beta 1\.0\. Pass a value from 0"):
        effective_number(np.array([7]), 1.0)


def test_a_count_of_zero_is_neutral_and_leaves_the_others_alone():
    sides = np.array([[5, 0], [50, 500]])
    weights = effective_number_weights(sides, 0.999)
    assert weights[0, 1] == 1.0
    others = np.array([5, 50, 500])
    np.testing.assert_allclose(weights[sides > 0], effective_number_weights(others, 0.999))
    margins = margins_by_count(sides, 0.5)
    assert margins[0, 1] == 0.0
    # ldam.py of Cao et al.: 1 / sqrt(sqrt(n)), scaled so that the largest is max_m.
    published = 1.0 / np.sqrt(np.sqrt(others))
    np.testing.assert_allclose(margins[sides > 0], published * (0.5 / np.max(published)))


def test_nothing_counted_is_neutral_throughout():
    none = np.zeros(2, dtype=np.int64)
    np.testing.assert_array_equal(effective_number_weights(none, 0.9), [1.0, 1.0])
    np.testing.assert_array_equal(margins_by_count(none, 0.5), [0.0, 0.0])


def test_a_wrong_number_of_values_is_answered_with_the_labels():
    with pytest.raises(InputError, match="--focal-alpha has 2 numbers for 3 labels.*Mass, Edema"):
        require_one_a_label("--focal-alpha", (0.1, 0.2), VOCABULARY)
    require_one_a_label("--focal-alpha", (0.1, 0.2, 0.3), VOCABULARY)


def test_long_lists_of_classes_are_cut():
    labels = [f"L{position}" for position in range(8)]
    assert name_classes(np.ones(8, dtype=bool), labels) == "L0, L1, L2, L3, L4 and 3 more"
