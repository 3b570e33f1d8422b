"""The report's sections: what each shows of its files and arrays."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import write_run
from xlite.errors import InputError
from xlite.reporting.html_figures import Effect, draw_forest
from xlite.reporting.html_mistakes import describe_mistakes, encode_thumbnail, find_mistakes
from xlite.reporting.html_page import Gallery, Paragraph, Picture, Section, Table, render_page
from xlite.reporting.html_project import describe_balance, describe_split
from xlite.reporting.html_runs import (
    describe_operating_curves,
    describe_runs,
    describe_scores,
)
from xlite.reporting.run_groups import rank_runs
from xlite.run_folder.listing import list_runs
from xlite.scores.class_scores import score_classes
from xlite.scores.ranking import macro_mean
from xlite.settings import LossSettings, TrainSettings

LABELS = ("Mass", "<b>Nodule</b>", "Edema")


@dataclass(frozen=True, eq=False, kw_only=True)
class Images:
    name: str
    image_ids: NDArray[Any]
    patient_ids: NDArray[Any]
    targets: NDArray[np.int8]
    probs: NDArray[np.float64]
    vocabulary: tuple[str, ...]


@pytest.fixture
def images() -> Images:
    rng = np.random.default_rng(5)
    targets = (rng.random((200, 3)) < (0.4, 0.2, 0.0)).astype(np.int8)
    targets[:5, 0] = -1
    return Images(
        name="run <a> $x$",
        image_ids=np.array([f"{i}.png" for i in range(200)], dtype=object),
        patient_ids=np.array([f"p{i // 2}" for i in range(200)], dtype=object),
        targets=targets,
        probs=np.clip(0.3 * (targets == 1) + 0.6 * rng.random((200, 3)), 0, 1),
        vocabulary=LABELS,
    )


def tables(section: Section) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


def texts(section: Section) -> str:
    return "\n".join(block.text for block in section.blocks if isinstance(block, Paragraph))


def decode(uri: str) -> str:
    return base64.b64decode(uri.partition(",")[2]).decode()


def write_record(folder: Path, **changes: Any) -> None:
    part = {"images": 50, "patients": 20, "no_finding": 10}
    part |= {"positives": {"Mass": 29, "Edema": 30}, "deviation_pp": {"Mass": -1.5, "Edema": 0.5}}
    record = {
        "source": "table.csv",
        "seed": 3,
        "ratios": [0.7, 0.15, 0.15],
        "labels": ["Mass", "Edema"],
        "patient_overlap": 0,
        "max_deviation_pp": 1.5,
        "parts": {"train": part, "val": part},
        "files": {"train.csv": "a" * 64},
    }
    (folder / "split.json").write_text(json.dumps(record | changes))


def test_the_split_section_shows_counts_and_marks_few_positives(tmp_path: Path) -> None:
    write_record(tmp_path)
    section = describe_split(tmp_path)
    assert "No patient" in texts(section)
    [table] = tables(section)
    mass, edema = table.rows
    assert [cell.text for cell in mass] == ["Mass", *("29", "58.00", "−1.50") * 2]
    assert (mass[1].is_marked, edema[1].is_marked) == (True, False)
    assert [row[1].text for row in table.foot] == ["10", "50", "20"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ratios": [0.7, 0.15, 0.15]}, "0.7 / 0.15 / 0.15"),
        ({"official_lists": True, "ratios": [0.7, 0.15, 0.15]}, "official lists"),
        ({"ratios": None, "hold_out": ["view=AP"]}, "held out: view=AP"),
        (
            {"ratios": None, "fold": {"number": 7, "num_folds": 5, "repeat": 1}},
            "test is fold 7, one of 5",
        ),
    ],
)
def test_what_the_parts_were_chosen_by_is_shown(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    write_record(tmp_path, **changes)
    assert says in str(describe_split(tmp_path).blocks)


def test_leakage_is_a_warning_at_the_top(tmp_path: Path) -> None:
    write_record(tmp_path, patient_overlap=4)
    first = describe_split(tmp_path).blocks[0]
    assert isinstance(first, Paragraph)
    assert first.is_warning
    assert "4 patients stand on two sides" in first.text


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    write_record(tmp_path, parts=None)
    with pytest.raises(InputError, match=r"split\.json has None in 'parts'"):
        describe_split(tmp_path)
    (tmp_path / "data_balance_verification.csv").write_text("label,count\nMass,many\n")
    with pytest.raises(InputError, match=r"verification\.csv has what is no number"):
        describe_balance(tmp_path)


def test_the_balance_section_has_figure_and_table(tmp_path: Path) -> None:
    assert describe_balance(tmp_path).is_absent
    (tmp_path / "balance.svg").write_text("<svg/>")
    (tmp_path / "data_balance_verification.csv").write_text(
        "label,count,exact_pct,unknown\nMass,1200,7.25,x\n<i>,3,,x\n"
    )
    section = describe_balance(tmp_path)
    picture, table = section.blocks
    assert isinstance(picture, Picture)
    assert decode(picture.draw()) == "<svg/>"
    assert isinstance(table, Table)
    assert [column.title for column in table.columns] == ["label", "images", "exact, %"]
    assert [[c.text for c in row] for row in table.rows] == [
        ["Mass", "1,200", "7.25"],
        ["<i>", "3", "–"],
    ]


def add_run(
    experiments: Path, name: str, auroc: float | None, *, finished: bool = True, seed: int = 1
) -> None:
    macro = {"auroc": auroc, "average_precision": 0.2, "f1": None}
    write_run(
        experiments / "runs" / name,
        TrainSettings(model="m", seed=seed, epochs=3, loss=LossSettings(name="bce")),
        scores={"best_epoch": 2, "val": {"macro": macro}},
        history="epoch,lr,train_loss,val_loss,val_auroc\n1,0.1,2,1,\n",
        is_finished=finished,
    )


def test_runs_are_listed_best_first_and_unfinished_last(tmp_path: Path) -> None:
    add_run(tmp_path, "worse", 0.6)
    add_run(tmp_path, "begun", None, finished=False)
    add_run(tmp_path, "undefined", None)
    add_run(tmp_path, "better", 0.7)
    runs = rank_runs(list_runs(tmp_path)[0])
    assert [run.name for run in runs] == ["better", "worse", "begun", "undefined"]
    [table] = tables(describe_runs(runs, ["better"]))
    assert [cell.text for cell in table.rows[0]] == [
        *("better", "m", "bce", "none", "1", "3", "2", "0.700", "0.200", "–", "1.5"),
    ]
    assert [cell.text for cell in table.rows[2]][4:8] == ["1", "1", "–", "–"]
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_settings_of_several_seeds_are_given_by_their_mean(tmp_path: Path) -> None:
    for seed, auroc in enumerate((0.6, 0.75, 0.65)):
        add_run(tmp_path, f"s{seed}", auroc, seed=seed)
    _, table = tables(describe_runs(list_runs(tmp_path)[0], []))
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["m, loss bce", "3", "0.667", "0.600", "0.750", "0.200", "–"]
    ]


def test_a_run_that_cannot_be_read_is_named_beside_the_others(tmp_path: Path) -> None:
    add_run(tmp_path, "damaged", 0.5)
    add_run(tmp_path, "whole", 0.6)
    (tmp_path / "runs" / "damaged" / "history.csv").write_text("epoch,train_loss\n1,first\n")
    runs, faults = list_runs(tmp_path)
    section = describe_runs(rank_runs(runs), [], faults)
    warning = section.blocks[0]
    assert isinstance(warning, Paragraph)
    assert "damaged is left out" in warning.text
    assert "history.csv has what is no number" in warning.text
    [table] = tables(section)
    assert [row[0].text for row in table.rows] == ["whole"]


def test_scores_are_those_of_the_score_functions(images: Images) -> None:
    [table] = tables(describe_scores([images]))
    expected = score_classes(images.targets, images.probs, groups=images.patient_ids)
    for c, row in enumerate(table.rows):
        assert row[0].text == LABELS[c]
        assert row[1].value == (images.targets[:, c] == 1).sum()
    assert table.rows[0][3].value == expected["auroc"][0]
    assert table.rows[0][4].value == expected["auroc_low"][0]
    assert [row[0].is_marked for row in table.rows] == [False, False, True]
    assert table.rows[2][3].text == "–", "a label without positives has no AUROC"
    [macro] = table.foot
    assert macro[3].value == macro_mean(expected["auroc"])[0]
    low, high = (float(text) for text in macro[4].text.split(" to "))
    assert low < macro[3].value < high
    assert len(macro) == len(table.columns) == len(table.rows[0])


def test_curves_have_a_panel_a_label_and_survive_odd_names(images: Images) -> None:
    other = replace(images, name="other", probs=1 - images.probs)
    section = describe_operating_curves([images, other])
    pictures = [block for block in section.blocks if isinstance(block, Picture)]
    assert len(pictures) == 3
    for picture in pictures:
        assert picture.draw().startswith("data:image/svg+xml;base64,")
        # matplotlib names each panel's group axes_N.
        assert len(set(re.findall(r'id="(axes_\d+)"', decode(picture.draw())))) == 3


def test_a_forest_cuts_what_no_score_can_reach() -> None:
    wide = decode(draw_forest([Effect("a", 0.1, -7000, 7000)], axis_title="change"))
    tame = decode(draw_forest([Effect("a", 0.1, -0.2, 0.4)], axis_title="change"))
    none = decode(draw_forest([Effect("a", 0.1, np.nan, np.nan)], axis_title="change"))
    # The two arrowheads are two more lines.
    count = [text.count('<g id="line2d') for text in (wide, tame)]
    assert count[0] > 0
    assert "7000" not in wide
    assert none.startswith("<?xml")
    assert wide != tame


def test_mistakes_are_the_largest_losses_and_skip_what_is_unknown() -> None:
    targets = np.array([[1, 0], [1, 0], [0, -1], [-1, 0], [0, 0]], dtype=np.int8)
    probs = np.array([[0.9, 0.8], [0.1, 0.2], [0.7, 1.0], [0.0, 0.95], [0.3, 0.4]])
    run = Images(
        name="r",
        image_ids=np.array(list("abcde"), dtype=object),
        patient_ids=np.arange(5),
        targets=targets,
        probs=probs,
        vocabulary=("x", "y"),
    )
    found = find_mistakes(run, num_images=2)
    assert [(m.row, m.column, m.prob, m.is_missed) for m in found] == [
        (1, 0, 0.1, True),
        (0, 0, 0.9, True),
        (3, 1, 0.95, False),
        (0, 1, 0.8, False),
    ]
    pixels = {name: np.full((300, 300), 90, np.uint8) for name in "abc"}
    section = describe_mistakes(run, found, pixels)
    galleries = [block for block in section.blocks if isinstance(block, Gallery)]
    assert [len(gallery.pictures) for gallery in galleries] == [2, 1]
    assert galleries[1].pictures[0].caption == "y: 0.800\nlabels: x\na"
    assert "1 images are not in the cache" in texts(section)
    assert describe_mistakes(run, found, {}).is_absent
    assert describe_mistakes(None, [], {}).is_absent


def test_a_thumbnail_is_small_and_true() -> None:
    from PIL import Image

    ramp = np.tile(np.linspace(0, 255, 512).astype(np.uint8), (512, 1))
    content = encode_thumbnail(ramp)
    assert len(content) < 20_000
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (224, 224)
        assert np.abs(np.asarray(image)[0].astype(int) - np.linspace(0, 255, 224)).max() < 8


def test_labels_and_names_cannot_inject_markup(images: Images) -> None:
    sections = [
        describe_scores([images]),
        describe_operating_curves([images]),
        describe_mistakes(
            images,
            find_mistakes(images, num_images=3),
            {name: np.zeros((8, 8), np.uint8) for name in images.image_ids},
        ),
    ]
    page = render_page("t", "i", sections)
    assert "&lt;b&gt;Nodule" in page
    assert "<b>" not in page
    assert "<a>" not in page
