"""Every function of evidence by the name that the items call it by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Final

from xlite.proving.checklists.evidence import (
    data,
    explanation,
    judged,
    model,
    patients,
    results,
    study,
)
from xlite.proving.checklists.evidence.proof import Finding
from xlite.proving.checklists.subject import Subject

Evidence = Callable[[Subject], Finding]


def _list_functions(module: ModuleType) -> dict[str, Evidence]:
    found = vars(module).items()
    return {
        name: value
        for name, value in found
        if getattr(value, "__module__", "") == module.__name__
        and getattr(value, "__annotations__", {}).get("return") == "Finding"
        and not name.startswith("_")
    }


EVIDENCE: Final[Mapping[str, Evidence]] = MappingProxyType(
    {
        name: function
        for module in (data, patients, model, results, judged, explanation, study)
        for name, function in _list_functions(module).items()
    }
)
"""By the `evidence` of an item."""
