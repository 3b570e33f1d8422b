"""Which columns of a label table hold what."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from xlite.cli.expansion import RARE
from xlite.cli.names import split_quoted_names
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.tables.table_format import TableFormat

_option = partial(
    typer.Option, rich_help_panel="Columns of the label table (NIH's tables need none)"
)

# As in `xlite.results.split`, which would load pydantic for --help.
BlankMeaning = Literal["unknown", "absent"]
FoldRows = Literal["majority", "any", "all"]


@dataclass(frozen=True)
class ColumnOptions:
    """Which columns of a label table hold what."""

    image_col: Annotated[str | None, _option(help="Image file name or path."), RARE] = None
    labels_col: Annotated[str | None, _option(help="Label text."), RARE] = None
    separator: Annotated[str, _option(help="Between two labels."), RARE] = "|"
    label_cols: Annotated[
        str | None,
        _option(help="One column a label, separated by commas: 1, 0, and -1 or empty for unknown."),
        RARE,
    ] = None
    vocabulary: Annotated[
        str | None,
        _option(
            help="The labels that --labels-col may hold: nih, or names separated by commas. "
            "Default: those that occur."
        ),
        RARE,
    ] = None
    patient_col: Annotated[str | None, _option(help="Patient id."), RARE] = None
    part_col: Annotated[
        str | None,
        _option(
            "--split-col",
            help="Part of a split, train, val or test: `xlite split` keeps them.",
        ),
        RARE,
    ] = None
    dataset: Annotated[
        str | None,
        _option(
            metavar="NAME",
            help="Whose tables they are, which says what all columns hold: nih, chexpert, … "
            "(docs/datasets.md), or csv. Default: by the header where it is unmistakable.",
        ),
        RARE,
    ] = None
    blank: Annotated[
        BlankMeaning | None,
        _option(help="What an empty cell of a label means. Default: as the data set has it."),
        RARE,
    ] = None
    fold_rows: Annotated[
        FoldRows | None,
        _option(help="Of readers of one image, who have to name a label. Default: majority."),
        RARE,
    ] = None
    label_map: Annotated[
        str | None,
        _option(
            "--map",
            metavar="NAME|MAP.toml",
            help="Read the labels as those of another vocabulary: nih-to-chexpert, "
            "padchest-to-torchxrayvision, or a file of yours.",
        ),
        RARE,
    ] = None
    dicom: Annotated[
        Path | None,
        _option(
            metavar="DIR",
            help="The films as DICOM: their headers say patient, study date, view, sex and age "
            "where the table does not.",
        ),
        RARE,
    ] = None
    hash_ids: Annotated[
        Path | None,
        _option(
            metavar="KEYFILE",
            help="Write keyed hashes for patients and studies; a file of 16 bytes or more that "
            "only you can read.",
        ),
        RARE,
    ] = None

    def to_table_format(self) -> "TableFormat":
        """The table format that the options describe."""
        from xlite.labels import NIH_LABELS
        from xlite.tables.manifest import IMAGE_COL, LABELS_COL
        from xlite.tables.table_format import TableFormat

        if self.label_cols and (self.labels_col or self.vocabulary):
            other = "--labels-col" if self.labels_col else "--vocabulary"
            raise InputError(f"{other} and --label-cols exclude each other. Pass one.")
        if not self.separator:
            raise InputError("--separator is empty. Pass what stands between two labels: ';'.")
        names = split_quoted_names(self.vocabulary or "")
        return TableFormat(
            image_col=self.image_col or IMAGE_COL,
            labels_col=self.labels_col or LABELS_COL,
            separator=self.separator,
            label_cols=split_quoted_names(self.label_cols or ""),
            patient_col=self.patient_col,
            part_col=self.part_col,
            blank=self.blank,
            dataset=self.dataset,
            fold_rows=self.fold_rows,
            vocabulary=NIH_LABELS if self.vocabulary == "nih" else names,
            label_map=self.label_map,
            dicom=self.dicom,
            hash_ids=self.hash_ids,
        )
