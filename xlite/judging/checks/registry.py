"""All checks of the doctor, in the order of their codes."""

from __future__ import annotations

from typing import Any

from xlite.judging.checks import (
    best_of_many,
    changed_environment,
    choices_by_test,
    collapsed_sampler,
    constant_outputs,
    double_correction,
    fitted_on_judged,
    fitted_statistics,
    focusing,
    foreign_cache,
    idle_parts,
    padded_predictions,
    positive_weight,
    repeat_factors,
    single_seed,
    training_as_validation,
    unreadable,
)
from xlite.judging.checks.check import Check

CHECKS: tuple[Check[Any], ...] = (
    unreadable.CHECK,
    choices_by_test.CHECK,
    fitted_on_judged.CHECK,
    fitted_statistics.CHECK,
    single_seed.CHECK,
    best_of_many.CHECK,
    positive_weight.CHECK,
    focusing.CHECK,
    repeat_factors.CHECK,
    idle_parts.CHECK,
    collapsed_sampler.CHECK,
    double_correction.CHECK,
    foreign_cache.CHECK,
    padded_predictions.CHECK,
    constant_outputs.CHECK,
    changed_environment.CHECK,
    training_as_validation.CHECK,
)
