"""The files of a bundle before they are proven: names hashed, texts scrubbed, numbers as found.

The splits, predictions and histories laid out here are what everything is recomputed from; the
records are recomputed by `xlite.proving.bundle`, which writes what comes of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlite.files import read_json, sha256_of_file, write_json, write_text
from xlite.inputs import MAX_TABLE_BYTES
from xlite.judging.choices import VAL_CHOICES, read_choices
from xlite.judging.sealed_test import TEST_LOOKS, LooksAtTest, digest_test_set, read_looks
from xlite.places import EVALUATION_SCORES, SPLIT_RECORD
from xlite.proving import layout
from xlite.proving.chosen import Chosen
from xlite.proving.pseudonyms import Pseudonyms
from xlite.proving.scrubbing import Scrubber
from xlite.proving.staging_studies import stage_study
from xlite.records import read_own_bytes
from xlite.results.selection import ChoiceLedger
from xlite.results.split import SplitRecord
from xlite.run_folder.epoch_predictions import VAL_EPOCHS
from xlite.run_folder.file_names import (
    RUN_CONFIG,
    RUN_HISTORY,
    RUN_SCORES,
    RUN_SITTINGS,
    RUN_THRESHOLDS,
    predictions_name,
)
from xlite.run_folder.folder import RunFolder
from xlite.splitting.split_folder import Split
from xlite.splitting.split_record import SPLIT_REMEDY
from xlite.tables.manifest import Manifest, encode_manifest

PREDICTED = ("val", "test")
_REMEDY = "Restore it, or leave the run out."


def stage(chosen: Chosen, root: Path, key: bytes) -> Scrubber:
    """Lay out what was chosen in the empty folder `root`; returns what scrubs further texts."""
    judged = {
        f"{place}/{part}": table.table["patient_id"].tolist()
        for place, split in enumerate(chosen.splits)
        for part, table in split.parts.items()
        if part in PREDICTED
    }
    names = Pseudonyms(key, judged)
    tables = [part for split in chosen.splits for part in split.parts.values()]
    for part in tables:
        names.patients(part.patient_ids.tolist())
        names.images(part.image_ids.tolist())
    scrubber = Scrubber(names.known)
    sums = [
        _stage_split(split, folder, layout.split_dir(root, place), names, scrubber)
        for place, (split, folder) in enumerate(zip(chosen.splits, chosen.split_dirs, strict=True))
    ]
    for run in chosen.runs:
        place = chosen.split_of(run)
        _stage_run(run, root, (place, sums[place]), names, scrubber)
    experiments = layout.experiments_dir(root)
    for folder in chosen.evaluations:
        content = scrubber.content(read_json(folder / EVALUATION_SCORES, remedy=_REMEDY))
        write_json(layout.evaluation_dir(root, folder.name) / EVALUATION_SCORES, content)
    for record in chosen.records:
        content = scrubber.content(read_json(record, remedy=_REMEDY))
        write_json(experiments / record.name, content)
    for study in chosen.studies:
        stage_study(study, root, scrubber)
    _stage_uses(chosen, experiments, sums, names, scrubber)
    return scrubber


def _stage_split(
    split: Split, folder: Path, target: Path, names: Pseudonyms, scrubber: Scrubber
) -> dict[str, str]:
    """Write the tables and the record of a split; returns the sums of the tables by part."""
    target.mkdir(parents=True)
    sums = {}
    for name, part in split.parts.items():
        renamed = _rename(part, names)
        if name not in PREDICTED:
            order = renamed.table["image_id"].argsort(kind="stable").to_numpy()
            renamed = renamed.select(order)
        path = target / f"{name}.csv"
        path.write_bytes(encode_manifest(renamed))
        sums[name] = sha256_of_file(path)
    record = folder / SPLIT_RECORD
    if record.is_file():
        content = SplitRecord.read(record, remedy=SPLIT_REMEDY)
        kept = replace(
            content,
            source=None,
            table_format=None,
            files={f"{name}.csv": digest for name, digest in sums.items()},
        )
        write_json(target / SPLIT_RECORD, scrubber.content(kept.to_json()))
    return sums


def _rename(part: Manifest, names: Pseudonyms) -> Manifest:
    table = part.table.assign(
        image_id=names.images(part.image_ids.tolist()),
        patient_id=names.patients(part.patient_ids.tolist()),
        path="",
    )
    if "date" in table:
        dates = part.table["date"].tolist()
        patients = part.patient_ids.tolist()
        table["date"] = [names.date(*one) for one in zip(patients, dates, strict=True)]
    return replace(part, table=table)


def _stage_run(
    run: RunFolder,
    root: Path,
    split: tuple[int, dict[str, str]],
    names: Pseudonyms,
    scrubber: Scrubber,
) -> None:
    target = layout.run_dir(root, run.name)
    target.mkdir(parents=True)
    place, sums = split
    history = read_own_bytes(run.path / RUN_HISTORY, max_bytes=MAX_TABLE_BYTES, remedy=_REMEDY)
    (target / RUN_HISTORY).write_bytes(history)
    for part in PREDICTED:
        if run.has_predictions(part):
            _stage_predictions(run, part, target, names)
    logits = sorted((run.path / VAL_EPOCHS).glob("[0-9]*.npy"))
    for path in logits:
        (target / VAL_EPOCHS).mkdir(exist_ok=True)
        content = read_own_bytes(path, max_bytes=MAX_TABLE_BYTES, remedy=_REMEDY)
        (target / VAL_EPOCHS / path.name).write_bytes(content)
    if (run.path / RUN_THRESHOLDS).is_file():
        # Its marks are of names as they were, and go: they are made anew.
        fitted = read_json(run.path / RUN_THRESHOLDS, remedy=_REMEDY)
        fitted.pop("fitted_on")
        write_json(target / RUN_THRESHOLDS, scrubber.content(fitted))
    sittings = [one.model_dump(mode="json") for one in run.sittings]
    write_json(
        target / RUN_SITTINGS,
        {"schema_version": 2, "sittings": [_strip_paths(one, scrubber) for one in sittings]},
    )
    config = run.config.model_dump(mode="json", exclude={"environment", "runtime"})
    config["data"] |= {
        "split_sha256": sums,
        "source": names.digest("pixels", run.data.source),
        "split_dir": f"{layout.SPLITS}/{place + 1}",
        "cache_dir": None,
        "images_dir": None,
    }
    # Where it was trained is nobody's business, whichever folders a later version keeps.
    config |= {name: None for name in config if name.endswith("_dir")}
    config["out_dir"] = layout.EXPERIMENTS
    write_json(target / RUN_CONFIG, scrubber.content(config))
    scores = run.require_scores().to_json()
    kept = [path for path in target.iterdir() if path.name in scores["files"]]
    scores["files"] |= {path.name: sha256_of_file(path) for path in kept}
    write_json(target / RUN_SCORES, scrubber.content(scores))


def _strip_paths(sitting: dict[str, Any], scrubber: Scrubber) -> dict[str, Any]:
    """A sitting without the paths that were given to its process."""
    runtime = {
        name: None if name.endswith("_path") or name == "warm_start" else value
        for name, value in sitting["runtime"].items()
    }
    stripped: dict[str, Any] = scrubber.content({**sitting, "runtime": runtime})
    return stripped


def _stage_predictions(run: RunFolder, part: str, target: Path, names: Pseudonyms) -> None:
    """The predictions file with its images under their new names, each number as it was."""
    path = run.find_predictions(part) if part != "val" or run.require_scores().val else None
    if path is None:
        return
    content = read_own_bytes(path, max_bytes=MAX_TABLE_BYTES, remedy=_REMEDY)
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    images = names.images([row[0].removeprefix("'") for row in rows])
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([image, *row[1:]] for image, row in zip(images, rows, strict=True))
    write_text(target / predictions_name(part), text.getvalue())


def _stage_uses(
    chosen: Chosen,
    experiments: Path,
    sums: Sequence[dict[str, str]],
    names: Pseudonyms,
    scrubber: Scrubber,
) -> None:
    """What was looked at and chosen on the parts of the splits, known again by their new names."""
    sets = {
        digest_test_set(part): digest_test_set(_rename(part, names))
        for split in chosen.splits
        for part in split.parts.values()
    }
    tables = {
        split.sha256[part]: found[part]
        for split, found in zip(chosen.splits, sums, strict=True)
        for part in split.parts
    }
    noted = [one for one in read_choices(chosen.experiments) if one.val_set in sets]
    choices = ChoiceLedger(
        choices=tuple(
            replace(
                one,
                val_set=sets[one.val_set],
                split_sha256=None if one.split_sha256 is None else tables.get(one.split_sha256),
            )
            for one in noted
        )
    )
    looked = [one for one in read_looks(chosen.experiments) if one.test_set in (*sets, None)]
    looks = LooksAtTest(
        looks=tuple(
            replace(one, test_set=None if one.test_set is None else sets[one.test_set])
            for one in looked
        )
    )
    _write_some(experiments / VAL_CHOICES, choices.choices, choices.to_json(), scrubber)
    _write_some(experiments / TEST_LOOKS, looks.looks, looks.to_json(), scrubber)


def _write_some(
    path: Path, some: Iterable[object], content: dict[str, Any], scrubber: Scrubber
) -> None:
    if list(some):
        write_json(path, scrubber.content(content))
