"""`xlite split`: make a split by patient, or audit anyone's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.errors import InputError, LeakageError

if TYPE_CHECKING:
    from xlite.splitting.audit import SplitAudit

_EPILOG = (
    "Example: xlite split --labels Data_Entry_2017.csv --out data/splits\n\n"
    "Example: xlite split --audit train.csv val.csv test.csv"
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("split", rich_help_panel="Data", epilog=_EPILOG)(expand_groups(split))


def split(
    columns: options.ColumnOptions,
    files: Annotated[
        list[Path] | None, typer.Argument(help="With --audit: the files of the parts.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Judge the given files instead of making a split.")
    ] = False,
    labels: options.Labels = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder to write.")
    ] = places.SPLIT_DIR,
    ratios: Annotated[
        str, typer.Option(help="Shares of images for training, validation and test.")
    ] = "70/15/15",
    train_val_list: Annotated[
        Path | None, typer.Option(metavar="TXT", help="NIH's official train_val_list.txt.")
    ] = None,
    test_list: Annotated[
        Path | None, typer.Option(metavar="TXT", help="NIH's official test_list.txt.")
    ] = None,
    subset: Annotated[
        float | None, typer.Option(help="Keep this fraction of training, by whole patients.")
    ] = None,
    seed: options.Seed = 42,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace another split, or other files of these names, in the folder.",
        ),
    ] = False,
    json: options.Json = False,
) -> None:
    """Split a label table by patient, stratified over all labels, or audit a split.

    Writes train.csv, val.csv and test.csv, in NIH's columns where the labels are NIH's and else
    with one column a label, and split.json with the seed, the counts, the largest deviation of a
    label's prevalence and the SHA-256 of each file.
    """
    from xlite.splitting import partition
    from xlite.splitting.split import read_foreign_parts, write_split
    from xlite.tables.label_table import read_manifest

    table_format = columns.to_table_format()
    if audit:
        if len(files or ()) < 2:
            raise InputError("--audit needs the files of at least two parts.")
        parts = read_foreign_parts(files or [], table_format=table_format)
        _report_audit(partition.audit_parts(parts), as_json=json)
        return
    if files:
        raise InputError(f"unexpected {files[0]}. Pass --audit to judge files of a split.")
    if (train_val_list is None) != (test_list is None):
        raise InputError("--train-val-list and --test-list go together. Pass both.")
    table_path = places.find_label_table(labels)
    manifest = read_manifest(table_path, table_format=table_format)
    shares = _parse_ratios(ratios)
    if train_val_list is not None and test_list is not None:
        parts = partition.split_by_lists(
            manifest,
            train_val_ids=partition.read_image_list(train_val_list),
            test_ids=partition.read_image_list(test_list),
            val_share=shares[1] / (shares[0] + shares[1]),
            seed=seed,
        )
    else:
        parts = partition.split_by_patient(manifest, ratios=shares, seed=seed)
    if subset is not None:
        parts = partition.take_subset(parts, fraction=subset, seed=seed)
    record = {
        "source": table_path.name,
        "table_format": asdict(table_format),
        "seed": seed,
        "ratios": shares,
        "official_lists": test_list is not None,
        "subset": subset,
    }
    sources = [path for path in (table_path, train_val_list, test_list) if path is not None]
    content = write_split(parts, out, record, overwrite=overwrite, sources=sources)
    if json:
        console.result_json(content)
        return
    _print_parts(content["parts"], title=f"Split of {len(manifest):,} images, seed {seed}")
    console.say(
        f"patients on two sides: {content['patient_overlap']}; largest deviation of a label's "
        f"prevalence: {content['max_deviation_pp']:.3f} percentage points\nwritten: {out}"
    )


def _parse_ratios(text: str) -> list[float]:
    try:
        values = [float(part) for part in text.split("/")]
    except ValueError:
        values = []
    if len(values) != 3 or min(values) <= 0 or not sum(values) < float("inf"):
        raise InputError(f"--ratios {text!r} is not three positive numbers such as 70/15/15.")
    return [value / sum(values) for value in values]


def _report_audit(audit: SplitAudit, *, as_json: bool) -> None:
    content = audit.to_dict()
    if as_json:
        console.result_json(content)
    else:
        _print_parts(content["parts"], title="Audit")
        for pair, count in content["patient_overlap"].items():
            console.say(
                f"{pair}: {count:,} patients on both sides, with "
                f"{content['images_of_shared_patients'][pair]:,} images of the second part; "
                f"{content['image_overlap'][pair]:,} images on both sides"
            )
        console.say(f"largest deviation: {content['max_deviation_pp']:.3f} percentage points")
        for warning in content["warnings"]:
            console.warn(warning)
    if audit.has_leakage:
        raise LeakageError(
            f"the split leaks: {audit.describe_leakage()}. Scores on it are too good. Make a "
            "patient-disjoint split with `xlite split`."
        )


def _print_parts(parts: dict[str, Any], *, title: str) -> None:
    names = list(parts)
    labels = list(parts[names[0]]["positives"])
    rows = [
        [what, *(f"{parts[name][what]:,}" for name in names)] for what in ("images", "patients")
    ]
    for label in labels:
        cells = []
        for name in names:
            count, images = parts[name]["positives"][label], parts[name]["images"]
            cells.append(f"{count:,} ({100 * count / max(images, 1):.2f} %)")
        rows.append([label, *cells])
    console.table(title, ["", *names], rows)
