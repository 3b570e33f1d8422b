"""The folder of a probe: a table, what its heads say of each film, and `probe.json`, moved last."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xlite.files import write_json, write_table
from xlite.ownership import require_our_folder
from xlite.results.probe import Probe
from xlite.run_folder.predictions import Predictions, write_pooled_predictions
from xlite.whole_folder import written_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from xlite.judging.labelled_predictions import LabelledPredictions

PROBE_RECORD, PROBE_TABLE = "probe.json", "probe.csv"
_REMEDY = "Delete the folder, and probe again."


def check_probe_folder(out: Path) -> None:
    """Raise InputError unless a probe may be written to `out`."""
    require_our_folder(
        out, markers=[PROBE_RECORD], names=[PROBE_RECORD, PROBE_TABLE], what="a probe"
    )


def write_probe(out: Path, probe: Probe, predictions: Mapping[str, LabelledPredictions]) -> Probe:
    """The probe with the names of its files, written whole; an earlier one's are replaced."""
    names = {name: f"{name}.csv" for name in predictions}
    earlier = out / PROBE_RECORD
    known = Probe.read(earlier, remedy=_REMEDY).files if earlier.is_file() else ()
    written = replace(
        probe,
        files=(PROBE_RECORD, PROBE_TABLE, *names.values()),
        probed=tuple(replace(one, predictions=names[one.name]) for one in probe.probed),
    )
    with written_whole(out, record=PROBE_RECORD, names=known) as scratch:
        for name, labelled in predictions.items():
            rows = Predictions(labelled.image_ids, labelled.probs, labelled.vocabulary)
            write_pooled_predictions(scratch / names[name], rows)
        write_table(scratch / PROBE_TABLE, written.to_frame())
        write_json(scratch / PROBE_RECORD, written.to_json())
    return written
