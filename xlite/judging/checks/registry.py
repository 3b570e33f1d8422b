"""All checks of the doctor, in the order of their codes."""

from __future__ import annotations

from typing import Any

from xlite.judging.checks import (
    changed_environment,
    collapsed_sampler,
    constant_outputs,
    double_correction,
    fitted_on_judged,
    fitted_statistics,
    focusing,
    idle_parts,
    padded_predictions,
    positive_weight,
    repeat_factors,
    training_as_validation,
    unreadable,
)
from xlite.judging.checks.check import Check

CHECKS: tuple[Check[Any], ...] = (
    unreadable.CHECK,
    fitted_on_judged.CHECK,
    fitted_statistics.CHECK,
    positive_weight.CHECK,
    focusing.CHECK,
    repeat_factors.CHECK,
    idle_parts.CHECK,
    collapsed_sampler.CHECK,
    double_correction.CHECK,
    padded_predictions.CHECK,
    constant_outputs.CHECK,
    changed_environment.CHECK,
    training_as_validation.CHECK,
)
