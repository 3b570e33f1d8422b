"""Predictions, thresholds and subgroups that are not what they are taken for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hostile.cases import DONE, Case, nothing, run_case
from hostile.command_lines import (
    EITHER,
    FAILED,
    JUDGE,
    JUDGE_CSV,
    JUDGE_TEST,
    JUDGED,
    NAMED,
    REFUSED,
)
from hostile.commands import Commands
from hostile.spoil import (
    DIGITS,
    FILE_FAULTS,
    Fault,
    edit,
    edit_bytes,
    edit_rows,
    gzip_bomb,
    on,
    swap,
    with_value,
)

Rows = list[list[str]]


def judged(
    name: str,
    fault: Fault,
    says: str = r"val\.csv",
    *,
    ends: tuple[int, ...] = REFUSED,
    options: str = "",
) -> Case:
    """Anyone's predictions of the validation part."""
    return Case(
        name=f"predictions {name}",
        spoil=on("val.csv", fault),
        command=f"{JUDGE_CSV} {options}",
        says=says,
        says_when_done=False,
        ends=ends,
        writes=JUDGED if DONE in ends else (),
    )


def cells(change: Callable[[Rows], object]) -> Fault:
    return edit_rows(change)


def put(row: int, column: int, text: str) -> Fault:
    """The cell in this row (the header is 0) and column has another text."""
    return edit_rows(lambda rows: rows[row].__setitem__(column, text))


def truth_as_predictions(rows: Rows) -> None:
    """Every probability is 0 or 1, and the header has labels alone."""
    rows[0] = [name.removeprefix("prob_") for name in rows[0]]
    for number, row in enumerate(rows[1:]):
        row[1:] = [str((number + k) % 2) for k in range(1, len(row))]


def truth_beside(name: str, prob: str) -> Fault:
    """One label alone: a 0/1 column called `name`, and probs in a column called `prob`."""

    def change(rows: Rows) -> None:
        for number, row in enumerate(rows):
            row[1:] = [name, prob] if number == 0 else [str(number % 2), row[1]]

    return edit_rows(change)


def rename_columns(change: Callable[[str], str]) -> Fault:
    return edit_rows(lambda rows: rows.__setitem__(0, [rows[0][0], *map(change, rows[0][1:])]))


def keep_rows(count: int) -> Fault:
    return edit_rows(lambda rows: rows.__delitem__(slice(count + 1, None)))


CONTENT = [
    *(judged(f"are {name}", fault) for name, fault in FILE_FAULTS.items()),
    judged("are a gzip bomb", gzip_bomb),
    judged("begin as gzip does", edit_bytes(lambda data: b"\x1f\x8b" + data)),
    judged("have old-Mac line ends", edit(lambda text: text.replace("\n", "\r")), ends=NAMED),
    judged("have a byte order mark", edit(lambda text: "\ufeff" + text), ends=(DONE,)),
    judged("have Windows' line ends", edit(lambda text: text.replace("\n", "\r\n")), ends=(DONE,)),
    judged("have semicolons", edit(lambda text: text.replace(",", ";")), ends=(DONE,)),
    judged("have decimal commas", edit(lambda text: text.replace(",", ";").replace(".", ","))),
    judged("are their own truth", cells(truth_as_predictions)),
    judged("have the truth beside Prob_", truth_beside("Edema", "Prob_Edema"), ends=NAMED),
    judged("have the truth beside PROB_", truth_beside("Edema", "PROB_Edema"), ends=NAMED),
    judged("have the truth as prob_", truth_beside("prob_Edema", "other")),
    judged(
        "have a column twice",
        rename_columns(lambda name: "prob_Edema" if name in ("prob_Edema", "prob_Mass") else name),
        "Edema",
    ),
    judged(
        "have a column twice in another case",
        rename_columns(lambda name: "prob_edema" if name == "prob_Mass" else name),
        "Edema",
    ),
    judged("have an image column twice", cells(lambda rows: rows[0].__setitem__(1, "image_id"))),
    judged(
        "have two image columns",
        cells(lambda rows: rows[0].__setitem__(1, "Image Index")),
        ends=NAMED,
    ),
    judged("have no image column", swap("image_id", "x"), "image"),
    judged("have no label's column", rename_columns(lambda name: "x" + name), "prob_"),
    judged(
        "lack a label",
        rename_columns(lambda name: "x" if name == "prob_Edema" else name),
        "Edema",
        ends=NAMED,
    ),
    judged("have columns of other labels", rename_columns(lambda name: name + "s")),
    judged("lack half of the images", keep_rows(8), "images", ends=NAMED),
    judged("have one image", keep_rows(1), "", ends=NAMED),
    judged("have a header alone", keep_rows(0), "no rows"),
    judged("have an image twice", cells(lambda rows: rows.append(rows[1])), "row"),
    judged(
        "have an image twice in a folder",
        cells(lambda rows: rows.append(["a/" + rows[1][0], *rows[1][1:]])),
        "row",
    ),
    judged(
        "are of strangers",
        cells(lambda rows: [row.__setitem__(0, "x" + row[0]) for row in rows[1:]]),
        "no image",
    ),
    judged("have a stranger", put(2, 0, "stranger.png"), "no prediction"),
    judged("have no name", put(2, 0, ""), "row 3"),
    judged("have a name of escapes", put(2, 0, "\x1b[2J"), "", ends=NAMED),
    judged("have a name of 100,000 letters", put(2, 0, "x" * 100_000), "", ends=NAMED),
    *(
        judged(f"have a prob of {text[:12]!r}", put(2, 3, text), "row 3")
        for text in (
            "",
            "nan",
            "NA",
            "inf",
            "-inf",
            "1.5",
            "-0.1",
            "abc",
            "1e400",
            "0x1p-1",
            "True",
            DIGITS,
            "5%",
            "\x1b[31m",
            "１",
        )
    ),
    judged("have a prob of -0", put(2, 3, "-0.0"), "", ends=(DONE,)),
    judged("have a prob of 1e-300", put(2, 3, "1e-300"), "", ends=(DONE,)),
    judged("have a cell too many", cells(lambda rows: rows[3].append("0.5")), "row 4"),
    judged("have a cell too few", cells(lambda rows: rows[3].pop()), "row 4"),
    judged(
        "have a cell of 300,000 letters",
        cells(lambda rows: [row.append("x" * 300_000) for row in rows]),
        "",
        ends=NAMED,
    ),
    judged("have a quote that is not closed", put(3, 0, '"00'), ""),
    judged(
        "have 5,000 more columns",
        cells(lambda rows: [row.extend(["1"] * 5_000) for row in rows]),
        "",
        ends=NAMED,
    ),
    judged(
        "are all alike",
        cells(
            lambda rows: [
                row.__setitem__(slice(1, None), ["0.5"] * (len(row) - 1)) for row in rows[1:]
            ]
        ),
        "",
        ends=NAMED,
    ),
    judged(
        "are all 0",
        cells(
            lambda rows: [
                row.__setitem__(slice(1, None), ["0"] * (len(row) - 1)) for row in rows[1:]
            ]
        ),
        "",
        ends=NAMED,
    ),
    judged(
        "are logits",
        cells(lambda rows: [row.__setitem__(1, "-3.2") for row in rows[1:]]),
        r"\[0, 1\]",
    ),
]

OPTIONS = [
    Case(
        name="evaluate with the thresholds of these images",
        spoil=nothing,
        command=f"{JUDGE_CSV} --thresholds thresholds.json",
        says="fitted",
        ends=FAILED,
    ),
    *(
        Case(name=f"evaluate {name}", spoil=nothing, command=f"{command}", says=says)
        for name, says, command in (
            ("of nothing", "RUN|--predictions", "evaluate"),
            ("of both", "predictions|one", f"evaluate {{run}} --predictions val.csv {JUDGE}"),
            (
                "without labels",
                "nowhere",
                f"evaluate --predictions val.csv {JUDGE} --labels nowhere.csv",
            ),
            (
                "of labels as predictions",
                "splits/val.csv",
                f"evaluate --predictions data/splits/val.csv --labels data/splits/val.csv {JUDGE}",
            ),
            (
                "of predictions as labels",
                "val.csv",
                f"evaluate --predictions val.csv --labels val.csv {JUDGE}",
            ),
            ("by an image's name", "Image Index", f"{JUDGE_CSV} --by 'Image Index'"),
            ("by a column that is not there", "Scanner", f"{JUDGE_CSV} --by Scanner"),
            ("with too few resamples", "resamples", f"{JUDGE_CSV} --resamples 1"),
            ("with 2 billion resamples", "resamples", f"{JUDGE_CSV} --resamples 2000000000"),
            ("with resamples of text", "resamples", f"{JUDGE_CSV} --resamples many"),
            ("at level 2", "level", f"{JUDGE_CSV} --level 2"),
            ("at level NaN", "level", f"{JUDGE_CSV} --level nan"),
            ("with a negative seed", "seed", f"{JUDGE_CSV} --seed=-1"),
            ("with a seed of 5,000 digits", "seed", f"{JUDGE_CSV} --seed {DIGITS}"),
            ("of a part that is none", "part", f"{JUDGE_CSV} --part train"),
            ("fitted by luck", "luck", f"{JUDGE_CSV} --fit luck"),
            ("fitted at a sensitivity of 2", "sensitivity", f"{JUDGE_CSV} --fit sensitivity:2"),
            ("fitted at a sensitivity of NaN", "sensitivity", f"{JUDGE_CSV} --fit sensitivity:nan"),
            (
                "fitted at a sensitivity of nothing",
                "sensitivity",
                f"{JUDGE_CSV} --fit sensitivity:",
            ),
            ("calibrated by luck", "luck", f"{JUDGE_CSV} --calibrate luck"),
            ("with --tta of a file", "tta", f"{JUDGE_CSV} --tta"),
            (
                "with thresholds that are not there",
                "nowhere",
                f"{JUDGE_CSV} --thresholds nowhere.json",
            ),
            (
                "with thresholds fitted and given",
                "thresholds",
                f"{JUDGE_TEST} --thresholds thresholds.json --fit youden",
            ),
            (
                "with thresholds saved over the labels",
                "data/splits/val.csv",
                f"{JUDGE_CSV} --save-thresholds data/splits/val.csv",
            ),
            (
                "with thresholds saved over another's file",
                "thesis",
                f"{JUDGE_CSV} --save-thresholds ../foreign/thesis.csv",
            ),
            (
                "with thresholds saved below a file",
                "val.csv",
                f"{JUDGE_CSV} --save-thresholds val.csv/x.json",
            ),
            (
                "into a run's own folder",
                "run",
                "evaluate {run} --resamples 100 --no-figures --out experiments/runs/{run}",
            ),
        )
    ),
]

THRESHOLDS_CSV = f"{JUDGE_TEST} --thresholds thresholds.json"
PLACE = ("per_class", "Edema")

THRESHOLDS = [
    Case(
        name=f"thresholds with {key} = {value!r}",
        spoil=on("thresholds.json", with_value(value, *PLACE, key)),
        command=THRESHOLDS_CSV,
        says=r"thresholds\.json",
    )
    for key, values in {
        "threshold": (float("nan"), float("inf"), -0.1, 2.0, "0.5", [0.5], True),
        "slope": (float("nan"), float("inf"), -1.0, 0.0, "1"),
        "intercept": (float("nan"), float("-inf"), "1", None),
    }.items()
    for value in values
] + [
    Case(
        name=f"thresholds with {'.'.join(keys)} = {value!r}",
        spoil=on("thresholds.json", with_value(value, *keys)),
        command=THRESHOLDS_CSV,
        says=r"thresholds\.json",
        says_when_done=False,
        ends=ends,
        writes=JUDGED if DONE in ends else (),
    )
    for value, keys, ends in (
        ({}, ("per_class",), REFUSED),
        (
            {"Mess": {"threshold": 0.5, "slope": 1.0, "intercept": 0.0, "notes": []}},
            ("per_class",),
            REFUSED,
        ),
        ("luck", ("method",), EITHER),
        ("luck", ("calibration",), REFUSED),
        ("zz", ("fitted_on", "marks"), REFUSED),
        ("", ("fitted_on", "marks"), EITHER),
        (-5, ("fitted_on", "images"), EITHER),
        ("\x1b[2J", ("fitted_on", "name"), EITHER),
    )
]

CASES = [*CONTENT, *OPTIONS, *THRESHOLDS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_predictions(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)
