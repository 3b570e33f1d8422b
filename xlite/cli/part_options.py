"""What the parts of a split are: shares, lists, folds, or a test part that is held out."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from xlite.errors import InputError

_option = partial(typer.Option, rich_help_panel="Parts")


@dataclass(frozen=True)
class PartOptions:
    """What the parts of a split are."""

    ratios: Annotated[
        str | None,
        _option(help="Shares of images for training, validation and test. Default: 70/15/15."),
    ] = None
    train_val_list: Annotated[
        Path | None, _option(metavar="TXT", help="NIH's official train_val_list.txt.")
    ] = None
    test_list: Annotated[
        Path | None, _option(metavar="TXT", help="NIH's official test_list.txt.")
    ] = None
    official: Annotated[
        bool,
        _option(
            "--official",
            help="Keep the parts that the source itself has (docs/datasets.md), and carve what it "
            "has not out of its training part.",
        ),
    ] = False
    hold_out: Annotated[
        list[str] | None,
        _option(
            metavar="COLUMN=VALUE",
            help="Test on the images with this value alone: view=AP, or any column of the table. "
            "May be repeated for values of one column.",
        ),
    ] = None
    folds: Annotated[
        int | None, _option(min=2, metavar="K", help="Make K folds: splits, each with one as test.")
    ] = None
    repeats: Annotated[
        int | None,
        _option(min=1, metavar="R", help="With --folds: how often to deal them out. Default: 1."),
    ] = None
    val: Annotated[
        float | None,
        _option(
            metavar="SHARE",
            help="With --folds or --hold-out: validation's share of the images outside test. "
            "Default: 0.15.",
        ),
    ] = None
    no_val: Annotated[
        bool,
        _option("--no-val", help="No validation part: for small sets, where nothing is selected."),
    ] = False
    stratify: Annotated[
        list[str] | None,
        _option(
            metavar="COLUMN",
            help="Stratify over this column, too: view, age, sex or any of the table. May be "
            "repeated.",
        ),
    ] = None
    subset: Annotated[
        float | None, _option(help="Keep this fraction of training, by whole patients.")
    ] = None

    def for_folds(self) -> dict[str, Any]:
        """Arguments of `make_folds`; InputError for options that make a single split."""
        single = ("hold_out", "ratios", "train_val_list", "test_list", "official", "subset")
        for name in single:
            if getattr(self, name) not in (None, [], False):
                raise InputError(
                    f"--{name.replace('_', '-')} is of a single split, and --folds makes one a "
                    "fold. Pass one of the two."
                )
        return {"folds": self.folds, "repeats": self.repeats or 1, **self._for_both()}

    def for_split(self) -> dict[str, Any]:
        """Arguments of `split_by_patient`."""
        from xlite.splitting.split import RATIOS

        if self.repeats is not None:
            raise InputError("--repeats goes with --folds. Pass --folds K, too.")
        if self.val is not None and not self.hold_out:
            raise InputError(
                "--val goes with --folds or --hold-out. Of a split by shares validation's is the "
                "second of --ratios."
            )
        return {
            "ratios": RATIOS if self.ratios is None else self.ratios,
            "train_val_list": self.train_val_list,
            "test_list": self.test_list,
            "official": self.official,
            "hold_out": self.hold_out or (),
            "subset": self.subset,
            **self._for_both(),
        }

    def _for_both(self) -> dict[str, Any]:
        from xlite.splitting.carving import VAL

        if self.val is not None and self.no_val:
            raise InputError("--val and --no-val exclude each other. Pass one.")
        val = VAL if self.val is None else self.val
        return {"val": None if self.no_val else val, "stratify": self.stratify or ()}
