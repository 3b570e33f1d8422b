from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from xlite.reporting.balance_figures import BalancePanels, draw_balance
from xlite.sampling.balance import verify_sampler
from xlite.settings import SamplerSettings

PANELS = BalancePanels(
    labels=("Common", "Pleural_Thickening", "Rare"),
    positives=np.array([900, 90, 9]),
    natural_share=np.array([0.901, 0.090, 0.009]),
    sampled_share=np.array([0.4, 0.3, 0.3]),
    drawn_share=np.array([0.41, 0.31, 0.28]),
    pos_weight=np.array([0.1, 10.0, 110.0]),
    sampler="inverse-mean",
    cv=(1.224, 0.141),
)


def draw(path: Path, **changes: Any) -> str:
    """The text in the SVG of these panels."""
    draw_balance(dataclasses.replace(PANELS, **changes), path)
    return path.with_name(path.name + ".svg").read_text(encoding="utf-8")


def test_png_and_svg_are_written_and_nothing_else(tmp_path: Path) -> None:
    svg = draw(tmp_path / "new" / "balance.v2")
    folder = tmp_path / "new"
    assert sorted(path.name for path in folder.iterdir()) == ["balance.v2.png", "balance.v2.svg"]
    with Image.open(folder / "balance.v2.png") as image:
        assert image.format == "PNG"
        assert image.size == (1440, 1280)
        grey = np.asarray(image.convert("L"))
    assert grey.min() < 50, "something is drawn"
    assert grey.max() == 255
    assert ET.fromstring(svg).tag.endswith("svg")


def test_labels_with_signs_of_formulas_are_drawn_as_they_are(tmp_path: Path) -> None:
    svg = draw(tmp_path / "x", labels=("Common", r"$\notacommand$ a", "a_{ $x$ & <b>"))
    assert r"<!-- $\notacommand$ a -->" in svg


def test_the_same_numbers_give_the_same_picture(tmp_path: Path) -> None:
    draw(tmp_path / "a")
    draw(tmp_path / "b")
    draw(tmp_path / "c", sampled_share=np.array([0.41, 0.3, 0.29]))
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c, "another number has to be another picture"


def test_the_same_numbers_give_the_same_svg(tmp_path: Path) -> None:
    assert draw(tmp_path / "a") == draw(tmp_path / "b")


def test_classes_stand_by_number_and_by_readable_name(tmp_path: Path) -> None:
    comments = re.findall(r"<!-- (.+?) -->", draw(tmp_path / "a"))
    # Matplotlib draws letters as outlines and names each text in a comment, from the bottom up.
    names = [text for text in comments if text in ("Common", "Pleural Thickening", "Rare")]
    assert names[:3] == ["Common", "Pleural Thickening", "Rare"]
    assert "CV of exposure: 1.224 as found, 0.141 under inverse-mean" in comments
    shuffled = [2, 0, 1]
    again = draw(
        tmp_path / "b",
        **{
            name: getattr(PANELS, name)[shuffled]
            for name in (
                *("positives", "natural_share", "sampled_share", "drawn_share"),
                "pos_weight",
            )
        },
        labels=[PANELS.labels[c] for c in shuffled],
    )
    assert re.findall(r"<!-- (.+?) -->", again) == comments


@pytest.mark.filterwarnings("error")
def test_a_class_without_positives_is_drawn_as_nothing(tmp_path: Path) -> None:
    labels = np.zeros((200, 3), dtype=np.int8)
    labels[:60, 0], labels[50:80, 1] = 1, 1
    reports = [
        verify_sampler(
            labels,
            PANELS.labels,
            SamplerSettings(name=name),
            batch_size=16,
            num_batches=20,
            seed=0,
        )
        for name in ("none", "inverse-mean")
    ]
    draw(
        tmp_path / "a",
        positives=labels.sum(axis=0, dtype=np.int64),
        natural_share=reports[0].exposure.share,
        sampled_share=reports[1].exposure.share,
        drawn_share=reports[1].drawn.share,
        pos_weight=np.array([2.3, 5.7, 1.0]),
        cv=(reports[0].exposure.cv, reports[1].exposure.cv),
    )
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_tables_whose_classes_have_one_size_or_one_class_are_drawn(tmp_path: Path) -> None:
    ones = np.ones(1)
    draw(
        tmp_path / "a",
        labels=("Only",),
        positives=np.array([1]),
        **dict.fromkeys(("natural_share", "sampled_share", "drawn_share", "pos_weight"), ones),
    )
    assert (tmp_path / "a.svg").exists()
