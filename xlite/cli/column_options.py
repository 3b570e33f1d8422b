"""Which columns of a label table hold what."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from xlite.cli.expansion import RARE
from xlite.cli.names import split_quoted_names
from xlite.cli.option_values import read_choice
from xlite.cli.source_options import COLUMNS, SourceOptions
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.tables.table_format import TableFormat

_option = partial(typer.Option, rich_help_panel=COLUMNS)


@dataclass(frozen=True)
class ColumnOptions(SourceOptions):
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

    def to_table_format(self) -> "TableFormat":
        """The table format that the options describe."""
        from xlite.labels import NIH_LABELS
        from xlite.results.split import Blank, FoldRule
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
            blank=read_choice("--blank", self.blank, get_args(Blank)),
            dataset=self.dataset,
            fold_rows=read_choice("--fold-rows", self.fold_rows, get_args(FoldRule)),
            vocabulary=NIH_LABELS if self.vocabulary == "nih" else names,
            label_map=self.label_map,
            dicom=self.dicom,
            hash_ids=self.hash_ids,
        )
