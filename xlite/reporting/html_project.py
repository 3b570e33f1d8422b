"""The report's sections on data: the split with its audit, and the balance of batches."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator

from xlite.errors import InputError
from xlite.labels import NO_FINDING
from xlite.places import BALANCE_VERIFICATION, FOLDS_RECORD, SPLIT_RECORD
from xlite.records import Record, read_rows
from xlite.reporting.figure_schemes import follow_scheme
from xlite.reporting.html_folds import describe_folds
from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Facts,
    Paragraph,
    Picture,
    Section,
    Table,
    absent_section,
    data_uri,
    number,
)
from xlite.scores.class_scores import FEW_POSITIVES

BALANCE_FIGURE = "balance.svg"

_SPLIT_REMEDY = "Run `xlite split` again."
_BALANCE_REMEDY = "Run `xlite verify-balance` again."

_BALANCE_COLUMNS = {
    "count": ("images", 0),
    "original_pct": ("as found, %", 2),
    "exact_pct": ("exact, %", 2),
    "weighted_batch_pct": ("drawn, %", 2),
    "images_behind": ("images behind", 0),
    "patients_behind": ("patients behind", 0),
}
"""What is shown of the verification: column, heading and decimals."""


class _Part(BaseModel):
    """What one part of a split holds."""

    model_config = ConfigDict(allow_inf_nan=False, strict=True, defer_build=True)

    images: int
    patients: int
    no_finding: int
    positives: dict[str, int]
    deviation_pp: dict[str, float | None]


class _Fold(BaseModel):
    """Which fold the test part is."""

    model_config = ConfigDict(strict=True, defer_build=True)

    number: int
    num_folds: int


class _SplitRecord(Record):
    """`split.json`, as far as the report shows it."""

    newest_schema: ClassVar[int] = 2

    source: str | None = None
    seed: int | None = None
    ratios: list[float] | None = None
    official_lists: bool = False
    hold_out: list[str] | None = None
    fold: _Fold | None = None
    labels: list[str]
    parts: dict[str, _Part]
    patient_overlap: int
    max_deviation_pp: float
    files: dict[str, str]

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        for name, part in self.parts.items():
            counted = part.positives.keys() & part.deviation_pp.keys()
            absent = [label for label in self.labels if label not in counted]
            if absent:
                raise ValueError(f"the {name} part does not count {absent[0]!r}")
        return self


def describe_split(split_dir: Path) -> Section:
    """How the split was made, what leaks, and what each part holds, from `split.json`; or what
    folds share, from `folds.json`."""
    key, title = "split", "Split and leakage audit"
    if (split_dir / FOLDS_RECORD).exists():
        return describe_folds(split_dir / FOLDS_RECORD)
    path = split_dir / SPLIT_RECORD
    if not path.exists():
        return absent_section(key, title, f"{path} does not exist.", "xlite split --labels CSV")
    return Section(key, title, _audit_blocks(_SplitRecord.read(path, remedy=_SPLIT_REMEDY)))


def _describe_ratios(record: _SplitRecord) -> str:
    """What the test part was chosen by."""
    if record.fold is not None:
        return f"test is fold {record.fold.number}, one of {record.fold.num_folds}"
    if record.hold_out:
        return f"held out: {', '.join(record.hold_out)}"
    if record.official_lists or not record.ratios:
        return "official lists"
    return " / ".join(f"{ratio:g}" for ratio in record.ratios)


def _audit_blocks(record: _SplitRecord) -> list[Block]:
    parts, overlap = record.parts, record.patient_overlap
    leak = (
        f"{overlap} patients stand on two sides: every score below is too good."
        if overlap
        else "No patient stands on two sides."
    )
    facts = {
        "Label table": str(record.source or "–"),
        "Seed": "–" if record.seed is None else str(record.seed),
        "Ratios": _describe_ratios(record),
        "Patients on two sides": str(overlap),
        "Largest deviation of a prevalence": f"{record.max_deviation_pp:.2f} percentage points",
    }
    facts |= {f"SHA-256 of {name}": digest[:16] for name, digest in record.files.items()}
    columns = [Column(title="label", is_number=False)]
    for name in parts:
        columns += [Column(title=name), Column(title=f"{name}, %"), Column(title="± pp")]
    rows = []
    for label in record.labels:
        row = [Cell(label)]
        for part in parts.values():
            count = part.positives[label]
            row += [
                Cell(f"{count:,}", count, is_marked=count < FEW_POSITIVES),
                number(100 * count / part.images, 2),
                number(part.deviation_pp[label], 2, sign=True),
            ]
        rows.append(row)
    none = [Cell(NO_FINDING)]
    images, patients = [Cell("images")], [Cell("patients")]
    for part in parts.values():
        none += [
            number(part.no_finding, 0),
            number(100 * part.no_finding / part.images, 2),
            number(part.deviation_pp.get(NO_FINDING), 2, sign=True),
        ]
        images += [number(part.images, 0), Cell(""), Cell("")]
        patients += [number(part.patients, 0), Cell(""), Cell("")]
    table = Table(
        caption="Positive images of each label and part, their share, and its deviation from that "
        f"of all parts together. * fewer than {FEW_POSITIVES} positives: wide intervals.",
        columns=columns,
        rows=rows,
        foot=[none, images, patients],
    )
    return [Paragraph(leak, is_warning=bool(overlap)), Facts(facts), table]


def describe_balance(experiments_dir: Path) -> Section:
    """The four panels and the table that `xlite verify-balance` wrote."""
    key, title = "balance", "Balance"
    figure, table = experiments_dir / BALANCE_FIGURE, experiments_dir / BALANCE_VERIFICATION
    if not figure.exists() and not table.exists():
        why = f"{experiments_dir} holds neither {figure.name} nor {table.name}."
        return absent_section(key, title, why, "xlite verify-balance --sampler max-entropy")
    blocks: list[Block] = []
    if figure.exists():
        blocks.append(
            Picture(
                # As an image, a drawing can run no script, whoever wrote it.
                draw=partial(data_uri, follow_scheme(figure.read_bytes()), "image/svg+xml"),
                alt="Four panels: images a label, loss weights, the sampler's effect, and both.",
                caption="Images with each finding, weight of a positive in the loss, what the "
                "sampler changes, and both together; rarest label on top.",
                is_wide=True,
            )
        )
    if table.exists():
        blocks.append(_tabulate_balance(table))
    return Section(key, title, blocks)


def _tabulate_balance(path: Path) -> Table:
    lines = read_rows(path, ["label"], remedy=_BALANCE_REMEDY)
    shown = {name: how for name, how in _BALANCE_COLUMNS.items() if lines and name in lines[0]}
    try:
        rows = [
            [
                Cell(line["label"]),
                *(
                    number(float(line[name]) if line[name] else None, digits)
                    for name, (_, digits) in shown.items()
                ),
            ]
            for line in lines
        ]
    except ValueError as error:
        raise InputError(f"{path} has what is no number ({error}). {_BALANCE_REMEDY}") from None
    return Table(
        caption="Share of the shown positives, before and under the sampler, exact and drawn; and "
        "the effective number of images and patients that a label's exposure rests on.",
        columns=[
            Column(title="label", is_number=False),
            *(Column(title=heading) for heading, _ in shown.values()),
        ],
        rows=rows,
    )
