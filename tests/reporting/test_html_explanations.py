from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xlite.reporting.html_explanations import describe_explanations
from xlite.reporting.html_page import Block, Paragraph, Picture, Section, Table, render_page
from xlite.results.explanation import (
    Beside,
    Explanation,
    GalleryPicture,
    LabelLocalisation,
    Measure,
    Randomisation,
    RandomisedStage,
)

EVIL = "<img src=x onerror=alert(1)>"


def localise(value: float) -> LabelLocalisation:
    beside = Beside(value=0.25, low=0.2, high=0.3, gain=0.5, gain_low=0.25, gain_high=math.nan)
    gained = replace(beside, gain_high=0.75)
    measure = Measure(
        value=value, low=0.5, high=1.0, centre=gained, mean_box=beside, randomised=gained
    )
    return LabelLocalisation(
        films=12,
        patients=10,
        boxes=13,
        called=9,
        empty=0,
        pointing=measure,
        energy=measure,
        iou=measure,
        threshold=0.4,
    )


def write_explanation(experiments: Path, place: str, **changes: object) -> Path:
    pictures = tuple(
        GalleryPicture(
            label=label, file=f"gallery_{label}.png", threshold=0.3, counts={"true": 3}, films=()
        )
        for label in "ABCDEFGH"
    )
    made = Explanation(
        name=place,
        run="runs/a",
        model="m",
        method="gradcam",
        labels=("A", "H"),
        films=40,
        patients=30,
        maps=80,
        map_side=(7, 7),
        thresholds="the run's own",
        boxes_left_out={"outside the film": 2, "of another film": 0},
        overall=localise(0.625),
        per_class={"H": localise(0.75)},
        randomisation=Randomisation(
            maps=8,
            patients=8,
            care="cares",
            stages=(
                RandomisedStage(
                    layers="the head", similarity=0.125, low=0.0, high=0.25, by_draw=(0.125,)
                ),
            ),
        ),
        gallery=pictures,
        notes=("9 maps are empty.",),
    )
    folder = experiments / "explanations" / place
    folder.mkdir(parents=True)
    for picture in pictures:
        Image.fromarray(np.zeros((20, 40), np.uint8)).save(folder / picture.file)
    (folder / "localisation.json").write_text(json.dumps(replace(made, **changes).to_json()))  # type: ignore[arg-type]
    return folder


def of_kind(section: Section, kind: type[Block]) -> list[Block]:
    return [block for block in section.blocks if isinstance(block, kind)]


def texts(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, Paragraph)]


def test_maps_stand_beside_other_maps_and_new_weights(tmp_path: Path) -> None:
    assert describe_explanations(tmp_path).is_absent
    write_explanation(tmp_path, "a")
    section = describe_explanations(tmp_path)
    stages, pointing, *_ = (b for b in section.blocks if isinstance(b, Table))
    assert [[cell.text for cell in row] for row in stages.rows] == [
        ["the head", "0.12", "0.000 to 0.250"]
    ]
    expected = [
        *("12", "0.750 (0.500 to 1.000)", "+0.500 (+0.250 to +0.750)"),
        *("+0.500", "+0.500 (+0.250 to +0.750)"),
    ]
    assert [[cell.text for cell in row] for row in pointing.rows] == [["H", *expected]]
    assert pointing.foot[0][2].value == 0.625
    assert len(of_kind(section, Table)) == 4
    said = texts(section)
    assert said[0].startswith("The maps care for the weights")
    assert "Boxes that were not judged: 2 (outside the film)." in said
    # A label with boxes comes first, and the page stays small.
    pictures = [block for block in section.blocks if isinstance(block, Picture)]
    assert [picture.caption[0] for picture in pictures] == ["H", *"ABCDE"]
    assert "In the folder a there are pictures of F, G, too." in said


@pytest.mark.parametrize(
    ("care", "word"), [("does not care", "say nothing"), ("unsettled", "not settled")]
)
def test_maps_that_do_not_care_are_said_to_be_so(tmp_path: Path, care: str, word: str) -> None:
    stages = Randomisation(maps=8, patients=8, care=care, stages=())  # type: ignore[arg-type]
    write_explanation(tmp_path, "a", randomisation=stages, overall=None, per_class={})
    section = describe_explanations(tmp_path)
    said = [block for block in section.blocks if isinstance(block, Paragraph)]
    assert word in said[0].text
    assert said[0].is_warning == (care == "does not care")
    assert of_kind(section, Table) == []
    assert said[1].text == "Without boxes nobody knows whether the maps point rightly."


def test_what_is_damaged_is_named_and_no_other_file_is_opened(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "secret.png")
    folder = write_explanation(
        tmp_path,
        "a",
        name=EVIL,
        gallery=tuple(
            GalleryPicture(label=EVIL, file=file, threshold=math.nan, counts={}, films=())
            for file in ("gallery_A.png", "../../secret.png", "gallery_B.png")
        ),
    )
    (folder / "gallery_A.png").write_bytes(b"no picture")
    (write_explanation(tmp_path, "b") / "localisation.json").write_text("{")
    section = describe_explanations(tmp_path)
    said = texts(section)
    assert any("gallery_A.png can't be shown" in text for text in said)
    assert any("secret.png can't be shown" in text for text in said)
    assert any(text.startswith("the explanation b is left out") for text in said)
    assert len(of_kind(section, Picture)) == 1
    page = render_page("t", "i", [section])
    assert EVIL not in page
    assert "&lt;img" in page
