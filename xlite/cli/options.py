"""Options that mean the same thing in every command, and what their values become."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.cli.names import split_quoted_names
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.tables.label_table import TableFormat

DATA = "Data"
_COLUMNS = "Columns of the label table (NIH's tables need none)"

Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Label table, .csv or .csv.gz. Default: data/Data_Entry_2017*.csv.",
        rich_help_panel=DATA,
    ),
]
CheckedLabels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Label table that the split has to agree with. Default: the split's own labels.",
        rich_help_panel=DATA,
    ),
]
SplitDir = Annotated[
    Path,
    typer.Option(
        "--split", metavar="DIR", help="Folder written by `xlite split`.", rich_help_panel=DATA
    ),
]
CacheDir = Annotated[
    Path,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Folder written by `xlite cache-clahe`.",
        rich_help_panel=DATA,
    ),
]
RuntimeImages = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="DIR",
        help="Compute CLAHE at each loading from this folder instead of a cache: slow.",
        rich_help_panel=DATA,
    ),
]
AllowPartial = Annotated[
    bool,
    typer.Option(
        "--allow-partial",
        help="Judge predictions that lack images or labels of the table by what is there.",
    ),
]
ExperimentsDir = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder for runs and tables.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Skip finished runs and continue unfinished ones.")
]


def require_seed(seed: int) -> int:
    """The seed; InputError for one that some library would refuse after hours, or take modulo."""
    from xlite.settings import LARGEST_SEED

    if seed > LARGEST_SEED:
        raise InputError(f"a seed is at most {LARGEST_SEED}. Pass a smaller --seed.")
    return seed


Seed = Annotated[
    int,
    typer.Option("--seed", min=0, callback=require_seed, help="Seed of every random choice."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@dataclass(frozen=True)
class ColumnOptions:
    """Which columns of a label table hold what."""

    image_col: Annotated[
        str | None, typer.Option(help="Image file name or path.", rich_help_panel=_COLUMNS)
    ] = None
    labels_col: Annotated[
        str | None, typer.Option(help="Label text.", rich_help_panel=_COLUMNS)
    ] = None
    separator: Annotated[
        str, typer.Option(help="Between two labels.", rich_help_panel=_COLUMNS)
    ] = "|"
    label_cols: Annotated[
        str | None,
        typer.Option(
            help="One column a label, separated by commas: 1, 0, and -1 or empty for unknown.",
            rich_help_panel=_COLUMNS,
        ),
    ] = None
    vocabulary: Annotated[
        str | None,
        typer.Option(
            help="The labels that --labels-col may hold: nih, or names separated by commas. "
            "Default: those that occur.",
            rich_help_panel=_COLUMNS,
        ),
    ] = None
    patient_col: Annotated[
        str | None, typer.Option(help="Patient id.", rich_help_panel=_COLUMNS)
    ] = None

    def to_table_format(self) -> "TableFormat":
        """The table format that the options describe."""
        from xlite.labels import NIH_LABELS
        from xlite.tables.label_table import TableFormat
        from xlite.tables.manifest import IMAGE_COL, LABELS_COL

        if self.label_cols and (self.labels_col or self.vocabulary):
            other = "--labels-col" if self.labels_col else "--vocabulary"
            raise InputError(f"{other} and --label-cols exclude each other. Pass one.")
        if not self.separator:
            raise InputError("--separator is empty. Pass what stands between two labels: ';'.")
        return TableFormat(
            image_col=self.image_col or IMAGE_COL,
            labels_col=self.labels_col or LABELS_COL,
            separator=self.separator,
            label_cols=split_quoted_names(self.label_cols or ""),
            patient_col=self.patient_col,
            vocabulary=NIH_LABELS
            if self.vocabulary == "nih"
            else split_quoted_names(self.vocabulary or ""),
        )
