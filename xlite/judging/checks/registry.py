"""All checks of the doctor, in the order of their codes."""

from __future__ import annotations

from typing import Any

from xlite.judging.checks import (
    constant_outputs,
    unreadable,
)
from xlite.judging.checks.check import Check

CHECKS: tuple[Check[Any], ...] = (
    unreadable.CHECK,
    constant_outputs.CHECK,
)
