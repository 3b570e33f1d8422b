"""Evaluations of runs on another site's films, as an experiments folder keeps them."""

from __future__ import annotations

import json
from pathlib import Path

from xlite.console import decimal
from xlite.errors import InputError
from xlite.places import EVALUATION_SCORES, EVALUATIONS
from xlite.results.evaluation import Evaluation
from xlite.results.external import Estimate

_REMEDY = "Evaluate again, with --overwrite."


def read_external(experiments: Path) -> tuple[list[Evaluation], list[str]]:
    """The evaluations on another site's films, by folder, and a sentence for each damaged one.

    Files that are not of such an evaluation are passed over.
    """
    found, faults = [], []
    for path in sorted((experiments / EVALUATIONS).glob(f"*/{EVALUATION_SCORES}")):
        try:
            if "external" in json.loads(path.read_bytes()):
                found.append(Evaluation.read(path, remedy=_REMEDY))
        except (ValueError, TypeError, OSError):
            continue  # Whoever asks for it is told; it need not be of another site.
        except InputError as error:
            faults.append(str(error))
    return found, faults


def describe_site(evaluation: Evaluation) -> str:
    """What the run is worth at another site, on one line."""
    external = evaluation.external
    assert external is not None, "only evaluations of another site are read"
    auroc, precision = external.macro["auroc"], external.macro["average_precision"]
    return (
        f"On {external.site} ({evaluation.images:,} images), macro: AUROC "
        f"{decimal(auroc.here.value)}, on the own {external.part} part {decimal(auroc.own.value)}, "
        f"drop {_bracket(auroc.drop)}, beyond prevalence and views {_bracket(auroc.rest)}; drop of "
        f"AP {_bracket(precision.drop)}, by prevalence {_bracket(precision.prevalence)}"
    )


def _bracket(one: Estimate) -> str:
    low, high = (decimal(end, sign=True) for end in (one.low, one.high))
    return f"{decimal(one.value, sign=True)} [{low}, {high}]"
